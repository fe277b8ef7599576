"""The difference of a score between two arms of the same item, such as what a trap costs (control minus trap)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.errors import UserError

if TYPE_CHECKING:
    from suite.task import Sample


@dataclass(frozen=True, slots=True)
class Contrast:
    """The score under ``key=first`` minus that under ``key=second``, item by item: a cost, of which less is better."""

    key: str
    first: str
    second: str

    @classmethod
    def parse(cls, text: str) -> Contrast:
        """From ``KEY=FIRST,SECOND``.

        Raises:
            UserError: it has another form.
        """
        key, _, values = text.partition("=")
        first, _, second = values.partition(",")
        if not (key and first and second) or first == second:
            raise UserError(f"--contrast {text}: expected KEY=FIRST,SECOND, e.g. variant=control,trap")
        return cls(key, first, second)

    def side(self, sample: Sample) -> str | None:
        """Which arm a sample is of; None for neither."""
        value = str(sample.condition.get(self.key))
        return value if value in (self.first, self.second) else None
