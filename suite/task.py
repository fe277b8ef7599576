"""The vocabulary of the engine: Task, Doc, Request, Response, Sample, Metric.

The way of the data is Task.docs -> Task.requests -> Model.answer -> Task.score -> journal -> store -> Task.metrics.
A task never sees a model or the store, a model never sees a task; `suite.runner` alone joins them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from suite.identity import digest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from suite.finetune.own import Trainer
    from suite.judges.record import Label, Unit
    from suite.stats import Estimate

Mode = Literal["generate", "loglikelihood", "first_token", "embed", "train"]  # train: what a training came to
Capability = Literal["generate", "loglikelihood", "first_token", "chat", "embed", "train"]
Scalar = str | int | float | bool | None
Condition = Mapping[str, Scalar]
Chat = tuple[tuple[str, str], ...]  # ((role, content), ...)

# How a request can fail; the run counts failures under these names and no others.
Failure = Literal[
    "timeout",  # no answer within the time limit
    "connection",  # refused, reset, or closed in the middle of the answer
    "rate_limit",  # still 429 after all retries
    "server_error",  # still 5xx after all retries
    "client_error",  # 4xx other than 408, 409, 429
    "malformed",  # not JSON, or JSON of another shape than the protocol's
    "empty",  # no choice, or a choice with neither text nor refusal
    "too_large",  # the answer is larger than any sane answer
    "context_length",  # prompt and answer do not fit the model's window
    "nan",  # a log-probability that is not a finite number
    "tokenization",  # nothing is left of a continuation after tokenisation
]


@dataclass(frozen=True, slots=True)
class Doc:
    """One item of data. `data` is JSON; `cluster` is the unit of resampling (fact, wall, dossier)."""

    id: str
    data: Mapping[str, Any]
    cluster: str


@dataclass(frozen=True, slots=True)
class Segmented:
    """A prompt with interchangeable parts: the text is ``prefix + segments in this order + suffix``.

    Local models tokenise each part alone and join the ids, so that arms that differ in order differ in nothing else,
    and inference-time interventions know where the segments lie. Other models are sent the joined text.

    Attributes:
        segments: separators are part of each segment, whose text must not depend on its place.
        as_user_turn: ask within the model's chat template, where it has one: the template's head goes before the
            prefix, its tail after the suffix.
    """

    prefix: str
    segments: tuple[str, ...]
    suffix: str
    as_user_turn: bool = False


Prompt = str | Chat | Segmented


def seamless(prompt: Prompt) -> str | Chat:
    """The prompt as text or turns, for models that know no segments."""
    if not isinstance(prompt, Segmented):
        return prompt
    text = prompt.prefix + "".join(prompt.segments) + prompt.suffix
    return (("user", text),) if prompt.as_user_turn else text


@dataclass(frozen=True)
class Loglikelihood:
    """Log-probability of each continuation after `context`; all continuations of a context together.

    Attributes:
        is_cut_to_fit: a plain context that does not fit the model's window with the longest continuation loses its
            beginning, the same for all continuations, instead of failing; the response says how much.
    """

    context: Prompt
    continuations: tuple[str, ...]
    is_cut_to_fit: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "loglikelihood",
            "context": _prompt_json(self.context),
            "continuations": list(self.continuations),
            **({"is_cut_to_fit": True} if self.is_cut_to_fit else {}),
        }

    @cached_property
    def id(self) -> str:
        """Identity of the question itself; with the model's fingerprint it keys stored responses."""
        return digest(self.to_json())


@dataclass(frozen=True)
class Generate:
    """A question answered with text. `top_logprobs` > 0 also asks for the alternatives to the first token."""

    prompt: Prompt
    stop: tuple[str, ...] = ()
    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    n: int = 1
    json_schema: Mapping[str, Any] | None = None
    top_logprobs: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "generate",
            "prompt": _prompt_json(self.prompt),
            "stop": list(self.stop),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "n": self.n,
            "json_schema": self.json_schema,
            "top_logprobs": self.top_logprobs,
        }

    @cached_property
    def id(self) -> str:
        """Identity of the question and its decoding parameters (seed and n included)."""
        return digest(self.to_json())


@dataclass(frozen=True)
class Embed:
    """The embedding vectors of texts, for models that have no more to say."""

    texts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"type": "embed", "texts": list(self.texts)}

    @cached_property
    def id(self) -> str:
        return digest(self.to_json())


Request = Loglikelihood | Generate | Embed


def _prompt_json(prompt: Prompt) -> Any:
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, Segmented):
        return {
            "prefix": prompt.prefix,
            "segments": list(prompt.segments),
            "suffix": prompt.suffix,
            "as_user_turn": prompt.as_user_turn,
        }
    return [{"role": role, "content": content} for role, content in prompt]


def request_from_json(value: Mapping[str, Any]) -> Request:
    """The inverse of ``to_json``."""

    def prompt(raw: Any) -> Prompt:
        if isinstance(raw, Mapping):
            return Segmented(raw["prefix"], tuple(raw["segments"]), raw["suffix"], raw["as_user_turn"])
        return raw if isinstance(raw, str) else tuple((turn["role"], turn["content"]) for turn in raw)

    if value["type"] == "embed":
        return Embed(tuple(value["texts"]))
    if value["type"] == "loglikelihood":
        cut = bool(value.get("is_cut_to_fit"))
        return Loglikelihood(prompt(value["context"]), tuple(value["continuations"]), cut)
    return Generate(
        prompt(value["prompt"]),
        stop=tuple(value["stop"]),
        max_tokens=value["max_tokens"],
        temperature=value["temperature"],
        seed=value["seed"],
        n=value["n"],
        json_schema=value["json_schema"],
        top_logprobs=value["top_logprobs"],
    )


@dataclass(frozen=True, slots=True)
class ContinuationScore:
    """Score of one continuation: summed log-probability in nats, its number of tokens, and whether it is greedy."""

    logprob: float
    tokens: int
    is_greedy: bool


@dataclass(frozen=True, slots=True)
class Text:
    """One generated text. `finish`: "stop", "length", "refusal" or "content_filter"."""

    text: str
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to the request whose id is `request_id`; with `error` set there is no answer.

    Attributes:
        scores: one a continuation, for `Loglikelihood`.
        texts: `Generate.n` of them.
        first_token: (token text, log-probability in nats) of the alternatives to the first token.
        vectors: one a text, for `Embed`.
        is_split: the prompt's segments, tokenised alone, gave other tokens than the joined text would have.
        cut_tokens: how many tokens the context lost at its beginning (`Loglikelihood.is_cut_to_fit`).
        latency_s: seconds that this request took, its share of the batch for batched models.
    """

    request_id: str
    scores: tuple[ContinuationScore, ...] = ()
    texts: tuple[Text, ...] = ()
    first_token: tuple[tuple[str, float], ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    is_split: bool = False
    cut_tokens: int = 0
    latency_s: float = 0.0
    error: Failure | None = None
    error_detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object without the fields that hold their default."""
        out: dict[str, Any] = {"request_id": self.request_id}
        if self.scores:
            out["scores"] = [[s.logprob, s.tokens, s.is_greedy] for s in self.scores]
        if self.texts:
            out["texts"] = [[t.text, t.finish] for t in self.texts]
        if self.first_token:
            out["first_token"] = [list(pair) for pair in self.first_token]
        if self.vectors:
            out["vectors"] = [list(vector) for vector in self.vectors]
        counts = ("prompt_tokens", "completion_tokens", "cached_tokens", "cut_tokens")
        for name in (*counts, "cost_usd", "is_split", "latency_s"):
            if getattr(self, name):
                out[name] = getattr(self, name)
        if self.error:
            out["error"], out["error_detail"] = self.error, self.error_detail
        return out

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Response:
        """The inverse of `to_json`."""
        fields = dict(value)
        fields["scores"] = tuple(ContinuationScore(*row) for row in value.get("scores", ()))
        fields["texts"] = tuple(Text(*row) for row in value.get("texts", ()))
        fields["first_token"] = tuple((row[0], row[1]) for row in value.get("first_token", ()))
        fields["vectors"] = tuple(tuple(vector) for vector in value.get("vectors", ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample before it is answered: what to ask for a doc under a condition.

    Attributes:
        mode: how the answer is read; numbers of different modes are never mixed.
        condition: the experimental arm; (doc_id, mode, condition) is unique within a run.
        requests: in the order in which `Task.score` expects the responses.
        target: the right answer, for people who read samples; scoring uses the doc.
    """

    doc_id: str
    mode: Mode
    condition: Condition
    requests: tuple[Request, ...]
    cluster: str
    target: str = ""

    @property
    def sample_id(self) -> str:
        """Stable identity of the sample within its run."""
        return digest([self.doc_id, self.mode, dict(self.condition)], 24)


Outcome = Literal["correct", "wrong", "refusal", "no_answer", "truncated", "unparsed", "scored", "error"]


@dataclass(frozen=True, slots=True)
class Scores:
    """What `Task.score` found: numbers (None: not defined for this sample), an outcome, and the answer as read."""

    values: Mapping[str, float | None]
    outcome: Outcome
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A doc under a condition, with its responses and scores: one row of the `samples` table.

    Queries that feed `Task.metrics` leave `requests` and `responses` empty: metrics come from scores alone.
    """

    sample_id: str
    doc_id: str
    mode: Mode
    condition: Condition
    cluster: str
    scores: Mapping[str, float | None]
    outcome: Outcome
    answer: str | None = None
    target: str = ""
    error: str | None = None
    requests: tuple[Request, ...] = ()
    responses: tuple[Response, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A number computed from samples alone, with its standard error and 95 % interval.

    Attributes:
        condition: the cell that it describes; keys as in the samples' conditions.
        value: None where it is not defined; `note` then says why.
        n: samples; n_clusters: units of resampling.
        headline: shown first, and on the leaderboard.
        note: a flag ("uninterpretable") or a reason, for people.
    """

    name: str
    value: float | None
    mode: Mode | None = None
    condition: Condition = field(default_factory=dict)
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int = 0
    n_clusters: int = 0
    higher_is_better: bool | None = True
    headline: bool = False
    note: str = ""

    @classmethod
    def of(cls, name: str, estimate: Estimate, **further: Any) -> Metric:
        """A metric from a value with its interval; `further` are the other fields."""
        columns = ("value", "stderr", "ci_low", "ci_high", "n", "n_clusters")
        return cls(name, **{column: getattr(estimate, column) for column in columns}, **further)

    def to_json(self) -> dict[str, Any]:
        """A row of the table `metrics`, without the run's id."""
        return {name: getattr(self, name) for name in self.__slots__} | {"condition": dict(self.condition)}


@dataclass(frozen=True, slots=True)
class TrainingDoc:
    """One training text of a task, `text == prompt + completion`.

    Attributes:
        entities: character spans (start, end) of `text` whose inner order objectives may keep or mask whole.
        mirror: the same fact told in the order that is not trained, in natural wording; "" where there is none.
        mirror_entities: as `entities`, of `mirror`.
        meta: what analyses need later (group, direction, template).
    """

    id: str
    fact_id: str
    text: str
    prompt: str
    completion: str
    entities: tuple[tuple[int, int], ...] = ()
    mirror: str = ""
    mirror_entities: tuple[tuple[int, int], ...] = ()
    meta: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The card of a model, computed from what was loaded, never typed in.

    Attributes:
        fingerprint: digest of weights, revision, quantisation and adapter, or of endpoint and name; with a
            request's id it keys stored responses.
        parameters: all parameters; parameters_non_embedding: without input and output embeddings.
        training: the content of the folder's `training.json`, if it was made by `unreason finetune`.
        extra: provider's own facts (tied embeddings, adapter, base URL).
    """

    name: str
    provider: str
    fingerprint: str
    capabilities: frozenset[Capability]
    parameters: int | None = None
    parameters_non_embedding: int | None = None
    context_length: int | None = None
    revision: str | None = None
    dtype: str | None = None
    tokenizer: str | None = None
    training: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        out = {name: getattr(self, name) for name in self.__slots__}
        out["capabilities"] = sorted(self.capabilities)
        out["training"] = dict(self.training) if self.training else None
        out["extra"] = dict(self.extra)
        return out


class Model(Protocol):
    """Anything that answers requests: one file or package in `suite/models`, with ``load(name, **options)``."""

    info: ModelInfo

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers every request once, in any order; a request that fails gives a response with `error` set.

        Closing the iterator early must leave nothing running.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subtask:
    """A part of a task that is asked for by name: `options` that pick it; `modes`, if it has not all of its task's."""

    options: Mapping[str, Any] = field(default_factory=dict)
    modes: tuple[Mode, ...] | None = None


class Task:
    """A named, versioned evaluation. A task is a folder ``tasks/NAME`` whose ``task.py`` defines one subclass.

    Options are a pydantic model (`options_model`), validated alike for the command line, files and Python.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[str]  # one line, for `unreason list`
    citation: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]]
    subtasks: ClassVar[Mapping[str, Subtask]] = {}  # parts with names of their own in the harness; none: the whole
    headline_scores: ClassVar[tuple[str, ...]] = ()  # sample scores that `unreason compare` pairs
    cell_keys: ClassVar[tuple[str, ...]] = ()  # condition keys that make a cell of its tables
    demo_options: ClassVar[Mapping[str, Any] | None] = None  # the slice that `unreason demo` asks a real model
    demo_figures: ClassVar[tuple[Mapping[str, Scalar], ...]] = ()  # of its metrics, which to print: name and condition
    ranked_by: ClassVar[tuple[Mapping[str, Scalar], ...]] = ()  # headline metrics that order models: name and condition

    def __init__(self, options: BaseModel) -> None:
        self.options = options

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        """The pydantic model of this task's options; imported here, so that listing tasks stays cheap."""
        raise NotImplementedError

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` where this task cannot be run on such a model; called before any request."""

    def docs(self) -> Iterator[Doc]:
        """The docs of the evaluation: seeded, deterministic, streaming."""
        raise NotImplementedError

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        """One draft a condition, only of the given modes."""
        raise NotImplementedError

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        """Pure: strings in, numbers and an outcome out. `responses` answer ``draft.requests`` in order, none failed."""
        raise NotImplementedError

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        """Pure: from the scores, outcomes and conditions of the samples of one run."""
        raise NotImplementedError

    def units(self, doc: Doc, sample: Sample) -> Sequence[Unit]:
        """The pieces of a sample's responses that judges label."""
        raise NotImplementedError

    def judged_metrics(self, samples: Sequence[Sample], labels: Sequence[Label]) -> list[Metric]:
        """Pure: from the samples of one run and the labels of one judge; conditions then say ``judge=NAME``."""
        raise NotImplementedError

    @classmethod
    def references(cls) -> list[dict[str, Any]]:
        """Published figures of this task: rows of the table `reference`, from ``reference.json`` beside its code."""
        file = Path(inspect.getfile(cls)).with_name("reference.json")
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        return rows

    def training_docs(self) -> Iterator[TrainingDoc]:
        """The texts that `unreason finetune` trains on."""
        from suite.errors import UserError

        raise UserError(f"task {self.name} has no training data; `unreason list` marks the tasks that have")

    @classmethod
    def trainer(cls) -> Trainer | None:
        """The task's own trainer, where its models read more than texts; None: `unreason finetune` trains on texts."""
        return None
