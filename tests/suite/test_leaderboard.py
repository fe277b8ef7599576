"""The leaderboard: what is handed in is checked, what is built is the same each time, and ranks say what they may."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

import suite
from suite.errors import UserError
from suite.leaderboard import build_leaderboard, check_submission
from suite.leaderboard.markdown import leaderboard_text
from suite.progress import Silent
from suite.report.boards import boards, mean_rank_shares, rank_intervals
from suite.report.queries import load_runs
from suite.store import Store

OPTIONS = {"forms": ["i2", "ui"], "sizes": [4], "overlaps": ["uniform"], "vocabularies": ["animals"], "per_cell": 4}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for model, options in (("constant", {"text": "Answer: {}"}), ("random", {})):
        given: dict[str, Any] = {"options": OPTIONS, "model_options": options, "results": folder}
        suite.run("set_reasoning", f"scripted/{model}", modes=["generate"], reporter=Silent(), **given)
    return folder


@pytest.fixture
def reports(results: Path, tmp_path: Path) -> Path:
    Store(results).export(None, tmp_path / "runs")
    return tmp_path


def submission(reports: Path, model: str = "constant") -> Path:
    (file,) = (reports / "runs").glob(f"*{model}*.parquet")
    return file


def respoil(file: Path, columns: str, where: str = "true") -> None:
    """Writes the file anew with other content."""
    new = file.with_suffix(".new")
    duckdb.sql(f"copy (select {columns} from '{file}' where {where}) to '{new}' (format parquet)")
    new.replace(file)


def test_a_run_as_exported_is_accepted_and_scored_again(reports: Path) -> None:
    checked = check_submission(submission(reports))
    assert checked.depth == "answers"
    assert checked.run_id == submission(reports).stem


FIRST = "sample_id = (select min(sample_id) from {file} where record = 'sample')"


@pytest.mark.parametrize(
    ("columns", "where", "says"),
    [
        ("* replace (value + 0.1 as value)", "true", "metrics do not follow from its samples"),
        ("*", "record != 'metric'", "metrics do not follow.*is missing"),
        ("*", "record != 'sample'", "n_samples says .*, and the file holds 0"),
        ("*", "not (record = 'sample' and {first})", "n_samples says"),
        ("* replace (case when record = 'sample' then 'x' else sample_id end as sample_id)", "true", "are doubled"),
        ("* replace ('9' as task_version)", "true", "task set_reasoning has version"),
        ("* replace ('chess' as task)", "true", "task chess is not known here"),
        ("* replace ('incomplete' as status)", "true", "the run is incomplete"),
        ("* replace (repeat('0', 64) as dataset_hash)", "true", "its docs are not those"),
        ("* replace ('my best model' as model_fingerprint)", "true", "fingerprint is no digest"),
        ("* replace (case when {first} then 'x' || doc_id else doc_id end as doc_id)", "true", "n_docs says"),
        ("* replace (replace(requests::varchar, 'Set ', 'set ')::json as requests)", "true", "requests are not those"),
        ("* replace (replace(responses::varchar, '{{}}', '{{x}}')::json as responses)", "true", "scores its answers"),
        (
            """* replace (case when record = 'sample' then
               regexp_replace(scores::varchar, '"em": *0.0', '"em":1.0')::json else scores end as scores)""",
            "true",
            "metrics do not follow|scores its answers otherwise",
        ),
    ],
)  # fmt: skip
def test_a_submission_that_was_changed_is_refused_in_one_line(
    reports: Path, columns: str, where: str, says: str
) -> None:
    file = submission(reports)
    before = file.read_bytes()
    first = FIRST.format(file=f"'{file}'")
    respoil(file, columns.format(first=first), where.format(first=first))
    assert file.read_bytes() != before
    with pytest.raises(UserError, match=says) as caught:
        check_submission(file)
    assert file.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_submission_under_another_name_is_refused(reports: Path) -> None:
    other = submission(reports).with_name("best.parquet")
    submission(reports).rename(other)
    with pytest.raises(UserError, match="must be called set_reasoning-constant-"):
        check_submission(other)


def test_what_is_built_is_the_same_each_time_and_stale_once_a_run_comes(reports: Path, tmp_path: Path) -> None:
    aside = tmp_path / "aside.parquet"
    submission(reports, "random").rename(aside)
    build_leaderboard(reports)
    build_leaderboard(reports, check=True)
    page = (reports / "LEADERBOARD.md").read_bytes()
    shutil.copytree(reports, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("aside*", "elsewhere"))
    build_leaderboard(tmp_path / "elsewhere", check=True)
    aside.rename(reports / "runs" / f"{aside_name(aside)}")
    with pytest.raises(UserError, match=r"LEADERBOARD.md is stale; run `unreason leaderboard`"):
        build_leaderboard(reports, check=True)
    assert (reports / "LEADERBOARD.md").read_bytes() == page


def aside_name(file: Path) -> str:
    ((run_id,),) = duckdb.sql(f"select max(run_id) from '{file}'").fetchall()
    return f"{run_id}.parquet"


def test_a_changed_site_is_stale(reports: Path) -> None:
    _, index = build_leaderboard(reports)
    index.write_text(index.read_text() + " ")
    with pytest.raises(UserError, match=r"index.html is stale"):
        build_leaderboard(reports, check=True)


COMMITTED = Path(__file__).parents[2] / "reports"


def test_the_committed_leaderboard_is_current_to_the_byte(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED / "runs", tmp_path / "runs")
    shutil.copy(COMMITTED / "LEADERBOARD.md", tmp_path)
    assert build_leaderboard(tmp_path, check=True) == (tmp_path / "LEADERBOARD.md",)


def test_committed_submissions_are_small() -> None:
    files = list((COMMITTED / "runs").glob("*.parquet"))
    assert {file.stem.partition("-")[0] for file in files} >= {
        "hilt",
        "position_bias",
        "reversal_curse",
        "set_reasoning",
    }
    assert max(file.stat().st_size for file in files) < 300_000


def test_no_submission_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no submission"):
        build_leaderboard(tmp_path)


def test_boards_hold_models_that_answered_the_same(results: Path) -> None:
    found = boards("set_reasoning", load_runs(Store(results), None))
    assert found
    for board in found:
        assert {place.run.label for place in board.places} == {"constant", "random"}
        assert {place.metric["mode"] for place in board.places} == {board.mode} == {"generate"}
        assert min(place.rank for place in board.places) == 1


def test_other_options_make_another_board(results: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(results, tmp_path / "more")
    given: dict[str, Any] = {"options": {**OPTIONS, "per_cell": 3}, "results": folder, "reporter": Silent()}
    suite.run("set_reasoning", "scripted/random", modes=["generate"], **given)
    runs = load_runs(Store(folder), None)
    assert {len(board.places) for board in boards("set_reasoning", runs)} == {1, 2}
    assert len({board.setting for board in boards("set_reasoning", runs)}) == 2


def test_a_hostile_name_stays_text_in_the_page(results: Path) -> None:
    runs = load_runs(Store(results), None)
    evil = "](http://x)|<script>alert(1)</script>\n# Owned"
    runs[0].row["model"] = evil  # type: ignore[index]
    text = leaderboard_text({"set_reasoning": boards("set_reasoning", runs)}, {}, None)
    assert "<script>" not in text
    assert "](http" not in text
    assert "\n# Owned" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "alert" in line]
    assert rows
    assert {line.replace("\\|", "").count("|") for line in rows} == {8}


@pytest.mark.parametrize(
    ("values", "errors", "intervals"),
    [
        ([0.9, 0.5, 0.1], [0.01, 0.01, 0.01], [(1, 1), (2, 2), (3, 3)]),
        ([0.5, 0.5, 0.5], [0.1, 0.1, 0.1], [(1, 3), (1, 3), (1, 3)]),
        ([0.9, 0.88, 0.1], [0.05, 0.05, 0.05], [(1, 2), (1, 2), (3, 3)]),
        ([1.0, 0.0], [0.0, 0.0], [(1, 1), (2, 2)]),
        ([0.3], [0.1], [(1, 1)]),
    ],
)
def test_ranks_are_as_wide_as_the_data_leave_them(
    values: list[float], errors: list[float], intervals: list[tuple[int, int]]
) -> None:
    assert rank_intervals(values, errors) == intervals


def test_rank_intervals_hold_the_true_rank_as_often_as_they_say() -> None:
    """Five models of known order: in 95 % of draws all intervals hold, by the family-wise level."""
    import numpy as np

    rng = np.random.default_rng(0)
    truth = [0.8, 0.7, 0.7, 0.4, 0.1]
    held = 0
    for _ in range(200):
        drawn = rng.normal(truth, 0.1)
        intervals = rank_intervals(list(drawn), [0.1] * 5)
        held += all(low <= rank <= high for (low, high), rank in zip(intervals, [1, 2, 2, 4, 5], strict=True))
    assert held / 200 >= 0.95


def test_the_average_over_families_is_only_there_when_asked_for(reports: Path, results: Path) -> None:
    build_leaderboard(reports)
    assert "Over families" not in (reports / "LEADERBOARD.md").read_text()
    build_leaderboard(reports, average=True)
    text = (reports / "LEADERBOARD.md").read_text()
    assert "mean of those shares over the 1 families" in text
    found = boards("set_reasoning", load_runs(Store(results), None))
    shares = {model: share for model, share, _ in mean_rank_shares({"set_reasoning": found})}
    assert max(shares.values()) == 1.0
