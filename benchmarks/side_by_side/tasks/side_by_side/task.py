"""The docs of ``benchmarks/harnesses.py`` as a task of ours: choices by log-likelihood, questions by a chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from suite.jsonl import read_jsonl
from suite.task import Doc, Draft, Generate, Loglikelihood, Metric, Mode, ModelInfo, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from pydantic import BaseModel


class SideBySide(Task):
    name: ClassVar[str] = "side_by_side"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "the docs that several programs are timed on"
    citation: ClassVar[str] = ""
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        from pydantic import BaseModel, FilePath

        class Options(BaseModel):
            data: FilePath

        return Options

    def docs(self) -> Iterator[Doc]:
        for _, row in read_jsonl(self.options.data):
            yield Doc(f"doc-{row['number']}", row, cluster=f"doc-{row['number']}")

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:  # noqa: ARG002
        question = doc.data["question"]
        if "loglikelihood" in modes:
            choices = Loglikelihood(question, tuple(f" {choice}" for choice in doc.data["choices"]))
            return [Draft(doc.id, "loglikelihood", {}, (choices,), doc.cluster)]
        asked = Generate((("user", question),), max_tokens=doc.data["max_tokens"])
        return [Draft(doc.id, "generate", {}, (asked,), doc.cluster, target=doc.data["answer"])]

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        if draft.mode == "loglikelihood":
            logprobs = [score.logprob for score in responses[0].scores]
            right = logprobs.index(max(logprobs)) == doc.data["answer"]
        else:
            right = responses[0].texts[0].text == doc.data["answer"]
        return Scores({"correct": float(right)}, "correct" if right else "wrong")

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        share = sum(sample.outcome == "correct" for sample in samples) / len(samples)
        return [Metric("accuracy", share, samples[0].mode, n=len(samples), headline=True)]
