"""What the report's pages say: findings and charts from the figures, doubt where it belongs, strange runs endured."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE, cell, curse_metrics, write_run
from run_folders import metric_row, run_row, write_folder

from suite.report import build_report
from suite.report.charts import Figure, loss_curve, scripts
from suite.report.content import Measured
from suite.report.other_tasks import page_of_any_task
from suite.report.pages.reversal_curse import page
from suite.report.queries import RunView, load_runs
from suite.report.rendering import number, words
from suite.store import Store


@pytest.fixture(autouse=True)
def _no_bundling(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts.cache_clear()
    monkeypatch.setattr("suite.report.site.scripts", lambda: "")


def views(results: Path) -> list[RunView]:
    return load_runs(Store(results), None)


def figures(results: Path) -> dict[str, Figure]:
    return {figure.key: figure for figure in page(views(results)).figures}


def chart_rows(figure: Figure) -> list[dict[str, Any]]:
    """What is drawn, which may be more than the table beside it."""
    return list(figure.spec["data"]["values"])


def real_metrics() -> list[dict[str, Any]]:
    way = {"track": "real", "rows": "file", "prompt": "chat", "decoding": "sampled"}
    return [
        metric_row("mean", condition={**way, "direction": "forward"}, value=0.35),
        metric_row("mean", condition={**way, "direction": "reverse"}, value=0.12),
        metric_row("gap", condition=way, value=0.23, ci_low=0.2, ci_high=0.25, headline=False),
    ]


def test_the_finding_names_the_widest_gap_with_its_interval(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", model="hf/ntp")
    expected = "Same direction 1.00, reverse 0.25: gap 0.75 [0.50, 0.88] (“ntp”, facts told name first)."
    assert page(views(tmp_path)).finding == expected
    assert expected in build_report(tmp_path).read_text("utf-8")


def test_the_finding_sets_other_runs_beside_it_and_says_which_cannot_be_read(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", model="hf/ntp")
    write_run(tmp_path, "run-b", model="hf/reverse", metrics=curse_metrics(note="uninterpretable: the control is low"))
    finding = page(views(tmp_path)).finding
    assert finding.startswith("Same direction 1.00, reverse 0.25: gap 0.75 [0.50, 0.88] (“ntp”")
    assert finding.endswith("In the same place: “reverse” 1.00 and 0.25, gap 0.75 [0.50, 0.88], not interpretable.")


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (real_metrics(), "Same direction 0.35, reverse 0.12: gap 0.23 [0.20, 0.25] (“m”, real people)."),
        (
            [metric_row("em", condition=cell("n2d_only", "d2n", "reverse", "ctx"), value=0.9)],
            "With the fact in the prompt, “m” answers 0.90 [0.30, 0.70] of the reverse questions "
            "(facts told name first).",
        ),
        (curse_metrics(note="uninterpretable: the control is low"), "No gap can be read yet"),
        ([], ""),
    ],
    ids=["real people", "controls only", "nothing readable", "nothing"],
)
def test_the_finding_falls_back_to_what_the_runs_have(
    tmp_path: Path, metrics: list[dict[str, Any]], expected: str
) -> None:
    write_run(tmp_path, "run-a", model="hf/m", metrics=metrics)
    finding = page(views(tmp_path)).finding
    assert finding.startswith(expected) and bool(finding) == bool(expected)


def test_a_line_of_the_leaderboard_holds_one_run_measure_mode_and_group(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", metrics=[*curse_metrics(control="ctx"), *real_metrics()])
    summary = page(views(tmp_path)).summary
    assert summary is not None
    lines = [dict(zip(summary.columns, row.cells, strict=True)) for row in summary.rows]
    assert len(lines) == len({(line["measure"], line["mode"], line["trained"]) for line in lines}) == 7
    assert lines[0] == {
        "measure": "exact match",
        "mode": "generate",
        "trained": "name first",
        "as trained": Measured(1.0, 0.9, 1.0),
        "in reverse": Measured(0.25, 0.15, 0.25),
        "gap": Measured(0.75, 0.5, 0.875),
        "both orders": Measured(1.0, 0.9, 1.0),
        "fact in prompt": Measured(0.9, 0.3, 0.7),
        "chance": Measured(0.125),
    }


def test_the_chart_of_directions_has_every_cell_in_order_with_its_chance(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", metrics=list(reversed(curse_metrics())))
    rows = figures(tmp_path)["em"].rows
    assert [(row["cell"], row["asked"], row["exact match"]) for row in rows] == [
        ("name first · description asked", "as trained", 1.0),
        ("name first · name asked", "in reverse", 0.25),
        ("description first · name asked", "as trained", 1.0),
        ("description first · description asked", "in reverse", 0.25),
        ("both orders · description asked", "trained both ways", 1.0),
        ("both orders · name asked", "trained both ways", 1.0),
    ]
    assert {row["chance"] for row in rows} == {0.125}


def test_relations_are_called_by_their_persons(tmp_path: Path) -> None:
    metrics = curse_metrics()
    for metric in metrics:
        metric["condition"]["kind"] = "relation"
    write_run(tmp_path, "run-a", metrics=metrics)
    assert figures(tmp_path)["em"].rows[0]["cell"] == "person A first · person B asked"


def test_a_score_that_cannot_be_read_is_drawn_hollow_and_explained(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", metrics=curse_metrics(note="uninterpretable: the control is low"))
    figure = figures(tmp_path)["em"]
    assert all(row["doubtful"] for row in chart_rows(figure))
    assert "hollow" in figure.caption
    assert "datum.doubtful" in json.dumps(figure.spec)


def test_the_contrast_averages_the_wordings_of_a_fact(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", n_samples=24)
    rows = [row for row in chart_rows(figures(tmp_path)["contrast"]) if "nats" in row]
    first = [row for row in rows if row["cell"] == "name first · description asked"]
    assert [(row["fact"], row["nats"]) for row in first] == [(f"plain{fact}", 1.5) for fact in range(4)]
    assert len(rows) == 6 * 4, "one stroke a fact and cell"


def test_the_heat_map_numbers_the_wordings_of_each_direction(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", metrics=[*curse_metrics(template="t1"), *curse_metrics(template="t2")])
    rows = figures(tmp_path)["wordings"].rows
    assert {(row["template"], row["wording"]) for row in rows} == {("t1", 1), ("t2", 2)}
    assert len(rows) == 12


def test_controls_are_drawn_for_the_runs_that_have_them(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", model="hf/without")
    assert "controls" not in figures(tmp_path)
    write_run(tmp_path, "run-b", model="hf/with", metrics=curse_metrics(control="ctx"))
    rows = figures(tmp_path)["controls"].rows
    assert {row["model"] for row in rows} == {"with"}
    assert {row["cell"] for row in rows} == {"no help", "fact in the prompt · ctx"}


def test_names_from_a_database_never_enter_the_code_of_a_chart(tmp_path: Path) -> None:
    for name in ("run-a", "run-b"):
        write_run(tmp_path, name, text=HOSTILE, metrics=curse_metrics(HOSTILE, HOSTILE, control="ctx"))
    runs = views(tmp_path)
    for figure in [*page(runs).figures, *page_of_any_task(runs).figures]:
        spec = {key: value for key, value in figure.spec.items() if key != "data"}
        assert "alert" not in json.dumps(spec)


def test_an_imported_run_without_our_conditions_breaks_nothing(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [{}, {"group": "n2d_only"}, {"group": 3, "direction": None, "control": "none"}]
    names = ("em", "mrr", "delta", "gap", "mean", "em_by_template")
    metrics = [metric_row(name, condition=condition) for name in names for condition in odd]
    metrics.append(metric_row("em", condition=cell("both", "n2d", "same"), value=None))
    write_run(
        tmp_path,
        "run-a",
        metrics=metrics,
        model_info=["not a card"],
        options=[1],
        training={"loss_curve": "none"},
        finished_at=None,
        seconds=None,
        git_commit=None,
        libraries=None,
    )
    build_report(tmp_path)
    assert "run-a" in (tmp_path / "report" / "run-run-a.html").read_text("utf-8")


def test_a_task_without_a_page_of_its_own_shows_its_headline_metrics(tmp_path: Path) -> None:
    metrics = [
        metric_row("acc", condition={"k": k, "split": "test"}, value=value, ci_low=value, ci_high=value)
        for k, value in ((1, 0.25), (2, 4.5))
    ]
    write_run(tmp_path, "run-a", task="some/task", metrics=metrics)
    build_report(tmp_path)
    html = (tmp_path / "report" / "task-some_task.html").read_text("utf-8")
    assert "Some/task" in html and 'data-chart="headline-1"' in html
    (figure,) = page_of_any_task(views(tmp_path)).figures
    assert [(row["cell"], row["value"]) for row in figure.rows] == [("k 1", 0.25), ("k 2", 4.5)]


def test_tasks_whose_names_look_alike_have_pages_of_their_own(tmp_path: Path) -> None:
    for run, task in (("run-a", "a/b"), ("run-b", "a_b"), ("run-c", "A_b")):
        write_run(tmp_path, run, task=task, metrics=[])
    build_report(tmp_path)
    names = [file.name.lower() for file in (tmp_path / "report").glob("task-*.html")]
    assert len(set(names)) == 3


def test_published_figures_stand_apart_with_ours_beside_them(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", model="hf/mine")
    condition = {"group": "n2d_only", "direction": "n2d", "seen": "same", "control": "none"}
    row = {"task": "reversal_curse", "metric": "em", "model": "GPT-X", "value": 0.9, "source": "a paper"}
    Store(tmp_path).add_reference([{**row, "condition": condition}])
    build_report(tmp_path)
    assert "GPT-X" not in (tmp_path / "report" / "index.html").read_text("utf-8")
    html = (tmp_path / "report" / "task-reversal_curse.html").read_text("utf-8")
    published = html[html.index("Published figures") :]
    assert "GPT-X" in published and "mine</a> 1.000" in published


def test_failures_are_counted_by_name(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", status="incomplete")
    build_report(tmp_path)
    html = (tmp_path / "report" / "run-run-a.html").read_text("utf-8")
    assert "Incomplete: 12 samples, 1 error, 11 wrong. Failures: timeout 1." in html


def test_two_runs_of_one_model_are_told_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "task-m-1234", model="hf/m")
    write_run(tmp_path, "task-m-5678", model="hf/m")
    assert [run.label for run in views(tmp_path)] == ["m (1234)", "m (5678)"]
    write_run(tmp_path, "other-m-5678", model="hf/m")
    assert [run.label for run in views(tmp_path)] == ["m (1234)", "m (other-m-5678)", "m (task-m-5678)"]


def test_numbers_that_json_cannot_hold_become_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "run-a", metrics=[metric_row("em", condition={}, value=0.5)])
    broken = {**views(tmp_path)[0].metrics[0], "value": math.nan, "ci_high": math.inf}
    monkeypatch.setattr(Store, "metrics", lambda *_: [broken])
    (metric,) = views(tmp_path)[0].metrics
    assert metric["value"] is None and metric["ci_high"] is None


@pytest.mark.parametrize(
    "training", [None, [], {}, {"loss_curve": None}, {"loss_curve": [1, [2], ["a", "b"]]}], ids=str
)
def test_a_training_record_of_another_form_has_no_curve(training: Any) -> None:
    assert loss_curve(training) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0.000"), (0.12345, "0.123"), (-1.5, "−1.500"), (1e-5, "1e−05"), (1234567, "1,234,567")],
)
def test_numbers_are_printed_alike_everywhere(value: Any, text: str) -> None:
    assert number(value) == text


def test_runs_are_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    for steps in (360, 60, 1000):
        run = run_row(f"toy-steps-{steps}", model=f"hf/./steps-{steps}", model_fingerprint=f"print-{steps}")
        Store(tmp_path).ingest(write_folder(tmp_path, run))
    assert [run.label for run in views(tmp_path)] == ["steps-60", "steps-360", "steps-1000"]


def test_conditions_are_written_without_idle_decimals() -> None:
    assert (
        words({"params": 12.6e9, "tau": -0.5, "arm": "swap", "k": 4}) == "params 12600000000, tau -0.5, arm swap, k 4"
    )
