"""Prompts in segments and tiny models for the tests of `suite.interventions`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import tiny_hf

from suite.interventions import Layout

LENGTHS = (5, 7, 6, 9)


@dataclass(frozen=True)
class Parts:
    """The token ids of a prompt's parts."""

    prefix: list[int]
    segments: list[list[int]]
    suffix: list[int]

    def ids(self, order: Sequence[int] | None = None) -> Any:
        """(1, n) the prompt with its segments in this order."""
        import torch

        order = range(len(self.segments)) if order is None else order
        return torch.tensor([self.prefix + [t for i in order for t in self.segments[i]] + self.suffix])

    def layout(self, order: Sequence[int] | None = None) -> Layout:
        order = range(len(self.segments)) if order is None else order
        return Layout(len(self.prefix), tuple(len(self.segments[i]) for i in order))

    def orders(self) -> Iterator[tuple[int, ...]]:
        return itertools.permutations(range(len(self.segments)))


def parts(lengths: Sequence[int] = LENGTHS, prefix: int = 6, suffix: int = 8, seed: int = 0) -> Parts:
    """Random parts."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def draw(n: int) -> list[int]:
        return torch.randint(3, 400, (n,), generator=generator).tolist()

    return Parts(draw(prefix), [draw(n) for n in lengths], draw(suffix))


def suffix_logits(model: Any, prompt: Parts, order: Sequence[int], intervention: Callable[..., Any] | None) -> Any:
    """(suffix, vocabulary) logits; `intervention(model, layout)` gives the context, None leaves the model alone."""
    from contextlib import nullcontext

    import torch

    under = nullcontext() if intervention is None else intervention(model, prompt.layout(order))
    with torch.no_grad(), under:
        return model(prompt.ids(order)).logits[0, -len(prompt.suffix) :]


def spread(model: Any, prompt: Parts, intervention: Callable[..., Any] | None = None) -> float:
    """Largest difference of a suffix logit between any order of the segments and the first."""
    found = [suffix_logits(model, prompt, order, intervention) for order in prompt.orders()]
    return max(float((other - found[0]).abs().max()) for other in found)


def causal(kind: str = "llama", **more: Any) -> Any:
    """A tiny random model, see `tiny_hf.causal`."""
    return tiny_hf.causal(kind, **more)
