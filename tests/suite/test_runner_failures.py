"""What fails is counted under its name, costs one sample, and is tried again by the same command."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import suite
from suite.errors import RunIncomplete, UserError
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.registry import load_task, task_classes
from suite.results import RunResult
from suite.store.journal import FILE_NAME
from suite.task import ContinuationScore, Loglikelihood, Request, Response, Scores, Text

TOY = Path(__file__).parent / "toy_tasks"
pytestmark = pytest.mark.usefixtures("no_store")


class Behaving(ScriptedModel):
    """Says yes, except where `misbehave` says otherwise: it may change the response or raise."""

    def __init__(self, misbehave: object = None) -> None:
        super().__init__("behaving", text=lambda *_: "yes", logprob=lambda _, text: -float(len(text)))
        self.n_asked = 0
        self._misbehave = misbehave

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            self.n_asked += 1
            (response,) = super().answer([request])
            yield self._misbehave(self.n_asked, request, response) if self._misbehave else response


def run(results: Path, model: object, task: object = "toy", **options: object) -> RunResult:
    place = {} if not isinstance(task, str) else {"tasks_dir": TOY}
    return suite.run(task, model, results=results, reporter=options.pop("reporter", Silent()), **place, **options)


def rows(results: Path) -> list[dict[str, object]]:
    """The samples that hold, without latency."""
    (file,) = results.glob(f"runs/*/{FILE_NAME}")
    latest = {row["sample_id"]: row for row in map(json.loads, file.read_bytes().splitlines())}
    return [latest[key] for key in sorted(latest)]


def status(results: Path) -> str:
    (file,) = results.glob("runs/*/run.json")
    return json.loads(file.read_text())["status"]


def test_every_kind_of_failure_is_counted_and_the_same_command_mends_the_run(tmp_path: Path) -> None:
    result = run(tmp_path, "scripted/faulty", model_options={"every": 3})
    assert result.status == "incomplete"
    assert result.n_failed == sum(result.failures.values()) > 0
    failed = [row for row in rows(tmp_path) if row["error"]]
    assert len(failed) == result.n_failed
    assert all((row["outcome"], row["scores"]) == ("error", {}) for row in failed)

    mended = run(tmp_path, "scripted/faulty", model_options={"every": 0})
    assert (mended.run_id, mended.status, mended.n_failed) == (result.run_id, "complete", 0)
    run(tmp_path / "undisturbed", "scripted/faulty", model_options={"every": 0})
    assert rows(tmp_path) == rows(tmp_path / "undisturbed")


def test_only_what_failed_is_asked_again(tmp_path: Path) -> None:
    def one_fails(number: int, request: Request, response: Response) -> Response:
        return Response(request.id, error="timeout", error_detail="30 s") if number == 1 else response

    result = run(tmp_path, Behaving(one_fails))
    assert (result.failures, result.failure_line()) == ({"timeout": 1}, "1 failed (timeout 1)")
    again = Behaving()
    assert run(tmp_path, again).status == "complete"
    assert again.n_asked == 1


def test_up_to_two_per_cent_failed_the_run_is_complete(tmp_path: Path) -> None:
    def failing(count: int) -> Behaving:
        return Behaving(lambda n, request, r: Response(request.id, error="empty") if n <= count else r)

    options = {"options": {"n": 100}, "modes": ["loglikelihood"]}
    assert run(tmp_path / "2", failing(2), **options).status == "complete"
    assert run(tmp_path / "3", failing(3), **options).status == "incomplete"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (lambda r: Response(r.request_id, scores=(ContinuationScore(float("nan"), 1, True),) * 2), "nan"),
        (lambda r: Response(r.request_id, scores=(ContinuationScore(-float("inf"), 1, True),) * 2), "nan"),
        (lambda r: Response(r.request_id, scores=r.scores[:1]), "malformed"),
        (lambda r: Response(r.request_id, texts=(Text("yes"),)), "malformed"),
    ],
    ids=["nan", "infinite", "too few", "wrong kind"],
)
def test_an_answer_that_is_none_is_a_failure(tmp_path: Path, changed: object, name: str) -> None:
    def misbehave(_: int, request: Request, response: Response) -> Response:
        return changed(response) if isinstance(request, Loglikelihood) else response

    assert run(tmp_path, Behaving(misbehave)).failures == {name: 12}


def test_text_that_is_no_unicode_is_kept_as_well_as_can_be(tmp_path: Path) -> None:
    def misbehave(_: int, request: Request, response: Response) -> Response:
        return Response(request.id, texts=(Text("yes\ud800\0\u2028"),)) if response.texts else response

    assert run(tmp_path, Behaving(misbehave)).n_failed == 0
    assert {row["answer"] for row in rows(tmp_path)} == {"yes?\0\u2028", None}


def test_a_user_error_of_the_model_ends_the_run_and_keeps_what_is_finished(tmp_path: Path) -> None:
    def misbehave(number: int, _: Request, response: Response) -> Response:
        if number > 10:
            raise UserError("key refused (401): set OPENAI_API_KEY")
        return response

    with pytest.raises(UserError, match="401"):
        run(tmp_path, Behaving(misbehave))
    assert status(tmp_path) == "incomplete"
    kept = {response["request_id"] for row in rows(tmp_path) for response in row["responses"]}
    assert len(kept) == 9  # of ten; the last one's sample still waited for another answer
    again = Behaving()
    assert run(tmp_path, again).n_samples == 36
    assert again.n_asked == 27 - 9


def test_ctrl_c_stops_the_model_keeps_what_is_finished_and_says_how_to_continue(tmp_path: Path) -> None:
    class Interrupted(Behaving):
        stopped = False

        def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
            try:
                yield from super().answer(requests)
            finally:
                self.stopped = True

    class Impatient(Silent):
        def update(self, progress: object) -> None:
            if progress.done == 9:
                raise KeyboardInterrupt

    model = Interrupted()
    with pytest.raises(RunIncomplete, match=r"9 finished samples are kept .* the same command again to continue"):
        run(tmp_path, model, reporter=Impatient())
    assert model.stopped
    assert status(tmp_path) == "incomplete"
    again = Behaving()
    assert run(tmp_path, again).status == "complete"
    assert again.n_asked < 27
    run(tmp_path / "undisturbed", Behaving())
    assert rows(tmp_path) == rows(tmp_path / "undisturbed")


def test_a_bug_in_scoring_is_raised_at_the_end_and_mending_it_costs_no_answer(tmp_path: Path) -> None:
    class Buggy(task_classes(TOY)["toy"]):
        mended = False

        def score(self, doc: object, draft: object, responses: object) -> Scores:
            if doc.id == "doc-3" and not self.mended:
                raise ZeroDivisionError("no words")
            return super().score(doc, draft, responses)

    notes: list[str] = []

    class Listening(Silent):
        def note(self, line: str) -> None:
            notes.append(line)

    task = Buggy(load_task("toy", tasks_dir=TOY).options)
    with pytest.raises(ZeroDivisionError) as caught:
        run(tmp_path, Behaving(), task, reporter=Listening())
    assert "without asking the model again" in caught.value.__notes__[0]
    assert len(notes) == 1 and "doc 'doc-3' (ZeroDivisionError: no words)" in notes[0]
    assert [row["error"] for row in rows(tmp_path) if row["error"]] == ["scoring"] * 3
    assert (len(rows(tmp_path)), status(tmp_path)) == (36, "incomplete")

    task.mended, again = True, Behaving()
    assert run(tmp_path, again, task).status == "complete"
    assert again.n_asked == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "high"])
def test_a_score_that_is_no_number_is_a_bug_of_the_task(tmp_path: Path, value: object) -> None:
    class Odd(task_classes(TOY)["toy"]):
        def score(self, *_: object) -> Scores:
            return Scores({"odd": value}, "scored")

    with pytest.raises(ValueError, match=r"odd|high"):
        run(tmp_path, Behaving(), Odd(load_task("toy", tasks_dir=TOY).options))


def test_data_that_breaks_midway_ends_the_run_after_what_was_asked(tmp_path: Path) -> None:
    class Breaking(task_classes(TOY)["toy"]):
        def requests(self, doc: object, model: object, modes: object) -> object:
            if doc.id == "doc-6":
                raise UserError("doc 6 of facts.jsonl: no target")
            return super().requests(doc, model, modes)

    with pytest.raises(UserError, match=r"doc 6 of facts\.jsonl"):
        run(tmp_path, Behaving(), Breaking(load_task("toy", tasks_dir=TOY).options))
    assert len(rows(tmp_path)) == 6 * 3


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (lambda requests: iter(Response(r.id, error="empty") for r in list(requests)[1:]), "without a response"),
        (lambda requests: iter([Response("unknown", error="empty")]), "not open"),
    ],
    ids=["too few", "unasked"],
)
def test_a_model_that_breaks_the_protocol_is_a_bug(tmp_path: Path, answers: object, message: str) -> None:
    model = Behaving()
    model.answer = answers
    with pytest.raises(RuntimeError, match=message):
        run(tmp_path, model)


def test_a_run_that_another_process_executes_is_refused(tmp_path: Path) -> None:
    class Nested(Silent):
        refused: UserError | None = None

        def update(self, progress: object) -> None:
            if self.refused is None:
                with pytest.raises(UserError, match="another process is executing this run") as caught:
                    run(tmp_path, Behaving())
                self.refused = caught.value

    reporter = Nested()
    assert run(tmp_path, Behaving(), reporter=reporter).status == "complete"
    assert reporter.refused
