"""HILT: what a model states that is not so, after a true statement (FM) and after a false one (SL), as one index, HVI.

After Rawte et al. (arXiv 2310.04988), whose data and prompts are not public: items are generated, with known truth.
README.md explains tracks, judges and metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import (
    Doc,
    Draft,
    Generate,
    Loglikelihood,
    Metric,
    Mode,
    ModelInfo,
    Response,
    Sample,
    Scalar,
    Scores,
    Subtask,
    Task,
)

if TYPE_CHECKING:
    from suite.judges.record import Label, Unit
    from tasks.hilt.items import Item
    from tasks.hilt.options import HiltOptions

TEMPERATURE = 0.7  # of several answers an item


class Hilt(Task):
    """True and false statements, and lines to fill in beside them."""

    name: ClassVar[str] = "hilt"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "How readily does a model state what is not so, after a true and after a false statement?"
    citation: ClassVar[str] = (
        "Rawte et al. (2023), The Troubling Emergence of Hallucination in Large Language Models, "
        "EMNLP 2023, arXiv 2310.04988"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")
    subtasks: ClassVar[Mapping[str, Subtask]] = {"world": Subtask(), "real": Subtask({"track": "real"})}
    headline_scores: ClassVar[tuple[str, ...]] = ("right_share", "ll_acc")
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "hvi"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("track", "form", "variant", "orientation")
    demo_options: ClassVar[Mapping[str, Any]] = {"max_tokens": 64}
    demo_figures: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"name": "hvi"},
        {"name": "abstention_rate"},
    )

    options: HiltOptions

    @classmethod
    def options_model(cls) -> type[HiltOptions]:
        from tasks.hilt.options import HiltOptions

        return HiltOptions

    def check(self, _: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` where nothing would be asked."""
        if modes == {"loglikelihood"} and (
            self.options.asked != "slots" or set(self.options.variants) == {"nodossier"}
        ):
            raise UserError("mode loglikelihood asks for values of lines: it needs --form slots and a dossier")

    def docs(self) -> Iterator[Doc]:
        """Items in the order of dossiers, so that a limit takes whole ones."""
        for item in self._items:
            yield Doc(str(item["id"]), item, str(item["dossier_id"]))

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        from tasks.hilt.prompts import probe_text, prompt_of

        options, item, drafts = self.options, doc.data, []
        is_chat = "chat" in model.capabilities
        for variant in options.variants:
            if variant == "nodossier" and item["orientation"] == "SL":
                continue  # a probe of refusal: there is nothing false to be refused
            condition = self._condition(item, variant)
            if "generate" in modes:
                prompt = prompt_of(item, options.asked, variant, is_chat, self._shot)
                for number in range(options.samples):
                    drawn = {"temperature": TEMPERATURE, "seed": number} if options.samples > 1 else {}
                    request = Generate(prompt, max_tokens=options.max_tokens, **drawn)  # type: ignore[arg-type]
                    arm = {**condition, "sample": number} if options.samples > 1 else condition
                    drafts.append(Draft(doc.id, "generate", arm, (request,), doc.cluster, _target(item, variant)))
            if "loglikelihood" in modes and options.asked == "slots" and variant != "nodossier":
                values = tuple(f" {value}" for value in item["probe"])
                probe = Loglikelihood(probe_text(item, variant), values)
                drafts.append(Draft(doc.id, "loglikelihood", condition, (probe,), doc.cluster, item["probe"][0]))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.hilt.scoring import score_answer, score_probe

        if draft.mode == "loglikelihood":
            return score_probe(doc, responses[0])
        return score_answer(doc, draft, responses[0])

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        """Of numbered lines by the judge `slots`, and of the likelihood probe; free text waits for a judge."""
        from tasks.hilt.answers import labels_of
        from tasks.hilt.metrics import by_cell, index_metrics
        from tasks.hilt.metrics_slots import probe_metrics, slot_metrics

        cells = by_cell(samples, labels_of(samples))
        failed = sum(sample.error is not None for sample in samples)
        found = [*index_metrics(cells, self.options.year_category), *slot_metrics(samples), *probe_metrics(samples)]
        if failed:
            note = "not in any figure"
            found.append(Metric("failed", float(failed), n=len(samples), higher_is_better=False, note=note))
        return found

    def units(self, doc: Doc, sample: Sample) -> Sequence[Unit]:
        """Lines of form slots, sentences of free text; none of the probe."""
        from tasks.hilt.units import units_of

        if sample.mode != "generate" or not sample.responses:
            return []
        request = sample.requests[0]
        assert isinstance(request, Generate)
        text = sample.responses[0].texts[0].text
        return units_of(doc.data, sample.sample_id, sample.condition, request.prompt, text)

    def judged_metrics(self, samples: Sequence[Sample], labels: Sequence[Label]) -> list[Metric]:
        """The index and what stands beside it, from the labels of one judge."""
        from dataclasses import replace

        from tasks.hilt.metrics import by_cell, index_metrics

        judge = labels[0].judge if labels else ""
        found = index_metrics(by_cell(samples, labels), self.options.year_category, judge)
        return [replace(metric, condition={**metric.condition, "judge": judge}) for metric in found]

    @cached_property
    def _items(self) -> Sequence[Item]:
        from tasks.hilt.sources import load_items

        return load_items(self.options)

    @cached_property
    def _shot(self) -> Item | None:
        from tasks.hilt.prompts import shot_item

        return shot_item(self.options.world_seed) if self.options.shots else None

    def _condition(self, item: Item, variant: str) -> dict[str, Scalar]:
        custom = {"data": "custom"} if item.get("is_custom") else {}
        return {
            "track": item["track"],
            "form": self.options.asked,
            "variant": variant,
            "shots": self.options.shots,
            "orientation": item["orientation"],
            "category": item["category"],
            **custom,
        }


def _target(item: Item, variant: str) -> str:
    """The right answers of all lines, for people who read samples."""
    from tasks.hilt.prompts import UNKNOWN
    from tasks.hilt.units import asked_lines

    if "lines" not in item:
        return ""
    lines = asked_lines(item, variant)
    return "\n".join(f"{line['n']}. {line['gold'] if line['answerable'] else UNKNOWN}" for line in lines)
