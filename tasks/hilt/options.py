"""Options of the task `hilt`; each is a flag of `unreason run`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.hilt.world import SHIPPED_SEED

Track = Literal["world", "real"]
Split = Literal["mini", "full", "fresh"]
Form = Literal["slots", "raw", "elaborate"]
Variant = Literal["plain", "warned", "nounknown", "nodossier"]


class HiltOptions(BaseModel):
    """Which items are asked, and how."""

    model_config = ConfigDict(extra="forbid")

    track: Track = Field("world", description="world: invented organisations with a dossier; real: well-known facts")
    split: Split = Field("mini", description="world: mini 120 items, full 480, fresh 480 of your own --seed")
    seed: int | None = Field(None, ge=0, description="world: seed of --split fresh; any but the shipped one")
    prompts: Path | None = Field(None, description="your own CSV or JSONL of id, text, orientation; free text only")
    form: Form | None = Field(
        None, description="slots: numbered lines, scored exactly (default); raw, elaborate: free text, for judges"
    )
    variants: list[Variant] = Field(
        ["plain"], min_length=1, description="warned: says that the statement may be wrong; nounknown; nodossier"
    )
    shots: Literal[0, 1] = Field(0, description="slots: solved examples before the item")
    samples: int = Field(1, ge=1, le=1000, description="answers an item; over 1 at temperature 0.7")
    max_tokens: int = Field(256, ge=1, description="length of an answer")
    year_category: Literal["TW", "NN"] = Field("TW", description="whether wrong years count as time or as numbers")

    @property
    def asked(self) -> Form:
        """The form, with its default."""
        return self.form or ("raw" if self.prompts else "slots")

    @property
    def world_seed(self) -> int:
        """The seed of the world that is asked about."""
        return SHIPPED_SEED if self.seed is None else self.seed

    @model_validator(mode="after")
    def _fit_together(self) -> HiltOptions:
        if (self.split == "fresh") != (self.seed is not None):
            raise ValueError("seed and split fresh belong together; give --split fresh --seed N, or neither")
        if self.seed == SHIPPED_SEED:
            raise ValueError(f"seed {SHIPPED_SEED} is the shipped world; take another for fresh items")
        if self.track == "real" and (self.split != "mini" or self.shots):
            raise ValueError("split, seed and shots belong to track world; leave them out")
        if self.prompts is not None and (self.track != "world" or self.split != "mini"):
            raise ValueError("prompts of your own have no track, split or seed; leave them out")
        if self.prompts is not None and self.asked == "slots":
            raise ValueError("prompts of your own have no lines to fill in; take --form raw or elaborate")
        if self.asked != "slots" and self.shots:
            raise ValueError("shots belong to --form slots; leave them out")
        if self.asked != "slots" and set(self.variants) - {"plain", "warned"}:
            raise ValueError("nounknown and nodossier belong to --form slots; leave them out")
        if self.asked == "raw" and self.variants != ["plain"]:
            raise ValueError("--form raw shows the statement alone; its one variant is plain")
        if "nodossier" in self.variants and self.track == "real":
            raise ValueError("track real has no dossier to leave out; drop variant nodossier")
        if len(set(self.variants)) < len(self.variants):
            raise ValueError("a variant is named twice; name each once")
        return self
