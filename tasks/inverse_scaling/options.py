"""Options of the task `inverse_scaling`; each is a flag of `unreason run`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.inverse_scaling.generators.drawing import FORMS, Form, Style
from tasks.inverse_scaling.rows import Variant
from tasks.inverse_scaling.subtasks import NAMES, Name

GENERATED, HUB, ALL = "generated", "hub", "all"
EVERY_PART = -1  # in `parts`: no part is left out
Completion = Literal["first", "full"]
_ONLY_GENERATED = ("n", "data_seed", "style", "forms", "completion")
_ONLY_FILES = ("parts", "skip_bad", "fix_spaces")


class InverseScalingOptions(BaseModel):
    """Which questions are asked, and how."""

    model_config = ConfigDict(extra="forbid")

    subtask: list[Name] = Field(list(NAMES), min_length=1, description="one or several of the eleven tasks; or all")
    source: str = Field(
        GENERATED, description="generated, a folder or file of the public form, hub, or the id of a hub data set"
    )
    variant: list[Variant] = Field(
        ["trap", "control"], min_length=1, description="the trap, its control, or both; public rows have the trap only"
    )
    shots: list[int] = Field([0], min_length=1, description="solved examples before the question, e.g. 0,1,5")
    swap: bool = Field(False, description="ask lettered questions in both orders of their options, and average")
    n: int = Field(300, ge=1, description="generated: pairs of each task")
    data_seed: int = Field(0, ge=0, description="generated: seed of the questions")
    style: Style = Field("prize", description="generated: wording as in the paper's examples, or our own paraphrases")
    forms: list[Form] = Field(
        list(FORMS),
        min_length=1,
        description="modus-tollens: denied consequent, denied antecedent, affirmed consequent",
    )
    completion: Completion = Field("first", description="prompt-injection: score the first word or the whole sentence")
    parts: list[int] = Field([], description="files: parts asked; default every one, of memo-trap only 1; or all")
    skip_bad: bool = Field(False, description="files: leave out faulty rows instead of stopping")
    fix_spaces: bool = Field(False, description="files: mend missing or trailing spaces")
    max_tokens: int | None = Field(
        None, ge=1, description="of a written answer; default 16, 64 for whole lines, 4096 with reasoning effort"
    )

    @field_validator("subtask", mode="before")
    @classmethod
    def _all_subtasks(cls, value: Any) -> Any:
        value = list(NAMES) if value in (ALL, [ALL]) else [value] if isinstance(value, str) else value
        return list(dict.fromkeys(value)) if isinstance(value, list) else value

    @field_validator("variant", "forms", mode="before")
    @classmethod
    def _once_each(cls, value: Any) -> Any:
        return list(dict.fromkeys([value] if isinstance(value, str) else value))

    @field_validator("shots", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, int) else value

    @field_validator("shots")
    @classmethod
    def _sane_shots(cls, value: list[int]) -> list[int]:
        if any(not 0 <= shots <= 20 for shots in value):
            raise ValueError("shots are numbers from 0 to 20")
        return list(dict.fromkeys(value))

    @field_validator("parts", mode="before")
    @classmethod
    def _all_parts(cls, value: Any) -> Any:
        return [EVERY_PART] if value in (ALL, [ALL]) else [value] if isinstance(value, int) else value

    @model_validator(mode="after")
    def _fit_together(self) -> InverseScalingOptions:
        for names, belongs in ((_ONLY_GENERATED, True), (_ONLY_FILES, False)):
            for name in names:
                is_given = getattr(self, name) != type(self).model_fields[name].default
                if is_given and belongs != (self.source == GENERATED):
                    kind = "generated rows" if belongs else "public rows"
                    raise ValueError(f"{name} is for {kind}, not for source {self.source}; leave it out")
        if self.source != GENERATED and "trap" not in self.variant:
            raise ValueError("public rows have no control; leave out variant, or use --source generated")
        return self
