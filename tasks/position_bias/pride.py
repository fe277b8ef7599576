"""PriDe: a prior over slots, estimated on a few items in all cyclic orders, divided out of the other items.

Zheng et al., "Large Language Models Are Not Robust Multiple Choice Selectors", ICLR 2024, arXiv 2309.03882. Costs
``(K n + N - K) / N`` forward passes an item; needs the probabilities of the options.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

EPSILON = 1e-10  # added to probabilities before their logarithm, as in the public code


@dataclass(frozen=True, slots=True)
class Debiased:
    """What PriDe makes of N items.

    Attributes:
        prior: (n,) probability of each slot, whatever stands in it.
        chosen: the predicted content of each item.
        estimated: the numbers of the K items on which the prior was estimated, and which got the cyclic average.
        cost: forward passes an item.
    """

    prior: tuple[float, ...]
    chosen: tuple[int, ...]
    estimated: frozenset[int]
    cost: float


def pride(items: np.ndarray, alpha: float = 0.05, seed: int = 0) -> Debiased:
    """Predicted contents of all items.

    Args:
        items: (N, n, n) probability of slot j in cyclic shift s, at [item, s, j]; shift s puts content (j + s) mod n
            into slot j, so that shift 0 is the original order, the only one used of most items.
        alpha: share of items on which the prior is estimated, K = floor(alpha N).

    Raises:
        ValueError: K = 0.
    """

    count, n = items.shape[:2]
    k = math.floor(alpha * count)
    if k == 0:
        least = math.ceil(1 / alpha)
        raise ValueError(f"PriDe needs at least {least} items for alpha {alpha:g}, not {count}: K would be 0")
    estimated = sorted(random.Random(seed).sample(range(count), k))  # noqa: S311
    prior = slot_prior(items[estimated])
    chosen = debiased(items[:, 0, :], prior).argmax(axis=1)
    chosen[estimated] = cyclic_average(items[estimated]).argmax(axis=1)
    return Debiased(tuple(map(float, prior)), tuple(map(int, chosen)), frozenset(estimated), cost(count, n, alpha))


def slot_prior(items: np.ndarray) -> np.ndarray:
    """(n,) mean over items of softmax over slots of the mean log-probability over shifts; items as in `pride`."""
    import numpy as np

    logs = np.log(_normalised(items) + EPSILON).mean(axis=1)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    prior: np.ndarray = _normalised(weights).mean(axis=0)
    return prior


def debiased(rows: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(N, n) rows of slot probabilities divided by the prior, renormalised."""
    return _normalised(rows / (prior + EPSILON))


def cyclic_average(items: np.ndarray) -> np.ndarray:
    """(K, n) mean probability of each *content* over all cyclic shifts; items as in `pride`."""
    import numpy as np

    n = items.shape[1]
    contents = (np.arange(n)[:, None] + np.arange(n)) % n  # [shift, slot]
    slots = np.argsort(contents, axis=1)  # [shift, content]
    by_content = np.take_along_axis(_normalised(items), slots[None], axis=2)
    average: np.ndarray = by_content.mean(axis=1)
    return average


def cost(count: int, n: int, alpha: float) -> float:
    """Forward passes an item for `count` items of n options."""
    k = math.floor(alpha * count)
    return (k * n + count - k) / count


def _normalised(rows: np.ndarray) -> np.ndarray:
    shares: np.ndarray = rows / rows.sum(axis=-1, keepdims=True)
    return shares
