"""Log-probabilities of continuations through /completions with ``echo``: the server scores the prompt it is sent.

Servers that ignore ``echo``, or shift its values by a token, exist; `suite.models.openai.selftest` finds them out
before any likelihood is believed. The tokens of a continuation are told by the server's own ``text_offset``.
"""

from __future__ import annotations

from suite.models.openai.failures import CallFailed
from suite.models.openai.reading import TokenScore, choices, tokens_of, usage_of
from suite.models.openai.responses import Parts
from suite.models.openai.session import Session
from suite.task import ContinuationScore, Loglikelihood, seamless


async def score(session: Session, request: Loglikelihood) -> Parts:
    """The scores of all continuations, one call each.

    Raises:
        CallFailed: "tokenization" where the tokens do not part at the boundary, and whatever a call raises.
    """
    context = seamless(request.context)
    if not isinstance(context, str):
        raise CallFailed("client_error", "likelihoods are scored after raw text; the context is a list of turns")
    parts = Parts()
    scores = []
    for continuation in request.continuations:
        answer = await session.post("completions", echo_body(context + continuation))
        scores.append(continuation_score(context, continuation, tokens_of(choices(answer.body)[0])))
        parts = parts.plus(usage_of(answer.body), answer.seconds)
    return parts.of_scores(scores)


def echo_body(text: str) -> dict[str, object]:
    """Asks for the log-probabilities of `text` itself; the one token after it is what some servers insist on."""
    return {"prompt": text, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}


def continuation_score(context: str, continuation: str, tokens: list[TokenScore]) -> ContinuationScore:
    """The score of `continuation` from the scored tokens of ``context + continuation``.

    White space at the end of the context that the tokenizer joins to the next word counts as part of the
    continuation. A leading marker such as ``<s>`` that the server echoes is set aside.

    Raises:
        CallFailed: "tokenization" if a token lies across the boundary, nothing is left of the continuation, or its
            first token has no score (an empty context); "malformed" without scores or offsets.
    """
    text = context + continuation
    where = f"between {context[-20:]!r} and {continuation[:20]!r}"
    if not tokens:
        raise CallFailed("malformed", "the server sent no log-probabilities of the prompt")
    if any(token.offset is None for token in tokens):
        raise CallFailed("malformed", "the server sent no text_offset")
    first = tokens[0].token
    marker = len(first) if first and not text.startswith(first) and len(tokens) > 1 and tokens[1].offset else 0
    offsets = [(token.offset or 0) - marker for token in tokens]
    start = next((at for at in (len(context), len(context.rstrip())) if at in offsets), None)
    if start is None or not continuation:
        raise CallFailed("tokenization", f"no token begins {where}")
    scored = [token for token, offset in zip(tokens, offsets, strict=True) if start <= offset < len(text)]
    if offsets[-1] >= len(text) and len(text) not in offsets:
        raise CallFailed("tokenization", f"the last token of {continuation[-20:]!r} goes on beyond it")
    values = [token.logprob for token in scored]
    if None in values:
        raise CallFailed(
            "tokenization", f"the server scores no first token, so nothing {where} (is the context empty?)"
        )
    return ContinuationScore(
        logprob=sum(value for value in values if value is not None),
        tokens=len(scored),
        is_greedy=all(_is_greedy(token) for token in scored),
    )


def _is_greedy(token: TokenScore) -> bool:
    if token.logprob is None or not token.alternatives:
        return False
    return token.logprob >= max(value for _, value in token.alternatives)
