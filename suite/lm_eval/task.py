"""`HarnessTask`: any task of ours as a task of lm-evaluation-harness, for its releases from 0.4.11.

A doc of the harness is a doc of ours with all its arms. The harness sends the requests; the answers are scored by
`Task.score` and summed up by `Task.metrics`, so that its table shows the headline numbers of `unreason run`, with our
standard errors. The log of samples holds our samples too, from which `unreason import` makes an ordinary run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from suite.errors import UserError
from suite.lm_eval.asking import (
    ChatTemplate,
    TokenCounter,
    distinct_requests,
    instances,
    n_calls,
    response,
    speaks_in_turns,
)
from suite.lm_eval.catalogue import PREFIX, SUFFIXES
from suite.plan import survey
from suite.registry import load_task
from suite.session import SCORING, answered, scored
from suite.task import Capability, Doc, Draft, Metric, Mode, ModelInfo, Sample, Scores, Task

SAMPLES = "samples"  # the metric under which our samples are logged; its value is their number
_FILTER = "none"
_log = logging.getLogger(__name__)


class _Docs(list[dict[str, Any]]):
    """The docs as plain JSON; a `datasets.Dataset` would give all of them the same fields."""

    features: Mapping[str, None] = {"id": None, "data": None, "cluster": None}


class HarnessTask(ConfigurableTask):
    """See the file's head. Options of the task come with ``--metadata '{"TASK": {"OPTION": VALUE}}'``.

    Args:
        config: what `catalogue` writes; its metadata say which task, in which mode, with which options.

    Raises:
        UserError: options that the task does not have, or no docs with these options.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        metadata = config["metadata"]
        source = metadata[PREFIX]
        given = metadata.get(source["task"], {})
        if not isinstance(given, Mapping):
            raise UserError(f"--metadata {source['task']}: expected a mapping of option names to values")
        tasks_dir = Path(source["tasks_dir"]) if "tasks_dir" in source else None
        self._ours = load_task(source["task"], {**source["options"], **given}, tasks_dir)
        self._mode: Mode = source["mode"]
        self._counter = TokenCounter(metadata)
        settings = {name: value for name, value in config.items() if name != "class"}
        source = {**source, "options": self._ours.options.model_dump(mode="json"), "version": self._ours.version}
        settings |= {
            "metadata": {**metadata, PREFIX: source},
            "output_type": "generate_until" if self._mode == "generate" else "loglikelihood",
            "test_split": "test",
            "num_fewshot": 0,  # examples are an option of the task, and part of its prompts
            "metric_list": [],
        }
        if self._mode == "generate":
            settings["generation_kwargs"] = {"until": []}
        super().__init__(config=settings)

    def download(self, *_: Any, **__: Any) -> None:
        """Reads our docs; nothing is fetched."""
        docs = ({"id": doc.id, "data": dict(doc.data), "cluster": doc.cluster} for doc in self._ours.docs())
        self.dataset = {"test": _Docs(docs)}
        if not self.dataset["test"]:
            raise UserError(f"task {self._ours.name}: no docs with these options; choose options that leave some")

    def doc_to_text(self, doc: Mapping[str, Any], doc_to_text: Any = None) -> str:  # noqa: ARG002
        return ""

    def doc_to_target(self, doc: Mapping[str, Any], doc_to_target: Any = None) -> str:  # noqa: ARG002
        """For people who read the log."""
        drafts = self._drafts.get(doc["id"], ())
        return "; ".join(dict.fromkeys(draft.target for draft in drafts if draft.target))

    def fewshot_context(self, *_: Any, **__: Any) -> str:
        return ""

    def build_all_requests(
        self,
        *,
        limit: int | None = None,
        apply_chat_template: bool = False,
        chat_template: ChatTemplate | None = None,
        system_instruction: str | None = None,
        world_size: int = 1,
        cache_requests: bool = False,
        **further: Any,
    ) -> None:
        """Drafts all samples, so that what cannot be asked is said before anything is.

        Raises:
            UserError: the model cannot be asked in this mode; or what would change prompts or split the samples.
        """
        if world_size > 1:
            raise UserError(f"{self.config.task}: its metrics need all samples in one process; do not launch several")
        if system_instruction:
            raise UserError(f"{self.config.task}: its prompts are fixed; leave out --system_instruction")
        if cache_requests:
            _log.warning("%s: --cache_requests is not used, since it does not notice changed data", self.config.task)
        template = chat_template if apply_chat_template else None
        info = self._model_info(template)
        self._ours.check(info, frozenset({self._mode}))
        docs = list(islice(self.dataset["test"], int(limit) if limit else None))
        self.config.metadata[PREFIX] |= {"n_docs": len(docs), "dataset_hash": survey(self._ours, len(docs)).sha256}
        self._drafts = {doc["id"]: list(self._ours.requests(_doc(doc), info, frozenset({self._mode}))) for doc in docs}
        asked = _Docs(doc for doc in docs if self._drafts[doc["id"]])
        if not asked:
            raise UserError(f"{self.config.task}: nothing to ask in mode {self._mode} with these options")
        self.dataset, self._template = {"test": asked}, template
        super().build_all_requests(limit=limit, world_size=world_size, **further)

    def construct_requests(self, doc: Mapping[str, Any], ctx: str, **given: Any) -> list[Instance]:  # noqa: ARG002
        asked = instances(self._drafts[doc["id"]], doc, given["metadata"], self._template)
        own = {name: value for name, value in (self.config.generation_kwargs or {}).items() if value != []}
        for instance in asked:
            if own and instance.request_type == "generate_until":  # --gen_kwargs
                instance.arguments[1].update(own)
        return asked

    def apply_filters(self) -> None:
        """Leaves all answers as they are; reading them is the task's own affair."""
        for instance in self._instances:
            instance.filtered_resps[_FILTER] = instance.resps

    def process_results(self, doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, Any]:  # noqa: ARG002
        """Our samples of a doc; and for each headline metric that is the mean of a score, the mean of the doc."""
        samples = self._samples[doc["id"]]
        found: dict[str, Any] = {SAMPLES: [_logged(sample, self._places(doc["id"])) for sample in samples]}
        for name, metric in self._headlines.items():
            found[name] = _mean(samples, metric)
            if metric.stderr is not None:
                found[f"{name}_stderr"] = None  # takes the place that the harness leaves with "N/A"
        return found

    def aggregation(self) -> dict[str, Callable[[list[Any]], Any]]:
        found: dict[str, Callable[[list[Any]], Any]] = {SAMPLES: lambda rows: sum(map(len, rows))}
        for name, metric in self._headlines.items():
            found[name] = partial(_known, _number(metric.value))
            found[f"{name}_stderr"] = partial(_known, _number(metric.stderr))
        return found

    def higher_is_better(self) -> dict[str, bool]:
        known = self._headlines.items()
        return {name: metric.higher_is_better for name, metric in known if metric.higher_is_better is not None}

    @cached_property
    def _headlines(self) -> dict[str, Metric]:
        samples = [sample for samples in self._samples.values() for sample in samples]
        return shown(self._ours, self._ours.metrics(sorted(samples, key=lambda sample: sample.sample_id)))

    @cached_property
    def _samples(self) -> dict[str, list[Sample]]:
        """Doc id -> its samples, scored."""
        answers: dict[str, list[Any]] = {}
        for instance in self._instances:
            answers.setdefault(instance.doc["id"], []).append(instance.filtered_resps[_FILTER])
        return {doc["id"]: self._samples_of(_doc(doc), answers[doc["id"]]) for doc in self.dataset["test"]}

    def _samples_of(self, doc: Doc, answers: Sequence[Any]) -> list[Sample]:
        drafts = self._drafts[doc.id]
        places = self._places(doc.id)
        responses = {
            request.id: response(request, [answers[place] for place in places[request.id]], self._counter)
            for request in distinct_requests(drafts)
        }
        return [self._sample(doc, draft, responses) for draft in drafts]

    def _sample(self, doc: Doc, draft: Draft, responses: Mapping[str, Any]) -> Sample:
        own = tuple(responses[request.id] for request in draft.requests)
        error: str | None = next((one.error for one in own if one.error), None)
        scores = Scores({}, "error")
        if error is None:
            try:
                scores = scored(self._ours, doc, draft, own)
            except Exception as problem:  # at the end of a long run: one answer must not cost all the others
                error = SCORING
                _log.warning(
                    "%s cannot score doc %r: %s: %s", self.config.task, doc.id, type(problem).__name__, problem
                )
        return answered(draft, own, scores, error)

    def _places(self, doc_id: str) -> dict[str, list[int]]:
        """Request id -> places of its instances among those of the doc."""
        found, at = {}, 0
        for request in distinct_requests(self._drafts[doc_id]):
            found[request.id] = list(range(at, at + n_calls(request)))
            at += n_calls(request)
        return found

    def _model_info(self, template: ChatTemplate | None) -> ModelInfo:
        """What tasks may know of the model: whether it has turns, and whether it has log-probabilities."""
        capabilities: set[Capability] = {"generate"} if template is not None else {"generate", "loglikelihood"}
        if template is not None:
            capabilities.add("chat")
            if not speaks_in_turns(template):
                capabilities.add("loglikelihood")
        if self._mode not in capabilities:
            other = str(self.config.task).removesuffix(SUFFIXES["loglikelihood"]) + SUFFIXES["generate"]
            raise UserError(f"{self.config.task} needs log-probabilities, which chat models do not give; use {other}")
        return ModelInfo("this model", "lm-eval", "", frozenset(capabilities))

    _drafts: Mapping[str, Sequence[Draft]] = {}
    _template: ChatTemplate | None = None


def shown(task: Task | type[Task], metrics: Sequence[Metric]) -> dict[str, Metric]:
    """The metrics in the harness's table, by name: headlines, or those of headline scores where there are none."""
    headlines = [metric for metric in metrics if metric.headline]
    found = headlines or [metric for metric in metrics if metric.name in task.headline_scores] or list(metrics)
    return dict(zip(_names(found), found, strict=True))


def _names(metrics: Sequence[Metric]) -> list[str]:
    """A name for each metric: its own, with the keys in brackets that tell apart those of one name.

    The harness reads a comma as the end of a name, hence the semicolons.
    """
    told: dict[str, dict[str, set[str]]] = {}
    for metric in metrics:
        for key, value in metric.condition.items():
            told.setdefault(metric.name, {}).setdefault(key, set()).add(_value(value))
    found = []
    for metric in metrics:
        same_name = [other for other in metrics if other.name == metric.name]
        keys = [
            key
            for key, values in told.get(metric.name, {}).items()
            if len(values) > 1 or any(key not in other.condition for other in same_name)
        ]
        arm = ";".join(f"{key}={_value(metric.condition[key])}" for key in sorted(keys) if key in metric.condition)
        found.append(f"{metric.name}[{arm}]" if arm else metric.name)
    return found


def _known(value: Any, _: list[Any]) -> Any:
    """An aggregation whose outcome is known already."""
    return value


def _number(value: float | None) -> Any:
    return "N/A" if value is None else float(value)


def _value(value: Any) -> str:
    return str(value).replace(",", " ").replace(";", " ")


def _mean(samples: Sequence[Sample], metric: Metric) -> float | None:
    """The doc's own part in a metric that is a mean of a score, for people who read the log."""
    values = [
        sample.scores[metric.name]
        for sample in samples
        if sample.scores.get(metric.name) is not None and metric.condition.items() <= dict(sample.condition).items()
    ]
    return sum(value for value in values if value is not None) / len(values) if values else None


def _logged(sample: Sample, places: Mapping[str, list[int]]) -> dict[str, Any]:
    """A row of the table `samples`, whose requests are named by the places of their calls in the log's line."""
    plain = ("sample_id", "mode", "cluster", "target", "outcome", "answer", "error")
    return {
        **{name: getattr(sample, name) for name in plain},
        "condition": dict(sample.condition),
        "scores": dict(sample.scores),
        "calls": [places[request.id] for request in sample.requests],
    }


def _doc(row: Mapping[str, Any]) -> Doc:
    return Doc(row["id"], row["data"], row["cluster"])
