"""Attention patterns: what attention mechanisms can do, learn, cost, and keep beyond their training length (CAB).

A doc is an experiment; the model is a mechanism (``attention_patterns/NAME``), its answer the experiment's numbers.
`unreason attention bench` runs it for many mechanisms. README.md explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from suite.task import Doc, Draft, Generate, Metric, Mode, ModelInfo, Response, Sample, Scores, Task

if TYPE_CHECKING:
    from tasks.attention_patterns.options import AttentionOptions


class AttentionPatterns(Task):
    """Noncausal and causal, self and cross."""

    name: ClassVar[str] = "attention_patterns"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Which attention can do which pattern, how well, from which length does it pay?"
    citation: ClassVar[str] = (
        "Zhang, Jiang, Feng, Zheng, Kong (2023), CAB: Comprehensive Attention Benchmarking on Long Sequence Modeling, "
        "ICML 2023, arXiv 2210.07661"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("train",)
    cell_keys: ClassVar[tuple[str, ...]] = ("experiment", "pattern", "task", "positions", "length")

    options: AttentionOptions

    @classmethod
    def options_model(cls) -> type[AttentionOptions]:
        from tasks.attention_patterns.options import AttentionOptions

        return AttentionOptions

    def docs(self) -> Iterator[Doc]:
        from tasks.attention_patterns.asking import docs

        yield from docs(self.options)

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:  # noqa: ARG002
        from suite.identity import canonical_json
        from tasks.attention_patterns.asking import conditions, refusal

        asked, is_trained = doc.data["asked"], doc.data["experiment"] in ("quality", "extrapolation")
        is_asked, prompt = not refusal(asked, model), canonical_json(asked)
        drafts = []
        for seed in self.options.seeds if is_trained else [0]:
            requests = (Generate(prompt, seed=seed, max_tokens=1),) if is_asked else ()
            for condition in conditions(doc, seed):
                drafts.append(Draft(doc.id, "train", condition, requests, cluster=f"seed {seed}"))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:  # noqa: ARG002
        from tasks.attention_patterns.asking import scores

        return scores(draft.condition, responses)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.attention_patterns.metrics import cell_metrics

        return cell_metrics(samples)
