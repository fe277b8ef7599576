"""Semantic-aware permutation training: documents are cut into units of meaning, which are shown in other orders too.

Source: Guo et al., "Mitigating Reversal Curse in Large Language Models via Semantic-aware Permutation Training",
arXiv 2403.00758. There a language model cuts the text; here the units are the entities and what stands between them,
which the data know. Beside each document its units are shown once more, reversed or in random order by a fair coin.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from suite.errors import UserError
from suite.finetune.objectives import Encode, Objective, Passage, Row, Span
from suite.task import TrainingDoc


class SemanticPermutation(Objective):
    """Each document forward, and once with its units reversed or shuffled; loss on every token."""

    name = "spt"

    def check(self, _config: Any, docs: Sequence[TrainingDoc]) -> None:
        for doc in docs:
            if len(doc.entities) < 2:
                raise UserError(
                    f"objective spt: doc {doc.id} has fewer than two entity spans, so there is no order; "
                    "use --objective reverse --objective-option kind=word"
                )

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, rng: random.Random) -> list[Row]:
        permuted = []
        for doc in docs:
            units = semantic_units(doc.text, doc.entities)
            if rng.random() < 0.5:
                units.reverse()
            else:
                rng.shuffle(units)
            permuted.append(" ".join(units))
        return encode([Passage(text) for text in [*(doc.text for doc in docs), *permuted]])


def semantic_units(text: str, entities: Sequence[Span]) -> list[str]:
    """The entities and the texts between them, in the order of the text, without the spaces around them."""
    cuts = [0, *(place for span in sorted(entities) for place in span), len(text)]
    parts = [text[start:end].strip() for start, end in pairwise(cuts)]
    return [part for part in parts if part]
