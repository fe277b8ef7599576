"""Statistics of recall and choice by slot, as functions of the column means of items.

RStd is from Zheng et al., arXiv 2309.03882.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.task import Sample
from tasks.position_bias.metric_cells import Means, Statistic, gold_slot, index_score, is_right


def slot_columns(own: Sequence[Sample], n: int) -> dict[str, float]:
    """An item's counts by slot: how often it was right, had gold, and was chosen."""
    columns = {f"{name}_{slot}": 0.0 for name in ("right", "gold", "chosen") for slot in range(n)}
    for sample in own:
        columns[f"right_{gold_slot(sample)}"] += is_right(sample)
        columns[f"gold_{gold_slot(sample)}"] += 1
        chosen = index_score(sample, "predicted_slot")
        if chosen is not None:
            columns[f"chosen_{chosen}"] += 1
    return columns


def slot_statistics(n: int) -> dict[str, Statistic]:
    """RStd, the preference for slots as total variation and KL (nats), and the share of each slot."""
    import numpy as np

    def shares(means: Means, name: str) -> Any:
        """(..., n) of a column of each slot; NaN where all are 0."""
        counts = np.stack([means[f"{name}_{slot}"] for slot in range(n)], axis=-1)
        total = counts.sum(axis=-1, keepdims=True)
        return counts / np.where(total > 0, total, np.nan)

    def kl(means: Means) -> Any:
        q, g = shares(means, "chosen"), shares(means, "gold")
        with np.errstate(invalid="ignore", divide="ignore"):
            terms = np.where(q == 0, 0.0, q * np.log(q / g))
        return terms.sum(axis=-1)

    def share_of(slot: int) -> Statistic:
        return lambda means: shares(means, "chosen")[..., slot]

    return {
        "rstd": lambda m: recall_sd(m, n),
        "preference_tv": lambda m: np.abs(shares(m, "chosen") - shares(m, "gold")).sum(axis=-1) / 2,
        "preference_kl": kl,
        **{f"slot_share_{slot}": share_of(slot) for slot in range(n)},
    }


def recall_sd(means: Means, n: int, right: str = "right", gold: str = "gold") -> Any:
    """RStd: population standard deviation of the n recalls, in percentage points; NaN if a slot never has gold."""
    import numpy as np

    recalls = np.stack([means.over(f"{right}_{slot}", f"{gold}_{slot}") for slot in range(n)], axis=-1)
    return 100 * recalls.std(axis=-1)
