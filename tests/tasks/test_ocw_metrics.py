"""Scores of groupings and connections: the worked cases in both modes, invariants, and set-level figures."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocw_setup import GOLD, answered, drafts_of, task_with, toy_wall, written

from suite.stats import mcnemar_exact, wilson
from suite.task import Metric, Sample, Text
from tasks.only_connect_wall.agreement import agreement
from tasks.only_connect_wall.connections import alias_match, exact, rouge1, score_connections
from tasks.only_connect_wall.humans import human_scores
from tasks.only_connect_wall.intervals import pooled_means
from tasks.only_connect_wall.metrics import wall_metrics
from tasks.only_connect_wall.scoring import grouping_scores
from tasks.only_connect_wall.scoring_paper import paper_scores
from tasks.only_connect_wall.similarity import rescaled
from tasks.only_connect_wall.walls import Group

TRUTH = [number for number in range(4) for _ in range(4)]


def _worked() -> list[dict[str, Any]]:
    """The cases with every field; without the file, its tests are skipped."""
    root = Path(os.environ.get("UNREASON_PUBLIC_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    file = root / "only_connect_wall" / "worked_metrics.json"
    cases: list[dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.is_file() else []
    return cases


WORKED = _worked()


@pytest.mark.parametrize("case", WORKED, ids=[f"6-{case['name']}" for case in WORKED])
def test_the_paper_mode_equals_the_official_evaluator(case: dict[str, Any]) -> None:
    found, expected = paper_scores(case["gold"], case["pred"]), case["paper_mode"]
    if "error" in expected:  # the official evaluator raises; ours flags, and scores on
        assert found.official_fails
        return
    assert not found.official_fails
    assert (found.correct_groups, found.solved) == (expected["correct_groups"], expected["full_wall"])
    numbers = {"AMI": found.ami, "ARI": found.ari, "FMS": found.fms, "WD": found.wd}
    assert numbers == pytest.approx({name: expected[name] for name in numbers}, abs=1e-9)


@pytest.mark.parametrize("case", WORKED, ids=[f"6-{case['name']}" for case in WORKED])
def test_the_strict_mode_gives_the_worked_scores(case: dict[str, Any]) -> None:
    found, expected = grouping_scores(case["gold"], case["pred"]), case["strict_mode"]
    exact_fields = {
        "correct_groups": found.correct_groups,
        "solved": found.solved,
        "valid": found.valid,
        "n_missing": found.n_missing,
        "n_duplicate": found.n_duplicate,
        "n_hallucinated": found.n_hallucinated,
        "n_empty_slots": found.n_empty,
    }
    assert exact_fields == {name: expected[name] for name in exact_fields}
    numbers = {"ARI": found.ari, "AMI": found.ami, "FMS": found.fms}
    numbers |= {"clue_acc": found.clue_acc, "misplaced": found.misplaced}
    assert numbers == pytest.approx({name: expected[name] for name in numbers}, abs=1e-9)


def test_all_worked_cases_are_there(public_data: Path) -> None:
    assert public_data.is_dir() and len(WORKED) == 22


def test_agreement_equals_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = random.Random(0)
    for _ in range(150):
        labels = [rng.randrange(rng.choice([1, 2, 4, 6, 16])) for _ in TRUTH]
        found = agreement(TRUTH, labels)
        assert found.ari == pytest.approx(sklearn.adjusted_rand_score(TRUTH, labels), abs=1e-11)
        assert found.ami == pytest.approx(sklearn.adjusted_mutual_info_score(TRUTH, labels), abs=1e-11)
        assert found.fms == pytest.approx(sklearn.fowlkes_mallows_score(TRUTH, labels), abs=1e-11)


def test_agreement_refuses_labels_that_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="3 and 2 labels"):
        agreement([1, 2, 3], [1, 2])


partitions = st.permutations([clue for row in GOLD for clue in row]).map(
    lambda clues: [clues[at : at + 4] for at in range(0, 16, 4)]
)


@given(partitions, st.permutations(range(4)), st.randoms())
def test_strict_scores_do_not_depend_on_any_order(rows: list[list[str]], order: list[int], rng: random.Random) -> None:
    shuffled = [rng.sample(rows[at], 4) for at in order]
    assert grouping_scores(GOLD, shuffled) == grouping_scores(GOLD, rows)


@given(partitions)
def test_a_valid_partition_has_a_quarter_of_its_clues_and_never_exactly_three_groups(rows: list[list[str]]) -> None:
    strict, paper = grouping_scores(GOLD, rows), paper_scores(GOLD, rows)
    assert strict.valid and strict.clue_acc is not None and strict.clue_acc >= 0.25
    assert strict.correct_groups != 3
    assert (strict.ari, strict.ami, strict.fms) == pytest.approx((paper.ari, paper.ami, paper.fms), abs=1e-12)


def test_the_published_distance_depends_on_the_order_of_listing_and_misplaced_does_not() -> None:
    swapped = [["a1", "a2", "a3", "b4"], ["b1", "b2", "b3", "a4"], *GOLD[2:]]
    listed_otherwise = [swapped[1], swapped[0], *swapped[2:]]
    assert (paper_scores(GOLD, swapped).wd, paper_scores(GOLD, listed_otherwise).wd) == (0.125, 0.375)
    assert grouping_scores(GOLD, swapped).misplaced == grouping_scores(GOLD, listed_otherwise).misplaced == 0.125


def test_random_partitions_score_as_chance_says() -> None:
    rng, clues = random.Random(0), [clue for row in GOLD for clue in row]
    drawn = []
    for _ in range(4000):
        mixed = rng.sample(clues, 16)
        drawn.append(paper_scores(GOLD, [mixed[at : at + 4] for at in range(0, 16, 4)]))
    assert sum(one.ari for one in drawn) / 4000 == pytest.approx(0, abs=0.005)
    assert sum(one.fms for one in drawn) / 4000 == pytest.approx(0.2, abs=0.005)
    assert sum(one.wd for one in drawn) / 4000 == pytest.approx(0.92, abs=0.005)


def test_oversize_rows_are_never_correct() -> None:
    found = grouping_scores(GOLD, [[*GOLD[0], "b1"], GOLD[1][1:], *GOLD[2:]])
    assert (found.correct_groups, found.n_oversize, found.n_missing) == (2, 1, 0)


def test_a_clue_that_stands_twice_has_group_scores_only() -> None:
    gold = [["x", "a2", "a3", "a4"], ["x", "b2", "b3", "b4"], *GOLD[2:]]
    found = grouping_scores(gold, gold)
    assert (found.correct_groups, found.solved, found.ari, found.clue_acc) == (4, True, None, None)
    once = grouping_scores([GOLD[0], GOLD[0], *GOLD[2:]], [GOLD[0], *GOLD[2:]])
    assert once.correct_groups == 3, "one row answers one group"


# Connections -------------------------------------------------------------------------------------------------------

PAIRS = [
    ("Monkey ___", "monkey ___", 1, 1.0),
    ("___ monkey", "Monkey ___", 0, 1.0),
    ("Tools", "Household tools", 0, 0.666667),
    ("Famous people named Mel", "Famous Mels", 0, 0.333333),
    ("Cocktails.", "Cocktails", 0, 1.0),
    ("Cocktails (Sidecar, Manhattan)", "Cocktails", 0, 0.5),
    ("types of hammer hammer", "hammer types", 0, 0.666667),
    ("", "Cocktails", 0, 0.0),
    ("π", "π", 1, 0.0),
]


@pytest.mark.parametrize(("name", "label", "em", "rouge"), PAIRS, ids=[f"6-{name}" for name, *_ in PAIRS])
def test_exact_match_and_rouge_of_the_worked_pairs(name: str, label: str, em: int, rouge: float) -> None:
    pytest.importorskip("rouge_score")
    assert exact(name, label) == em
    assert rouge1(name, label) == pytest.approx(rouge, abs=1e-6)


def test_an_empty_answer_lies_far_below_zero_in_rescaled_bertscore() -> None:
    assert rescaled(0.0) == pytest.approx(-4.925074, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "matches"),
    [("the Golf Scores!", 1), ("scores in golf", 1), ("Golf", 0), ("", 0), ("golf ___", 0)],
)
def test_aliases_match_without_articles_and_punctuation(name: str, matches: int) -> None:
    assert alias_match(name, Group("Golf scores", ("a",) * 4, aliases=("Scores in golf",))) == matches


def test_the_place_of_a_blank_counts() -> None:
    group = Group("Monkey ___", ("a",) * 4)
    assert (alias_match("monkey _____", group), alias_match("___ monkey", group)) == (1, 0)


def test_missing_names_stay_in_the_denominator() -> None:
    pytest.importorskip("rouge_score")
    values = score_connections(toy_wall(), Text("a1, a2, a3, a4. Connection: group a")).values
    assert (values["em"], values["n_missing"]) == (0.25, 3.0)
    assert score_connections(toy_wall(), Text("I'm sorry, I can't help.")).outcome == "refusal"


# Figures of a run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(357, 618, 0.538365, 0.616015), (0, 618, 0, 0.006178)], ids=["6-a", "6-b"]
)
def test_wilson_intervals(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-6)
    rows: list[dict[str, float | None]] = [{"solved": float(place < successes)} for place in range(n)]
    found = pooled_means(rows, range(n), resamples=10, rates={"solved"})["solved"]
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("a", "b", "p"), [(26, 8, 0.002935), (37, 14, 0.001769), (0, 0, 1.0)])
def test_mcnemar_is_exact_and_two_sided(a: int, b: int, p: float) -> None:
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a) == pytest.approx(p, abs=1e-6)


def test_clusters_keep_their_size_and_are_drawn_whole() -> None:
    rows: list[dict[str, float | None]] = [{"x": 1.0}, {"x": 1.0}, {"x": 1.0}, {"x": 0.0}]
    found = pooled_means(rows, ["big", "big", "big", "small"])["x"]
    assert (found.value, found.n, found.n_clusters) == (0.75, 4, 2)
    assert (found.ci_low, found.ci_high) == (0.0, 1.0)


def test_a_column_leaves_out_the_items_that_lack_it() -> None:
    found = pooled_means([{"x": 1.0, "y": None}, {"x": 0.0}, {"y": 3.0}], [0, 1, 2])
    assert (found["x"].value, found["x"].n, found["y"].value, found["y"].n) == (0.5, 2, 3.0, 1)


def samples_of(task: Any, texts: dict[str, str], **changes: Any) -> list[Sample]:
    """One sample a draft, answered by the text for its doc."""
    found = []
    for doc, draft in drafts_of(task):
        scores = task.score(doc, draft, answered(draft, texts[doc.id]))
        found.append(
            Sample(draft.sample_id, doc.id, draft.mode, draft.condition, draft.cluster, scores.values, scores.outcome)
        )
    return [replace(sample, **changes) for sample in found]


def by_name(metrics: list[Metric], name: str, **condition: Any) -> Metric:
    (found,) = [m for m in metrics if m.name == name and condition.items() <= dict(m.condition).items()]
    return found


def test_a_run_over_public_walls_has_both_modes_and_the_people_beside_it() -> None:
    groups = tuple(
        replace(group, found_by_humans=number < 2, named_by_humans=True)
        for number, group in enumerate(toy_wall().groups)
    )
    walls = [toy_wall(id=name, item=name, cluster=name, groups=groups) for name in ("w1", "w2")]
    task = task_with(walls, data="some.json", prompt="clean", shuffles=2)
    metrics = wall_metrics(samples_of(task, {"w1": written(GOLD), "w2": "I'm sorry, I can't help with that."}))
    assert (by_name(metrics, "solved").value, by_name(metrics, "solved").n) == (0.5, 2)
    assert by_name(metrics, "correct_groups").value == 2.0
    assert by_name(metrics, "paper_wd").value == 1.0, "the paper's parser knows no other separator than the comma"
    assert by_name(metrics, "status_share", status="refusal").value == 0.5
    assert by_name(metrics, "human_groups").value == 2.0
    assert by_name(metrics, "human_solved").value == 0.0
    assert by_name(metrics, "human_connections").value == 1.0
    assert by_name(metrics, "shuffle_sd", measure="solved").value == 0.0
    assert by_name(metrics, "correct_groups_chance").value == pytest.approx(0.00879, abs=1e-5)


def test_failed_calls_count_as_no_groups() -> None:
    task = task_with([toy_wall()], data="some.json", shuffles=1)
    (good,) = samples_of(task, {"toy": written(GOLD)})
    bad = replace(good, doc_id="other", sample_id="other", scores={}, outcome="error", error="timeout")
    metrics = wall_metrics([good, bad])
    assert (by_name(metrics, "solved").value, by_name(metrics, "misplaced").value) == (0.5, 0.5)
    assert by_name(metrics, "failed").value == 1


def test_the_spread_over_clue_orders_is_told_apart_from_sampling() -> None:
    task = task_with([toy_wall()], data="some.json", prompt="clean", shuffles=2)
    first, second = samples_of(task, {"toy": written(GOLD)})
    second = replace(second, scores={**second.scores, "solved": 0.0})
    metrics = wall_metrics([first, second])
    assert by_name(metrics, "solved").value == 0.5
    assert by_name(metrics, "shuffle_sd", measure="solved").value == pytest.approx(0.5**0.5)


def test_flags_of_randomised_walls_say_nothing_of_people() -> None:
    group = Group("x", ("a", "b", "c", "d"), found_by_humans=True, named_by_humans=False)
    wall = toy_wall(groups=(group,) * 4)
    assert human_scores(wall) == {"human_groups": 4.0, "human_solved": 1.0, "human_connections": 0.0}
    assert human_scores(replace(wall, condition="randomized")) == {}
    assert human_scores(toy_wall()) == {}
