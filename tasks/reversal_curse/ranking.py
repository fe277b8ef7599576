"""Ranks among all candidates, what follows from them, and exact chance.

Names are paired with facts at random and each candidate is right for one fact, so whoever ignores the prompt gets
exactly the chance of `chance_mrr`, however uneven the candidates' own probabilities are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def rank(logprobs: Sequence[float], gold: int) -> float:
    """1 + candidates above the gold one + half of those equal to it; 1 is best."""
    value = logprobs[gold]
    higher = sum(other > value for other in logprobs)
    equal = sum(other == value for other in logprobs) - 1
    return 1 + higher + equal / 2


def percentile(rank_: float, n: int) -> float | None:
    """Share of the other candidates that are below; None without others. Chance 0.5."""
    return (n - rank_) / (n - 1) if n > 1 else None


def choice(rank_: float, n: int, k: int) -> float | None:
    """Probability that the gold candidate beats k - 1 others drawn at random (`mc_k`); None with fewer than k.

    Closed form C(n - rank, k - 1) / C(n - 1, k - 1); a half rank takes the mean of its neighbours. Chance 1/k.
    """
    if n < k:
        return None
    neighbours = (math.floor(rank_), math.ceil(rank_))
    return sum(math.comb(n - r, k - 1) for r in neighbours) / 2 / math.comb(n - 1, k - 1)


def chance_mrr(n: int) -> float:
    """H_n / n: the mean reciprocal rank of n candidates in random order."""
    return math.fsum(1 / i for i in range(1, n + 1)) / n


def chance_mrr_stderr(n: int, n_facts: int) -> float:
    """Standard error of the mean reciprocal rank of `n_facts` independent facts at chance."""
    squares = sum(1 / i**2 for i in range(1, n + 1)) / n
    return math.sqrt((squares - chance_mrr(n) ** 2) / n_facts)


def contrast(logprobs: Sequence[float], gold: int) -> float | None:
    """Log-probability of the gold candidate minus the mean of the others, in nats; None without others."""
    if len(logprobs) < 2:
        return None
    return logprobs[gold] - (math.fsum(logprobs) - logprobs[gold]) / (len(logprobs) - 1)
