"""Importance and positions of segments, by worked examples."""

from __future__ import annotations

import math

import pytest
import torch

from suite.errors import UserError
from suite.interventions import Layout
from suite.interventions.pine import ByImportance
from suite.interventions.rotor import Circular
from suite.interventions.segments.positions import geometry, importance_between, log_mean_exp, segment_bases

LAYOUT = Layout(5, (2, 3, 4))
SHAPES = geometry(LAYOUT, torch.device("cpu"))


@pytest.mark.parametrize(
    ("importance", "bases"),
    [
        pytest.param((0.2, 0.5, 0.3), (5, 11, 7), id="6.7-suffix"),
        pytest.param((0.9, 0.05, 0.05), (12, 9, 5), id="6.7-tie-by-place"),
        pytest.param((math.inf, 0.1, 0.2), (12, 5, 8), id="6.7-segment-0"),
        pytest.param((0.3, math.inf, 0.1), (9, 11, 5), id="6.7-segment-1"),
        pytest.param((0.2, 0.4, math.inf), (5, 7, 10), id="6.7-segment-2"),
    ],
)
def test_segments_lie_backwards_from_the_end_the_most_important_nearest(
    importance: tuple[float, ...], bases: tuple[int, ...]
) -> None:
    assert segment_bases(torch.tensor(importance), SHAPES.lengths, LAYOUT.end).tolist() == list(bases)


def test_importance_is_a_mean_over_a_segments_tokens_6_7() -> None:
    query = torch.tensor([1.0, 0.0], dtype=torch.float64)
    keys = torch.tensor([[[1, 0], [0, 1]], [[2, 0], [0, 0]], [[1, 1], [0, 3]]], dtype=torch.float64)
    scores = keys @ query / math.sqrt(2)
    log_means = log_mean_exp(scores, torch.tensor([2, 2, 2]))
    assert log_means.tolist() == pytest.approx([0.414793, 0.938688, 0.414793], abs=1e-6)
    means = (log_means - scores.flatten().logsumexp(0)).exp()
    assert means.tolist() == pytest.approx([0.135553, 0.228894, 0.135553], abs=1e-6)


def test_a_segments_importance_for_another_leaves_prefix_and_own_tokens_out() -> None:
    torch.manual_seed(0)
    scores = torch.randn(9, 9, dtype=torch.float64) * 3  # segment tokens with segment tokens
    spans = [(0, 2), (2, 5), (5, 9)]
    padded = torch.full((9, 3, 4), -torch.inf, dtype=torch.float64)
    for j, (a, b) in enumerate(spans):
        padded[:, j, : b - a] = scores[:, a:b]
    found = importance_between(log_mean_exp(padded, SHAPES.lengths), SHAPES).exp()
    for i, (a, b) in enumerate(spans):
        others = [m for m in range(9) if not a <= m < b]
        for j, (c, d) in enumerate(spans):
            if i == j:
                assert math.isinf(found[i, j])
                continue
            expected = sum(
                float(scores[m, c:d].exp().mean() / sum(scores[m, o].exp() for o in others)) for m in range(a, b)
            )
            assert float(found[i, j]) == pytest.approx(expected, rel=1e-12)


def test_importance_survives_scores_that_no_exponential_does() -> None:
    scores = torch.tensor([[-5000.0, -5001.0], [3000.0, -torch.inf], [-5000.0, -5000.0]])
    log_means = log_mean_exp(scores, torch.tensor([2, 1, 2]))
    assert segment_bases(log_means, torch.tensor([2, 1, 2]), 5).tolist() == [0, 4, 2]


def test_reverse_turns_all_but_the_own_segment_round() -> None:
    importance = torch.tensor([[math.inf, 0.1, 0.2], [0.3, math.inf, 0.1], [0.2, 0.4, math.inf]])[None, None]
    bases = ByImportance(reverse=True).for_segments(SHAPES, lambda: importance)
    assert bases[0, 0].tolist() == [[12, 9, 5], [5, 11, 7], [8, 5, 10]]
    assert ByImportance(reverse=True).for_suffix(SHAPES, lambda: torch.tensor([0.2, 0.5, 0.3])).tolist() == [12, 5, 8]


def test_two_segments_need_no_ranking_between_them() -> None:
    def unwanted() -> torch.Tensor:
        raise AssertionError("importance was computed")

    shapes = geometry(Layout(5, (2, 3)), torch.device("cpu"))
    assert ByImportance().for_segments(shapes, unwanted)[0, 0].tolist() == [[8, 5], [5, 7]]


def test_rotor_goes_around_the_circle() -> None:
    def unwanted() -> torch.Tensor:
        raise AssertionError("importance was computed")

    # From the end: 0 1 2 for segment 0 and the suffix, 1 2 0 for segment 1, 2 0 1 for segment 2.
    assert Circular().for_segments(SHAPES, unwanted)[0, 0].tolist() == [[12, 9, 5], [5, 11, 7], [8, 5, 10]]
    assert Circular().for_suffix(SHAPES, unwanted)[0, 0, 0].tolist() == [12, 9, 5]


def test_layout_knows_where_segments_lie_and_their_canonical_order() -> None:
    layout = Layout(1, (2, 1, 2))
    tokens = [9, 5, 6, 5, 1, 7, 8]
    assert (layout.starts, layout.end) == ((1, 3, 4), 6)
    assert layout.order(tokens) == (2, 1, 0)
    assert layout.reordered((2, 1, 0)) == Layout(1, (2, 1, 2))
    assert [tokens[i] for i in layout.sources((2, 1, 0))] == [9, 1, 7, 5, 5, 6]


@pytest.mark.parametrize(
    ("prefix", "segments", "words"),
    [(3, (), "no segment"), (3, (2, 0), "segment 1 has 0 tokens"), (-1, (2,), "prefix of -1")],
)
def test_impossible_layouts_are_refused(prefix: int, segments: tuple[int, ...], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Layout(prefix, segments)
