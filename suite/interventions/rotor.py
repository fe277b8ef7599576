"""RoToR: one order for all, read around a circle; invariant to the order of segments without any ranking.

Yoon, Ahn, Lee, Jung, Jang, Hwang: "RoToR: Towards More Reliable Responses for Order-Invariant Inputs" (arXiv
2502.08662). Segments are sorted once by their token ids. The suffix finds the first of them nearest, the last
farthest; a segment finds itself nearest, then those that follow it around the circle. Visibility is PINE's. Which way
the circle runs is taken from the authors' published code, not checked against the paper's text; their orders by
frequency or by a reranking model, and their routing of order-sensitive inputs, are left out.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from suite.interventions.segments.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from suite.interventions.segments.installation import Installation
    from suite.interventions.segments.positions import Geometry


def rotor(model: Any, layout: Layout) -> AbstractContextManager[Installation]:
    """Within, `model` does not mind the order of the segments of its prompts; use and refusals as for `pine`."""
    from suite.interventions.segments.installation import installed

    return installed(model, layout, Circular(), canonical_order=True)


class Circular:
    """A segment's neighbours in the order in which they follow it around the circle."""

    def for_segments(self, shapes: Geometry, _importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(1, 1, k, k), see `Arrangement`."""
        import torch

        from suite.interventions.segments.positions import segment_bases

        number = torch.arange(len(shapes.lengths), device=shapes.lengths.device)
        steps = (number - number[:, None]) % len(number)  # from segment i on to segment j
        return segment_bases(-steps, shapes.lengths, shapes.layout.end)[None, None]

    def for_suffix(self, shapes: Geometry, _importance: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(1, 1, 1, k), see `Arrangement`."""
        import torch

        from suite.interventions.segments.positions import segment_bases

        number = torch.arange(len(shapes.lengths), device=shapes.lengths.device)
        return segment_bases(-number, shapes.lengths, shapes.layout.end)[None, None, None]
