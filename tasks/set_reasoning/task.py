"""Set reasoning: who can intersect and unite two sets, can they do it with three (Wu, Yang, Wang 2024)?

Asked of any model: written answers in three notations, directly or in steps, and membership by log-probability. Asked
of models that the task's own trainer has made: records of problems, and facts told in one order. README.md explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import (
    Chat,
    Doc,
    Draft,
    Generate,
    Loglikelihood,
    Metric,
    Mode,
    ModelInfo,
    Response,
    Sample,
    Scores,
    Task,
)

if TYPE_CHECKING:
    from suite.finetune.own import Trainer
    from tasks.set_reasoning.options import SetReasoningOptions
    from tasks.set_reasoning.prompts import Notation, Variant

GENERATED = 500  # problems of a form
MAX_TOKENS = {"direct": 64, "steps": 512}


class SetReasoning(Task):
    """Two sets, then three."""

    name: ClassVar[str] = "set_reasoning"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Does a model that can unite and intersect two sets compose the two over three?"
    citation: ClassVar[str] = (
        "Wu, Yang, Wang (2024), Exploring the reversal curse and other deductive logical reasoning in BERT and "
        "GPT-based large language models, Patterns 5(9):101030, arXiv 2312.03633"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood")
    headline_scores: ClassVar[tuple[str, ...]] = ("em",)
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "em"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("form", "notation", "variant", "shots")
    demo_options: ClassVar[Mapping[str, Any] | None] = {
        "forms": ["i2", "i_u"],
        "sizes": [4],
        "overlaps": ["uniform"],
        "vocabularies": ["animals"],
        "per_cell": 2,
        "notations": ["symbol"],
        "twins": False,
        "max_tokens": 24,
    }
    demo_figures: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"name": "em", "form": "i2", "variant": "membership"},
        {"name": "em", "form": "i_u", "variant": "membership"},
        {"name": "em", "form": "i2", "variant": "direct"},
    )

    options: SetReasoningOptions

    @classmethod
    def options_model(cls) -> type[SetReasoningOptions]:
        from tasks.set_reasoning.options import SetReasoningOptions

        return SetReasoningOptions

    @classmethod
    def trainer(cls) -> Trainer:
        from tasks.set_reasoning.training import SetTrainer

        return SetTrainer()

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:  # noqa: ARG002
        from tasks.set_reasoning.asking import check_trained

        check_trained(self.options, model)

    def docs(self) -> Iterator[Doc]:
        if self.options.data == "mask_reversal":
            from tasks.set_reasoning.facts import fact_rows

            yield from (Doc(row["id"], row, row["id"]) for row in fact_rows(self.options.both_fraction))
        elif self.options.data == "set_ops":
            yield from self._shipped_docs()
        else:
            yield from (Doc(problem["id"], problem, problem["id"]) for problem in self._generated())

    def _shipped_docs(self) -> Iterator[Doc]:
        wanted: dict[tuple[Any, ...], int] = {}
        options = self.options
        found = 0
        for problem in self._problems:
            cell = (problem["form"], problem["U"], problem["overlap"], problem["vocab"])
            wanted[cell] = wanted.get(cell, 0) + 1
            chosen = (
                problem["form"] in options.forms
                and problem["U"] in options.sizes
                and problem["overlap"] in options.overlaps
                and problem["vocab"] in options.vocabularies
            )
            if chosen and (options.per_cell is None or wanted[cell] <= options.per_cell):
                found += 1
                yield Doc(problem["id"], problem, problem["id"])
        if not found:
            raise UserError(
                "no problem has these sizes, overlaps and vocabularies; the shipped ones have animals and cvc, and "
                "overlap one for two sets only"
            )

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        from tasks.set_reasoning.asking import PROVIDER, fact_drafts, record_drafts

        options = self.options
        if options.data == "mask_reversal":
            return list(fact_drafts(doc, modes, (model.training or {}).get("objective") == "encoder"))
        if model.provider == PROVIDER:
            return list(record_drafts(doc, model, modes))
        drafts: list[Draft] = []
        for notation in options.notations:
            if "generate" in modes:
                drafts += [self._written(doc, notation, variant, model) for variant in options.variants]
            if "loglikelihood" in modes:
                drafts += self._membership(doc, notation)
        if options.twins and doc.data["twin"] and "generate" in modes:
            drafts.append(self._written(doc, options.notations[0], "direct", model, twin=True))
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.set_reasoning.asking import score_fact, score_head
        from tasks.set_reasoning.scoring import score_membership, score_text

        if self.options.data == "mask_reversal":
            return score_fact(draft, responses)
        if draft.condition["variant"] == "head":
            return score_head(doc.data, responses[0])
        if draft.mode == "loglikelihood":
            return score_membership(doc.data, responses, draft.condition["variant"] == "membership_calibrated")
        return score_text(doc.data, responses[0].texts[0])

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.set_reasoning.fact_metrics import fact_metrics
        from tasks.set_reasoning.metrics import set_metrics

        if self.options.data == "mask_reversal":
            return fact_metrics(samples)
        return set_metrics(samples)

    def _written(self, doc: Doc, notation: Notation, variant: Variant, model: ModelInfo, twin: bool = False) -> Draft:
        from tasks.set_reasoning.prompts import generation_prompt

        expr = doc.data["twin"] if twin else doc.data["expr"]
        text = generation_prompt(doc.data, expr, notation, variant, self._shots)
        chat = "chat" in model.capabilities
        prompt: str | Chat = (("user", text),) if chat else f"{text}\n"
        stop = () if chat or variant == "steps" else ("\n\n",)
        limit = self.options.max_tokens or MAX_TOKENS[variant]
        condition = self._condition(doc, notation, variant) | ({"twin": True} if twin else {})
        return Draft(doc.id, "generate", condition, (Generate(prompt, stop, limit),), doc.cluster, _target(doc))

    def _membership(self, doc: Doc, notation: Notation) -> Iterator[Draft]:
        from tasks.set_reasoning.prompts import membership_prompt

        asked = [
            tuple(
                Loglikelihood(membership_prompt(doc.data, doc.data["expr"], notation, item, emptied), (" Yes", " No"))
                for item in doc.data["candidates"]
            )
            for emptied in (False, True)
        ]
        for variant, requests in (("membership", asked[0]), ("membership_calibrated", asked[0] + asked[1])):
            condition = self._condition(doc, notation, variant)
            yield Draft(doc.id, "loglikelihood", condition, requests, doc.cluster, _target(doc))

    def _condition(self, doc: Doc, notation: str, variant: str) -> dict[str, Any]:
        from tasks.set_reasoning.problems import condition_of

        shots = self.options.shots if not variant.startswith("membership") else 0
        return {"variant": variant, "notation": notation, "shots": shots, **condition_of(doc.data)}

    def _generated(self) -> Iterator[dict[str, Any]]:
        """Problems that are not shipped, on the vocabulary of models from scratch."""
        from tasks.set_reasoning.parametric import parametric_problems
        from tasks.set_reasoning.problems import token_problems

        options, seed = self.options, self.options.fresh_seed or 0
        count = options.per_cell or GENERATED
        if options.data == "set_ops_param":
            yield from parametric_problems(options.forms, count, seed)
        else:
            problems = token_problems(options.forms, count, options.distractor_sets, seed)
            yield from (problem.to_json() for problem in problems)

    @cached_property
    def _problems(self) -> list[dict[str, Any]]:
        if self.options.fresh_seed is None:
            from tasks.set_reasoning.files import shipped_problems

            return shipped_problems()
        from tasks.set_reasoning.problems import evaluation_problems

        return [problem.to_json() for problem in evaluation_problems(self.options.fresh_seed)]

    @cached_property
    def _shots(self) -> list[dict[str, Any]]:
        """Union, intersection, union of two sets, in words that no question uses."""
        from tasks.set_reasoning.problems import make_problem

        forms = ("u2", "i2", "u2")[: self.options.shots]
        return [
            make_problem(form, index=number, split="shots", size=4, vocab="tools").to_json()
            for number, form in enumerate(forms)
        ]


def _target(doc: Doc) -> str:
    return "{" + ", ".join(doc.data["answer"]) + "}"
