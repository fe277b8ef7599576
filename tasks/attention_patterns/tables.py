"""The bench as tables for the terminal: a row a mechanism."""

from __future__ import annotations

from typing import Any

from suite.attention.patterns import Pattern
from tasks.attention_patterns.asking import LOST
from tasks.attention_patterns.bench import Bench
from tasks.attention_patterns.twins import CELLS, TWINS


def missing_rows(found: Bench) -> list[dict[str, Any]]:
    """Which trainings came to nothing and why: a row a cell and reason, with the mechanisms of which that is so."""
    lost: dict[tuple[str, str], dict[str, None]] = {}
    for name, metrics in found.metrics.items():
        for metric in metrics:
            if metric["value"] is None and str(metric["note"]).startswith(LOST):
                cell = f"{metric['condition']['pattern']}/{metric['condition']['task']}"
                lost.setdefault((cell, str(metric["note"])), {})[name] = None
    return [{"cell": cell, "why": note, "mechanisms": ", ".join(names)} for (cell, note), names in lost.items()]


def quality_rows(found: Bench) -> list[dict[str, Any]]:
    """The headline measure of every cell, one column each; why there is none, where there is none."""
    rows = []
    for name, metrics in found.metrics.items():
        row: dict[str, Any] = {"mechanism": name}
        for pattern, task in CELLS:
            measure = next(iter(TWINS[task].measures))
            place = {"experiment": "quality", "pattern": pattern, "task": task}
            own = [
                metric
                for metric in metrics
                if metric["name"] == measure and place.items() <= metric["condition"].items()
            ]
            if own:
                value, note = own[0]["value"], str(own[0]["note"])
                row[f"{pattern} {TWINS[task].cab} {measure}"] = note.partition(":")[0] if value is None else value
        rows.append(row)
    columns = dict.fromkeys(["mechanism", *(key for row in rows for key in row)])
    return [{key: row.get(key) for key in columns} for row in rows] if len(columns) > 1 else []


def index_rows(found: Bench) -> list[dict[str, Any]]:
    """CI and its robust form by pattern; nothing where a task is missing."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for standing in found.standings:
        for plain, robust in zip(_sorted(standing.plain), _sorted(standing.robust), strict=True):
            row = rows.setdefault(
                (*standing.setting, plain.method), {"mechanism": plain.method, "setting": " ".join(standing.setting)}
            )
            row[f"CI {plain.pattern}"], row[f"robust {plain.pattern}"] = plain.value, robust.value
    columns = ["mechanism", "setting", *(f"{kind} {pattern}" for pattern in Pattern for kind in ("CI", "robust"))]
    whole = [{key: row.get(key) for key in columns} for row in rows.values()]
    return whole if any(row[key] is not None for row in whole for key in columns[2:]) else []


def length_rows(found: Bench) -> list[dict[str, Any]]:
    """Crossings with both baselines; in brackets CAB's fit."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found.lengths:
        row = rows.setdefault((one.mechanism, one.pattern), {"mechanism": one.mechanism, "pattern": str(one.pattern)})
        fit = "" if one.fit is None else f" ({one.fit:.0f})"
        row[f"{one.quantity} against {one.baseline}"] = f"{one.crossing}{fit}"
    return list(rows.values())


def _sorted(indices: Any) -> list[Any]:
    return sorted(indices, key=lambda index: (list(Pattern).index(index.pattern), index.method))
