"""The Only Connect Wall's page: its finding, charts, browser of walls, and hostile text that stays text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE
from run_folders import metric_row, run_row, sample_row, write_folder

from suite.report import build_report
from suite.report.charts import Figure, scripts
from suite.report.content import Explorer, Measured
from suite.report.pages.only_connect_wall import page
from suite.report.queries import RunView, load_runs
from suite.store import Store

GOLD = [[f"{group}{number}" for number in range(1, 5)] for group in "abcd"]
WORDS = [clue for column in zip(*GOLD, strict=True) for clue in column]
ARMS = ("BASE", "ABS", "SUB", "RH")
EFFECTS = {"correct_groups": (0.3, 0.1, 0.5), "lured": (0.2, 0.1, 0.3)}


def cell(**more: Any) -> dict[str, Any]:
    written = {"set": "quads", "question": "grouping", "method": "answer", "prompt": "clean", "shots": 0, "warn": False}
    return {**written, **more}


def quad_metrics(label: str = "clean", **way: Any) -> list[dict[str, Any]]:
    """Arms from 2.0 groups (BASE) down to 1.4 (RH), and their contrasts."""
    rows = []
    for number, arm in enumerate(ARMS):
        here = cell(arm=arm, prompt=label, **way)
        rows += [
            metric_row("correct_groups", condition=here, value=2.0 - number / 5, ci_low=1.0, ci_high=2.2),
            metric_row("solved", condition=here, value=0.25, ci_low=0.2, ci_high=0.3),
            metric_row("lured", condition=here, value=number / 10, ci_low=0.0, ci_high=0.5),
            metric_row("status_share", condition={**here, "status": "refusal"}, value=0.1),
        ]
        rows += [
            metric_row("critical_place", condition={**here, "place": place}, value=0.25)
            for place in ("host", "competitor", "filler", "missing")
        ]
    for name in ("sub_rh", "base_abs", "did"):
        for measure, (value, low, high) in EFFECTS.items():
            here = cell(measure=measure, prompt=label, **way)
            rows.append(metric_row(name, condition=here, value=value, ci_low=low, ci_high=high))
    rows.append(metric_row("correct_groups_chance", condition=cell(prompt=label, **way), value=4 / 455))
    return rows


def dose_metrics() -> list[dict[str, Any]]:
    rows = [
        metric_row("correct_groups", condition=cell(set="dose", arm=f"r{dose}"), value=1.6 - dose / 5)
        for dose in range(4)
    ]
    slope = cell(set="dose", measure="correct_groups")
    return [*rows, metric_row("dose_slope", condition=slope, value=-0.2, ci_low=-0.3, ci_high=-0.1)]


def people_metrics() -> list[dict[str, Any]]:
    here = cell(set="public", arm="wall", prompt="paper")
    values = {"solved": 0.01, "correct_groups": 0.4, "human_solved": 0.58, "human_groups": 2.85}
    return [
        metric_row(name, condition=here, value=value, ci_low=value, ci_high=value) for name, value in values.items()
    ]


def wall_row(number: int = 0, text: str = "", **changes: Any) -> dict[str, Any]:
    """A quad's wall whose critical clue was put with the lure."""
    groups = [{"label": text or f"Group {row[0][0]}", "clues": row} for row in GOLD]
    target = {"groups": groups, "words": WORDS, "critical": "a1", "lure": GOLD[1]}
    returned = [["a1", "b1", "b2", "b3"], ["a2", "a3", "a4", text or "zz"], GOLD[2]]
    row = {
        "doc_id": f"q{number}",
        "condition": cell(arm=ARMS[number % 4], shuffle=0),
        "target": json.dumps(target),
        "answer": json.dumps(returned),
        "outcome": "wrong",
    }
    return sample_row(number, **(row | changes))


def write_run(
    results: Path,
    run_id: str,
    metrics: list[dict[str, Any]],
    samples: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> None:
    row = run_row(run_id, task="only_connect_wall", **({"model": f"hf/{run_id}"} | changes))
    rows = [wall_row(number) for number in range(8)] if samples is None else samples
    Store(results).ingest(write_folder(results, row, rows, metrics))


@pytest.fixture
def no_bundling(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts.cache_clear()
    monkeypatch.setattr("suite.report.site.scripts", lambda: "")


def views(results: Path) -> list[RunView]:
    return load_runs(Store(results), None)


def figures(results: Path) -> dict[str, Figure]:
    return {figure.key: figure for figure in page(views(results)).figures}


def test_the_finding_says_what_one_herring_costs(tmp_path: Path) -> None:
    write_run(tmp_path, "model", quad_metrics())
    assert page(views(tmp_path)).finding == (
        "One herring among sixteen clues costs “model” 0.30 [0.10, 0.50] of four groups. The herring is put with the "
        "lure on 30% of walls, its neutral twin on 20%."
    )


def test_without_quads_the_finding_sets_people_beside_the_model(tmp_path: Path) -> None:
    write_run(tmp_path, "model", people_metrics())
    assert page(views(tmp_path)).finding == "“model” solves 1.0% of 4 walls (public). People solved 58% of them."


def test_without_figures_there_is_no_finding(tmp_path: Path) -> None:
    write_run(tmp_path, "model", [], [])
    content = page(views(tmp_path))
    assert (content.finding, content.summary, content.explorer, list(content.figures)) == ("", None, None, [])


def test_groups_are_drawn_as_shares_beside_chance_and_people(tmp_path: Path) -> None:
    write_run(tmp_path, "model", people_metrics())
    rows = {(row["cell"], row["asked"]): row for row in figures(tmp_path)["solved-1"].rows}
    assert rows["walls", "groups found"]["share"] == pytest.approx(0.1)
    assert rows["people · same walls", "groups found"]["share"] == pytest.approx(0.7125)
    assert rows["people · same walls", "walls solved"]["share"] == 0.58


def test_each_set_of_walls_has_a_chart_of_its_own(tmp_path: Path) -> None:
    write_run(tmp_path, "model", [*quad_metrics(), *people_metrics()])
    found = {figure.title: figure for key, figure in figures(tmp_path).items() if key.startswith("solved")}
    assert set(found) == {"Walls and groups: quads", "Walls and groups: public"}
    arms = [row["cell"].partition(" ")[0] for row in found["Walls and groups: quads"].rows]
    assert arms == [arm for _ in range(2) for arm in ARMS]
    assert {row["chance"] for row in found["Walls and groups: quads"].rows} == {None, 4 / 455 / 4}


def test_contrasts_stand_beside_each_other_with_intervals(tmp_path: Path) -> None:
    write_run(tmp_path, "model", quad_metrics())
    rows = figures(tmp_path)["herring"].rows
    assert len(rows) == 6
    assert {row["more fixation →"] for row in rows if row["cell"] == "groups found, of 4"} == {0.3 / 4}
    assert {(row["low"], row["high"]) for row in rows if row["cell"] == "herring put with the lure"} == {(0.1, 0.3)}


def test_the_dose_curve_has_a_point_a_dose_and_its_slope(tmp_path: Path) -> None:
    write_run(tmp_path, "model", dose_metrics())
    figure = figures(tmp_path)["dose"]
    assert [(row["herrings"], row["groups"]) for row in figure.rows] == [
        (dose, pytest.approx(1.6 - dose / 5)) for dose in range(4)
    ]
    assert "Slope, groups a herring: model −0.20 [−0.30, −0.10]." in figure.caption


def test_the_lure_matrix_has_a_share_a_condition_and_place(tmp_path: Path) -> None:
    write_run(tmp_path, "model", quad_metrics())
    rows = figures(tmp_path)["lures"].rows
    assert len(rows) == 16 and {row["share"] for row in rows} == {0.25}
    assert [row["place"] for row in rows[:4]] == ["own group", "lure", "elsewhere", "nowhere"]


def test_the_leaderboard_has_a_line_a_condition_in_both_modes(tmp_path: Path) -> None:
    write_run(tmp_path, "model", [*quad_metrics(), *people_metrics()])
    summary = page(views(tmp_path)).summary
    assert summary is not None
    lines = [dict(zip(summary.columns, row.cells, strict=True)) for row in summary.rows]
    (rh,) = [line for line in lines if str(line["condition"]).startswith("RH")]
    assert rh["herring cost, groups"] == Measured(0.3, 0.1, 0.5)
    assert rh["no readable answer"] == Measured(0.1)
    assert rh["how asked"] == "clean prompt, 0 shots"
    assert len(lines) == 5


def test_ways_of_asking_have_panels_of_their_own(tmp_path: Path) -> None:
    bare = [metric_row("solved", condition={"set": "quads", "question": "grouping", "method": "affinity", "arm": "RH"})]
    write_run(tmp_path, "model", [*quad_metrics(), *bare])
    assert {row["model"] for row in figures(tmp_path)["solved-1"].rows} == {"model", "affinities: model"}


def test_the_browser_of_walls_has_what_it_draws(tmp_path: Path) -> None:
    write_run(tmp_path, "model", quad_metrics())
    explorer = page(views(tmp_path)).explorer
    assert isinstance(explorer, Explorer) and len(explorer.data) == 8
    wall = explorer.data[3]
    assert (wall["condition"], wall["item"], wall["critical"]) == ("RH: herring, lure", "q3", "a1")
    assert wall["words"] == WORDS and wall["returned"][0] == ["a1", "b1", "b2", "b3"]
    assert [group["clues"] for group in wall["right"]] == GOLD


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "no JSON"},
        {"target": "{"},
        {"target": '{"groups": 3, "words": []}'},
        {"target": '{"groups": [3], "words": []}'},
        {"target": "[1]"},
        {"target": "{" + " " * 5000 + "}"},
        {"target": None},
    ],
)
def test_rows_that_are_no_walls_are_passed_over(tmp_path: Path, changes: dict[str, Any]) -> None:
    write_run(tmp_path, "model", quad_metrics(), [wall_row(0, **changes)])
    assert page(views(tmp_path)).explorer is None


@pytest.mark.parametrize("answer", [None, "none", '["a"]', '{"a": 1}', "[[1, null], [" + '"x",' * 9999 + '"x"]]'])
def test_walls_without_a_readable_answer_have_no_groups(tmp_path: Path, answer: str | None) -> None:
    write_run(tmp_path, "model", quad_metrics(), [wall_row(0, answer=answer)])
    explorer = page(views(tmp_path)).explorer
    assert explorer is not None and explorer.data[0]["returned"] == []


def test_metrics_of_another_shape_break_nothing(tmp_path: Path, no_bundling: None) -> None:
    odd: list[dict[str, Any]] = [{}, {"set": 3}, {"question": "grouping", "set": None, "arm": 5}, {"arm": "RH"}]
    names = ("solved", "correct_groups", "did", "lured", "human_solved")
    metrics = [
        metric_row(name, condition=condition, value=value)
        for name in names
        for condition in odd
        for value in (1.0, None)
    ]
    write_run(tmp_path, "model", metrics)
    assert (build_report(tmp_path).parent / "task-only_connect_wall.html").exists()


def hostile_site(results: Path) -> Path:
    metrics = [*quad_metrics(HOSTILE), *quad_metrics(set=HOSTILE)]
    write_run(
        results, "run-a", metrics, [wall_row(n, HOSTILE, doc_id=f"{HOSTILE}{n}") for n in range(4)], model=HOSTILE
    )
    return build_report(results).parent


def test_names_from_a_database_never_enter_the_code_of_a_chart(tmp_path: Path, no_bundling: None) -> None:
    hostile_site(tmp_path)
    for figure in page(views(tmp_path)).figures:
        assert "alert" not in json.dumps({key: value for key, value in figure.spec.items() if key != "data"})
    html = (tmp_path / "report" / "task-only_connect_wall.html").read_text("utf-8")
    assert "<script>alert" not in html and "<img src=x" not in html
    data = (tmp_path / "report" / "task-only_connect_wall.explorer.js").read_text("utf-8")
    assert data.startswith("window.EXPLORER=") and "\u2028" not in data


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_walls_can_be_turned_and_filtered_and_text_stays_text(
    tmp_path: Path, scheme: Any, width: int
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    path = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    problems: list[str] = []
    site = hostile_site(tmp_path)
    with playwright.sync_playwright() as api:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = api.chromium.launch(executable_path=path, args=arguments)
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda said: said.type in ("error", "warning") and problems.append(said.text))
        tab.on("request", lambda sent: sent.url.startswith(("file:", "data:")) or problems.append(sent.url))
        tab.goto((site / "task-only_connect_wall.html").as_uri())
        tab.locator("[data-chart=herring] svg").wait_for()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        shown, right, returned = (tab.locator("#explorer ul.wall").nth(at) for at in range(3))
        assert shown.locator("li[data-group]").count() == right.locator("li[data-group]").count() == 16
        assert returned.locator("li[data-group]").count() == 11 and returned.locator("li.foreign").count() == 1
        assert "<script>alert(1)</script>" in right.inner_text()
        assert "Left out: d1" in tab.locator("#explorer p").inner_text()
        assert tab.locator("#explorer li.critical").count() == 3
        tab.get_by_role("button", name="next").click()
        assert tab.locator("#explorer [role=status]").inner_text().startswith("2 of 4")
        tab.select_option("#explorer select[aria-label=condition]", "=RH: herring, lure")
        assert tab.locator("#explorer [role=status]").inner_text().startswith("1 of 1")
        browser.close()
    assert problems == []
