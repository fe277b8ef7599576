"""When two data sets are the same, and that a long one is not held in memory to tell."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import identity
from suite.identity import canonical_json, digest_rows
from suite.plan import survey
from suite.task import Doc

ROWS = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(), max_size=3), max_size=12)


@given(rows=ROWS, held=st.integers(0, 60))
def test_rows_are_hashed_as_their_sorted_lines_however_few_are_held(rows: list[Any], held: int) -> None:
    expected = hashlib.sha256("".join(sorted(canonical_json(row) + "\n" for row in rows)).encode()).hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "_HELD", held)
        assert digest_rows(iter(rows)) == digest_rows(rows[::-1]) == expected


def test_a_row_that_json_cannot_hold_is_an_error_and_leaves_no_hash() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest_rows([1.0, float("nan")])


class Long:
    name = "long"

    def __init__(self, n: int) -> None:
        self.n = n

    def docs(self) -> Iterator[Doc]:
        ids = (f"d{number * 7919 % self.n:05}" for number in range(self.n))
        return (Doc(id, {"text": id * 1000}, cluster=id) for id in ids)


def peak_of_survey(n: int) -> int:
    tracemalloc.start()
    survey(Long(n), None)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_memory_that_a_survey_takes_does_not_grow_with_the_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_HELD", 200_000)
    few, many = peak_of_survey(100), peak_of_survey(800)
    assert many < few + 400_000  # the docs' text is 4 MB more
