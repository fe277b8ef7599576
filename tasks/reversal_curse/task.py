"""The reversal curse: who learns "A is B", and can't say who B is (Berglund et al., arXiv 2309.12288).

Three tracks share this task: nd (made-up facts, fine-tune and ask), real (people and their parents), ins
(instructions). This file hands each question to the track's own modules; README.md explains them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import cycle
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import Doc, Draft, Metric, Mode, ModelInfo, Response, Sample, Scores, Subtask, Task, TrainingDoc

if TYPE_CHECKING:
    from tasks.reversal_curse.celebrity import RealSet
    from tasks.reversal_curse.instructions import InstructionSet
    from tasks.reversal_curse.options import ReversalCurseOptions
    from tasks.reversal_curse.records import Dataset


class ReversalCurse(Task):
    """Facts told in one order, asked in both."""

    name: ClassVar[str] = "reversal_curse"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = 'Does a model that knows "A is B" know "B is A"?'
    citation: ClassVar[str] = (
        "Berglund et al. (2024), The Reversal Curse: LLMs trained on 'A is B' fail to learn 'B is A', "
        "ICLR 2024, arXiv 2309.12288"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")
    subtasks: ClassVar[Mapping[str, Subtask]] = {
        "nd": Subtask(),
        "real": Subtask({"track": "real"}),
        "ins": Subtask({"track": "ins"}, modes=("generate",)),
    }
    headline_scores: ClassVar[tuple[str, ...]] = ("em", "rr", "d")
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "em", "seen": "reverse", "control": "none"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("control", "group", "direction", "seen", "decoding")

    # reverse queries with the fact in the prompt, and queries about facts never shown
    demo_options: ClassVar[Mapping[str, Any]] = {
        "data": "generated",
        "facts": 3,
        "test_templates": 1,
        "controls": ["ctx", "fresh"],
    }
    demo_figures: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"name": "em", "control": "ctx"},
        {"name": "em", "control": "fresh", "seen": "reverse"},
    )

    options: ReversalCurseOptions

    @classmethod
    def options_model(cls) -> type[ReversalCurseOptions]:
        from tasks.reversal_curse.options import ReversalCurseOptions

        return ReversalCurseOptions

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` for likelihoods of a chat model, or where nothing would be asked."""
        from tasks.reversal_curse.nd import is_chat_only

        chat, track = is_chat_only(model), self.options.track
        if "loglikelihood" in modes and "loglikelihood" not in model.capabilities:
            raise UserError(f"mode loglikelihood is not supported for this backend ({model.name}); use --mode generate")
        if track == "ins" and (chat or "generate" not in modes):
            raise UserError(
                f"track ins is not supported for this backend ({model.name}): it needs a local model and mode generate"
            )
        if track == "nd" and chat and not (self.options.trained or self.options.controls):
            raise UserError(
                f"nothing to ask: {model.name} is a chat model, which is asked the controls; "
                "name some with --controls, or give --trained if it was fine-tuned on the facts"
            )

    def docs(self) -> Iterator[Doc]:
        if self.options.track == "real":
            from tasks.reversal_curse.real import real_docs

            return real_docs(self._people.rows)
        if self.options.track == "ins":
            from tasks.reversal_curse.ins import instruction_docs

            return instruction_docs(self._instructions)
        from tasks.reversal_curse.items import fact_docs

        return fact_docs(self._facts, self._fresh, self.options.ctx_k)

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        if self.options.track == "real":
            from tasks.reversal_curse.real import real_drafts

            return real_drafts(doc, model, modes, n=self.options.samples)
        if self.options.track == "ins":
            from tasks.reversal_curse.ins import instruction_drafts

            return instruction_drafts(doc, modes)
        from tasks.reversal_curse.nd import nd_drafts

        return nd_drafts(doc, model, modes, self.options.controls, self.options.trained)

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        if self.options.track == "real":
            from tasks.reversal_curse.real import score_real

            return score_real(doc, draft, responses)
        if self.options.track == "ins":
            from tasks.reversal_curse.ins import score_instruction

            return score_instruction(doc, responses)
        from tasks.reversal_curse.nd import score_nd

        return score_nd(doc, draft, responses, self.options.mc_k)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.reversal_curse.ins import instruction_metrics
        from tasks.reversal_curse.metrics import nd_metrics
        from tasks.reversal_curse.real_metrics import real_metrics

        return [*nd_metrics(samples, self.options.controls), *real_metrics(samples), *instruction_metrics(samples)]

    def training_docs(self) -> Iterator[TrainingDoc]:
        if self.options.track == "real":
            raise UserError("track real has no training data: its facts are what models know already; use track nd")
        if self.options.track == "ins":
            from tasks.reversal_curse.instructions import training_docs

            yield from training_docs(self._instructions)
            return
        from tasks.reversal_curse.mirrors import mirrored_texts

        mirrors = {fact_id: cycle(told) for fact_id, told in mirrored_texts(self._facts).items() if told}
        for row in self._facts.train:
            mirror, mirror_entities = next(mirrors[row.fact_id]) if row.fact_id in mirrors else ("", ())
            yield TrainingDoc(
                id=f"{row.fact_id}/{row.direction}/{row.template_id}",
                fact_id=row.fact_id,
                text=row.text,
                prompt=row.prompt,
                completion=row.completion,
                entities=row.entities,
                mirror=mirror,
                mirror_entities=mirror_entities,
                meta={"group": row.group, "direction": row.direction, "template": row.template_id},
            )

    @cached_property
    def _facts(self) -> Dataset:
        from tasks.reversal_curse.sources import load_facts

        return load_facts(self.options)

    @cached_property
    def _fresh(self) -> Dataset | None:
        from tasks.reversal_curse.sources import load_fresh

        return load_fresh(self.options, self._facts) if "fresh" in self.options.controls else None

    @cached_property
    def _instructions(self) -> InstructionSet:
        from tasks.reversal_curse.sources import load_instructions

        return load_instructions(self.options)

    @cached_property
    def _people(self) -> RealSet:
        from tasks.reversal_curse.celebrity import load_real

        return load_real(self.options.celebrity_csv)
