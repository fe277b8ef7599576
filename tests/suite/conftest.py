"""Fixtures shared by the tests of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest


class NoStore:
    """A database that stays empty."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def runs(self) -> list[object]:
        return []

    def responses_for(self, fingerprint: str) -> dict[str, object]:
        return {}

    def ingest(self, folder: Path) -> None: ...

    def add_reference(self, rows: list[object]) -> None: ...

    def samples_for_metrics(self, run_id: str) -> list[object]:
        return []


@pytest.fixture
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the database out of tests that look at what stands in a run's folder; it takes most of their time."""
    monkeypatch.setattr("suite.store.Store", NoStore)
