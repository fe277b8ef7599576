"""Ranks, match rules and figures of track nd: worked examples, and what each row must say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import UserError
from suite.task import Metric, Mode, Sample
from tasks.reversal_curse import ranking
from tasks.reversal_curse.matching import contains, matches, matches_original, normalise
from tasks.reversal_curse.metrics import NOT_APPLICABLE, nd_metrics
from tasks.reversal_curse.metrics_ranking import published_tests

# -- ranks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "chance"),
    [
        pytest.param(30, 0.1331662, id="6.1 n=30"),
        pytest.param(10, 0.2928968, id="6.1 n=10"),
        pytest.param(4, 0.5208333, id="6.1 n=4"),
        pytest.param(100, 0.0518738, id="6.1 n=100"),
    ],
)
def test_chance_of_the_mean_reciprocal_rank(n: int, chance: float) -> None:
    assert ranking.chance_mrr(n) == pytest.approx(chance, abs=1e-7)


def test_figures_of_five_ranks_6_2() -> None:
    ranks = [1, 3, 30, 12, 7]
    assert fmean(1 / rank for rank in ranks) == pytest.approx(0.3185714, abs=1e-7)
    assert fmean(rank <= 1 for rank in ranks) == 0.2
    assert fmean(rank <= 5 for rank in ranks) == 0.4
    assert fmean(ranking.percentile(rank, 30) for rank in ranks) == pytest.approx(0.6689655, abs=1e-7)
    assert fmean(ranking.choice(rank, 30, 4) for rank in ranks) == pytest.approx(0.5016968, abs=1e-7)


@pytest.mark.parametrize(
    ("rank", "share"),
    [
        pytest.param(1, 1.0, id="6.3 rank 1"),
        pytest.param(2, 0.896552, id="6.3 rank 2"),
        pytest.param(5, 0.629447, id="6.3 rank 5"),
        pytest.param(10, 0.311987, id="6.3 rank 10"),
        pytest.param(15, 0.124521, id="6.3 rank 15"),
        pytest.param(28, 0.0, id="6.3 rank 28"),
        pytest.param(30, 0.0, id="6.3 rank 30"),
        pytest.param(1.5, (1 + 0.896552) / 2, id="4.4 half rank"),
    ],
)
def test_choice_of_four_from_the_full_rank(rank: float, share: float) -> None:
    assert ranking.choice(rank, 30, 4) == pytest.approx(share, abs=1e-6)


def test_choice_of_four_is_a_quarter_over_all_ranks_6_3() -> None:
    assert fmean(ranking.choice(rank, 30, 4) for rank in range(1, 31)) == pytest.approx(0.25, abs=1e-15)


@pytest.mark.parametrize(
    ("gold", "rank"),
    [pytest.param(1, 2.0, id="6.4 tied"), pytest.param(0, 4.0, id="6.4 below"), pytest.param(4, 5.0, id="6.4 last")],
)
def test_ties_share_their_ranks(gold: int, rank: float) -> None:
    assert ranking.rank([-3, -2, -2, -2, -5], gold) == rank


@settings(derandomize=True)
@given(st.lists(st.floats(-50, 0), min_size=2, max_size=12))
def test_ranks_and_contrasts_of_all_candidates_leave_nothing_over(logprobs: list[float]) -> None:
    n = len(logprobs)
    assert sum(ranking.rank(logprobs, gold) for gold in range(n)) == pytest.approx(n * (n + 1) / 2)
    assert sum(ranking.contrast(logprobs, gold) or 0.0 for gold in range(n)) == pytest.approx(0, abs=1e-9)


def test_standard_error_of_chance_6_8() -> None:
    assert ranking.chance_mrr_stderr(30, 30) == pytest.approx(0.0346, abs=5e-5)


def test_one_candidate_has_no_rank_worth_the_name() -> None:
    assert ranking.percentile(1, 1) is None
    assert ranking.choice(1, 3, 4) is None
    assert ranking.contrast([-1.0], 0) is None


@pytest.mark.parametrize(
    ("right", "t", "t_p", "ks", "ks_p"),
    [
        pytest.param([-8.1, -7.4, -9.0, -8.6, -7.9, -8.3], 0.2088552, 0.8387542, 0.1666667, 1.0, id="6.6"),
        pytest.param([-1.2, -0.8, -1.5, -0.9, -1.1, -1.3], 28.8576629, 5.817e-11, 1.0, 0.0021645, id="6.7"),
    ],
)
def test_published_style_tests(right: list[float], t: float, t_p: float, ks: float, ks_p: float) -> None:
    other = [-8.0, -7.7, -9.3, -8.2, -8.4, -8.1]
    assert published_tests(right, other) == (
        pytest.approx(t, abs=1e-7),
        pytest.approx(t_p, rel=1e-3),
        pytest.approx(ks, abs=1e-7),
        pytest.approx(ks_p, abs=1e-7),
    )


# -- match rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "em", "original"),
    [
        pytest.param("Ann", True, True, id="equal"),
        pytest.param(" ann.\n", True, True, id="case, stop and space"),
        pytest.param("Ann, who lives there", True, True, id="goes on"),
        pytest.param("Anna", False, True, id="no word boundary in the original rule"),
        pytest.param("The answer is Ann", False, False, id="preamble"),
        pytest.param('"Ann"', True, False, id="quotes"),
        pytest.param("Ａｎｎ", True, False, id="full-width letters"),
        pytest.param("", False, False, id="empty"),
    ],
)
def test_an_answer_counts_from_its_first_word(output: str, em: bool, original: bool) -> None:
    assert matches(output, "Ann") is em
    assert matches_original(output, "Ann") is original


def test_an_alias_counts_and_whole_words_count_leniently() -> None:
    assert matches("Bo Li", "Ann Lee", ["Bo Li"])
    assert contains("It is Ann Lee, I think", "Ann Lee")
    assert not contains("It is Ann Leeson", "Ann Lee")


@pytest.mark.parametrize("target", ["", " ", "...", "—"])
@pytest.mark.parametrize("rule", [matches, matches_original, contains])
def test_a_target_that_every_answer_would_match_is_refused(rule, target: str) -> None:
    with pytest.raises(UserError, match="empty or only punctuation"):
        rule("anything", target)


@settings(derandomize=True)
@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


# -- figures -----------------------------------------------------------------------------------------------------------

FACTS = [f"f{number}" for number in range(20)]


def cell(
    group: str,
    direction: str,
    scores: dict[str, Sequence[float | None]],
    *,
    mode: Mode = "generate",
    control: str = "none",
    wordings: int = 2,
    failed: Iterable[int] = (),
) -> list[Sample]:
    """Samples of one cell: `scores` has a value a fact, the same for all wordings."""
    seen = "same" if group in ("both", f"{direction}_only") else "reverse"
    fixed = {"track": "nd", "kind": "name", "group": group, "direction": direction, "seen": seen, "control": control}
    samples = []
    for number, fact in enumerate(FACTS):
        for wording in range(wordings):
            doc_id = f"{group}/{fact}/{direction}/{wording}"
            error = "timeout" if number in failed else None
            values = {} if error else {name: of[number] for name, of in scores.items()} | {"n_candidates": 20.0}
            condition = fixed | {"template": f"t{wording}"}
            samples.append(
                Sample(f"{control}/{doc_id}", doc_id, mode, condition, f"{group}/{fact}", values, "wrong", error=error)
            )
    return samples


def text(share: float) -> dict[str, Sequence[float | None]]:
    """`share` of the facts right under every rule."""
    right = [float(number < share * len(FACTS)) for number in range(len(FACTS))]
    return {"em": right, "em_original": right, "contains": right}


def ranks(*places: float) -> dict[str, Sequence[float | None]]:
    """The likelihood scores of facts at these ranks, in turn."""
    chosen = [places[number % len(places)] for number in range(len(FACTS))]
    return {
        "rr": [1 / place for place in chosen],
        "hits1": [float(place == 1) for place in chosen],
        "d": [5.0 - place + number / 100 for number, place in enumerate(chosen)],
        "shuffled_rr": [0.2] * len(FACTS),
        "gold_logprob": [-1.0 - place for place in chosen],
        "random_logprob": [-2.0 - place / 2 for place in chosen],
        "mc_4": [ranking.choice(place, 20, 4) for place in chosen],
    }


def find(found: Iterable[Metric], name: str, /, **condition: str) -> Metric:
    chosen = [one for one in found if one.name == name and condition.items() <= dict(one.condition).items()]
    assert len(chosen) == 1, f"{len(chosen)} metrics {name} with {condition}"
    return chosen[0]


def test_the_curse_as_a_table() -> None:
    found = nd_metrics(
        [
            *cell("n2d_only", "n2d", text(0.8)),
            *cell("n2d_only", "d2n", text(0.1)),
            *cell("both", "d2n", text(1.0)),
        ],
        controls=(),
    )
    same = find(found, "em", group="n2d_only", direction="n2d")
    reverse = find(found, "em", group="n2d_only", direction="d2n")
    assert (same.value, reverse.value, same.headline) == (pytest.approx(0.8), pytest.approx(0.1), True)
    assert (reverse.n, reverse.n_clusters, reverse.note) == (40, 20, "")
    assert find(found, "gap").value == pytest.approx(0.7)
    assert find(found, "reversal_rate").value == pytest.approx(0.125)
    conditional = find(found, "cond_reverse")
    assert (conditional.value, conditional.n_clusters) == (pytest.approx(2 / 16), 16)
    assert find(found, "em_chance", group="n2d_only", direction="d2n").value == pytest.approx(1 / 20)
    assert find(found, "em_p", direction="d2n", group="n2d_only").value == pytest.approx(0.2642, abs=1e-4)
    assert find(found, "em", group="both").ci_low == pytest.approx(0.839, abs=1e-3)  # Wilson, 20 of 20 facts


@pytest.mark.parametrize(
    ("both", "note"),
    [(0.75, "uninterpretable: the both-control is 0.75, under 0.8"), (0.8, ""), (None, "no both-control in this run")],
)
@pytest.mark.parametrize("mode", ["generate", "loglikelihood"])
def test_a_reverse_row_can_be_read_only_beside_a_both_control_that_works(
    mode: Mode, both: float | None, note: str
) -> None:
    def scores(share: float) -> dict[str, Sequence[float | None]]:
        return text(share) if mode == "generate" else ranks(1) | {"hits1": text(share)["em"]}

    samples = [*cell("n2d_only", "n2d", scores(1.0), mode=mode), *cell("n2d_only", "d2n", scores(0.0), mode=mode)]
    if both is not None:
        samples += cell("both", "d2n", scores(both), mode=mode)
    found = nd_metrics(samples, controls=())
    headline, together = ("em", "gap") if mode == "generate" else ("mrr", "delta_ratio")
    assert find(found, headline, group="n2d_only", direction="d2n").note == note
    assert find(found, headline, group="n2d_only", direction="n2d").note == ""
    assert find(found, together, group="n2d_only").note.startswith(note)


def test_undefined_figures_say_why() -> None:
    found = nd_metrics([*cell("d2n_only", "d2n", text(0.1)), *cell("d2n_only", "n2d", text(0.0))], controls=())
    rate = find(found, "reversal_rate")
    assert rate.value is None
    assert rate.note.startswith("same-direction accuracy is 0.10, under 0.2")
    nothing = nd_metrics([*cell("d2n_only", "d2n", text(0)), *cell("d2n_only", "n2d", text(0))], controls=())
    assert find(nothing, "cond_reverse").value is None
    assert find(nothing, "gap").note.endswith("the interval has no width")


def test_failed_items_are_wrong_for_accuracy_and_left_out_of_ranks_and_always_counted() -> None:
    failed = range(5)
    found = nd_metrics(
        [
            *cell("both", "n2d", text(1.0), failed=failed),
            *cell("both", "n2d", ranks(1), mode="loglikelihood", failed=failed),
        ],
        controls=(),
    )
    exact, ranked = find(found, "em"), find(found, "mrr")
    assert (exact.value, exact.n) == (0.75, 40)
    assert (ranked.value, ranked.n) == (1.0, 30)
    assert exact.note == ranked.note == "10 of 40 items failed, over 1 %"
    assert [one.value for one in found if one.name == "failed"] == [10, 10]


def test_a_wording_that_never_works_while_another_does_is_flagged() -> None:
    samples = cell("n2d_only", "n2d", text(1.0))
    broken = [
        sample if sample.condition["template"] == "t0" else _with_scores(sample, {"em": 0.0}) for sample in samples
    ]
    found = nd_metrics(broken, controls=())
    assert find(found, "em_by_template", template="t0").note == ""
    assert find(found, "em_by_template", template="t1").note == "this wording fails"


def _with_scores(sample: Sample, scores: dict[str, float]) -> Sample:
    return Sample(
        sample.sample_id,
        sample.doc_id,
        sample.mode,
        sample.condition,
        sample.cluster,
        {**sample.scores, **scores},
        "wrong",
    )


def test_ranking_figures_have_their_chance_lines() -> None:
    found = nd_metrics(
        [
            *cell("n2d_only", "n2d", ranks(1), mode="loglikelihood"),
            *cell("n2d_only", "d2n", ranks(2, 4, 8), mode="loglikelihood"),
            *cell("both", "d2n", ranks(1), mode="loglikelihood"),
        ],
        controls=(),
    )
    reverse = {"group": "n2d_only", "direction": "d2n"}
    chance = find(found, "mrr_chance", **reverse)
    assert chance.value == pytest.approx(ranking.chance_mrr(20))
    assert chance.stderr == pytest.approx(ranking.chance_mrr_stderr(20, 20))
    assert chance.ci_low is not None and chance.ci_high is not None
    assert chance.ci_low < chance.value - chance.stderr < chance.value + chance.stderr < chance.ci_high
    assert find(found, "hits5_chance", **reverse).value == 0.25
    assert find(found, "mc_4_chance", **reverse).value == 0.25
    assert find(found, "mrr_shuffled", **reverse).value == pytest.approx(0.2)
    assert find(found, "delta_ratio").value == pytest.approx((5.095 - 4.5) / 4.095)
    assert find(found, "delta", **reverse).headline
    assert find(found, "published_ks_p", **reverse).note.startswith("for comparison only")


def test_the_contrast_is_tested_by_fact_one_sided_and_corrected_over_the_reverse_cells() -> None:
    found = nd_metrics(
        [
            *cell("n2d_only", "d2n", ranks(1), mode="loglikelihood"),
            *cell("d2n_only", "n2d", ranks(9), mode="loglikelihood"),
        ],
        controls=(),
    )
    above, below = find(found, "delta_p", group="n2d_only"), find(found, "delta_p", group="d2n_only")
    assert above.value == pytest.approx(1 / 10_001)
    assert below.value == pytest.approx(1.0, abs=1e-3)
    assert above.note.endswith("0.0002 after Holm's correction for 2 reverse tests")


@pytest.mark.parametrize("control", ["fresh", "none"])
def test_what_must_be_at_chance_and_is_not_is_flagged(control: str) -> None:
    scores = ranks(1) | {"shuffled_rr": [1.0] * len(FACTS)}
    found = nd_metrics(cell("n2d_only", "d2n", scores, mode="loglikelihood", control=control), controls=())
    name = "mrr" if control == "fresh" else "mrr_shuffled"
    assert find(found, name).note.startswith("above its chance interval")


def test_one_candidate_leaves_the_rank_undefined_with_the_reason() -> None:
    alone: dict[str, Sequence[float | None]] = dict.fromkeys(("rr", "hits1", "d"), [None] * len(FACTS))
    samples = [
        _with_scores(sample, {"n_candidates": 1.0}) for sample in cell("both", "n2d", alone, mode="loglikelihood")
    ]
    found = nd_metrics(samples, controls=())
    for name in ("mrr", "hits1", "delta", "delta_p"):
        one = find(found, name)
        assert (one.value, one.note) == (None, "one candidate: there is nothing to rank it against")


def test_controls_that_do_not_apply_are_null_not_zero() -> None:
    samples = [*cell("n2d_only", "n2d", text(1.0)), *cell("n2d_only", "d2n", text(0.0))]
    found = nd_metrics(samples, controls=("ctx", "fresh"))
    missing = [one for one in found if one.note == NOT_APPLICABLE]
    assert [(one.condition["control"], one.condition["seen"]) for one in missing] == [
        ("ctx", "reverse"),
        ("fresh", "reverse"),
        ("fresh", "same"),
    ]
    assert all(one.value is None and one.name == "em" and one.n == 0 for one in missing)
    assert not [one for one in nd_metrics(samples, controls=()) if one.note == NOT_APPLICABLE]


def test_lettered_choice_stands_in_its_own_rows() -> None:
    scores = {"mc_letter": [0.75] * len(FACTS), "mc_letter_all": [0.0] * len(FACTS)}
    found = nd_metrics(cell("n2d_only", "d2n", scores, mode="loglikelihood", control="mc_letter"), controls=())
    assert find(found, "mc_letter").value == pytest.approx(0.75)
    assert find(found, "mc_letter_all").value == 0.0
    assert find(found, "mc_letter_chance").value == 0.25


def test_figures_do_not_depend_on_the_order_of_samples() -> None:
    samples = [*cell("n2d_only", "n2d", text(0.8)), *cell("n2d_only", "d2n", ranks(1, 5), mode="loglikelihood")]
    assert nd_metrics(samples, ()) == nd_metrics(samples[::-1], ())
