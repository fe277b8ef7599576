"""Texts for one `Generate` request: as few calls as the endpoint lets one make, in a way that it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.models.openai.dialect import Dialect, is_json
from suite.models.openai.failures import CallFailed
from suite.models.openai.reading import choices, text_of, tokens_of, usage_of
from suite.models.openai.responses import Parts
from suite.models.openai.session import Answer, Route, Session
from suite.task import Generate, Text

_MOST_OBJECTIONS = 12  # more ways of asking than there are; a server that objects at random ends here


async def generate(session: Session, dialect: Dialect, request: Generate, route: Route) -> Parts:
    """`request.n` texts. Where the server gives one at a time, text i is asked with seed + i.

    Raises:
        CallFailed: a call failed, or an answer is not of the protocol's shape.
    """
    parts = Parts()
    while (missing := request.n - len(parts.texts)) > 0:
        alone = "n" in dialect.dropped or dialect.ignores_n
        parts = await _ask(session, dialect, request, route, parts, n=1 if alone else missing)
        if not alone and len(parts.texts) < request.n:
            dialect.ignores_n = True
    return parts


async def _ask(session: Session, dialect: Dialect, request: Generate, route: Route, parts: Parts, n: int) -> Parts:
    seed = request.seed + len(parts.texts)
    for _ in range(_MOST_OBJECTIONS):
        level = dialect.structure_level(request)
        try:
            answer, count = await accepted(session, dialect, request, route, seed, n)
        except CallFailed as failed:
            if failed.status == 400 and "content_filter" in failed.code:  # the prompt was filtered, not the answer
                return parts.of_texts([Text("", "content_filter")] * n)
            raise
        found = choices(answer.body)[:count]
        texts = [text_of(choice, request.stop) for choice in found]
        parts = parts.plus(usage_of(answer.body), answer.seconds)
        if level is not None:
            if all(is_json(text.text) for text in texts):
                dialect.saw_json(request)
            elif all(text.finish == "stop" for text in texts) and dialect.step_down(request, level):
                continue
        return parts.of_texts(texts, _alternatives(request, found[0]))
    raise CallFailed("client_error", "the server objects to every way of asking")


async def accepted(
    session: Session, dialect: Dialect, request: Generate, route: Route, seed: int, n: int
) -> tuple[Answer, int]:
    """The first answer that is no objection to a parameter, and how many texts were asked for in it."""
    for objections_left in reversed(range(_MOST_OBJECTIONS)):
        body = dialect.body(request, route, seed, n)
        try:
            return await session.post(route, body), int(body.get("n", 1))
        except CallFailed as failed:
            if not objections_left or not dialect.learn(failed, body, request):
                raise
    raise AssertionError("unreachable: the last objection is raised")


def _alternatives(request: Generate, choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    if not request.top_logprobs:
        return []
    tokens = tokens_of(choice)
    best = sorted(tokens[0].alternatives, key=lambda pair: -pair[1]) if tokens else []
    return best[: request.top_logprobs]
