"""From text to tokens: which tokens a continuation is made of, and what a model is conditioned on.

The rule: context and continuation are tokenised jointly, and the continuation's tokens are those after the longest
common token prefix with the context's own tokens. Where a merge crosses the boundary, scoring therefore begins at the
first token that differs, and never on a half of it.

A prompt in segments is tokenised part by part (`segmented`), so that its orders differ in nothing but order; only its
suffix is joined with what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from suite.errors import UserError
from suite.interventions.segments.layout import Layout
from suite.models.hf.segmented import Parts, UserTurn, user_turn
from suite.task import Chat, Failure, Loglikelihood, Prompt, Segmented

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One continuation to score: the tokens `tail`, after the first `keep` tokens of `context`.

    Attributes:
        request, index: the continuation ``requests[request].continuations[index]``.
        context: at least one token; one tuple is shared by all continuations of a context.
        layout: where the context's segments lie, if it has any that an intervention is to know of.
        is_split: the context's parts, tokenised alone, give other tokens than their joined text.
        cut: tokens that the context lost at its beginning, to fit the window.
    """

    request: int
    index: int
    context: Tokens
    keep: int
    tail: Tokens
    layout: Layout | None = None
    is_split: bool = False
    cut: int = 0

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


@dataclass(frozen=True, slots=True)
class Opening:
    """A prompt on the way to tokens: those that stand fast, and the text at its end, which continuations join.

    Attributes:
        layout, is_split: as in `Target`.
        problem: why an intervention cannot have it, or "".
    """

    fixed: Tokens
    text: str
    layout: Layout | None = None
    is_split: bool = False
    problem: str = ""


class Tokenization:
    """A tokenizer with its habits: the special tokens that it adds by default, and its chat template.

    Args:
        context_length: tokens that the model takes at once; None for no bound.
        whole: whether the model reads whole texts, end token included (an encoder), or all but the last token.
        chat: whether the chat template is used for prompts in segments that ask for it.
        layouts: whether prompts in segments carry their layout, for an intervention.
        canonical: whether their segments are then brought into canonical order.
    """

    def __init__(
        self,
        tokenizer: Any,
        context_length: int | None = None,
        whole: bool = False,
        chat: bool = True,
        layouts: bool = False,
        canonical: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.chat = chat and bool(tokenizer.chat_template)
        self.layouts, self.canonical = layouts, canonical
        self.leading, self.trailing = special_tokens(tokenizer)
        self._unseen = -len(self.trailing) if whole else 1  # how many tokens of a text need no place in the window
        candidates = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        self.fallback: Tokens = next(((token,) for token in candidates if token is not None), ())

    def text(self, prompt: Prompt) -> str:
        """The text of a prompt; a chat goes through the chat template, and the assistant speaks next.

        A chat whose last turn is the assistant's is continued in the middle of that turn.
        """
        if isinstance(prompt, str):
            return prompt
        if isinstance(prompt, Segmented):
            return self._parts(prompt).text
        continued = prompt[-1][0] == "assistant"
        rendered = self.tokenizer.apply_chat_template(
            _messages(prompt), tokenize=False, add_generation_prompt=not continued, continue_final_message=continued
        )
        return str(rendered)

    def prompts(self, prompts: Sequence[Prompt]) -> list[tuple[Tokens, Opening]]:
        """Tokens of each prompt, never none: an empty one is the start token (else the end token) alone.

        The template of a chat writes its own start token; to a plain text the tokenizer's is added.
        """
        openings = self._openings(prompts)
        ends = self.encode(opening.text for opening in openings)
        return [((*opening.fixed, *end) or self.fallback, opening) for opening, end in zip(openings, ends, strict=True)]

    def targets(self, requests: Sequence[tuple[int, Loglikelihood]]) -> list[Target | Unscorable]:
        """The continuations of `requests` (numbered by the caller) as tokens; a request that has none fails whole."""
        openings = self._openings([request.context for _, request in requests])
        ends = self.encode(opening.text for opening in openings)
        joint = iter(
            self.encode(
                opening.text + continuation
                for opening, (_, request) in zip(openings, requests, strict=True)
                for continuation in request.continuations
            )
        )
        found: list[Target | Unscorable] = []
        for opening, end, (number, request) in zip(openings, ends, requests, strict=True):
            own = [next(joint) for _ in request.continuations]
            found.extend(self._targets_of(number, request, opening, end, own))
        return found

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Tokens of each text, without any special token that the text itself does not spell out."""
        texts = list(texts)
        if not texts:
            return []
        encoded = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return list(encoded["input_ids"])

    def _openings(self, prompts: Sequence[Prompt]) -> list[Opening]:
        divided = [self._parts(prompt) if isinstance(prompt, Segmented) else None for prompt in prompts]
        encoded = iter(self.encode(text for parts in divided if parts for text in parts.all()))
        return [
            self._plain(prompt)
            if parts is None
            else self._joined(parts, [tuple(next(encoded)) for _ in parts.all()], self._start(parts.is_chat))
            for prompt, parts in zip(prompts, divided, strict=True)
        ]

    def _plain(self, prompt: Prompt) -> Opening:
        return Opening(self._start(not isinstance(prompt, str)), self.text(prompt))

    def _start(self, is_chat: bool) -> Tokens:
        return () if is_chat else self.leading

    def _parts(self, prompt: Segmented) -> Parts:
        """The texts that are tokenised alone; the head of the chat template joins the prefix, its tail the suffix."""
        return (self._turn if prompt.as_user_turn and self.chat else UserTurn()).around(prompt)

    @cached_property
    def _turn(self) -> UserTurn:
        return user_turn(self.text)

    def _joined(self, parts: Parts, encoded: Sequence[Tokens], start: Tokens) -> Opening:
        whole, head, *segments, end = encoded
        is_split = sum((head, *segments, end), ()) != whole
        prefix = start + head
        if not self.layouts:
            return Opening(sum((prefix, *segments), ()), parts.suffix, is_split=is_split)
        try:
            layout = Layout(len(prefix), tuple(map(len, segments)))
        except UserError as error:
            return Opening((), parts.suffix, is_split=is_split, problem=str(error))
        fixed = sum((prefix, *segments), ())
        if self.canonical:
            order = layout.order(fixed)
            fixed, layout = tuple(fixed[place] for place in layout.sources(order)), layout.reordered(order)
        return Opening(fixed, parts.suffix, layout, is_split, "" if end else "layout: the suffix has no tokens")

    def _targets_of(
        self, number: int, request: Loglikelihood, opening: Opening, end: list[int], joint: list[list[int]]
    ) -> list[Target] | list[Unscorable]:
        if opening.problem:
            return [Unscorable(number, "tokenization", opening.problem)]
        cut = self._excess(request, opening, end, joint)
        end, joint = end[cut:], [tokens[cut:] for tokens in joint]
        alone = (*opening.fixed, *end)
        targets = []
        for index, (tokens, continuation) in enumerate(zip(joint, request.continuations, strict=True)):
            whole = (*opening.fixed, *tokens)
            keep, prefix = common_prefix(alone, whole), alone
            if keep == 0:  # nothing to condition on: an empty context, or one that merged away whole
                keep, prefix, whole = len(self.fallback), self.fallback, self.fallback + whole
            if keep == 0:
                return [_unscorable(number, request, continuation, "the tokenizer has no start or end token")]
            if keep == len(whole):
                return [_unscorable(number, request, continuation, "no token is left of the continuation")]
            if opening.layout is not None and keep <= opening.layout.end:
                return [_unscorable(number, request, continuation, "no token of the suffix is left before it")]
            if self.context_length is not None and len(whole) - self._unseen > self.context_length:
                detail = f"{len(whole)} tokens of context and continuation; the model's window is {self.context_length}"
                return [Unscorable(number, "context_length", detail)]
            targets.append(Target(number, index, prefix, keep, whole[keep:], opening.layout, opening.is_split, cut))
        return targets

    def _excess(self, request: Loglikelihood, opening: Opening, end: list[int], joint: list[list[int]]) -> int:
        """How many tokens too long a plain context is for its longest continuation; 0 if it may or can not be cut.

        The start token stays, and so does at least one token of the context.
        """
        if not (request.is_cut_to_fit and isinstance(request.context, str) and self.context_length and joint):
            return 0
        excess = len(opening.fixed) + max(map(len, joint)) - self._unseen - self.context_length
        can_be_cut = excess < min(common_prefix(end, tokens) for tokens in joint)
        return excess if excess > 0 and can_be_cut else 0


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


def special_tokens(tokenizer: Any) -> tuple[Tokens, Tokens]:
    """The special tokens that `tokenizer` puts by default before and after a text; none where it adds none."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    for i in range(len(full) - len(bare) + 1):
        if full[i : i + len(bare)] == bare:
            return tuple(full[:i]), tuple(full[i + len(bare) :])
    return (), ()
