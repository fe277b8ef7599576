"""Real data in the form of the twins: one adapter a kind of data, each reading a local path or, for texts, a hub id."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from suite.errors import UserError
from tasks.attention_patterns.records import Source

_ADAPTERS: Mapping[str, str] = {
    "lstf_seasonal": "series",
    "lm_periodic": "books",
    "mlm_copy": "books",
    "sum_salient": "summaries",
    "sr_texture": "pictures",
    "pcc_shapes": "points",
    "tts_expand": "speech",
}


class DataMissing(UserError):
    """Real data was asked for and is not there: the message names the file wanted, and where to get it."""


def read(task: str, place: str, twin: Source) -> Source:
    """The records of a task from real data.

    Args:
        place: a path or a hub id.
        twin: the generated task, whose lengths are kept.

    Raises:
        DataMissing: nothing is there.
        UserError: a file is faulty, by row.
    """
    adapter = importlib.import_module(f"{__name__}.{_ADAPTERS[task]}")
    found: Source = adapter.read(place, twin)
    return found
