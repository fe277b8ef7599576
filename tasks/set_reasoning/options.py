"""Options of the task, checked alike for the command line, files and Python."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.set_reasoning.facts import Share
from tasks.set_reasoning.problems import Overlap, Vocabulary
from tasks.set_reasoning.prompts import Notation, Variant

Data = Literal["set_ops", "set_ops_tokens", "set_ops_param", "mask_reversal"]
Form = Literal["i2", "u2", "i3", "u3", "ui", "iu", "u_i", "i_u"]


class SetReasoningOptions(BaseModel):
    """Which problems are asked, and how."""

    model_config = ConfigDict(extra="forbid")

    data: Data = Field(
        "set_ops",
        description="shipped problems; or, for models of `unreason finetune set_reasoning`, problems on their own "
        "vocabulary, on sets that are in their weights, or facts told in one order",
    )
    forms: list[Form] = Field(
        ["i2", "u2", "i3", "u3", "ui", "iu", "u_i", "i_u"], min_length=1, description="expressions asked"
    )
    sizes: list[Literal[4, 6, 9]] = Field([4, 6, 9], min_length=1, description="elements in the sets together (U)")
    overlaps: list[Overlap] = Field(["uniform", "half", "one"], min_length=1, description="how the sets overlap")
    vocabularies: list[Vocabulary] = Field(["animals", "cvc"], min_length=1, description="what the elements are")
    per_cell: int | None = Field(
        None, ge=1, description="problems of each form, size, overlap, vocabulary; default all, or 500 generated ones"
    )
    fresh_seed: int | None = Field(None, ge=1, description="generate the problems with this seed; default shipped")
    distractor_sets: Literal[0, 1] = Field(
        1, description="of set_ops_tokens: further sets that a two-set problem lists"
    )
    both_fraction: Share = Field("1/3", description="of mask_reversal: share of facts that were told in both orders")
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

    @field_validator("shots", "distractor_sets", mode="before")
    @classmethod
    def _as_number(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdigit() else value
