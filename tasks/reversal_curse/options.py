"""Options of the task `reversal_curse`; each is a flag of `unreason run` and `unreason finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.reversal_curse.binding import NAME_WORDS
from tasks.reversal_curse.generate import Kind
from tasks.reversal_curse.instructions import Order
from tasks.reversal_curse.records import Group
from tasks.reversal_curse.templates import Style

Track = Literal["nd", "real", "ins"]
Control = Literal["ctx", "ctx_k", "fresh", "mc_letter"]

SHIPPED, GENERATED = "shipped", "generated"
_TRACK_OF: dict[str, Track] = {
    "celebrity_csv": "real",
    "samples": "real",
    "realized": "ins",
    "unrealized": "ins",
    "order": "ins",
}


class ReversalCurseOptions(BaseModel):
    """Which facts are asked, in which track, with which controls."""

    model_config = ConfigDict(extra="forbid")

    track: Track = Field("nd", description="nd: made-up facts; real: people and their parents; ins: instructions")
    data: str = Field(SHIPPED, description="shipped, generated, or the folder of a public or own data set")
    kind: Kind = Field(
        "name", description="nd: facts on people and descriptions, on two people, or the binding set (generated)"
    )
    style: Style = Field("natural", description="nd: wordings; demo is for word-level models (generated)")
    name_words: int = Field(
        NAME_WORDS,
        ge=1,
        le=8,
        description="nd, binding: words of a name; 1: a word of its own (concept level), more: names share words",
    )
    data_seed: int = Field(0, ge=0, description="seed of generated data; another than 0 generates")
    groups: list[Group] = Field(["n2d_only", "d2n_only", "both"], min_length=1, description="nd: groups of facts used")
    facts: int | None = Field(None, ge=1, description="nd: facts of each group; default all, 30 if generated")
    train_templates: int | None = Field(None, ge=1, description="nd: training wordings of each direction; default all")
    test_templates: int | None = Field(None, ge=1, description="nd: held-out wordings of each direction; default all")
    controls: list[Control] = Field(
        ["ctx", "ctx_k", "fresh", "mc_letter"], description="nd: controls besides those that cost nothing; or none"
    )
    ctx_k: int = Field(10, ge=2, description="nd: facts in the prompt of control ctx_k")
    mc_k: int = Field(4, ge=2, description="nd: options of the unlabelled multiple choice")
    trained: bool = Field(False, description="nd: a chat model was fine-tuned on the facts; ask it without context too")
    facts_file: Path | None = Field(None, description="nd: fact of each row, for public files of another layout")
    allow_overlap: bool = Field(
        False, description="nd: accept facts shared by groups, and trained wordings in the test"
    )
    celebrity_csv: Path | None = Field(None, description="real: CSV of child, parent, parent_type; default historical")
    samples: int = Field(10, ge=1, le=1000, description="real: samples a question at temperature 1")
    realized: int = Field(1000, ge=1, description="ins: generated instructions that training also carries out")
    unrealized: int = Field(100, ge=1, description="ins: generated instructions of the test")
    order: Order = Field("answer_first", description="ins: what a generated instruction names first")

    @field_validator("controls", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return [] if value in ("none", ["none"]) else value

    @model_validator(mode="after")
    def _fit_together(self) -> ReversalCurseOptions:
        for name, track in _TRACK_OF.items():
            if self.track != track and self._is_given(name):
                raise ValueError(f"{name} belongs to track {track}; give --track {track} or leave it out")
        generates = [name for name in ("kind", "style", "data_seed") if self._is_given(name)]
        if generates and self.data == SHIPPED:
            self.data = GENERATED
        elif generates and self.data != GENERATED:
            raise ValueError(f"{generates[0]} is for generated data, not for {self.data}; leave one of them out")
        if self.kind != "binding" and self._is_given("name_words"):
            raise ValueError("name_words belongs to the binding set; give --kind binding or leave it out")
        if self.facts_file is not None and self.data in (SHIPPED, GENERATED):
            raise ValueError("facts_file belongs to a folder of public data; give --data FOLDER too")
        return self

    def _is_given(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)
