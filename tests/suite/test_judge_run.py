"""Judging a stored run: labels, metrics, canaries; interruption and resumption; what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from judge_toys import TASKS, FunctionJudge, finished_run, true_verdict
from run_folders import run_row, write_folder

from suite.errors import RunIncomplete, UserError
from suite.judges.canaries import LEAST, canaries
from suite.judges.kinds.rules_free import RulesFree
from suite.judges.run import judge_run
from suite.models.scripted import load
from suite.progress import Progress, Silent
from suite.registry import judges, load_judge, load_task
from suite.runner import run
from suite.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("finished")
    finished_run(results)
    return results


@pytest.fixture
def run_id(finished: Path, tmp_path: Path) -> str:
    """A finished run in `tmp_path`, copied, since making one takes longer than most tests."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return next((tmp_path / "runs").iterdir()).name


def judged(results: Path, run_id: str, judge: Any, **options: Any) -> Any:
    return judge_run(run_id, judge, results=results, tasks_dir=TASKS, reporter=Silent(), **options)


def journal_of(results: Path, run_id: str, judge: str = "function") -> Path:
    [file] = (results / "runs" / run_id / "judged").glob(f"{judge}-*.jsonl")
    return file


def test_labels_and_metrics_are_stored_under_the_judge(tmp_path: Path, run_id: str) -> None:
    result = judged(tmp_path, run_id, FunctionJudge(true_verdict))
    assert (result.n_units, result.n_kept) == (12, 0)
    assert result.verdicts == {"hallucinated": 3, "supported": 9}
    store = Store(tmp_path)
    assert Counter(label.verdict for label in store.labels(run_id, "function")) == result.verdicts
    [metric] = [row for row in store.metrics([run_id]) if row["name"] == "wrong"]
    assert metric["condition"] == {"level": "unit", "judge": "function"}
    assert metric["value"] == 0.25


def test_rescoring_renews_what_follows_from_labels(tmp_path: Path, run_id: str) -> None:
    """A task whose figure of a judge's labels changes: the stored figure follows, the judge's own quality stays."""
    from suite.runner import rescore

    judged(tmp_path, run_id, RulesFree())
    store = Store(tmp_path)
    before = {(row["name"], json.dumps(row["condition"])): row["value"] for row in store.metrics([run_id])}
    tasks = Path(shutil.copytree(TASKS, tmp_path / "tasks"))
    [file] = tasks.glob("*/task.py")
    code = file.read_text()
    assert code.count('"wrong"') == 1
    file.write_text(code.replace('"wrong"', '"share_wrong"'))
    rescore(run_id, tmp_path, tasks_dir=tasks)
    after = {(row["name"], json.dumps(row["condition"])): row["value"] for row in store.metrics([run_id])}
    renamed = {(name.replace("wrong", "share_wrong"), where): value for (name, where), value in before.items()}
    assert after == renamed
    assert any(name.startswith("canary_") for name, _ in after)


def test_the_same_command_again_asks_nothing(tmp_path: Path, run_id: str) -> None:
    first = judged(tmp_path, run_id, FunctionJudge(true_verdict))
    again = FunctionJudge(true_verdict)
    result = judged(tmp_path, run_id, again)
    assert again.asked == []
    assert result.n_kept == 12
    assert result.metrics == first.metrics


def test_labels_in_the_database_count_where_the_journal_is_gone(tmp_path: Path, run_id: str) -> None:
    judged(tmp_path, run_id, FunctionJudge(true_verdict))
    journal_of(tmp_path, run_id).unlink()
    again = FunctionJudge(true_verdict)
    judged(tmp_path, run_id, again)
    assert again.asked == []


@pytest.mark.parametrize("change", ["version", "fresh"])
def test_a_changed_or_fresh_judge_judges_everything(tmp_path: Path, run_id: str, change: str) -> None:
    judged(tmp_path, run_id, FunctionJudge(true_verdict))
    again = FunctionJudge(lambda _: "abstain", version="2" if change == "version" else "1")
    result = judged(tmp_path, run_id, again, fresh=change == "fresh")
    assert len(again.asked) == 6
    assert result.verdicts == {"abstain": 12}
    assert len(Store(tmp_path).labels(run_id)) == 12


class Stops(FunctionJudge):
    """Is interrupted before the fourth response."""

    def label(self, responses: Any) -> Any:
        for number, labels in enumerate(super().label(responses)):
            if number == 3:
                raise KeyboardInterrupt
            yield labels


def test_an_interrupted_judge_continues_where_it_stopped(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(RunIncomplete, match="3 of 6 judged responses are kept"):
        judged(tmp_path, run_id, Stops(true_verdict))
    assert Store(tmp_path).labels(run_id) == []
    rest = FunctionJudge(true_verdict)
    result = judged(tmp_path, run_id, rest)
    assert len(rest.asked) == 3
    assert (result.n_kept, result.verdicts) == (6, {"hallucinated": 3, "supported": 9})


def test_a_torn_last_line_costs_one_response(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(RunIncomplete):
        judged(tmp_path, run_id, Stops(true_verdict))
    file = journal_of(tmp_path, run_id)
    file.write_bytes(file.read_bytes()[:-20])
    rest = FunctionJudge(true_verdict)
    judged(tmp_path, run_id, rest)
    assert len(rest.asked) == 4


def test_a_broken_line_is_named(tmp_path: Path, run_id: str) -> None:
    judged(tmp_path, run_id, FunctionJudge(true_verdict))
    file = journal_of(tmp_path, run_id)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "{}", *lines[2:]]) + "\n")
    with pytest.raises(UserError, match=r"jsonl:2: no labels"):
        judged(tmp_path, run_id, FunctionJudge(true_verdict))


def test_responses_that_could_not_be_judged_leave_the_run_incomplete(tmp_path: Path, run_id: str) -> None:
    def forgetful(unit: Any) -> Any:
        return None if unit.item["year"] == 1702 else true_verdict(unit)

    with pytest.raises(RunIncomplete, match="2 of 12 units"):
        judged(tmp_path, run_id, FunctionJudge(forgetful))
    assert Store(tmp_path).labels(run_id) == []
    result = judged(tmp_path, run_id, FunctionJudge(forgetful), allow_missing=True)
    assert result.verdicts["unresolved"] == 2
    assert "16.7% of the units are unresolved" in result.warnings[0]
    later = FunctionJudge(true_verdict)
    judged(tmp_path, run_id, later)  # what was missing is asked for again
    assert len(later.asked) == 1


def test_canaries_measure_judges_of_sentences(tmp_path: Path, run_id: str) -> None:
    result = judged(tmp_path, run_id, RulesFree())
    figures = {metric.name: metric for metric in result.metrics}
    assert figures["canary_sensitivity"].condition == {"judge": "rules_free"}
    assert figures["canary_sensitivity"].n + figures["canary_specificity"].n == LEAST
    assert result.verdicts == {"hallucinated": 3, "supported": 9}
    assert all(not label.sample_id.startswith("canary") for label in Store(tmp_path).labels(run_id))


def test_canaries_are_seeded_and_grow_with_the_work() -> None:
    assert canaries(100) == canaries(100) != canaries(100, seed=1)
    assert sum(len(one.units) for one in canaries(2000)) == 100
    assert canaries(0) == []
    for one in canaries(1000):
        for unit, verdict in zip(one.units, one.verdicts, strict=True):
            claims = [word for word in unit.evidence.split() if word.rstrip(".").isdigit()]
            assert verdict in ("supported", "hallucinated") and claims


def test_progress_is_told_for_every_response(tmp_path: Path, run_id: str) -> None:
    seen: list[Progress] = []

    class Watching(Silent):
        def update(self, progress: Progress) -> None:
            seen.append(progress)

    judge_run(run_id, FunctionJudge(true_verdict), results=tmp_path, tasks_dir=TASKS, reporter=Watching())
    assert [(one.done, one.total) for one in seen] == [(number, 6) for number in range(1, 7)]


def test_judges_of_the_same_family_are_warned_of(tmp_path: Path, run_id: str) -> None:
    result = judged(tmp_path, run_id, FunctionJudge(true_verdict, name="llm/Tale-70b"))
    assert "its own family" in result.warnings[0]
    assert judged(tmp_path, run_id, FunctionJudge(true_verdict, name="llm/other")).warnings == ()


def test_failed_samples_have_no_units(tmp_path: Path) -> None:
    faulty = run(load_task("records", {"n": 4}, TASKS), load("faulty", every=2), results=tmp_path, reporter=Silent())
    assert judged(tmp_path, faulty.run_id, FunctionJudge(lambda _: "no_claim")).n_units == 2


def test_a_task_without_units_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, run_row(options={"n": 2}))
    Store(tmp_path).ingest_all()
    toys = Path(__file__).parent / "toy_tasks"
    with pytest.raises(UserError, match="task toy has no units for judges"):
        judge_run("latest", FunctionJudge(true_verdict), results=tmp_path, tasks_dir=toys, reporter=Silent())


def test_rules_need_evidence(tmp_path: Path) -> None:
    run_id = finished_run(tmp_path, with_evidence=False, text=lambda *_: "Something.")
    with pytest.raises(UserError, match="column `reference`"):
        judged(tmp_path, run_id, RulesFree())


def test_judges_are_found_by_place() -> None:
    assert {"rules_free", "llm", "nli"} <= set(judges())
    assert load_judge("rules_free").name == "rules_free"
    with pytest.raises(UserError, match="unknown judge 'rule'; did you mean rules_free"):
        load_judge("rule")
    with pytest.raises(UserError, match="unknown option of judge rules_free 'votes'"):
        load_judge("rules_free", votes=3)


def test_judged_runs_can_be_read_as_json(tmp_path: Path, run_id: str) -> None:
    value = judged(tmp_path, run_id, FunctionJudge(true_verdict)).to_json()
    assert json.loads(json.dumps(value))["n_units"] == 12


OWN_JUDGE = """
from suite.judges.record import Label

class Strict:
    name, version, reads_sentences = "strict", "1", False

    def label(self, responses):
        for units in responses:
            yield [Label.of(unit, self, "hallucinated", primary="TW", split="extrinsic") for unit in units]

def load(name, **options):
    return Strict()
"""


def test_a_judge_of_ones_own_is_a_file(tmp_path: Path, run_id: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "strict.py").write_text(OWN_JUDGE, encoding="utf-8")
    result = judged(tmp_path, run_id, "strict", judges_dir=folder)
    assert result.verdicts == {"hallucinated": 12}


def test_a_folder_without_that_judge_says_which_there_are(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(UserError, match=r"--judges-dir .*nowhere: no such folder"):
        judged(tmp_path, run_id, "strict", judges_dir=tmp_path / "nowhere")
    (tmp_path / "strict.py").write_text("x = 1", encoding="utf-8")
    with pytest.raises(UserError, match=r"strict\.py: no function load"):
        judged(tmp_path, run_id, "strict", judges_dir=tmp_path)
    with pytest.raises(UserError, match=r"unknown judge 'strictly'.*strict"):
        judged(tmp_path, run_id, "strictly", judges_dir=tmp_path)


def test_without_people_canaries_correct_a_judges_share(tmp_path: Path, run_id: str) -> None:
    """Rogan and Gladen (1978): (share + specificity - 1) / (sensitivity + specificity - 1), within [0, 1]."""
    from suite.judges.comparison import compare_judges

    judged(tmp_path, run_id, RulesFree())
    judged(tmp_path, run_id, FunctionJudge(true_verdict))
    rates = {
        row["name"]: row["value"] for row in Store(tmp_path).metrics([run_id]) if row["name"].startswith("canary_")
    }
    found = compare_judges(run_id, results=tmp_path)
    [one] = found.by_canaries
    sensitivity, specificity = rates["canary_sensitivity"], rates["canary_specificity"]
    assert sensitivity + specificity > 1
    expected = (one.naive + specificity - 1) / (sensitivity + specificity - 1)
    assert one.judge == "rules_free"
    assert one.rate.value == pytest.approx(min(1, max(0, expected)))
    assert not found.corrections
