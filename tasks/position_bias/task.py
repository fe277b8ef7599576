"""Position bias: does the answer depend on where an option, answer, document or premise stands?

Six families of interchangeable segments are asked in several orders, with labels that stay at places, travel with
content, or are left out, so that the bias of the order and that of the label stay apart. README.md explains them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from suite.errors import UserError
from suite.task import (
    Doc,
    Draft,
    Generate,
    Loglikelihood,
    Metric,
    Mode,
    ModelInfo,
    Prompt,
    Request,
    Response,
    Sample,
    Scores,
    Segmented,
    Subtask,
    Task,
)

if TYPE_CHECKING:
    from tasks.position_bias.arms import Arm
    from tasks.position_bias.options import PositionBiasOptions
    from tasks.position_bias.prompts import LabelMode

SCORED = ("mcq", "judge", "kv", "premise")  # families that log-probabilities can answer
MAX_TOKENS = {"mcq": 64, "judge": 500, "docqa": 100, "kv": 100, "needle": 100, "premise": 400}


class PositionBias(Task):
    """The same question with its parts in other places."""

    name: ClassVar[str] = "position_bias"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Does the answer depend on where an option, answer, document or premise stands?"
    citation: ClassVar[str] = (
        "Wang et al. (2025), Eliminating Position Bias of Language Models: A Mechanistic Approach, ICLR 2025, "
        "arXiv 2407.01100; Liu et al. (2024), Lost in the Middle, TACL, arXiv 2307.03172; Zheng et al. (2024), Large "
        "Language Models Are Not Robust Multiple Choice Selectors, ICLR 2024, arXiv 2309.03882"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")
    subtasks: ClassVar[Mapping[str, Subtask]] = {
        "mcq": Subtask(),
        "judge": Subtask({"family": ["judge"]}),
        "docqa": Subtask({"family": ["docqa"]}, modes=("generate",)),
        "kv": Subtask({"family": ["kv"]}),
        "needle": Subtask({"family": ["needle"]}, modes=("generate",)),
        "premise": Subtask({"family": ["premise"]}),
    }
    headline_scores: ClassVar[tuple[str, ...]] = ("correct",)
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "accuracy"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("family", "source", "label_mode", "arm", "k", "gold_slot")
    demo_options: ClassVar[Mapping[str, Any] | None] = {
        "family": ["mcq"],
        "items": 3,
        "labels": ["slot"],
        "max_tokens": 4,
    }

    options: PositionBiasOptions

    @classmethod
    def options_model(cls) -> type[PositionBiasOptions]:
        from tasks.position_bias.options import PositionBiasOptions

        return PositionBiasOptions

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` where nothing would be asked, or where an intervention could not act."""
        from tasks.position_bias.sources import items

        families = self.options.family or [next(items(self.options)).family]
        if "generate" not in modes and not set(families) & set(SCORED):
            raise UserError(
                f"family {', '.join(families)} is answered in words; use mode generate (mode loglikelihood is for "
                f"{', '.join(SCORED)})"
            )
        if "kv" in families and self.options.kv_form == "original" and "intervention" in model.extra:
            raise UserError(
                "kv_form original has no interchangeable segments, so that an intervention could not act on it; "
                "use kv_form uniform"
            )

    def docs(self) -> Iterator[Doc]:
        from tasks.position_bias.items import doc_of
        from tasks.position_bias.sources import items

        return (doc_of(item) for item in items(self.options))

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        from tasks.position_bias.arms import arms
        from tasks.position_bias.items import Item

        item = Item.from_json(doc.data)
        return [
            Draft(doc.id, mode, arm.condition, (self._request(arm, mode, model),), doc.cluster, "; ".join(item.gold))
            for arm in arms(item, self.options.choices, self.options.wording)
            for mode in self.modes
            if mode in modes and (mode == "generate" or item.family in SCORED)
        ]

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.position_bias.arms import BASELINES
        from tasks.position_bias.items import Item, fewer
        from tasks.position_bias.permutations import read
        from tasks.position_bias.scoring import score_likelihood, score_text

        item, condition = Item.from_json(doc.data), draft.condition
        if condition["arm"] not in BASELINES:
            item = fewer(item, int(condition.get("k") or len(item.segments)))
        order, labels, request = (
            read(str(condition["order"])),
            cast("LabelMode", condition["label_mode"]),
            draft.requests[0],
        )
        if isinstance(request, Loglikelihood):
            return score_likelihood(item, order, labels, request, responses[0])
        return score_text(item, order, labels, responses[0].texts[0])

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.position_bias.metrics import metrics

        return metrics(samples)

    def _request(self, arm: Arm, mode: Mode, model: ModelInfo) -> Request:
        from tasks.position_bias.scoring import continuations

        if mode == "loglikelihood":
            return Loglikelihood(self._prompt(arm, mode, model), continuations(arm.item, arm.order, arm.labels))
        family = arm.item.family
        is_chat = "chat" in model.capabilities
        ends_with_line = family in ("mcq", "docqa", "needle") and not is_chat
        limit = self.options.max_tokens or MAX_TOKENS[family]
        return Generate(self._prompt(arm, mode, model), stop=("\n",) if ends_with_line else (), max_tokens=limit)

    def _prompt(self, arm: Arm, mode: Mode, model: ModelInfo) -> Prompt:
        """Likelihoods are asked of the plain text; answers within the chat template, where there is one."""
        from tasks.position_bias.prompts import pair_v2_chat, rendered, without_documents

        is_chat = mode == "generate" and "chat" in model.capabilities
        if not arm.order:
            return without_documents(arm.item, as_user_turn=is_chat)
        wording = self.options.wording
        prompt = rendered(arm.item, arm.order, arm.labels, wording, mode, as_user_turn=is_chat)
        is_pair_v2 = arm.item.family == "judge" and wording.judge == "pair_v2"
        if is_chat and is_pair_v2 and "loglikelihood" not in model.capabilities:  # as RewardBench sends it to an API
            assert isinstance(prompt, Segmented)
            return pair_v2_chat(prompt)
        return prompt
