"""The task attention_patterns: options, experiments as docs, answers as scores, figures of a run, and runs compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attention_models import FakeMechanism

from suite.attention import Pattern
from suite.errors import RunIncomplete, UserError
from suite.progress import Silent
from suite.registry import load_task, model_providers
from suite.runner import run
from suite.store import Store
from suite.task import Condition, Metric, Outcome, Request, Response, Sample, Text
from tasks.attention_patterns.asking import scores
from tasks.attention_patterns.bench import Bench, compared
from tasks.attention_patterns.metrics import cell_metrics
from tasks.attention_patterns.options import NAMES
from tasks.attention_patterns.standing import standings
from tasks.attention_patterns.tables import index_rows, length_rows, quality_rows

TASK = "attention_patterns"
LENGTHS = "128,256,512,1024,2048"


def ran(model: FakeMechanism, results: Path, **options: Any) -> str:
    return run(TASK, model, options={"lengths": LENGTHS, **options}, results=results, reporter=Silent()).run_id


def benched(names: Sequence[str], results: Path, **options: Any) -> Bench:
    return compared({name: ran(FakeMechanism(name), results, **options) for name in names}, results)


def rows_of(run_id: str, results: Path) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """(metric, pattern, task) -> row, of quality."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in Store(results).metrics([run_id]):
        at = row["condition"]
        if at["experiment"] == "quality":
            found[str(row["name"]), str(at["pattern"]), str(at["task"])] = row
    return found


# ---------------------------------------------------------------- options and docs


def test_all_eleven_cells_are_asked_for_by_default() -> None:
    assert len(load_task(TASK).options.cells) == len(NAMES) == 11  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "cells"),
    [
        ("CC", ["CC/tts_expand", "CC/sum_salient"]),
        ("lm_periodic", ["CS/lm_periodic"]),
        ("NC/pcc_shapes,CS/lm_periodic", ["CS/lm_periodic", "NC/pcc_shapes"]),
    ],
)
def test_a_cell_is_named_whole_or_by_a_part(asked: str, cells: list[str]) -> None:
    assert load_task(TASK, {"cells": asked}).options.cells == cells  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": "NC/lm_periodic"}, "no cell 'NC/lm_periodic'"),
        ({"cells": "XX"}, "no cell 'XX'"),
        ({"lengths": "128,256"}, "at least 3 rising lengths"),
        ({"lengths": "128,512,256"}, "at least 3 rising lengths"),
        ({"lengths": "128,128,256"}, "at least 3 rising lengths"),
        ({"seeds": "0,0"}, "seeds must differ"),
        ({"seeds": "-1"}, "not be negative"),
        ({"positions": "absolute"}, "positions"),
        ({"experiments": "speed"}, "experiments"),
        ({"size": "huge"}, "size"),
        ({"data": "lstf=ETTh1.csv"}, "no task 'lstf'"),
        ({"data": "lstf_seasonal"}, "expected TASK=PATH"),
        ({"budget_s": "0"}, "budget_s"),
        ({"cell": "NS"}, "cells"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(TASK, options)


def test_experiments_come_quick_ones_first() -> None:
    kinds = [doc.data["experiment"] for doc in load_task(TASK).docs()]
    assert kinds == ["support"] * 4 + ["cost"] * 4 + ["quality"] * 11 + ["extrapolation"] * 5


def test_every_mechanism_is_a_model_of_the_task() -> None:
    assert model_providers()[TASK] == "tasks.attention_patterns.model"


# ---------------------------------------------------------------- what is asked of a mechanism


def test_the_curve_beyond_the_training_length_is_read_from_the_training_of_its_cell(tmp_path: Path) -> None:
    model = FakeMechanism("vanilla")
    ran(model, tmp_path, experiments="quality,extrapolation", cells="lm_periodic", positions="none,rotary")
    assert [asked["positions"] for asked, _ in model.asked] == ["none", "rotary"]


def test_every_seed_is_trained_and_costs_are_measured_once(tmp_path: Path) -> None:
    model = FakeMechanism("performer")
    ran(model, tmp_path, experiments="cost,quality", cells="NC", seeds="0,1,2")
    kinds = [asked["experiment"] for asked, _ in model.asked]
    assert kinds.count("cost") == 4
    assert kinds.count("training") == 2 * 3
    assert {seed for asked, seed in model.asked if asked["experiment"] == "training"} == {0, 1, 2}


def test_a_pattern_that_is_not_declared_is_not_asked_and_not_a_failure(tmp_path: Path) -> None:
    model = FakeMechanism("nystrom")
    run_id = ran(model, tmp_path)
    assert {asked["pattern"] for asked, _ in model.asked} == {"NS"}
    assert {pattern for _, pattern, _ in rows_of(run_id, tmp_path)} == {"NS"}
    supported = [row for row in Store(tmp_path).metrics([run_id]) if row["condition"]["experiment"] == "support"]
    assert {row["condition"]["pattern"]: row["value"] for row in supported} == {
        "NS": 1,
        "CS": None,
        "NC": None,
        "CC": None,
    }


def test_alibi_is_asked_only_of_what_takes_a_softmax_of_logits(tmp_path: Path) -> None:
    for name, schemes in (("vanilla", ["none", "alibi"]), ("performer", ["none"])):
        model = FakeMechanism(name)
        ran(model, tmp_path, experiments="extrapolation", positions="none,alibi")
        assert [asked["positions"] for asked, _ in model.asked] == schemes


# ---------------------------------------------------------------- continued


class Stopped(FakeMechanism):
    """Is interrupted after so many answers."""

    def __init__(self, name: str, after: int) -> None:
        super().__init__(name)
        self._after = after

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for at, response in enumerate(super().answer(requests)):
            if at == self._after:
                self.asked.pop()  # begun, not finished
                raise KeyboardInterrupt
            yield response


def test_a_stopped_run_is_continued_and_repeats_nothing(tmp_path: Path) -> None:
    whole, stopped, rest = FakeMechanism("abc"), Stopped("abc", 9), FakeMechanism("abc")
    ran(whole, tmp_path / "other")
    with pytest.raises(RunIncomplete, match="run the same command again to continue"):
        ran(stopped, tmp_path)
    run_id = ran(rest, tmp_path)
    assert len(stopped.asked) == 9
    assert stopped.asked + rest.asked == whole.asked
    assert len(rows_of(run_id, tmp_path)) == len(rows_of(ran(whole, tmp_path / "other"), tmp_path / "other"))


def test_more_cells_ask_only_for_what_is_new(tmp_path: Path) -> None:
    ran(FakeMechanism("abc"), tmp_path, experiments="quality", cells="NC")
    model = FakeMechanism("abc")
    ran(model, tmp_path, experiments="quality", cells="NC,CC")
    assert [asked["pattern"] for asked, _ in model.asked] == ["CC", "CC"]


# ---------------------------------------------------------------- scores and figures


def response(**found: Any) -> list[Response]:
    return [Response("r", texts=(Text(json.dumps(found)),))]


@pytest.mark.parametrize(
    ("status", "outcome"), [("timeout", "truncated"), ("diverged", "wrong"), ("skipped", "no_answer")]
)
def test_a_training_without_result_says_why_and_has_no_measure(status: str, outcome: str) -> None:
    found = scores({"experiment": "quality"}, response(status=status, reason="after 7 steps", seconds=3.0))
    assert (found.outcome, found.answer) == (outcome, f"{status}: after 7 steps")
    assert found.values == {"seconds": 3.0}


@pytest.mark.parametrize(("status", "passed"), [("pass", 1.0), ("control", 1.0), ("FAIL", 0.0)])
def test_support_is_the_verdict(status: str, passed: float) -> None:
    assert scores({"experiment": "support"}, response(status=status)).values == {"passed": passed}


def test_a_learned_encoding_has_no_perplexity_beyond_its_length_and_says_so() -> None:
    rows = [{"factor": 1, "length": 128, "ppl": 5.0}, {"factor": 2, "length": 256, "ppl": None}]
    at: Condition = {"experiment": "extrapolation", "positions": "learned", "factor": 2}
    found = scores(at, response(status="done", lengths=rows))
    assert found.values == {"length": 256}
    assert (found.outcome, found.answer) == ("no_answer", "a learned encoding ends at the training length")


def test_a_perplexity_is_compared_with_that_at_the_training_length() -> None:
    rows = [{"factor": 1, "length": 128, "ppl": 5.0}, {"factor": 4.0, "length": 512, "ppl": 10.0}]
    at: Condition = {"experiment": "extrapolation", "positions": "none", "factor": 4.0}
    assert scores(at, response(status="done", lengths=rows)).values["ppl_ratio"] == 2.0


def test_a_refused_length_has_no_cost() -> None:
    assert scores({"experiment": "cost", "length": 64}, response(status="done", costs=[])).outcome == "no_answer"


def test_a_cell_that_ran_out_of_time_stays_in_the_figures_without_a_value(tmp_path: Path) -> None:
    run_id = ran(FakeMechanism("vanilla", "timeout"), tmp_path, experiments="quality", cells="lm_periodic")
    row = rows_of(run_id, tmp_path)["ppl", "CS", "lm_periodic"]
    assert row["value"] is None and row["note"] == "timeout: as the test wants it"


def sample(seed: int, answer: str = "done", **values: float) -> Sample:
    condition = {"experiment": "quality", "pattern": "NC", "task": "pcc_shapes", "size": "tiny", "data": "generated"}
    found = {"cd_l1": 1.0, "cd_l2": 1.0, "f_score": 0.5, "parameters": 1000.0, "extra_parameters": 50.0} | values
    outcome: Outcome = "scored" if answer == "done" else "truncated"
    shown = found if answer == "done" else {}
    arm: Condition = {**condition, "seed": seed}
    return Sample(f"s{seed}", "d", "train", arm, f"seed {seed}", shown, outcome, answer)


def named(metrics: Sequence[Metric], name: str) -> Metric:
    return next(metric for metric in metrics if metric.name == name)


def test_a_figure_is_the_mean_over_seeds_with_students_interval_and_range() -> None:
    metric = named(cell_metrics([sample(0, cd_l1=1.0), sample(1, cd_l1=2.0), sample(2, cd_l1=3.0)]), "cd_l1")
    assert (metric.value, metric.n, metric.note) == (2.0, 3, "seeds from 1 to 3")
    assert metric.ci_low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)


def test_there_is_no_mean_over_fewer_seeds() -> None:
    metric = named(cell_metrics([sample(0), sample(1, "timeout: after 7 steps")]), "cd_l1")
    assert metric.value is None and metric.note == "timeout: after 7 steps"


@pytest.mark.parametrize(("extra", "note"), [(100.0, "one seed"), (101.0, "over 10% of the backbone")])
def test_more_than_a_tenth_of_further_parameters_is_noted(extra: float, note: str) -> None:
    assert named(cell_metrics([sample(0, extra_parameters=extra)]), "extra_parameters").note == note


# ---------------------------------------------------------------- runs compared


def test_the_index_covers_every_pattern_and_leaves_controls_out_of_the_population(tmp_path: Path) -> None:
    names = ["vanilla", "sdpa", "none", "performer", "cosformer", "abc"]
    (standing,) = benched(names, tmp_path, experiments="quality").standings
    assert standing.setting == ("tiny", "generated")
    plain = {(index.pattern, index.method): index.value for index in standing.plain}
    in_population = [plain[Pattern.CS, name] for name in ("vanilla", "performer", "cosformer", "abc")]
    assert sum(value or 0.0 for value in in_population) == pytest.approx(0, abs=1e-9)
    assert max(in_population, key=lambda value: value or 0.0) == plain[Pattern.CS, "vanilla"]
    control = plain[Pattern.CS, "none"]
    assert control is not None and all(value is not None and control < value for value in in_population)
    assert plain[Pattern.CS, "sdpa"] == plain[Pattern.CS, "vanilla"]
    assert all(value is not None and value > 0 for value in standing.benefit.values())


def test_the_index_is_missing_where_a_task_is(tmp_path: Path) -> None:
    names = ["vanilla", "performer", "cosformer"]
    runs = {
        name: Store(tmp_path).metrics([ran(FakeMechanism(name), tmp_path, experiments="quality")]) for name in names
    }
    lost = {"performer": [row for row in runs["performer"] if row["condition"]["task"] != "lstf_seasonal"]}
    (standing,) = standings({**runs, **lost})
    values = {(index.pattern, index.method): index.value for index in standing.plain}
    assert values[Pattern.NC, "performer"] is None
    assert values[Pattern.NS, "performer"] is not None


def test_a_timeout_leaves_a_pattern_without_index(tmp_path: Path) -> None:
    runs = {name: ran(FakeMechanism(name), tmp_path, experiments="quality") for name in ("vanilla", "cosformer", "abc")}
    runs["performer"] = ran(FakeMechanism("performer", "timeout"), tmp_path, experiments="quality")
    found = compared(runs, tmp_path)
    row = next(row for row in index_rows(found) if row["mechanism"] == "vanilla")
    assert row["CI CS"] is not None
    assert not [row for row in index_rows(found) if row["mechanism"] == "performer" and row["CI CS"] is not None]
    assert next(row for row in quality_rows(found) if row["mechanism"] == "performer")["CS LM ppl"] == "timeout"


def test_two_mechanisms_have_no_index(tmp_path: Path) -> None:
    assert index_rows(benched(["vanilla", "abc"], tmp_path, experiments="quality", cells="NC")) == []


def test_costs_cross_where_the_formulas_do(tmp_path: Path) -> None:
    """Time: 1e-7 L^2 = 2e-5 L at 200; memory, by its formula, crosses below the range."""
    found = benched(["vanilla", "sdpa", "performer"], tmp_path, experiments="cost")
    lengths = {(one.pattern, one.quantity, one.baseline): one for one in found.lengths}
    assert lengths[Pattern.CS, "time", "vanilla"].crossing.length == pytest.approx(200, rel=0.01)
    assert lengths[Pattern.CS, "time", "sdpa"].crossing.length == pytest.approx(667, rel=0.01)
    assert str(lengths[Pattern.CS, "memory", "vanilla"].crossing) == "<128"
    assert [row["mechanism"] for row in length_rows(found)] == ["performer"] * 4


def test_costs_without_a_baseline_are_not_compared(tmp_path: Path) -> None:
    assert benched(["performer"], tmp_path, experiments="cost").lengths == []
