"""Does a model tell a valid inference from one that only looks like it (affirming the consequent)?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from suite.stats import bootstrap_mean
from suite.task import Doc, Draft, Loglikelihood, Metric, Mode, ModelInfo, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from pydantic import BaseModel

FORMS = {"valid": ("{a}", "{b}", " yes"), "fallacy": ("{b}", "{a}", " no")}  # told of the name, asked, right answer


class Syllogism(Task):
    """One doc is a name and two made-up words; it is asked in both forms."""

    name: ClassVar[str] = "syllogism"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "valid inference against affirming the consequent"
    citation: ClassVar[str] = "none: an example"
    modes: ClassVar[tuple[Mode, ...]] = ("loglikelihood",)
    headline_scores: ClassVar[tuple[str, ...]] = ("correct",)

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        from pydantic import BaseModel, Field

        class Options(BaseModel):
            items: int = Field(100, ge=1, description="Docs; each is asked in both forms.")
            data_seed: int = Field(0, description="Seed of the made-up words.")

        return Options

    def docs(self) -> Iterator[Doc]:
        for number in range(self.options.items):
            rng = random.Random(f"syllogism:{self.options.data_seed}:{number}")
            a, b, name = ("".join(rng.choice(part) for part in ("bdfgkmpst", "aeiou", "bdgkmnpt")) for _ in range(3))
            yield Doc(f"{number:05}", {"a": a, "b": b, "name": name.capitalize()}, cluster=f"{number:05}")

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        drafts = []
        for form, (told, asked, right) in FORMS.items():
            is_a, is_b = told.format(**doc.data), asked.format(**doc.data)
            prompt = f"Every {doc.data['a']} is a {doc.data['b']}. {doc.data['name']} is a {is_a}.\n"
            prompt += f"Question: Does it follow that {doc.data['name']} is a {is_b}?\nAnswer:"
            request = Loglikelihood(prompt, (" yes", " no"))
            drafts.append(Draft(doc.id, "loglikelihood", {"form": form}, (request,), doc.cluster, target=right))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        yes, no = (score.logprob for score in responses[0].scores)
        answer = " yes" if yes > no else " no"
        correct = answer == draft.target
        return Scores({"correct": correct, "said_yes": answer == " yes"}, "correct" if correct else "wrong", answer)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        found = []
        for form in (*FORMS, "both"):
            own = [sample for sample in samples if form in ("both", sample.condition["form"])]
            for name in ("correct", "said_yes"):
                values = [sample.scores.get(name) or 0.0 for sample in own]  # a failed sample counts as wrong
                estimate = bootstrap_mean(values, [sample.cluster for sample in own])
                is_headline = name == "correct"
                found.append(
                    Metric.of(
                        name,
                        estimate,
                        mode="loglikelihood",
                        condition={"form": form},
                        headline=is_headline,
                        higher_is_better=True if is_headline else None,
                    )
                )
        return found
