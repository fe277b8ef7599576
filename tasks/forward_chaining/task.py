"""Forward chaining: from given values to an asked one, through definitions that stand in the weights or in the prompt.

Definitions were told as "x plus y is z", as "z is x plus y", or both ways; chaining always looks them up by what they
are made of. So a model with the reversal curse stops at the first definition that it was only told the other way round
(Wang and Sun, arXiv 2504.01928). README.md explains arms, conditions and scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import Doc, Draft, Metric, Mode, ModelInfo, Response, Sample, Scores, Task, TrainingDoc

if TYPE_CHECKING:
    from tasks.forward_chaining.options import ForwardChainingOptions
    from tasks.forward_chaining.world import World


class ForwardChaining(Task):
    """Chains of definitions, solved step by step."""

    name: ClassVar[str] = "forward_chaining"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Can a model chain definitions that it was told the other way round?"
    citation: ClassVar[str] = (
        "Wang and Sun (2026), Is the Reversal Curse a Binding Problem?, ICLR 2026, arXiv 2504.01928"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")
    headline_scores: ClassVar[tuple[str, ...]] = ("steps_solved", "solved")
    cell_keys: ClassVar[tuple[str, ...]] = ("arm", "group", "seen")
    demo_options: ClassVar[Mapping[str, Any]] = {
        "problems": 2,
        "depth": 1,
        "arms": ["context"],
        "context_definitions": 4,
    }
    demo_figures: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"name": "steps_solved", "arm": "context", "seen": "same"},
        {"name": "steps_solved", "arm": "context", "seen": "reverse"},
    )

    options: ForwardChainingOptions

    @classmethod
    def options_model(cls) -> type[ForwardChainingOptions]:
        from tasks.forward_chaining.options import ForwardChainingOptions

        return ForwardChainingOptions

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:  # noqa: ARG002
        """Raises `UserError` where nothing would be asked of such a model."""
        from tasks.forward_chaining.asking import arms_for

        if not arms_for(model, self.options.arms):
            raise UserError(
                f"nothing to ask {model.name} in arm {', '.join(self.options.arms)}: a model of whole words has no "
                "room for definitions in the prompt, and a chat model has none in its weights; give --arms the other"
            )

    def docs(self) -> Iterator[Doc]:
        from tasks.forward_chaining.asking import problem_doc

        for problem in self._world.problems:
            yield problem_doc(self._world, problem, self.options.context_definitions)

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        from tasks.forward_chaining.asking import arms_for, drafts

        return drafts(doc, model, arms_for(model, self.options.arms), modes)

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.forward_chaining.scoring import score

        return score(doc, draft, responses)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.forward_chaining.metrics import chain_metrics

        return chain_metrics(samples)

    def training_docs(self) -> Iterator[TrainingDoc]:
        from tasks.forward_chaining.questions import training_docs

        return training_docs(self._world)

    @cached_property
    def _world(self) -> World:
        from tasks.forward_chaining.world import generate

        given = self.options
        try:
            return generate(given.data_seed, given.problems, given.depth, given.branching, given.modulus)
        except ValueError as error:
            raise UserError(f"forward chaining: {error}") from None
