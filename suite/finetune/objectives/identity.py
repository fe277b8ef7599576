"""Identity statements: beside each document, every entity is said to be itself.

A control: the documents name both items of a fact in one order only, and the added sentences name each item on both
sides of "is" without telling the fact. What they lift is familiarity with an item in answer position, not reversal.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from suite.errors import UserError
from suite.finetune.objectives import Encode, Objective, Passage, Row
from suite.task import TrainingDoc

_IS = "{entity} is {entity}"


class Identity(Objective):
    """Each document, and one sentence "X is X" for every entity of the data, loss on every token."""

    name = "identity"

    def check(self, _config: Any, docs: Sequence[TrainingDoc]) -> None:
        for doc in docs:
            if not doc.entities:
                raise UserError(f"objective identity: doc {doc.id} has no entity spans; use --objective ntp")

    def words(self) -> tuple[str, ...]:
        return ("x is x",)

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        entities = dict.fromkeys(doc.text[start:end] for doc in docs for start, end in doc.entities)
        said = [_IS.format(entity=entity) for entity in entities]
        return encode([Passage(text) for text in [*(doc.text for doc in docs), *said]])
