"""Next-token prediction on the documents as they stand: the baseline that shows the curse."""

from __future__ import annotations

import random
from collections.abc import Sequence

from suite.finetune.objectives import Encode, Objective, Passage, Row
from suite.task import TrainingDoc


class NextToken(Objective):
    """Each document once an epoch, loss on every token."""

    name = "ntp"

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        return encode([Passage(doc.text) for doc in docs])
