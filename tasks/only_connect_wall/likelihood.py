"""Walls for models that give numbers: affinities of clue pairs, the herring against the fourth clue, and vectors.

None needs a model that follows instructions. The first two are our own; no published figures exist.
"""

from __future__ import annotations

from collections.abc import Sequence

from suite.task import Loglikelihood, Response, Scores
from tasks.only_connect_wall.answers import score_groups
from tasks.only_connect_wall.walls import Wall

LEAD = "Four things that belong together:"


def affinity_requests(wall: Wall) -> tuple[Loglikelihood, ...]:
    """One request a clue, with the others as continuations, and one for all clues without a companion."""
    words = sorted(set(wall.words))
    companions = [
        Loglikelihood(f"{LEAD} {word},", tuple(f" {other}" for other in words if other != word)) for word in words
    ]
    return (*companions, Loglikelihood(LEAD, tuple(f" {word}" for word in words)))


def score_affinity(wall: Wall, responses: Sequence[Response]) -> Scores:
    """Groups the clues by their affinities, and scores that grouping.

    The affinity of i for j is the rise of log p(j) when i stands before it; both directions are averaged, and the
    partition with the largest sum within groups is exact.
    """
    import numpy as np

    from tasks.only_connect_wall.partition import best_partition

    words = sorted(set(wall.words))
    alone = [score.logprob for score in responses[-1].scores]
    table = np.zeros((len(words), len(words)))
    for i, response in enumerate(responses[:-1]):
        others = [j for j in range(len(words)) if j != i]
        for j, score in zip(others, response.scores, strict=True):
            table[i, j] = score.logprob - alone[j]
    places = [words.index(word) for word in wall.words]  # a clue that stands twice has no affinity for itself
    groups, _ = best_partition(table[np.ix_(places, places)])
    return score_groups(wall, [[wall.words[at] for at in group] for group in groups])


def score_vectors(wall: Wall, response: Response) -> Scores:
    """Groups the clues by the cosines of their vectors, exactly, and scores that grouping."""
    from tasks.only_connect_wall.partition import best_partition, cosine_similarities

    groups, _ = best_partition(cosine_similarities(response.vectors))
    return score_groups(wall, [[wall.words[at] for at in group] for group in groups])


def herring_pair_request(wall: Wall) -> Loglikelihood:
    """Three clues of the competitor, continued by the fourth or by the critical clue."""
    *shown, fourth = wall.competitor_clues
    return Loglikelihood(f"{LEAD} {', '.join(shown)},", (f" {fourth}", f" {wall.critical}"))


def score_herring_pair(wall: Wall, response: Response) -> Scores:
    """margin: log p(critical) - log p(fourth), nats; margin_per_char; critical_preferred: whether margin is above 0.

    Where the competitor is not on the wall, its stand-in is asked, so that the frequency of words cancels in the
    difference of differences.
    """
    fourth, critical = (score.logprob for score in response.scores)
    margin = critical - fourth
    per_char = critical / len(wall.critical) - fourth / len(wall.competitor_clues[-1])
    values: dict[str, float | None] = {
        "margin": margin,
        "margin_per_char": per_char,
        "critical_preferred": float(margin > 0),
    }
    return Scores(values, "scored", wall.critical if margin > 0 else wall.competitor_clues[-1])


def can_pair(wall: Wall) -> bool:
    """Whether a wall has a critical clue and a competitor to ask about."""
    return bool(wall.critical) and len(wall.competitor_clues) == 4


def can_partition(wall: Wall) -> bool:
    """Whether the exact partition applies: no surplus clue."""
    return len(wall.words) == 16
