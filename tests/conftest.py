"""Fixtures shared by all tests. Nothing here reaches a network; hubs are told to stay offline."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data and reference figures; tests that need it are skipped, aloud, without it."""
    folder = Path(os.environ.get("UNREASON_PUBLIC_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data not found at {folder}; set UNREASON_PUBLIC_DATA")
    return folder
