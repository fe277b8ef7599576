"""Options of the task `only_connect_wall`; each is a flag of `unreason run`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.only_connect_wall.prompts import Question, Style
from tasks.only_connect_wall.similarity import Similarity

Likelihood = Literal["affinity", "herring_pair"]
Split = Literal["train", "validation", "test", "all"]
MADE = "made"
OUR_SETS = ("quads", "dose", "phantom", "priming", "extra")


class OnlyConnectWallOptions(BaseModel):
    """Which walls are asked, and how."""

    model_config = ConfigDict(extra="forbid")

    data: str = Field("quads", description="our quads, dose, phantom, priming or extra; or a file or hub id of walls")
    generate: int | None = Field(None, ge=1, description="our sets: make so many new items instead of the shipped ones")
    data_seed: int = Field(0, ge=0, description="seed of generated items")
    split: Split = Field("test", description="public walls: split of a folder or hub id")
    randomized: str | None = Field(
        None, description="public walls: their randomised version, paired by id; made: draw one"
    )
    skip_invalid: bool = Field(False, description="public walls: leave out faulty ones instead of stopping")
    question: Question = Field("grouping", description="grouping: find the groups; connections: name the given groups")
    prompt: Style | None = Field(
        None, description="paper: the published wording; default clean, paper for public walls"
    )
    shots: Literal[0, 1, 3, 5, 10] = Field(0, description="solved example walls before the question")
    examples: str | None = Field(
        None, description="file or hub id of solved walls; default our own, or the train split"
    )
    warn: bool = Field(False, description="clean prompt: say that walls mislead; a treatment of its own")
    shuffles: int = Field(3, ge=1, le=100, description="orders in which the clues of each wall are shown")
    max_tokens: int | None = Field(
        None, ge=1, description="of an answer; default 144 (paper), 512 (clean), 4096 with reasoning effort"
    )
    likelihood: list[Likelihood] = Field(["affinity", "herring_pair"], description="what log-probabilities are asked")
    similarity: list[Similarity] = Field([], description="connections: likeness to the right name, by an encoder")
    bertscore_model: str = Field("", description="connections: folder of roberta-large, for similarity bertscore")

    @field_validator("shots", mode="before")
    @classmethod
    def _shots_as_number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @field_validator("similarity", "likelihood", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return [] if value in ("none", ["none"]) else value

    @model_validator(mode="after")
    def _fit_together(self) -> OnlyConnectWallOptions:
        ours = self.data in OUR_SETS
        for name, wants_ours in (("generate", True), ("randomized", False)):
            if getattr(self, name) is not None and wants_ours != ours:
                kind = "our own sets" if wants_ours else "public walls"
                raise ValueError(f"{name} is for {kind}, not for data {self.data}; leave it out")
        if self.data_seed and self.generate is None:
            raise ValueError("data_seed is for generated items; give generate too, e.g. --generate 240")
        if self.warn and self.prompt == "paper":
            raise ValueError("warn is for prompt clean; prompt paper always warns")
        if self.data == "extra" and self.prompt == "paper":
            raise ValueError("prompt paper asks about 16 clues, and walls of extra have more; use prompt clean")
        if self.data == "priming" and (self.shots or self.examples):
            raise ValueError("data priming brings its own three examples; leave out shots and examples")
        if "bertscore" in self.similarity and not self.bertscore_model:
            raise ValueError(
                "similarity bertscore needs bertscore_model, the folder of roberta-large; nothing is fetched"
            )
        return self
