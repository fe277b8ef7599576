"""Scoring again: the answers stay, the scores are those of the task as it is now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import suite
from suite.errors import UserError
from suite.progress import Silent
from suite.results import RunResult

TOY = Path(__file__).parent / "toy_tasks"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A copy of the toy task, for editing."""
    return Path(shutil.copytree(TOY, tmp_path / "tasks"))


def edit(tasks: Path, old: str, new: str) -> None:
    file = tasks / "toy" / "task.py"
    code = file.read_text()
    assert code.count(old) == 1
    file.write_text(code.replace(old, new))


@pytest.fixture
def finished(tasks: Path, tmp_path: Path) -> RunResult:
    return suite.run(
        "toy",
        "scripted/constant",
        model_options={"text": "Yes."},
        tasks_dir=tasks,
        results=tmp_path / "results",
        reporter=Silent(),
    )


def journal_lines(result: RunResult) -> list[bytes]:
    return (result.folder / "journal.jsonl").read_bytes().splitlines()


def rescore(result: RunResult, tasks: Path) -> RunResult:
    return suite.rescore(result.run_id, result.folder.parent.parent, tasks_dir=tasks)


def test_rescoring_with_the_same_task_changes_nothing(finished: RunResult, tasks: Path) -> None:
    before = journal_lines(finished)
    assert rescore(finished, tasks) == finished
    assert sorted(journal_lines(finished)) == sorted(before)


def test_a_mended_scorer_needs_no_model(finished: RunResult, tasks: Path) -> None:
    assert finished.metric("accuracy", arm="both").value == 0.0
    edit(tasks, 'right = answer == "yes"', 'right = answer.strip(".").lower() == "yes"')
    edit(tasks, 'ClassVar[str] = "1"', 'ClassVar[str] = "2"')
    again = rescore(finished, tasks)
    assert again.metric("accuracy", arm="both").value == 1.0
    assert (again.run_id, again.task_version, again.status) == (finished.run_id, "2", "complete")
    assert again.samples()["scores.correct"].mean() == 1.0


def test_a_task_that_asks_other_questions_is_refused_and_the_run_stays(finished: RunResult, tasks: Path) -> None:
    before = (finished.folder / "journal.jsonl").read_bytes()
    edit(tasks, "['number']}?\"", "['number']}!\"")
    with pytest.raises(UserError, match="asks doc 'doc-0' another question"):
        rescore(finished, tasks)
    assert (finished.folder / "journal.jsonl").read_bytes() == before


def test_a_task_that_has_lost_a_condition_is_refused(finished: RunResult, tasks: Path) -> None:
    edit(tasks, 'Draft(doc.id, "generate", {"arm": "shared"}', 'Draft(doc.id, "generate", {"arm": "other"}')
    with pytest.raises(UserError, match="12 samples of this run are not in task toy any more"):
        rescore(finished, tasks)


def test_a_run_whose_journal_was_cleaned_away_is_rescored_from_the_database(finished: RunResult, tasks: Path) -> None:
    before = {json.loads(line)["sample_id"]: json.loads(line) for line in journal_lines(finished)}
    assert suite.Store(finished.folder.parent.parent).gc(delete=True)
    assert rescore(finished, tasks) == finished
    assert {json.loads(line)["sample_id"]: json.loads(line) for line in journal_lines(finished)} == before


def test_the_latest_run_or_a_unique_beginning_of_its_id_will_do(finished: RunResult, tasks: Path) -> None:
    for name in ("latest", finished.run_id[:-3]):
        assert suite.rescore(name, finished.folder.parent.parent, tasks_dir=tasks) == finished


def test_failed_samples_stay_failed(tasks: Path, tmp_path: Path) -> None:
    result = suite.run("toy", "scripted/faulty", tasks_dir=tasks, results=tmp_path / "results", reporter=Silent())
    again = rescore(result, tasks)
    assert (again.failures, again.status) == (result.failures, "incomplete")


def test_a_run_without_a_finished_sample_cannot_be_rescored(finished: RunResult, tasks: Path) -> None:
    results = finished.folder.parent.parent
    (finished.folder / "journal.jsonl").unlink()
    (results / "unreason.duckdb").unlink()
    with pytest.raises(UserError, match="has no finished sample yet"):
        rescore(finished, tasks)


def test_an_imported_run_whose_id_is_a_path_writes_nowhere(finished: RunResult, tasks: Path) -> None:
    row = json.loads((finished.folder / "run.json").read_text())
    (finished.folder / "run.json").write_text(json.dumps({**row, "run_id": "../../elsewhere"}))
    with pytest.raises(UserError, match="no folder name"):
        rescore(finished, tasks)
    assert not (finished.folder.parent.parent.parent / "elsewhere").exists()


def test_an_unknown_run_names_the_nearest(finished: RunResult, tasks: Path) -> None:
    with pytest.raises(UserError, match=f"did you mean {finished.run_id}"):
        suite.rescore(finished.run_id + "x", finished.folder.parent.parent, tasks_dir=tasks)


def test_the_record_of_the_run_says_what_it_was_scored_with(finished: RunResult, tasks: Path) -> None:
    edit(tasks, 'ClassVar[str] = "1"', 'ClassVar[str] = "2"')
    rescore(finished, tasks)
    row = json.loads((finished.folder / "run.json").read_text())
    assert (row["task_version"], row["status"], row["n_samples"]) == ("2", "complete", 36)
