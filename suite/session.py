"""One sitting of a run: joins a task and a model, and writes each sample as soon as its answers are there.

Its place is in the middle of the way of the data: Task.requests -> Model.answer -> Task.score -> journal. Memory is
bounded by what the model reads ahead: answers wait in memory only until their sample is complete.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from suite.progress import Progress, Reporter
from suite.store.journal import Journal
from suite.task import (
    Doc,
    Draft,
    Embed,
    Failure,
    Generate,
    Loglikelihood,
    Mode,
    Model,
    Request,
    Response,
    Sample,
    Scores,
    Task,
    Text,
)

SCORING = "scoring"  # the error of a sample whose answers are fine, but whose task raised while scoring them


@dataclass(eq=False)
class _Pending:
    """A sample that waits for answers."""

    doc: Doc
    draft: Draft
    responses: dict[str, Response] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)


class Session:
    """Asks everything that a run still lacks and writes it to the journal.

    A model may read requests in a thread of its own, hence the lock around all state.

    Args:
        docs: which of the task's docs, by their place.
        stored: finds an answer that an earlier run of the same model has got, by request id.

    Attributes:
        n_reused: answers taken from earlier runs.
    """

    def __init__(
        self,
        task: Task,
        model: Model,
        modes: frozenset[Mode],
        docs: range,
        journal: Journal,
        stored: Callable[[str], Response | None],
        reporter: Reporter,
    ) -> None:
        self._task, self._model, self._modes, self._docs = task, model, modes, docs
        self._journal, self._stored, self._reporter = journal, stored, reporter
        self._lock = threading.RLock()
        self._waiting: dict[str, list[_Pending]] = {}  # request id -> samples that wait for its answer
        self._asked: dict[str, Request] = {}
        self._held: dict[str, Response] = {}  # answers of samples that still wait for others
        self._drafted: set[str] = set()
        self._source_error: BaseException | None = None
        self._scoring_error: Exception | None = None
        self._started = time.monotonic()
        self._docs_drafted = self._done = self._kept = self._failed = self._tokens = 0
        self.n_reused = 0

    def execute(self) -> None:
        """Runs until every sample of the run is in the journal.

        Raises:
            UserError: from the data, the model or the disk; what is finished is kept, as with every exception.
            Exception: whatever the task raised, once all other samples are done.
        """
        answers = iter(self._model.answer(self._requests()))
        try:
            for response in answers:
                self._take(response)
        finally:
            close = getattr(answers, "close", None)
            if close is not None:
                close()
        if self._source_error is not None:
            raise self._source_error
        if self._waiting:
            raise RuntimeError(f"model {self._model.info.name} left {len(self._waiting)} requests without a response")
        if self._scoring_error is not None:
            self._scoring_error.add_note(
                "The task could not score some answers. They are kept: once the task is mended, "
                "the same command scores them without asking the model again."
            )
            raise self._scoring_error

    def take_known(self) -> int:
        """Writes the samples that answers of earlier runs complete, and asks nothing.

        Returns:
            how many samples the docs have.
        """
        for _ in self._requests():
            for open_ in (self._waiting, self._asked, self._held):
                open_.clear()
        if self._source_error is not None:
            raise self._source_error
        return len(self._drafted)

    def _requests(self) -> Iterator[Request]:
        """What to ask, each request once. An error ends the stream, so that the model finishes what it has begun."""
        try:
            for doc in islice(self._task.docs(), self._docs.start, self._docs.stop):
                drafts = self._task.requests(doc, self._model.info, self._modes)
                with self._lock:
                    self._note_drafts(drafts)
                    asked = [request for draft in drafts for request in self._register(doc, draft)]
                yield from asked
        except Exception as error:
            self._source_error = error

    def _note_drafts(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            sample_id = draft.sample_id
            if sample_id in self._drafted:
                raise ValueError(
                    f"task {self._task.name}: two samples of doc {draft.doc_id!r} share mode {draft.mode} and "
                    f"condition {dict(draft.condition)}"
                )
            self._drafted.add(sample_id)
        self._docs_drafted += 1

    def _register(self, doc: Doc, draft: Draft) -> list[Request]:
        """Takes up a draft; returns those of its requests that nobody has asked yet."""
        if self._journal.done(draft.sample_id):
            self._kept += 1
            self._count()
            return []
        pending, asked = _Pending(doc, draft), []
        for request in draft.requests:
            if request.id in pending.missing:
                continue
            known = self._known(request.id)
            if known is not None:
                pending.responses[request.id] = known
                continue
            pending.missing.add(request.id)
            if request.id not in self._waiting:
                self._waiting[request.id] = []
                self._asked[request.id] = request
                asked.append(request)
            self._waiting[request.id].append(pending)
        if not pending.missing:
            self._finish(pending)
        return asked

    def _known(self, request_id: str) -> Response | None:
        """An answer that this run or an earlier one has got. What an earlier run has paid for is free in this one."""
        if request_id in self._waiting:
            return None
        own = self._held.get(request_id) or self._journal.index.response(request_id)
        if own is not None:
            return own
        earlier = self._stored(request_id)
        if earlier is None or earlier.error:
            return None
        self.n_reused += 1
        self._held[request_id] = replace(earlier, cost_usd=0.0)
        return self._held[request_id]

    def _take(self, response: Response) -> None:
        with self._lock:
            request_id = response.request_id
            if request_id not in self._waiting:
                raise RuntimeError(f"model {self._model.info.name} answered request {request_id}, which is not open")
            response = _checked(self._asked.pop(request_id), response)
            self._tokens += response.prompt_tokens + response.completion_tokens
            waiting = self._waiting.pop(request_id)
            if not response.error:
                self._held[request_id] = response
            for pending in waiting:
                pending.responses[request_id] = response
                pending.missing.discard(request_id)
                if not pending.missing:
                    self._finish(pending)

    def _finish(self, pending: _Pending) -> None:
        """Scores a sample whose answers are all there, and writes it."""
        draft = pending.draft
        responses = tuple(pending.responses[request.id] for request in draft.requests)
        error: str | None = next((response.error for response in responses if response.error), None)
        scores = Scores({}, "error")
        if error is None:
            try:
                scores = scored(self._task, pending.doc, draft, responses)
            except Exception as problem:
                error = SCORING
                self._scoring_failed(draft, problem)
        self._journal.append(answered(draft, responses, scores, error))
        for request_id in pending.responses:
            self._held.pop(request_id, None)
        self._failed += error is not None
        self._count()

    def _scoring_failed(self, draft: Draft, problem: Exception) -> None:
        if self._scoring_error is None:
            self._scoring_error = problem
            self._reporter.note(
                f"task {self._task.name} cannot score doc {draft.doc_id!r} ({type(problem).__name__}: {problem}); "
                "its answers are kept, and the run goes on"
            )

    def _count(self) -> None:
        self._done += 1
        total = round(len(self._drafted) * len(self._docs) / self._docs_drafted)
        seconds = time.monotonic() - self._started
        self._reporter.update(Progress(self._done, total, self._kept, self._failed, self._tokens, seconds))


def scored(task: Task, doc: Doc, draft: Draft, responses: tuple[Response, ...]) -> Scores:
    """`Task.score` with its numbers as finite floats.

    Raises:
        ValueError: a score is NaN or infinite; a task says None where a score isn't defined.
    """
    scores = task.score(doc, draft, responses)
    values = {name: None if value is None else float(value) for name, value in scores.values.items()}
    for name, value in values.items():
        if value is not None and not math.isfinite(value):
            raise ValueError(f"task {task.name}: score {name} of doc {doc.id!r} is {value}; expected a number or None")
    return replace(scores, values=values)


def answered(draft: Draft, responses: tuple[Response, ...], scores: Scores, error: str | None) -> Sample:
    """The sample of a draft with its responses; tokens, cost and latency count each distinct response once."""
    distinct = {response.request_id: response for response in responses}.values()
    return Sample(
        sample_id=draft.sample_id,
        doc_id=draft.doc_id,
        mode=draft.mode,
        condition=draft.condition,
        cluster=draft.cluster,
        scores=scores.values,
        outcome=scores.outcome,
        answer=scores.answer,
        target=draft.target,
        error=error,
        requests=draft.requests,
        responses=responses,
        prompt_tokens=sum(response.prompt_tokens for response in distinct),
        completion_tokens=sum(response.completion_tokens for response in distinct),
        cost_usd=sum(response.cost_usd for response in distinct),
        latency_s=sum(response.latency_s for response in distinct),
    )


def _checked(request: Request, response: Response) -> Response:
    """The response, as a failure if it is no answer to `request`; texts without lone surrogates, which UTF-8 lacks."""
    if response.error:
        return replace(response, error_detail=_whole(response.error_detail))
    problem: tuple[Failure, str] | None = None
    expected, got = len(request.continuations) if isinstance(request, Loglikelihood) else 0, len(response.scores)
    numbers = [*(score.logprob for score in response.scores), *(logprob for _, logprob in response.first_token)]
    numbers += [number for vector in response.vectors for number in vector]
    if expected != got:
        problem = "malformed", f"{got} scores for {expected} continuations"
    elif isinstance(request, Generate) and len(response.texts) != request.n:
        problem = "malformed", f"{len(response.texts)} texts where {request.n} were asked for"
    elif isinstance(request, Embed) and len(response.vectors) != len(request.texts):
        problem = "malformed", f"{len(response.vectors)} vectors for {len(request.texts)} texts"
    elif not all(math.isfinite(number) for number in numbers):
        problem = "nan", "a number that is not finite"
    if problem is not None:
        return replace(
            response, scores=(), texts=(), first_token=(), vectors=(), error=problem[0], error_detail=problem[1]
        )
    return replace(
        response,
        texts=tuple(Text(_whole(text.text), text.finish) for text in response.texts),
        first_token=tuple((_whole(token), logprob) for token, logprob in response.first_token),
    )


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text
