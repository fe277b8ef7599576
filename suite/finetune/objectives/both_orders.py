"""Both orders: every fact that is told in one order is also told in the other, in natural wording.

The upper bound for all other objectives: what augmentation reaches when somebody writes the missing sentences. The
texts come from the task (`TrainingDoc.mirror`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from suite.errors import UserError
from suite.finetune.objectives import Encode, Objective, Passage, Row
from suite.task import TrainingDoc


class BothOrders(Objective):
    """Each document, and its mirrored one where it has one, loss on every token."""

    name = "both_orders"

    def check(self, _config: Any, docs: Sequence[TrainingDoc]) -> None:
        if not any(doc.mirror for doc in docs):
            raise UserError("objective both_orders: no document has a text in the other order; use --objective reverse")

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        texts = [text for doc in docs for text in (doc.text, doc.mirror) if text]
        return encode([Passage(text) for text in texts])
