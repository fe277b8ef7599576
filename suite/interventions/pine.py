"""PINE: attention that is invariant to the order of segments; the most important ones stand nearest to the query.

Wang, Zhang, Li, Huang, Han, Ji, Kakade, Peng, Ji: "Eliminating Position Bias of Language Models: A Mechanistic
Approach", ICLR 2025 (arXiv 2407.01100), written anew from its description. Segments see each other in both
directions. In every layer and head, each segment, and each token after them, ranks all segments by its own attention
without positions, and finds them laid out backwards from itself in that order.

Order no longer matters, but labels do: where a segment's text names its place ("A.", "Document [2]"), changing which
content has which label still changes the output.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.interventions.segments.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from suite.interventions.segments.installation import Installation
    from suite.interventions.segments.positions import Geometry


def pine(
    model: Any,
    layout: Layout,
    *,
    canonical_order: bool = True,
    reverse: bool = False,
    no_reassign: bool = False,
) -> AbstractContextManager[Installation]:
    """Within, `model` (called, or by `generate`) does not mind the order of the segments of its prompts.

    Args:
        model: a transformers decoder with rotary positions, see `suite.interventions.segments.support`.
        layout: where the segments lie in the prompts, which must not be padded.
        canonical_order: compute with the segments in lexicographic order of their tokens, whatever order they come
            in. Every order then gives the same bits, in any precision and with tied importances too. Logits come
            back in the order of the prompt.
        reverse: ablation: the most important segment farthest. Also invariant.
        no_reassign: ablation: visibility alone, with ordinary positions. Not invariant by itself.

    Raises:
        UserError: a model that cannot be served, with the reason; within the context, for padding, static caches,
            prompts that end inside a segment, or a cache that was filled otherwise.
    """
    from suite.interventions.segments.installation import installed

    if reverse and no_reassign:
        raise UserError("pine: reverse and no_reassign exclude each other")
    arrangement = Ordinary() if no_reassign else ByImportance(reverse)
    return installed(model, layout, arrangement, canonical_order)


class ByImportance:
    """Own segment nearest, then the others by importance."""

    def __init__(self, reverse: bool = False) -> None:
        self.reverse = reverse

    def for_segments(self, shapes: Geometry, importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(B | 1, H | 1, k, k), see `Arrangement`; up to two segments there is nothing to rank."""
        import torch

        from suite.interventions.segments.positions import segment_bases

        own = torch.eye(len(shapes.lengths), device=shapes.lengths.device)[None, None]
        ranking = own if len(shapes.lengths) <= 2 else importance()
        if self.reverse:
            ranking = torch.where(own.bool(), torch.inf, -ranking)
        return segment_bases(ranking, shapes.lengths, shapes.layout.end)

    def for_suffix(self, shapes: Geometry, importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(B | 1, H | 1, S | 1, k), see `Arrangement`."""
        from suite.interventions.segments.positions import segment_bases

        if len(shapes.lengths) == 1:
            return shapes.starts[None, None, None]
        ranking = -importance() if self.reverse else importance()
        return segment_bases(ranking, shapes.lengths, shapes.layout.end)


class Ordinary:
    """Every segment where it lies."""

    def for_segments(self, shapes: Geometry, _importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(1, 1, k, k), see `Arrangement`."""
        return shapes.starts.expand(1, 1, len(shapes.starts), -1)

    def for_suffix(self, shapes: Geometry, _importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(1, 1, 1, k), see `Arrangement`."""
        return shapes.starts[None, None, None]
