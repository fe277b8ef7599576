"""The four attention patterns and the errors of asking for one that cannot be had; light, imported without torch.

Taxonomy of Zhang et al., "CAB: Comprehensive Attention Benchmarking on Long Sequence Modeling", ICML 2023, arXiv
2210.07661: {noncausal, causal} x {self, cross}.
"""

from __future__ import annotations

from enum import StrEnum

from suite.errors import UserError


class Pattern(StrEnum):
    """Which keys an output may depend on.

    NS: an encoder's self attention; CS: a language model's; NC: queries known at once, keys of another sequence; CC:
    queries arrive one by one, every key visible. In CC the query axis is causal: output i depends on queries 0..i.
    """

    NS = "NS"
    CS = "CS"
    NC = "NC"
    CC = "CC"

    @property
    def is_causal(self) -> bool:
        """Queries arrive one by one: outputs must not depend on later ones."""
        return self in (Pattern.CS, Pattern.CC)

    @property
    def is_cross(self) -> bool:
        """Keys and values come from another sequence."""
        return self in (Pattern.NC, Pattern.CC)

    @property
    def words(self) -> str:
        """For people: ``causal self`` and so on."""
        return f"{'causal' if self.is_causal else 'noncausal'} {'cross' if self.is_cross else 'self'}"


ALL_PATTERNS = frozenset(Pattern)


class UnsupportedPattern(UserError):
    """A mechanism was asked for a pattern that it does not declare."""

    def __init__(self, mechanism: str, pattern: Pattern) -> None:
        super().__init__(
            f"{mechanism} does not do {pattern} ({pattern.words}); `unreason attention verify` shows what does"
        )
        self.mechanism, self.pattern = mechanism, pattern


class LengthError(UserError, ValueError):
    """A sequence is longer than the `max_len` for which a mechanism was made; it is never cut."""

    def __init__(self, mechanism: str, length: int, max_len: int) -> None:
        super().__init__(f"{mechanism}: {length} positions, but it was made for max_len={max_len}")
        self.mechanism, self.length, self.max_len = mechanism, length, max_len
