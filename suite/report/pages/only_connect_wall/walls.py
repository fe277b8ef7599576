"""Data of the browser of walls: what was shown, the right groups, and the groups that a model returned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.report.charts import LABEL_BREAK
from suite.report.content import Explorer
from suite.report.pages.only_connect_wall.cells import arm_words
from suite.report.queries import RunView

MOST_ITEMS = 60  # of a run and mode; more would only make the page slow to open
_LONGEST = 4000  # characters of a stored answer that is drawn
_CLUE = 80  # characters of a clue
_MOST_GROUPS = 12
_QUERY = f"""
SELECT run_id, doc_id, mode, condition, target, answer, outcome, error FROM (
    SELECT *, dense_rank() OVER (PARTITION BY run_id, mode ORDER BY doc_id) AS place FROM samples
) WHERE place <= {MOST_ITEMS} AND length(target) <= {_LONGEST} AND target LIKE '{{%'
ORDER BY run_id, mode, doc_id, condition::VARCHAR
"""  # noqa: S608  numbers of ours


def wall_explorer(runs: Sequence[RunView]) -> Explorer | None:
    """The browser of walls; None where no sample is a wall."""
    labels = {run.run_id: run.label for run in runs}
    rows = runs[0].store.sql(_QUERY) if runs else []
    walls = [wall for row in rows if row["run_id"] in labels for wall in _wall(row, labels[row["run_id"]])]
    if not walls:
        return None
    caption = (
        "Each wall as it was shown, its right groups, and the groups that the model returned. Letters and colours "
        "stand for the right groups; a dashed frame marks the critical clue, grey what is not on the wall. "
        f"At most {MOST_ITEMS} items of a run are here; its own page and the database have all."
    )
    return Explorer(
        "Walls", caption, walls, Path(__file__).with_name("walls.js"), Path(__file__).with_name("walls.css")
    )


def _wall(row: Mapping[str, Any], label: str) -> list[dict[str, Any]]:
    """One wall for the script, or nothing where the row is no wall of this task."""
    target, answer, condition = (_json(row[column]) for column in ("target", "answer", "condition"))
    if not isinstance(target, Mapping) or not isinstance(condition, Mapping):
        return []
    groups, words = target.get("groups"), target.get("words")
    if not isinstance(groups, list) or not isinstance(words, list) or not all(isinstance(g, Mapping) for g in groups):
        return []
    returned = answer if isinstance(answer, list) and all(isinstance(group, list) for group in answer) else []
    return [
        {
            "model": label,
            "method": str(condition.get("method", row["mode"])),
            "condition": arm_words(str(condition.get("arm", ""))).replace(LABEL_BREAK, ": "),
            "order": condition.get("shuffle"),
            "item": str(row["doc_id"]),
            "outcome": str(row["error"] or row["outcome"]),
            "words": [_text(word) for word in words[:32]],
            "critical": _text(target.get("critical", "")),
            "right": [
                {"label": _text(group.get("label", "")), "clues": [_text(clue) for clue in _list(group.get("clues"))]}
                for group in groups[:4]
            ],
            "returned": [[_text(clue) for clue in group[:16]] for group in returned[:_MOST_GROUPS]],
        }
    ]


def _json(text: str | None) -> Any:
    if not text or len(text) > _LONGEST:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _list(value: Any) -> list[Any]:
    return value[:16] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(value)[:_CLUE]
