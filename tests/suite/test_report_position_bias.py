"""Position bias's page: its figures, the mean beside every gain, marks by construction, and hostile text as text."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.report import build_report
from suite.report.charts import Figure, scripts
from suite.report.content import Measured
from suite.report.pages.position_bias import page
from suite.report.pages.position_bias.interventions import pairs
from suite.report.queries import RunView, load_runs
from suite.store import Store
from suite.task import Sample
from tasks.position_bias.metrics import metrics
from tasks.position_bias.permutations import cyclic, written
from tasks.position_bias.task import PositionBias

LABELS = ("slot", "travel", "none")


def mcq(n: int, chosen: Any, labels: str = "slot", source: str = "mcq_synth") -> list[Sample]:
    """Items in all cyclic orders; chosen(gold slot) is the slot of the answer."""
    rows = []
    for item in range(n):
        for order in cyclic(4):
            gold_slot = order.index(item % 4)
            slot = chosen(gold_slot)
            condition = {"family": "mcq", "source": source, "subset": "sum", "label_mode": labels, "arm": "cyclic"}
            condition |= {"order": written(order), "gold_slot": gold_slot, "shots": 0}  # type: ignore[dict-item]
            scores = {"correct": float(slot == gold_slot), "invalid": 0.0, "predicted_slot": slot}
            scores |= {"predicted_content": order[slot]} | {f"p_slot_{at}": float(at == slot) for at in range(4)}
            rows.append(of(f"m{item}", condition, scores))
    return rows


def judge(n: int, chosen: Any, labels: str = "slot") -> list[Sample]:
    rows = []
    for item in range(n):
        for gold_slot in (0, 1):
            slot = chosen(gold_slot)
            condition = {"family": "judge", "source": "judge_synth", "subset": "count", "label_mode": labels}
            condition |= {"arm": f"o{gold_slot + 1}", "order": ("0-1", "1-0")[gold_slot], "variant": "own"}
            scores = {"correct": float(slot == gold_slot), "invalid": 0.0, "predicted_slot": slot}
            scores |= {"predicted_content": slot ^ gold_slot, "logit_first": 1.0 if slot == 0 else -1.0}
            rows.append(of(f"j{item}", condition | {"gold_slot": gold_slot}, scores))
    return rows


def curve(n: int, right: dict[int, int], family: str = "docqa", k: int = 10) -> list[Sample]:
    rows = []
    order = written(range(k))
    for item in range(n):
        condition = {"family": family, "source": f"{family}_synth", "subset": "x", "label_mode": "none", "order": order}
        for slot, value in right.items():
            here = condition | {"arm": "move_gold", "gold_slot": slot, "k": k}
            rows.append(of(f"c{item}", here, {"correct": float(value), "invalid": 0.0}))
        baseline = condition | {"arm": "closed_book", "gold_slot": None, "k": 0, "order": ""}
        rows.append(of(f"c{item}", baseline, {"correct": float(item % 2), "invalid": 0.0}))
    return rows


def tau(n: int) -> list[Sample]:
    rows = []
    for item in range(n):
        for value, right in ((1.0, 1), (-1.0, item % 2)):
            condition = {"family": "premise", "source": "premise_synth", "subset": "chain", "label_mode": "none"}
            condition |= {"arm": f"tau{value:g}", "tau": value, "actual_tau": value, "order": "0-1", "gold_slot": None}  # type: ignore[dict-item]
            rows.append(of(f"t{item}", condition, {"correct": float(right), "invalid": 0.0}))
    return rows


def of(doc_id: str, condition: dict[str, Any], scores: dict[str, Any]) -> Sample:
    outcome: Any = "correct" if scores["correct"] else "wrong"
    key = "/".join(str(value) for value in condition.values())
    return Sample(f"{doc_id}/{key}", doc_id, "generate", condition, doc_id, scores, outcome, answer="a")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.position_bias.metric_cells.RESAMPLES", 300)


def first(_: int) -> int:
    return 0


def gold(slot: int) -> int:
    return slot


def write_run(
    results: Path, run_id: str, samples: list[Sample], spec: str = "", flags: dict[str, bool] | None = None, **more: Any
) -> None:
    """A run of model ``hf/m`` (or ``hf/m+SPEC``) with the metrics that the task computes."""
    info: dict[str, Any] = {"name": "hf/m" + (f"+{spec}" if spec else ""), "extra": {}}
    if spec:
        info["extra"] = {"intervention": {"name": spec.partition(":")[0], **(flags or {})}}
    rows = [
        sample_row(
            at,
            sample_id=f"{run_id}-{at}",
            doc_id=sample.doc_id,
            cluster=sample.cluster,
            mode=sample.mode,
            condition=dict(sample.condition),
            scores=dict(sample.scores),
            outcome=sample.outcome,
            answer=sample.answer,
        )
        for at, sample in enumerate(samples)
    ]
    run = run_row(run_id, task="position_bias", **{"model": info["name"], "model_info": info, **more})
    found = [metric_row(**metric.to_json()) for metric in metrics(samples)]
    Store(results).ingest(write_folder(results, run, rows, found))


def views(results: Path) -> list[RunView]:
    return load_runs(Store(results), None)


def figures(results: Path) -> dict[str, Figure]:
    return {figure.key: figure for figure in page(views(results)).figures}


@pytest.fixture
def no_bundling(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts.cache_clear()
    monkeypatch.setattr("suite.report.site.scripts", lambda: "")


def test_the_finding_names_the_best_and_the_worst_place(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(40, first))
    assert page(views(tmp_path)).finding == (
        "“m” is right on 100% of items with the right part in place 1 of 4, and on 0% with it in place 2 of 4 "
        "(mcq_synth, 4 options, cyclic orders, labels stay at places; p < 0.001)."
    )


def test_a_model_that_minds_no_place_has_no_effect(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(40, gold))
    assert page(views(tmp_path)).finding == "No run’s accuracy depends surely on the place of the right part."


def test_accuracy_by_place_has_a_colour_a_label_mode(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [row for labels in LABELS for row in mcq(8, first, labels)])
    rows = figures(tmp_path)["places-1"].rows
    assert len(rows) == 12 and {row["labels"] for row in rows if row["cell"] == "place 1"} == {
        "labels stay at places",
        "labels travel with content",
        "no labels",
    }
    assert {row["share right"] for row in rows if row["cell"] == "place 1"} == {1.0}


def test_recall_by_letter_stands_beside_its_share_of_answers(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [row for labels in LABELS for row in mcq(8, first, labels)])
    found = figures(tmp_path)
    stay = {(row["cell"], row["what"]): row["share"] for row in found["letters-1"].rows}
    assert stay["A", "answers with this letter"] == 1 and stay["B", "right, of those with this letter"] == 0
    travel = {(row["cell"], row["what"]): row["share"] for row in found["letters-2"].rows}
    assert travel["B", "answers with this letter"] == 0.25  # the first place has every letter in turn
    assert "letters-3" not in found  # without labels there are no letters


def test_curves_run_from_the_first_to_the_last_place(tmp_path: Path) -> None:
    write_run(tmp_path, "a", curve(10, {0: 1, 4: 0, 9: 1}))
    figure = figures(tmp_path)["curve-1"]
    assert [(row["place"], row["share right"]) for row in figure.rows] == [(0, 1), (4 / 9, 0), (1, 1)]
    assert {row["without documents"] for row in figure.rows} == {0.5}
    assert "Ends less middle: m, no labels: 1.00." in figure.caption


def test_published_curves_stand_beside_ours_and_say_that_they_are_not_verified(tmp_path: Path) -> None:
    write_run(tmp_path, "a", curve(10, {0: 1, 4: 0, 9: 1}))
    Store(tmp_path).add_reference(PositionBias.references())
    rows = figures(tmp_path)["published-curves"].rows
    assert len(rows) == 4 * (3 + 5) and all("not verified" in row["verified"] for row in rows)
    curve_20 = [row["share right"] for row in rows if (row["model"], row["shown"]) == ("GPT-3.5-Turbo", "20 documents")]
    assert curve_20 == [0.758, 0.572, 0.538, 0.554, 0.632]


def test_published_curves_need_ours(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(4, first))
    Store(tmp_path).add_reference(PositionBias.references())
    assert "published-curves" not in figures(tmp_path)


def test_quadrants_stand_with_the_mean_of_both_orders(tmp_path: Path) -> None:
    write_run(tmp_path, "a", judge(10, first))
    rows = {row["verdicts"]: row for row in figures(tmp_path)["quadrants-1"].rows}
    assert rows["first place both times"]["share"] == 1 and rows["right in both orders"]["share"] == 0
    assert {row["accuracy, mean of both orders"] for row in rows.values()} == {0.5}


def test_modes_never_share_a_chart(tmp_path: Path) -> None:
    samples = [*judge(10, first), *tau(10)]
    likelier = [replace(row, mode="loglikelihood", sample_id=f"l{row.sample_id}") for row in samples]
    write_run(tmp_path, "a", [*samples, *likelier])
    found = figures(tmp_path)
    assert found["quadrants-1"].title.endswith("(written answers)")
    assert found["quadrants-2"].title.endswith("(log-probabilities)")
    assert sum(row["share"] for row in found["quadrants-2"].rows) == 1
    assert [len(found[f"premises-{number}"].rows) for number in (1, 2)] == [2, 2]


def test_a_label_that_gives_the_answer_away_is_said(tmp_path: Path) -> None:
    write_run(tmp_path, "a", judge(10, gold, "travel"))
    assert (
        "always has the same label: m (judge_synth, labels travel with content)"
        in figures(tmp_path)["quadrants-1"].caption
    )


def test_mitigations_stand_beside_the_mean_of_all_orders(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [*mcq(8, first), *judge(8, first)])
    found = figures(tmp_path)
    for key, remedy in (("mitigations-1", "cyclic average*"), ("mitigations-2", "both orders averaged*")):
        rows = {row["cell"]: row for row in found[key].rows}
        mean = rows["mean over orders"]["accuracy"]
        assert rows[remedy]["mean over orders"] == mean
        assert rows[remedy]["gain over that mean"] == pytest.approx(rows[remedy]["accuracy"] - mean)
        assert rows[remedy]["consistent"] == "by construction" and not rows["mean over orders"]["consistent"]


def test_only_remedies_that_are_consistent_by_construction_have_an_asterisk(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(20, first))
    rows = [row for key, figure in figures(tmp_path).items() if key.startswith("mitigations") for row in figure.rows]
    assert all(row["cell"].endswith("*") == (row["consistent"] == "by construction") for row in rows)


def before_and_after(results: Path, flags: dict[str, bool] | None = None) -> None:
    write_run(results, "a", [*mcq(24, first, "none"), *mcq(24, first, "slot")])
    write_run(results, "b", [*mcq(24, gold, "none"), *mcq(24, first, "slot")], "pine", flags)


def test_an_intervention_is_paired_with_the_same_model_by_item(tmp_path: Path) -> None:
    before_and_after(tmp_path)
    found = {pair.after.labels: pair for pair in pairs(views(tmp_path))}
    gained = found["no labels"]
    assert (gained.spec, gained.gain.value, gained.gain.n) == ("pine", 0.75, 24)
    assert gained.p < 0.001 and found["labels stay at places"].p == 1
    assert "Largest gain of an intervention over the mean of all orders: +75.0 points" in page(views(tmp_path)).finding


def test_a_sure_loss_is_said_and_is_no_gain(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(24, gold, "none"))
    write_run(tmp_path, "b", mcq(24, first, "none"), "pine")
    found = page(views(tmp_path)).finding
    assert "No intervention gains over the mean of all orders." in found
    assert "Largest loss: −75.0 points (PINE, mcq_synth, 4 options, cyclic orders, p = 0.0" in found


def test_before_and_after_have_the_mean_of_orders_and_consistency(tmp_path: Path) -> None:
    before_and_after(tmp_path)
    rows = [row for row in figures(tmp_path)["interventions-1"].rows if "no labels" in row["cell"]]
    assert [(row["model is run"], row["accuracy"]) for row in rows] == [("without", 0.25), ("with the intervention", 1)]
    assert [row["gain over the mean of orders"] for row in rows] == [None, 0.75]
    assert [row["dependence on order"].split(" [")[0] for row in rows] == [
        "one answer in all orders: 0.00",
        "one answer in all orders: 1.00",
    ]


def test_interventions_stand_beside_the_mitigations_of_the_same_answers(tmp_path: Path) -> None:
    before_and_after(tmp_path)
    rows = [row for row in figures(tmp_path)["mitigations-1"].rows if row["labels"] == "no labels"]
    assert {row["model"] for row in rows} == {"m"}  # PINE's orders are one, so that it has no panel of its own
    by_line = {row["cell"]: row for row in rows}
    assert list(by_line) == ["mean over orders", "original order*", "one drawn order", "cyclic average*", "PINE*"]
    assert (by_line["PINE*"]["mean over orders"], by_line["PINE*"]["gain over that mean"]) == (0.25, 0.75)
    assert (by_line["PINE*"]["passes an item"], by_line["PINE*"]["RStd after it"]) == (1, 0)


def test_the_more_pairs_there_are_the_surer_each_must_be(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(5, first, "none"))
    write_run(tmp_path, "b", mcq(5, gold, "none"), "pine")
    (alone,) = pairs(views(tmp_path))
    write_run(tmp_path, "c", mcq(5, gold, "none"), "rotor")
    assert alone.p == 2 / 2**5 and [pair.p for pair in pairs(views(tmp_path))] == [2 * alone.p] * 2


@pytest.mark.parametrize(("flags", "marked"), [(None, True), ({"canonical_order": False}, False)])
def test_consistency_by_construction_is_marked_unless_labels_stay(
    tmp_path: Path, flags: dict[str, bool] | None, marked: bool
) -> None:
    before_and_after(tmp_path, flags)
    assert {pair.after.labels: pair.by_construction for pair in pairs(views(tmp_path))} == {
        "no labels": marked,
        "labels stay at places": False,
    }
    summary = page(views(tmp_path)).summary
    assert summary is not None and ("by construction" in summary.columns) == marked


def test_runs_of_other_models_are_no_pair(tmp_path: Path) -> None:
    write_run(tmp_path, "a", mcq(8, first), model_info={"name": "hf/other", "extra": {}})
    write_run(tmp_path, "b", mcq(8, gold), "pine")
    assert pairs(views(tmp_path)) == [] and "interventions-1" not in figures(tmp_path)


def test_the_leaderboard_has_a_line_a_cell_in_the_order_of_runs(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [*mcq(8, first), *judge(8, gold), *curve(8, {0: 1, 4: 0, 9: 1}), *tau(8)])
    summary = page(views(tmp_path)).summary
    assert summary is not None
    lines = {
        line["family"]: line for row in summary.rows for line in [dict(zip(summary.columns, row.cells, strict=True))]
    }
    assert set(lines) == {"mcq", "judge", "docqa", "premise"}
    accuracy = lines["mcq"]["accuracy, mean of orders"]
    assert isinstance(accuracy, Measured) and accuracy.value == 0.25
    consistency = lines["mcq"]["consistency"]
    assert isinstance(consistency, Measured) and consistency.value == 0
    assert consistency.high == pytest.approx(0.3244, abs=1e-4)  # Wilson, 8 items
    assert "never rank by it" in summary.reading


def test_premises_have_a_line_a_tau(tmp_path: Path) -> None:
    write_run(tmp_path, "a", tau(10))
    figure = figures(tmp_path)["premises-1"]
    assert [(row["cell"], row["share right"]) for row in figure.rows] == [("tau 1", 1), ("tau -1", 0.5)]


def test_without_figures_the_page_is_empty(tmp_path: Path) -> None:
    Store(tmp_path).ingest(write_folder(tmp_path, run_row("a", task="position_bias")))
    content = page(views(tmp_path))
    assert (content.finding, content.summary, list(content.figures)) == ("", None, [])


def odd_metrics() -> list[dict[str, Any]]:
    """Metrics of our names under conditions of any shape."""
    names = ("accuracy", "accuracy_at", "recall", "quadrant", "mitigated_accuracy", "position_p", "dip_mean")
    odd: list[dict[str, Any]] = [
        {},
        {"family": 3},
        {"family": "mcq", "arm": None},
        {"family": ["mcq"], "arm": "cyclic"},
    ]
    for family in ("mcq", "judge", "docqa", "premise"):
        odd += [{"family": family, "arm": "tau", "tau": "x"}, {"family": family, "arm": "move_gold", "k": HOSTILE}]
        odd += [{"family": family, "arm": HOSTILE, "gold_slot": "0", "letter": 3, "quadrant": [1], "mitigation": 2}]
        odd += [
            {"family": family, "arm": "move_gold", "k": 1, "gold_slot": 0, "source": HOSTILE, "label_mode": HOSTILE}
        ]
        odd += [{"family": family, "arm": "move_gold", "k": 3, "gold_slot": at, "source": HOSTILE} for at in range(3)]
        odd += [{"family": family, "arm": "swap", "quadrant": HOSTILE, "letter": HOSTILE, "mitigation": HOSTILE}]
    return [metric_row(name, condition=one, value=v) for name in names for one in odd for v in (0.5, None)]


def test_metrics_of_any_shape_break_nothing_and_stay_text(tmp_path: Path, no_bundling: None) -> None:
    for run_id, card in (("a", {"name": HOSTILE}), ("b", {"name": f"{HOSTILE}+pine", "extra": {"intervention": {}}})):
        run = run_row(run_id, task="position_bias", model=HOSTILE, model_info=card)
        Store(tmp_path).ingest(write_folder(tmp_path, run, None, odd_metrics()))
    site = build_report(tmp_path).parent
    html = (site / "task-position_bias.html").read_text("utf-8")
    assert "<script>alert" not in html and "<img src=x" not in html
    for figure in page(views(tmp_path)).figures:
        assert "alert" not in json.dumps({k: v for k, v in figure.spec.items() if k not in ("data", "description")})


def test_failed_calls_leave_a_page(tmp_path: Path) -> None:
    failed = [replace(row, scores={}, outcome="error", error="timeout") for row in mcq(3, first)]
    write_run(tmp_path, "a", failed)
    assert page(views(tmp_path)).summary is not None


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_in_a_browser_every_chart_is_drawn_and_tables_sort(tmp_path: Path, width: int, scheme: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    path = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    everything = [*judge(8, first), *curve(8, {0: 1, 4: 0, 9: 1}), *tau(8)]
    write_run(tmp_path, "a", [*mcq(20, first, "travel"), *everything])
    write_run(tmp_path, "b", [*mcq(20, gold, "travel"), *everything], "pine")
    Store(tmp_path).add_reference(PositionBias.references())
    site = build_report(tmp_path).parent
    problems: list[str] = []
    with playwright.sync_playwright() as api:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = api.chromium.launch(executable_path=path, args=arguments)
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda said: problems.extend([said.text] if said.type in ("error", "warning") else []))
        tab.goto((site / "task-position_bias.html").as_uri())
        for key in figures(tmp_path):
            tab.locator(f"[data-chart={key}] svg").wait_for()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.locator("#summary th button").first.click()
        assert tab.locator("#summary th[aria-sort]").count() == 1
        browser.close()
    assert problems == []
