"""How a training tells people where it is: steps, loss, rate, remaining time, through the reporters of a run."""

from __future__ import annotations

from dataclasses import dataclass

from suite.progress import Progress


@dataclass(frozen=True, slots=True)
class TrainingProgress(Progress):
    """Where a training is; `done` and `total` are optimiser steps, `kept` those of earlier sittings.

    Attributes:
        loss: mean over the latest logging interval, in nats; None before the first.
    """

    loss: float | None = None

    def line(self) -> str:
        """One plain line for people."""
        return Progress.line(self).replace(" samples", " steps", 1)

    def figures(self) -> str:
        """Loss and rate."""
        loss = "" if self.loss is None else f"loss {self.loss:.3f}, "
        return f"{loss}{self.rate:.1f} steps/s"
