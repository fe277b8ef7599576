"""Inverse scaling: do larger models do worse? (McKenzie et al., arXiv 2306.09479; the Inverse Scaling Prize.)

Eleven tasks, generated with a control twin for every trap, or read from the public files. A run scores one model; the
curve over models is drawn by `unreason trend`. README.md explains tasks, conditions and scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import Doc, Draft, Metric, Mode, ModelInfo, Request, Response, Sample, Scores, Subtask, Task
from tasks.inverse_scaling.subtasks import NAMES

if TYPE_CHECKING:
    from tasks.inverse_scaling.options import InverseScalingOptions
    from tasks.inverse_scaling.rows import Pair, Row, Variant
    from tasks.inverse_scaling.sources import Source


class InverseScaling(Task):
    """Questions that larger models were found to get wrong more often, each beside a control without the trap."""

    name: ClassVar[str] = "inverse_scaling"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Do larger models fall for a trap more often?"
    citation: ClassVar[str] = (
        "McKenzie et al. (2023), Inverse Scaling: When Bigger Isn't Better, TMLR 10/2023, arXiv 2306.09479"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("loglikelihood", "generate", "first_token")
    subtasks: ClassVar[Mapping[str, Subtask]] = {name: Subtask({"subtask": [name]}) for name in NAMES}
    headline_scores: ClassVar[tuple[str, ...]] = ("acc", "loss", "trap")
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "acc", "variant": "trap"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("subtask", "variant", "shots", "source", "revision", "style")
    demo_options: ClassVar[Mapping[str, Any] | None] = {"subtask": ["memo-trap", "neqa"], "n": 3}
    demo_figures: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"name": "acc", "variant": "trap", "subtask": "memo-trap"},
        {"name": "acc", "variant": "control", "subtask": "memo-trap"},
    )

    options: InverseScalingOptions

    @classmethod
    def options_model(cls) -> type[InverseScalingOptions]:
        from tasks.inverse_scaling.options import InverseScalingOptions

        return InverseScalingOptions

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` where nothing would be asked: sequences have no first token, log-odds no words."""
        kinds = {row.kind for source in self._sources.values() for pair in source.pairs for row in pair.rows.values()}
        if not any(_asks(kind, mode) for kind in kinds for mode in modes):
            raise UserError(
                f"nothing to ask {model.name}: {', '.join(sorted(kinds))} rows are not scored in mode "
                f"{' or '.join(sorted(modes))}; use mode loglikelihood"
            )

    def docs(self) -> Iterator[Doc]:
        for source in self._sources.values():
            for pair in source.pairs:
                rows = {variant: pair.rows[variant].to_json() for variant in self._variants(pair)}
                yield Doc(pair.id, {"subtask": source.subtask, "rows": rows}, pair.cluster)

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        source = self._sources[doc.data["subtask"]]
        pair = self._pairs[doc.id]
        drafts = []
        for mode in self.modes:
            for variant in self._variants(pair):
                row = pair.rows[variant]
                if mode not in modes or not _asks(row.kind, mode):
                    continue
                for shots in self.options.shots:
                    asked = self._asked(source, pair, variant, shots)
                    requests = tuple(one for row, prompt in asked for one in self._requests(row, prompt, mode, model))
                    condition = {**source.condition, "variant": variant, "shots": shots}
                    if len(asked) > 1:
                        condition["swap"] = True
                    target = " / ".join(row.gold.strip() for row, _ in asked)
                    drafts.append(Draft(doc.id, mode, condition, requests, doc.cluster, target))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.inverse_scaling import scoring
        from tasks.inverse_scaling.prompts import swapped
        from tasks.inverse_scaling.rows import Row

        row = Row.from_json(doc.data["rows"][draft.condition["variant"]])
        rows = [row]
        if draft.condition.get("swap"):
            other = swapped(row)
            assert other is not None
            rows.append(other)
        each = len(responses) // len(rows)
        found = []
        for at, row in enumerate(rows):
            own = responses[at * each : (at + 1) * each]
            if draft.mode == "loglikelihood":
                found.append(scoring.score_likelihoods(row, own))
            elif draft.mode == "first_token":
                found.append(scoring.score_first_token(row, own[0]))
            else:
                found.append(scoring.score_written(row, own[0].texts[0]))
        return scoring.averaged(found)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.inverse_scaling.metrics import inverse_scaling_metrics

        return inverse_scaling_metrics(samples)

    def _variants(self, pair: Pair) -> list[Variant]:
        return [variant for variant in self.options.variant if variant in pair.rows]

    def _asked(self, source: Source, pair: Pair, variant: Variant, shots: int) -> list[tuple[Row, str]]:
        """The row with its prompt; with --swap also in the other order of its options, after the same examples."""
        from tasks.inverse_scaling.prompts import swapped, with_shots

        row = pair.rows[variant]
        other = swapped(row) if self.options.swap else None
        rows = [row] if other is None else [row, other]
        return [(one, with_shots(pair, one, variant, source.pool, shots)) for one in rows]

    def _requests(self, row: Row, prompt: str, mode: Mode, model: ModelInfo) -> Sequence[Request]:
        from tasks.inverse_scaling import prompts

        if mode == "loglikelihood":
            return prompts.loglikelihood_requests(row, prompt)
        if mode == "first_token":
            return (prompts.first_token_request(row, prompt, model),)
        return (prompts.written_request(row, prompt, model, self.options.max_tokens),)

    @cached_property
    def _sources(self) -> Mapping[str, Source]:
        from tasks.inverse_scaling.sources import load_sources

        return {source.subtask: source for source in load_sources(self.options)}

    @cached_property
    def _pairs(self) -> Mapping[str, Pair]:
        return {pair.id: pair for source in self._sources.values() for pair in source.pairs}


def _asks(kind: str, mode: Mode) -> bool:
    if mode == "loglikelihood":
        return True
    return kind == "classification" or (kind == "sequence_prob" and mode == "generate")
