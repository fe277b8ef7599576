"""The metrics of a report's runs by mechanism: of several runs of one mechanism, the last word on each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.identity import canonical_json
from suite.report.queries import RunView
from tasks.attention_patterns.asking import EXPERIMENTS
from tasks.attention_patterns.twins import PATTERNS

Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # mechanism -> rows of the table metrics


def by_mechanism(runs: Sequence[RunView]) -> Rows:
    """Mechanism -> its figures, in the order of mechanisms.

    Rows of imported runs that have not the form of ours are left out.
    """
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: (str(run.row["finished_at"]), run.run_id)):
        own = found.setdefault(mechanism_of(run), {})
        for row in run.metrics:
            if is_ours(row["condition"]):
                key = canonical_json([row["name"], dict(row["condition"])])
                if row["value"] is not None or key not in own:
                    own[key] = row
    return {name: list(own.values()) for name, own in sorted(found.items())}


def mechanism_of(run: RunView) -> str:
    """The name by which runs of one mechanism are known."""
    extra = run.card.get("extra")
    name = extra.get("mechanism") if isinstance(extra, Mapping) else None
    return str(name or run.label)


def is_ours(condition: Any) -> bool:
    """Whether a metric's condition has the form of ours."""
    if not isinstance(condition, Mapping) or condition.get("pattern") not in PATTERNS:
        return False
    needs = EXPERIMENTS.get(str(condition.get("experiment")))
    return needs is not None and all(key in condition for key in needs)
