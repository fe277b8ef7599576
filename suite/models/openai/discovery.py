"""Finds out what an endpoint can do by asking it: a list of models and a few calls of a handful of tokens.

Done when a model is loaded, so that a wrong address, key or model name shows before a run begins, and that the
model's card says what the endpoint takes instead of what its name suggests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suite.errors import RunIncomplete, UserError
from suite.models.openai.dialect import Dialect
from suite.models.openai.failures import OUT_OF_CREDIT, CallFailed
from suite.models.openai.generation import accepted
from suite.models.openai.reading import choices, sound, tokens_of
from suite.models.openai.selftest import PROMPT, LikelihoodCheck, check_likelihood
from suite.models.openai.session import Route, Session
from suite.task import Generate

_STOP = ("\n\n\n\n",)  # only to learn whether stop strings are taken
_CHAT_PROBE = Generate((("user", "Say hello."),), stop=_STOP, max_tokens=16, top_logprobs=2)
_TEXT_PROBE = Generate(PROMPT, stop=_STOP, max_tokens=1, top_logprobs=2)
_TELLS_NOTHING = ("rate_limit", "timeout", "connection")  # of whether the endpoint has this kind of call
_CARD_KEYS = ("id", "root", "max_model_len", "context_length")


@dataclass(frozen=True)
class Discovery:
    """What an endpoint can do, and what it says that it serves.

    Attributes:
        routes: the kinds of call that it answers.
        gives_alternatives: each of them gives the alternatives to the first token.
        answers_as: the model's name in its answers, often more exact than the one asked for.
        card: its description of the model: name, sizes.
    """

    routes: frozenset[Route]
    gives_alternatives: bool
    likelihood: LikelihoodCheck
    answers_as: str | None
    card: Mapping[str, str | int]


async def discover(session: Session, dialect: Dialect, model: str, where: str) -> Discovery:
    """What the endpoint at `where` can do with `model`; `dialect` learns what it takes.

    Raises:
        UserError: it cannot be reached, does not accept the key, or answers no kind of call for this model.
    """
    try:
        listed = (await session.models()).body.get("data")
    except CallFailed as failed:
        if failed.status == 401 or failed.failure in ("timeout", "connection"):
            raise _unusable(failed, model, where) from None
        listed = None  # the list is a courtesy that many servers do without
    answers: dict[Route, Mapping[str, Any]] = {}
    failures: list[CallFailed] = []
    probes: tuple[tuple[Route, Generate], ...] = (("chat", _CHAT_PROBE), ("completions", _TEXT_PROBE))
    for route, probe in probes:
        try:
            answers[route] = await _probed(session, dialect, probe, route)
        except CallFailed as failed:
            is_option = "reasoning_effort" in failed.said + failed.parameter
            if failed.status == 401 or failed.failure in _TELLS_NOTHING or is_option:
                raise _unusable(failed, model, where) from None
            failures.append(failed)
    if not answers:
        raise _unusable(failures[0], model, where, _names(listed)) from None
    likelihood = LikelihoodCheck(False, "the server does not answer /completions calls")
    if "completions" in answers:
        likelihood = await check_likelihood(session, dialect)
    named = next(iter(answers.values())).get("model")
    return Discovery(
        routes=frozenset(answers),
        gives_alternatives=all(_alternatives(answer) >= 2 for answer in answers.values()),
        likelihood=likelihood,
        answers_as=sound(named)[:200] if isinstance(named, str) else None,
        card=_card(listed, model),
    )


async def served(session: Session, where: str) -> tuple[str, ...]:
    """The names of the models that the endpoint at `where` lists.

    Raises:
        UserError: it cannot be reached, does not accept the key, or has no list.
    """
    try:
        return _names((await session.models()).body.get("data"))
    except CallFailed as failed:
        raise _unusable(failed, "any", where) from None


def ends_run(failed: CallFailed, session: Session, model: str, where: str) -> Exception | None:
    """What to raise if no other request can fare better than this one; None if it is one sample's misfortune.

    A 403 is the latter: the endpoint answered when the model was loaded, so it objects to this prompt.
    """
    if failed.status in (401, 402, 404) or OUT_OF_CREDIT in failed.code:
        return _unusable(failed, model, where)
    if (failed.retry_after_s or 0.0) > session.patience_s:
        return RunIncomplete(f"{where} asks to wait for {failed.retry_after_s:.0f} s ({failed.detail}); run again then")
    if failed.failure == "connection" and session.is_cut_off:
        return RunIncomplete(
            f"the server at {where} can no longer be reached ({failed.detail}); start it, and run again"
        )
    return None


def _unusable(failed: CallFailed, model: str, where: str, known: tuple[str, ...] = ()) -> UserError:
    said = failed.detail
    if failed.status == 401:
        return UserError(f"{where} does not accept the key in OPENAI_API_KEY; set it to a valid one ({said})")
    if failed.status == 403:
        return UserError(f"the key in OPENAI_API_KEY may not use {model!r} at {where} ({said})")
    if failed.status == 404:
        offer = f"; it serves {', '.join(known[:5])}" if known and model not in known else "; does the URL lack /v1?"
        return UserError(f"{where} has no model {model!r}{offer} ({said})")
    if failed.status == 402 or OUT_OF_CREDIT in failed.code:
        return UserError(
            f"the account behind OPENAI_API_KEY has no credit left at {where}; add some and run again ({said})"
        )
    if failed.failure in ("connection", "timeout"):
        return UserError(f"no answer from {where}; is the server running, and --base-url right? ({said})")
    return UserError(f"{where} does not answer for model {model!r} ({said})")


async def _probed(session: Session, dialect: Dialect, probe: Generate, route: Route) -> Mapping[str, Any]:
    try:
        answer, _ = await accepted(session, dialect, probe, route, seed=0, n=1)
    except CallFailed as failed:
        if "logprobs" not in failed.said:
            raise
        without = Generate(probe.prompt, stop=probe.stop, max_tokens=probe.max_tokens)
        answer, _ = await accepted(session, dialect, without, route, seed=0, n=1)
    choices(answer.body)
    return answer.body


def _alternatives(body: Mapping[str, Any]) -> int:
    try:
        tokens = tokens_of(choices(body)[0])
    except CallFailed:
        return 0
    return len(tokens[0].alternatives) if tokens else 0


def _names(listed: Any) -> tuple[str, ...]:
    return tuple(sound(entry["id"]) for entry in _entries(listed))


def _entries(listed: Any) -> list[Mapping[str, Any]]:
    rows = listed if isinstance(listed, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _card(listed: Any, model: str) -> dict[str, str | int]:
    """The entry for `model`, or the only one (local servers answer to any name); times and the like are left out."""
    entries = _entries(listed)
    entry = next((row for row in entries if row["id"] == model), entries[0] if len(entries) == 1 else {})
    meta = entry.get("meta") if isinstance(entry.get("meta"), dict) else {}
    facts = {name: entry[name] for name in _CARD_KEYS if name in entry} | dict(meta or {})
    return {
        name: sound(value)[:200] if isinstance(value, str) else value
        for name, value in sorted(facts.items())
        if isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= 200
    }
