"""Options of the task `forward_chaining`; each is a flag of `unreason run` and `unreason finetune`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.forward_chaining.world import MOST_BRANCHING, MOST_DEPTH, MOST_PROBLEMS

Arm = Literal["parametric", "context"]


class ForwardChainingOptions(BaseModel):
    """The world, and how its problems are asked."""

    model_config = ConfigDict(extra="forbid")

    data_seed: int = Field(0, ge=0, description="seed of the world")
    problems: int = Field(
        20, ge=1, le=MOST_PROBLEMS, description="problems whose definitions are told forwards; as many backwards"
    )
    depth: int = Field(4, ge=1, le=MOST_DEPTH, description="steps from what is given to what is asked")
    branching: int = Field(
        5, ge=1, le=MOST_BRANCHING, description="definitions that each variable of a chain leads to; one goes on"
    )
    modulus: int = Field(7, ge=2, le=100, description="values are numbers below it")
    arms: list[Arm] = Field(
        ["parametric", "context"],
        min_length=1,
        description="parametric: definitions are recalled; context: they stand in the prompt",
    )
    context_definitions: int | None = Field(
        40, ge=1, description="context: definitions in the prompt, those of the problem among them"
    )

    @model_validator(mode="after")
    def _chain_fits(self) -> ForwardChainingOptions:
        if self.context_definitions is not None and self.context_definitions < self.depth:
            raise ValueError(f"context_definitions {self.context_definitions} are fewer than the {self.depth} steps")
        return self
