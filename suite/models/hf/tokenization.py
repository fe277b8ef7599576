"""From text to tokens: which tokens a continuation is made of, and what a model is conditioned on.

The rule (specs: reversal curse 3.1): context and continuation are tokenised jointly, and the continuation's tokens
are those after the longest common token prefix with the context's own tokens. Where a merge crosses the boundary,
scoring therefore begins at the first token that differs, and never on a half of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from suite.task import Chat, Failure, Loglikelihood, Prompt, seamless

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One continuation to score: the tokens `tail`, after the first `keep` tokens of `context`.

    Attributes:
        request, index: the continuation ``requests[request].continuations[index]``.
        context: at least one token; one tuple is shared by all continuations of a context.
    """

    request: int
    index: int
    context: Tokens
    keep: int
    tail: Tokens

    @property
    def tokens(self) -> Tokens:
        """All tokens, of the context and of the continuation."""
        return self.context[: self.keep] + self.tail


@dataclass(frozen=True, slots=True)
class Unscorable:
    """A request that cannot be scored, and why."""

    request: int
    error: Failure
    detail: str


class Tokenization:
    """A tokenizer with its habits: the special tokens that it adds by default, and its chat template.

    Args:
        context_length: tokens that the model takes at once; None for no bound.
        whole: whether the model reads whole texts, end token included (an encoder), or all but the last token.
    """

    def __init__(self, tokenizer: Any, context_length: int | None = None, whole: bool = False) -> None:
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.leading, self.trailing = _special_tokens(tokenizer)
        self._unseen = -len(self.trailing) if whole else 1  # how many tokens of a text need no place in the window
        candidates = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        self.fallback: Tokens = next(((token,) for token in candidates if token is not None), ())

    def text(self, prompt: Prompt) -> str:
        """The text of a prompt; a chat goes through the chat template, and the assistant speaks next.

        A chat whose last turn is the assistant's is continued in the middle of that turn.
        """
        prompt = seamless(prompt)
        if isinstance(prompt, str):
            return prompt
        continued = prompt[-1][0] == "assistant"
        rendered = self.tokenizer.apply_chat_template(
            _messages(prompt), tokenize=False, add_generation_prompt=not continued, continue_final_message=continued
        )
        return str(rendered)

    def prompts(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        """Tokens of each prompt, never none: an empty one is the start token (else the end token) alone.

        The template of a chat writes its own start token; to a plain text the tokenizer's is added.
        """
        encoded = self.encode(self.text(prompt) for prompt in prompts)
        return [self._started(prompt, tokens) or self.fallback for prompt, tokens in zip(prompts, encoded, strict=True)]

    def targets(self, requests: Sequence[tuple[int, Loglikelihood]]) -> list[Target | Unscorable]:
        """The continuations of `requests` (numbered by the caller) as tokens; a request that has none fails whole."""
        texts = [self.text(request.context) for _, request in requests]
        contexts = self.encode(texts)
        joint = iter(
            self.encode(
                text + continuation
                for text, (_, request) in zip(texts, requests, strict=True)
                for continuation in request.continuations
            )
        )
        found: list[Target | Unscorable] = []
        for tokens, (number, request) in zip(contexts, requests, strict=True):
            own = [next(joint) for _ in request.continuations]
            found.extend(self._targets_of(number, request, tokens, own))
        return found

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Tokens of each text, without any special token that the text itself does not spell out."""
        texts = list(texts)
        if not texts:
            return []
        encoded = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return list(encoded["input_ids"])

    def _started(self, prompt: Prompt, tokens: Sequence[int]) -> Tokens:
        return (self.leading if isinstance(seamless(prompt), str) else ()) + tuple(tokens)

    def _targets_of(
        self, number: int, request: Loglikelihood, context: list[int], joint: list[list[int]]
    ) -> list[Target] | list[Unscorable]:
        alone = self._started(request.context, context)
        targets = []
        for index, (tokens, continuation) in enumerate(zip(joint, request.continuations, strict=True)):
            whole = self._started(request.context, tokens)
            keep, prefix = common_prefix(alone, whole), alone
            if keep == 0:  # nothing to condition on: an empty context, or one that merged away whole
                keep, prefix, whole = len(self.fallback), self.fallback, self.fallback + whole
            if keep == 0:
                return [_unscorable(number, request, continuation, "the tokenizer has no start or end token")]
            if keep == len(whole):
                return [_unscorable(number, request, continuation, "no token is left of the continuation")]
            if self.context_length is not None and len(whole) - self._unseen > self.context_length:
                detail = f"{len(whole)} tokens of context and continuation; the model's window is {self.context_length}"
                return [Unscorable(number, "context_length", detail)]
            targets.append(Target(number, index, prefix, keep, whole[keep:]))
        return targets


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix."""
    shorter = min(len(a), len(b))
    if a[:shorter] == b[:shorter]:  # the usual case, at the speed of C
        return shorter
    return next(i for i in range(shorter) if a[i] != b[i])


def _messages(chat: Chat) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in chat]


def _unscorable(number: int, request: Loglikelihood, continuation: str, why: str) -> Unscorable:
    return Unscorable(number, "tokenization", f"{why}: context {request.context!r}, continuation {continuation!r}")


def _special_tokens(tokenizer: Any) -> tuple[Tokens, Tokens]:
    """The special tokens that `tokenizer` puts by default before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    for i in range(len(full) - len(bare) + 1):
        if full[i : i + len(bare)] == bare:
            return tuple(full[:i]), tuple(full[i + len(bare) :])
    return (), ()
