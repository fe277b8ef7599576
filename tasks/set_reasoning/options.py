"""Options of the task, checked alike for the command line, files and Python."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.set_reasoning.problems import Overlap, Vocabulary
from tasks.set_reasoning.prompts import Notation, Variant

Form = Literal["i2", "u2", "i3", "u3", "ui", "iu", "u_i", "i_u"]


class SetReasoningOptions(BaseModel):
    """Which problems are asked, and how."""

    model_config = ConfigDict(extra="forbid")

    forms: list[Form] = Field(
        ["i2", "u2", "i3", "u3", "ui", "iu", "u_i", "i_u"], min_length=1, description="expressions asked"
    )
    sizes: list[Literal[4, 6, 9]] = Field([4, 6, 9], min_length=1, description="elements in the sets together (U)")
    overlaps: list[Overlap] = Field(["uniform", "half", "one"], min_length=1, description="how the sets overlap")
    vocabularies: list[Vocabulary] = Field(["animals", "cvc"], min_length=1, description="what the elements are")
    per_cell: int | None = Field(
        None, ge=1, description="problems of each form, size, overlap, vocabulary; default all"
    )
    fresh_seed: int | None = Field(None, ge=1, description="generate the problems with this seed; default shipped")
    notations: list[Notation] = Field(
        ["symbol", "word", "python"], min_length=1, description="how formulas are written"
    )
    variants: list[Variant] = Field(["direct"], min_length=1, description="direct: the answer; steps: with the way")
    shots: Literal[0, 3] = Field(0, description="solved two-set problems before the question")
    twins: bool = Field(True, description="also ask for the same set by another expression (direct)")
    max_tokens: int | None = Field(None, ge=1, description="of an answer; default 64 direct, 512 steps")

    @field_validator("sizes", mode="before")
    @classmethod
    def _as_numbers(cls, value: Any) -> Any:
        return [int(item) if isinstance(item, str) and item.isdigit() else item for item in value]

    @field_validator("shots", mode="before")
    @classmethod
    def _as_number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdigit() else value
