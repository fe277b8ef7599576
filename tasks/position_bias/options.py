"""Options of the task `position_bias`; each is a flag of `unreason run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks.position_bias.arms import ARM_SETS, LABEL_MODES, ArmSet, Choices
from tasks.position_bias.items import Family
from tasks.position_bias.prompts import JudgePrompt, KvForm, LabelMode, Wording

SHIPPED, GENERATED = "shipped", "generated"
_ONLY_FOR: Mapping[str, tuple[Family, ...]] = {
    "shots": ("mcq",),
    "judge": ("judge",),
    "query_aware": ("docqa",),
    "kv_form": ("kv",),
    "taus": ("premise",),
    "k": ("docqa", "kv", "needle"),
    "slots": ("mcq", "docqa", "kv", "needle"),
}


class PositionBiasOptions(BaseModel):
    """Which items are asked, in which orders, under which labels."""

    model_config = ConfigDict(extra="forbid")

    family: list[Family] = Field(
        [], description="mcq, judge, docqa, kv, needle, premise; default mcq, or that of the data"
    )
    data: str = Field(SHIPPED, description="shipped, generated, or a public file or hub id")
    data_seed: int = Field(0, ge=0, description="seed of generated items; another than 0 generates")
    items: int | None = Field(None, ge=1, description="items of each family; default all, or as many as are shipped")
    arms: list[ArmSet] = Field(
        [], description="sets of orders, e.g. cyclic, full, sampled, move_gold; default by family"
    )
    labels: list[LabelMode] = Field(
        [],
        description="slot: labels stay at places; travel: they move with content; none; default all the family has",
    )
    k: list[Annotated[int, Field(ge=2)]] = Field(
        [], description="docqa, kv, needle: segments of a prompt, the gold one and the first others"
    )
    slots: list[Annotated[int, Field(ge=0)]] = Field(
        [], description="arm move_gold: slots of the gold segment; default the published, or spread"
    )
    taus: list[Annotated[float, Field(ge=-1, le=1)]] = Field(
        [1.0, 0.5, 0.0, -0.5, -1.0], min_length=1, description="premise: Kendall tau of the order against the proof"
    )
    sampled: int = Field(6, ge=2, description="orders of arm sampled")
    order_seed: int = Field(0, ge=0, description="seed of the drawn orders")
    shots: int = Field(0, ge=0, le=5, description="mcq: fixed worked examples before the question")
    judge: JudgePrompt = Field("own", description="judge: our prompt, or RewardBench's pair_v2")
    query_aware: bool = Field(False, description="docqa: the question stands before the documents too")
    kv_form: KvForm = Field("uniform", description="kv: records alike in every place, or the original layout")
    max_tokens: int | None = Field(None, ge=1, description="of an answer; default by family")

    @model_validator(mode="after")
    def _fit_together(self) -> PositionBiasOptions:
        if self.data_seed and self.data == SHIPPED:
            self.data = GENERATED
        if self.family or self.data in (SHIPPED, GENERATED):
            self.check_families(self.families)
        if self.judge == "pair_v2" and self.labels == ["none"]:
            raise ValueError("judge pair_v2 names its assistants A and B; leave labels none out")
        return self

    def check_families(self, families: Sequence[Family]) -> None:
        """Raises ValueError for an option, an arm or a label mode that none of `families` has."""
        said = ", ".join(families)
        for name, owners in _ONLY_FOR.items():
            if getattr(self, name) != type(self).model_fields[name].default and not set(owners) & set(families):
                raise ValueError(f"{name} belongs to family {' or '.join(owners)}, not to {said}; leave it out")
        for name, given, has in (("arms", self.arms, ARM_SETS), ("labels", self.labels, LABEL_MODES)):
            offered = list(dict.fromkeys(one for family in families for one in has[family]))
            for value in given:
                if value not in offered:
                    raise ValueError(f"{name} {value} is not for {said}, which has: {', '.join(offered)}")

    @property
    def families(self) -> list[Family]:
        """Those of shipped and generated data."""
        return self.family or ["mcq"]

    @property
    def choices(self) -> Choices:
        """What they say about arms."""
        return Choices(self.arms, self.labels, self.k, self.slots, self.taus, self.sampled, self.order_seed)

    @property
    def wording(self) -> Wording:
        """What they say about prompts."""
        return Wording(self.shots, self.judge, self.query_aware, self.kv_form)
