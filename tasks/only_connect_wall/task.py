"""Only Connect Wall: sort sixteen clues into four groups when some clues fit more than one (arXiv 2306.11167).

Public walls ask how hard that is; our quads ask what one herring costs, with the wall otherwise the same. This file
hands each question to the module that knows it; README.md explains them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError
from suite.task import Doc, Draft, Embed, Generate, Metric, Mode, ModelInfo, Response, Sample, Scores, Subtask, Task

if TYPE_CHECKING:
    from tasks.only_connect_wall.options import OnlyConnectWallOptions
    from tasks.only_connect_wall.prompts import Style
    from tasks.only_connect_wall.sources import Source
    from tasks.only_connect_wall.walls import Wall

PAPER_TOKENS, CLEAN_TOKENS, REASONING_TOKENS = 144, 512, 4096


class OnlyConnectWall(Task):
    """Four groups of four, and clues that mislead."""

    name: ClassVar[str] = "only_connect_wall"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Does a clue that also fits elsewhere keep a model from the right grouping?"
    citation: ClassVar[str] = (
        "Alavi Naeini et al. (2023), Large Language Models are Fixated by Red Herrings: Exploring Creative Problem "
        "Solving and Einstellung Effect using the Only Connect Wall Dataset, NeurIPS 2023, arXiv 2306.11167"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("generate", "loglikelihood", "embed")
    subtasks: ClassVar[Mapping[str, Subtask]] = {
        "quads": Subtask(),
        "dose": Subtask({"data": "dose"}),
        "phantom": Subtask({"data": "phantom"}),
        "priming": Subtask({"data": "priming"}),
        "extra": Subtask({"data": "extra"}),
    }
    headline_scores: ClassVar[tuple[str, ...]] = ("correct_groups", "solved", "host_correct", "lured", "em")
    ranked_by: ClassVar[tuple[Mapping[str, Any], ...]] = ({"name": "correct_groups"},)
    cell_keys: ClassVar[tuple[str, ...]] = ("set", "question", "method", "arm", "prompt", "shots", "warn")
    demo_options: ClassVar[Mapping[str, Any] | None] = {
        "generate": 1,
        "shuffles": 1,
        "likelihood": ["herring_pair"],
        "max_tokens": 64,
    }

    options: OnlyConnectWallOptions

    @classmethod
    def options_model(cls) -> type[OnlyConnectWallOptions]:
        from tasks.only_connect_wall.options import OnlyConnectWallOptions

        return OnlyConnectWallOptions

    def check(self, model: ModelInfo, modes: frozenset[Mode]) -> None:
        """Raises `UserError` where nothing would be asked, or where scoring lacks a package."""
        if self.options.question != "connections":
            return
        if "generate" not in modes:
            raise UserError(
                f"question connections asks for names, which {model.name} does not write; use mode generate or "
                "question grouping"
            )
        from tasks.only_connect_wall.similarity import check_similarity

        check_similarity(self.options.similarity, self.options.bertscore_model)

    def docs(self) -> Iterator[Doc]:
        from tasks.only_connect_wall.items import wall_docs

        return wall_docs(self._source.walls)

    def requests(self, doc: Doc, model: ModelInfo, modes: frozenset[Mode]) -> Sequence[Draft]:
        from tasks.only_connect_wall.items import wall_of

        drafts: list[Draft] = []
        for arm, data in doc.data["arms"].items():
            wall = wall_of(data)
            if "generate" in modes:
                drafts += self._written(doc, arm, wall, model)
            if self.options.question == "grouping":
                drafts += self._without_words(doc, arm, wall, modes)
        return drafts

    def score(self, doc: Doc, draft: Draft, responses: Sequence[Response]) -> Scores:
        from tasks.only_connect_wall import answers, connections, likelihood
        from tasks.only_connect_wall.items import wall_of

        wall = wall_of(doc.data["arms"][draft.condition["arm"]])
        method = draft.condition["method"]
        if method == "affinity":
            return likelihood.score_affinity(wall, responses)
        if method == "herring_pair":
            return likelihood.score_herring_pair(wall, responses[0])
        if method == "partition":
            return likelihood.score_vectors(wall, responses[0])
        text = responses[0].texts[0]
        if draft.condition["question"] == "connections":
            return connections.score_connections(wall, text, self.options.similarity, self.options.bertscore_model)
        return answers.score_text(wall, text)

    def metrics(self, samples: Sequence[Sample]) -> list[Metric]:
        from tasks.only_connect_wall.metrics import wall_metrics

        return wall_metrics(samples)

    def _written(self, doc: Doc, arm: str, wall: Wall, model: ModelInfo) -> Iterator[Draft]:
        """A draft an order of the clues; the groups of the second question have no order to vary."""
        from tasks.only_connect_wall.answers import target
        from tasks.only_connect_wall.items import displayed
        from tasks.only_connect_wall.prompts import connections_prompt, grouping_prompt
        from tasks.only_connect_wall.wall_rows import prime_walls

        options, source = self.options, self._source
        style: Style = options.prompt or ("clean" if source.is_ours else "paper")
        chat = "chat" in model.capabilities
        examples = prime_walls(wall) or source.examples(options.shots)
        limits: dict[str, Any] = {
            "max_tokens": options.max_tokens or _budget(style, model),
            "stop": () if chat else ("\n\n",),
        }
        base = _condition(doc, arm, options.question, "answer") | {
            "prompt": style,
            "shots": len(examples),
            "warn": style == "paper" or options.warn,
        }
        if options.question == "connections":
            groups = [group.clues for group in wall.groups]
            prompt = connections_prompt(groups, examples, style, as_chat=chat)
            yield Draft(doc.id, "generate", base, (Generate(prompt, **limits),), doc.cluster, target(wall, wall.words))
            return
        for shuffle in range(options.shuffles):
            words = displayed(wall, shuffle)
            surplus = wall.set == "extra"
            prompt = grouping_prompt(words, examples, style, warn=options.warn, surplus=surplus, as_chat=chat)
            condition = {**base, "shuffle": shuffle}
            yield Draft(doc.id, "generate", condition, (Generate(prompt, **limits),), doc.cluster, target(wall, words))

    def _without_words(self, doc: Doc, arm: str, wall: Wall, modes: frozenset[Mode]) -> Iterator[Draft]:
        """Drafts for models that give numbers: log-probabilities, or vectors of the clues."""
        from tasks.only_connect_wall import likelihood
        from tasks.only_connect_wall.answers import target

        right = target(wall, wall.words)
        asked = self.options.likelihood if "loglikelihood" in modes else []
        if "affinity" in asked and likelihood.can_partition(wall):
            condition = _condition(doc, arm, "grouping", "affinity")
            yield Draft(doc.id, "loglikelihood", condition, likelihood.affinity_requests(wall), doc.cluster, right)
        if "herring_pair" in asked and likelihood.can_pair(wall):
            condition = _condition(doc, arm, "grouping", "herring_pair")
            pair = likelihood.herring_pair_request(wall)
            yield Draft(doc.id, "loglikelihood", condition, (pair,), doc.cluster, wall.competitor_clues[-1])
        if "embed" in modes and likelihood.can_partition(wall):
            condition = _condition(doc, arm, "grouping", "partition")
            request = Embed(tuple(word.lower() for word in wall.words))
            yield Draft(doc.id, "embed", condition, (request,), doc.cluster, right)

    @cached_property
    def _source(self) -> Source:
        from tasks.only_connect_wall.sources import load_source

        return load_source(self.options)


def _condition(doc: Doc, arm: str, question: str, method: str) -> dict[str, Any]:
    return {"set": doc.data["set"], "question": question, "method": method, "arm": arm}


def _budget(style: str, model: ModelInfo) -> int:
    """Tokens of an answer; models that think first need room for it, and 144 would cut them off."""
    if model.extra.get("reasoning_effort"):
        return REASONING_TOKENS
    return PAPER_TOKENS if style == "paper" else CLEAN_TOKENS
