"""A run: from docs to metrics, once; the same command finds it again."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

import suite
from suite.errors import RunIncomplete, UserError
from suite.models.scripted import ScriptedModel
from suite.progress import Progress, Silent
from suite.registry import load_task, task_classes
from suite.results import RunResult
from suite.store.journal import FILE_NAME
from suite.task import Draft, Generate, Request, Response

TOY = Path(__file__).parent / "toy_tasks"


def run(results: Path, model: object = None, **options: object) -> RunResult:
    return suite.run(
        options.pop("task", "toy"),
        model or Recording(),
        results=results,
        tasks_dir=TOY,
        reporter=options.pop("reporter", Silent()),
        **options,
    )


class Listening(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


class Recording(ScriptedModel):
    """Says yes, and notes what it was asked."""

    def __init__(self, name: str = "recording", delay_s: float = 0.0) -> None:
        super().__init__(name, text=lambda *_: "yes", logprob=lambda _, text: -float(len(text)), delay_s=delay_s)
        self.asked: list[Request] = []

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        return super().answer(self._noted(requests))

    def _noted(self, requests: Iterable[Request]) -> Iterator[Request]:
        for request in requests:
            self.asked.append(request)
            yield request


class ReadingAhead(Recording):
    """Reads all requests in a thread of its own, and answers the last one first."""

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        read: SimpleQueue[list[Request]] = SimpleQueue()
        thread = threading.Thread(target=lambda: read.put(list(requests)))
        thread.start()
        thread.join()
        return super().answer(reversed(read.get()))


def journal_rows(result: RunResult) -> list[dict[str, object]]:
    lines = (result.folder / FILE_NAME).read_bytes().splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda row: row["sample_id"])


def test_a_run_has_a_sample_for_every_draft_and_the_metrics_of_the_task(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.status, result.n_docs, result.n_samples, result.n_failed) == ("complete", 12, 36, 0)
    assert result.mode == "generate+loglikelihood"
    assert result.metric("accuracy", arm="both").value == 1.0
    assert result.metric("margin").value == -1.0
    assert len(journal_rows(result)) == 36


@pytest.mark.usefixtures("no_store")
def test_each_question_is_asked_once_however_many_samples_need_it(tmp_path: Path) -> None:
    model = Recording()
    result = run(tmp_path, model)
    assert len(model.asked) == len({request.id for request in model.asked}) == 12 + 3 + 12
    assert result.completion_tokens == 3 * (12 + 3)  # "yes", a character a token
    assert sum(row["completion_tokens"] for row in journal_rows(result)) == 3 * (2 * 12 + 12)


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize("model", [Recording, ReadingAhead])
def test_the_order_of_the_answers_changes_nothing(tmp_path: Path, model: type[Recording]) -> None:
    plain, other = run(tmp_path / "a"), run(tmp_path / "b", model())
    assert journal_rows(plain) == journal_rows(other)
    assert plain.metrics == other.metrics


@pytest.mark.usefixtures("no_store")
def test_the_same_command_returns_a_complete_run_without_asking(tmp_path: Path) -> None:
    first, again = run(tmp_path), run(tmp_path, model := Recording())
    assert not model.asked
    assert again.reused and not first.reused
    assert (again.run_id, again.metrics) == (first.run_id, first.metrics)


def test_a_complete_run_is_returned_after_its_journal_was_cleaned_away(tmp_path: Path) -> None:
    first = run(tmp_path)
    suite.Store(tmp_path).gc(delete=True)
    again = run(tmp_path, model := Recording())
    assert again.reused and not model.asked
    assert (again.metrics, len(again.samples())) == (first.metrics, 36)


def test_a_run_whose_folder_is_gone_is_rebuilt_from_the_answers_in_the_database(tmp_path: Path) -> None:
    first = run(tmp_path)
    shutil.rmtree(first.folder)
    again = run(tmp_path, model := Recording())
    assert not model.asked
    assert (again.run_id, again.metrics) == (first.run_id, first.metrics)


@pytest.mark.usefixtures("no_store")
def test_run_json_is_a_row_of_the_table_runs(tmp_path: Path) -> None:
    result = run(tmp_path)
    row = json.loads((result.folder / "run.json").read_text())
    schema = (Path(suite.__file__).parent / "store" / "schema.sql").read_text()
    table = schema.split("CREATE TABLE runs (")[1].split(");")[0]
    lines = [line.split("--")[0] for line in table.splitlines()]
    assert set(row) == {part.split()[0] for line in lines for part in line.split(",") if part.strip()}
    assert row["libraries"]["python"].startswith("3.")
    assert row["started_at"].endswith("+00:00") and row["finished_at"] >= row["started_at"]


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize(
    "change",
    [
        {"options": {"n": 11}},
        {"options": {"salt": "s"}},
        {"modes": ["generate"]},
        {"limit": 5},
        {"model": Recording("b")},
    ],
    ids=["docs", "prompts", "modes", "limit", "model"],
)
def test_whatever_changes_the_numbers_makes_another_run(tmp_path: Path, change: dict[str, object]) -> None:
    assert run(tmp_path).run_id != run(tmp_path, **change).run_id


@pytest.mark.usefixtures("no_store")
def test_a_limit_keeps_the_first_docs_and_one_above_the_docs_is_no_limit(tmp_path: Path) -> None:
    assert {row["doc_id"] for row in journal_rows(run(tmp_path, limit=2))} == {"doc-0", "doc-1"}
    assert run(tmp_path).run_id == run(tmp_path, limit=1000).run_id


def test_answers_of_earlier_runs_are_reused_and_cost_nothing_again(tmp_path: Path) -> None:
    class Paid(Recording):
        def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
            for response in super().answer(requests):
                yield Response(**{name: getattr(response, name) for name in response.__slots__} | {"cost_usd": 1.0})

    small = run(tmp_path, Paid(), modes=["generate"], limit=8)
    assert small.cost_usd == 8 + 2
    model = Paid()
    large = run(tmp_path, model)
    assert large.n_answers_reused == 8 + 2
    assert len(model.asked) == 27 - 10
    assert large.cost_usd == 27 - 10
    assert large.metrics == run(tmp_path / "elsewhere", Paid()).metrics


def test_fresh_makes_a_new_attempt_that_asks_everything_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    second = run(tmp_path, model := Recording(), fresh=True)
    assert len(model.asked) == 27 and second.n_answers_reused == 0
    assert second.run_id == f"{first.run_id}-2"
    assert run(tmp_path, fresh=True).run_id == f"{first.run_id}-3"
    assert run(tmp_path).run_id == f"{first.run_id}-3"


def test_an_unfinished_fresh_attempt_is_continued(tmp_path: Path) -> None:
    class Impatient(Silent):
        def update(self, progress: Progress) -> None:
            if progress.done == 9:
                raise KeyboardInterrupt

    base = run(tmp_path).run_id
    with pytest.raises(RunIncomplete):
        run(tmp_path, fresh=True, reporter=Impatient())
    continued = run(tmp_path, model := Recording(), fresh=True)
    assert continued.run_id == f"{base}-2"
    assert (len(model.asked), continued.n_answers_reused) == (27 - 7, 0)  # nine samples had taken seven answers


def test_answers_of_a_run_that_never_ended_are_reused_from_its_journal(tmp_path: Path) -> None:
    finished = run(tmp_path, modes=["generate"])
    row = json.loads((finished.folder / "run.json").read_text())
    (finished.folder / "run.json").write_text(json.dumps({**row, "status": "running"}))
    for file in tmp_path.glob("*.duckdb*"):
        file.unlink()
    result = run(tmp_path, model := Recording(), modes=["loglikelihood", "generate"])
    assert (result.n_answers_reused, len(model.asked)) == (15, 12)


def test_a_damaged_journal_of_another_run_is_left_aside_with_a_note(tmp_path: Path) -> None:
    finished = run(tmp_path, modes=["generate"])
    row = json.loads((finished.folder / "run.json").read_text())
    (finished.folder / "run.json").write_text(json.dumps({**row, "status": "incomplete"}))
    (finished.folder / FILE_NAME).write_bytes(b"damaged\n" + (finished.folder / FILE_NAME).read_bytes())
    listening = Listening()
    assert run(tmp_path, modes=["loglikelihood"], reporter=listening).status == "complete"
    assert f"{FILE_NAME}:1: not a sample" in listening.notes[0]


@pytest.mark.usefixtures("no_store")
def test_a_torn_last_line_is_dropped_with_a_note_and_its_sample_run_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    whole = journal_rows(first)
    (first.folder / "run.json").unlink()
    with (first.folder / FILE_NAME).open("rb+") as file:
        file.truncate(file.seek(-20, 2))
    listening = Listening()
    assert journal_rows(run(tmp_path, reporter=listening)) == whole
    assert "torn by a crash" in listening.notes[0]


@pytest.mark.usefixtures("no_store")
def test_progress_reaches_the_total(tmp_path: Path) -> None:
    seen: list[Progress] = []

    class Watching(Silent):
        def update(self, progress: Progress) -> None:
            seen.append(progress)

    run(tmp_path, reporter=Watching())
    assert [progress.done for progress in seen] == list(range(1, 37))
    assert {progress.total for progress in seen} == {36}


@pytest.mark.usefixtures("no_store")
def test_the_metrics_are_a_frame_in_pandas_and_polars(tmp_path: Path) -> None:
    result = run(tmp_path)
    pandas, polars = result.to_pandas(), result.to_polars()
    assert list(pandas["name"]) == list(polars["name"]) == ["accuracy", "accuracy", "margin"]
    assert list(polars["condition.arm"]) == ["both", "shared", None]


def test_the_samples_are_a_frame(tmp_path: Path) -> None:
    frame = run(tmp_path).samples()
    assert len(frame) == 36
    assert frame[frame["condition.arm"] == "shared"]["scores.correct"].mean() == 1.0


@pytest.mark.usefixtures("no_store")
def test_a_result_is_json_and_a_line_for_people(tmp_path: Path) -> None:
    result = run(tmp_path)
    value = json.loads(json.dumps(result.to_json()))
    assert value["metrics"][0] == result.metric_rows(headline=True)[0]
    assert (value["status"], value["failures"], value["model_info"]["provider"]) == ("complete", {}, "scripted")
    assert f"{result.run_id}: complete; 36 samples of 12 docs, none failed; 82 tokens read" in result.summary()
    assert "complete already" in run(tmp_path).summary()


@pytest.mark.usefixtures("no_store")
def test_looking_up_a_metric_that_is_not_there_or_not_one_lists_what_is(tmp_path: Path) -> None:
    result = run(tmp_path)
    with pytest.raises(KeyError, match=r"0 metrics 'acuracy'.*accuracy; margin"):
        result.metric("acuracy")
    with pytest.raises(KeyError, match=r"2 metrics 'accuracy'.*both.*shared"):
        result.metric("accuracy")


@pytest.mark.usefixtures("no_store")
def test_two_samples_of_one_identity_are_an_error_of_the_task(tmp_path: Path) -> None:
    class Twice(task_classes(TOY)["toy"]):
        def requests(self, doc: object, model: object, modes: object) -> list[Draft]:
            return [Draft(doc.id, "generate", {"arm": "x"}, (Generate(text),), "cluster") for text in "ab"]

    with pytest.raises(ValueError, match="two samples of doc 'doc-0' share mode generate"):
        suite.run(Twice(load_task("toy", tasks_dir=TOY).options), Recording(), results=tmp_path, reporter=Silent())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "toi"}, "unknown task 'toi'; did you mean toy"),
        ({"options": {"m": 3}}, "unknown option of task toy 'm'"),
        ({"options": {"n": "many"}}, "task toy: option n"),
        ({"options": {"n": 0}}, "no docs"),
        ({"modes": ["generat"]}, "unknown mode of task toy 'generat'; did you mean generate"),
        ({"modes": ["first_token"]}, "unknown mode"),
        ({"limit": 0}, "limit 0"),
        ({"options": {"salt": "\ud800"}}, "doc 'doc-0' is not valid JSON in UTF-8"),
    ],
)
def test_bad_input_is_found_before_a_model_is_loaded(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path, "no-such-provider/x", **change)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("runs/*"))


def test_a_results_folder_that_cannot_be_written_is_found_before_a_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match=r"results folder .* cannot be written"):
        run(tmp_path / "results", "no-such-provider/x")


@pytest.mark.parametrize(
    ("capable", "modes", "message"),
    [
        ({"text": lambda *_: "yes"}, ["loglikelihood"], "loglikelihood is not supported .*use --mode generate"),
        ({}, None, "needs generate or loglikelihood, not supported for this backend"),
    ],
)
def test_a_model_that_cannot_answer_so_is_refused(
    tmp_path: Path, capable: dict[str, object], modes: list[str] | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(tmp_path, ScriptedModel("chat", **capable), modes=modes)


@pytest.mark.usefixtures("no_store")
def test_without_modes_the_model_decides(tmp_path: Path) -> None:
    assert run(tmp_path, ScriptedModel("chat", text=lambda *_: "yes")).mode == "generate"


def test_the_task_may_refuse_a_model(tmp_path: Path) -> None:
    class Choosy(task_classes(TOY)["toy"]):
        def check(self, model: object, modes: object) -> None:
            raise UserError("needs a larger model")

    model = Recording()
    with pytest.raises(UserError, match="needs a larger model"):
        suite.run(Choosy(load_task("toy", tasks_dir=TOY).options), model, results=tmp_path, reporter=Silent())
    assert not model.asked
