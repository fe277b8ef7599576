"""A small task for tests of judges: each doc shows a record and a statement, and its answer is judged by sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from suite.judges.record import Label, Unit
from suite.judges.sentences import sentences
from suite.task import Doc, Draft, Generate, Metric, Mode, ModelInfo, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from pydantic import BaseModel


class Records(Task):
    name: ClassVar[str] = "records"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "a task with units, for tests"
    citation: ClassVar[str] = ""
    modes: ClassVar[tuple[Mode, ...]] = ("generate",)

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        from pydantic import BaseModel

        class RecordsOptions(BaseModel):
            n: int = 6
            with_evidence: bool = True

        return RecordsOptions

    def docs(self) -> Iterator[Doc]:
        for number in range(self.options.n):
            year = 1700 + number
            evidence = f"The Hall of Arven was founded in {year}. The Hall of Arven is headquartered in Pellmouth."
            statement = f"The Hall of Arven was founded in {year + 50 * (number % 2)}."
            data = {
                "year": year,
                "evidence": evidence if self.options.with_evidence else "",
                "orientation": "SL" if number % 2 else "FM",
                "statement": statement,
            }
            yield Doc(f"doc-{number:02}", data, cluster=f"record-{number // 2}")

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        ask = Generate(f"{doc.data['evidence']}\n{doc.data['statement']}\nWrite about it.")
        condition = {"orientation": doc.data["orientation"]}
        return [Draft(doc.id, "generate", condition, (ask,), doc.cluster, target=str(doc.data["year"]))]

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        return Scores({}, "scored", responses[0].texts[0].text)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        return [Metric("answers", float(len(samples)), "generate", n=len(samples))]

    def units(self, doc: Doc, sample: Sample) -> Sequence[Unit]:
        context = f"{doc.data['evidence']}\n{doc.data['statement']}"
        return [
            Unit(sample.sample_id, number, text, context, doc.data["evidence"], {**doc.data, "track": "W"})
            for number, text in enumerate(sentences(sample.responses[0].texts[0].text), start=1)
        ]

    def judged_metrics(self, samples: Sequence[Sample], labels: Sequence[Label]) -> list[Metric]:
        wrong = sum(label.verdict == "hallucinated" for label in labels)
        return [Metric("wrong", wrong / len(labels), "generate", {"level": "unit"}, n=len(labels), headline=True)]
