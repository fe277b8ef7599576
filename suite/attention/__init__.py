"""Attention mechanisms, each in the patterns that it can do, checked and measured.

    attention = build("performer", dim=64, heads=4, pattern=Pattern.CS, max_len=1024, features=64)
    out = attention(x)                                       # (B, N, dim)

A file ``mechanisms/NAME.py`` with one subclass of `Attention` is a mechanism; so is such a file in a user's folder, and
a module named by an entry point of the group ``unreason.attentions``. Torch is imported when a mechanism is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.attention.patterns import ALL_PATTERNS, LengthError, Pattern, UnsupportedPattern

if TYPE_CHECKING:
    from suite.attention.module import Attention

__all__ = [
    "ALL_PATTERNS",
    "Attention",
    "LengthError",
    "Pattern",
    "UnsupportedPattern",
    "build",
    "declared",
    "mechanism",
    "names",
]


def names(folder: Path | None = None) -> list[str]:
    """Every mechanism's name, those of the user's `folder` included; imports none of them."""
    from suite.registry import attentions

    return sorted(attentions(folder))


def mechanism(name: str, folder: Path | None = None) -> type[Attention]:
    """The class of the mechanism `name`.

    Raises:
        UserError: no such mechanism (with the nearest right name), or its file is no mechanism.
    """
    from suite.registry import load_attention

    return load_attention(name, folder)


def declared(folder: Path | None = None) -> dict[str, frozenset[Pattern]]:
    """Name -> the patterns that the mechanism declares; whether it can do them is what `verify` finds out."""
    return {name: mechanism(name, folder).patterns for name in names(folder)}


def build(
    name: str, dim: int, heads: int, pattern: Pattern | str, max_len: int, *, folder: Path | None = None, **cfg: Any
) -> Attention:
    """The mechanism `name`, made for one pattern.

    Args:
        dim: width of the model, a multiple of `heads`.
        pattern: one of `Pattern`, fixed from now on.
        max_len: the longest sequence that it will see.
        folder: a further folder of mechanisms.
        cfg: the mechanism's own settings, e.g. ``window=128``.

    Raises:
        UserError: unknown mechanism or setting, or an `UnsupportedPattern`.
        ValueError: a setting out of range, or `dim` not divisible by `heads`.
    """
    return mechanism(name, folder).make(dim, heads, pattern, max_len, cfg)


def __getattr__(name: str) -> Any:
    if name == "Attention":  # not imported before it is asked for: it brings torch
        from suite.attention.module import Attention

        return Attention
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
