"""A small task for tests of the engine: every doc asks a question of its own and one that its cluster shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from suite.task import Doc, Draft, Generate, Loglikelihood, Metric, Mode, ModelInfo, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from pydantic import BaseModel


class Toy(Task):
    name: ClassVar[str] = "toy"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "a task for tests"
    citation: ClassVar[str] = ""
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        from pydantic import BaseModel

        class ToyOptions(BaseModel):
            n: int = 12
            salt: str = ""

        return ToyOptions

    def docs(self) -> Iterator[Doc]:
        for number in range(self.options.n):
            yield Doc(f"doc-{number}", {"number": number, "salt": self.options.salt}, cluster=f"cluster-{number // 4}")

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        prompt = f"{doc.data['salt']}{doc.data['number']}?"
        drafts = []
        if "generate" in modes:
            own, shared = Generate(prompt), Generate(f"{doc.cluster}?")
            drafts.append(Draft(doc.id, "generate", {"arm": "both"}, (own, shared), doc.cluster, target="yes"))
            drafts.append(Draft(doc.id, "generate", {"arm": "shared"}, (shared,), doc.cluster, target="yes"))
        if "loglikelihood" in modes:
            choice = Loglikelihood(prompt, (" yes", " no"))
            drafts.append(Draft(doc.id, "loglikelihood", {"arm": "both"}, (choice,), doc.cluster, target="yes"))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        if draft.mode == "loglikelihood":
            yes, no = responses[0].scores
            return Scores({"margin": yes.logprob - no.logprob, "undefined": None}, "scored", answer=None)
        answer = responses[0].texts[0].text
        right = answer == "yes"
        return Scores({"correct": right}, "correct" if right else "wrong", answer)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        found = []
        for arm in ("both", "shared"):
            chosen = [s for s in samples if s.mode == "generate" and s.condition["arm"] == arm]
            if chosen:
                share = sum(s.outcome == "correct" for s in chosen) / len(chosen)
                found.append(Metric("accuracy", share, "generate", {"arm": arm}, n=len(chosen), headline=arm == "both"))
        margins = [s.scores["margin"] for s in samples if s.mode == "loglikelihood" and not s.error]
        if margins:
            found.append(Metric("margin", sum(margins) / len(margins), "loglikelihood", n=len(margins)))
        return found
