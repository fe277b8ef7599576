"""Next-token prediction on the documents as they stand: the baseline that shows the curse."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from suite.finetune.objectives import Encode, Objective, Passage, Row
from suite.task import TrainingDoc


class NextTokenOptions(BaseModel):
    """There are none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NextToken(Objective):
    """Each document once an epoch, loss on every token."""

    name = "ntp"

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return NextTokenOptions

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        return encode([Passage(doc.text) for doc in docs])
