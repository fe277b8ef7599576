"""The judge ``slots``: numbered lines against the truth that their items hold; its rules live with the task `hilt`."""

from __future__ import annotations

from suite.errors import UserError
from suite.judges.record import Judge


def load(name: str = "") -> Judge:
    """The judge ``slots``; it takes no name and no option."""
    from tasks.hilt.slots import SlotsJudge

    if name:
        raise UserError(f"judge slots takes no name, got {name!r}")
    return SlotsJudge()
