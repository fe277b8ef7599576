"""Prompts in segments: the texts that are tokenised alone, and the chat template around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from suite.errors import UserError
from suite.task import Chat, Segmented

_MARK = "\ue000"  # private use: no template and no prompt has a meaning for it
_SPACE = "\n\t\n"


@dataclass(frozen=True, slots=True)
class Parts:
    """The texts of a prompt in segments, the chat template's in `prefix` and `suffix` if `is_chat`."""

    prefix: str
    segments: tuple[str, ...]
    suffix: str
    is_chat: bool

    @property
    def text(self) -> str:
        """All of it."""
        return self.prefix + "".join(self.segments) + self.suffix

    def all(self) -> Iterator[str]:
        """The joined text, and then each part."""
        yield from (self.text, self.prefix, *self.segments, self.suffix)


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What a chat template writes before and after the user's words; by default there is no template."""

    head: str = ""
    tail: str = ""
    trims: bool = False
    is_chat: bool = False

    def around(self, prompt: Segmented) -> Parts:
        """The prompt's parts within this turn."""
        prefix = prompt.prefix.lstrip() if self.trims else prompt.prefix
        suffix = prompt.suffix.rstrip() if self.trims else prompt.suffix
        return Parts(self.head + prefix, prompt.segments, suffix + self.tail, self.is_chat)


def user_turn(render: Callable[[Chat], str]) -> UserTurn:
    """The turn of the user by a chat template, after which the assistant speaks.

    Args:
        render: the text that the template makes of a chat.

    Raises:
        UserError: the template does more to the user's words than to trim them.
    """
    head, found, tail = render((("user", _MARK),)).partition(_MARK)
    spaced = render((("user", _SPACE + _MARK + _SPACE),))
    trims = spaced == head + _MARK + tail
    if not found or not (trims or spaced == head + _SPACE + _MARK + _SPACE + tail):
        raise UserError("the chat template rewrites the user's words, so that segments cannot be told apart in them")
    return UserTurn(head, tail, trims, is_chat=True)
