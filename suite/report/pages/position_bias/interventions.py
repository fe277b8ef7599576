"""One model with and without an intervention (PINE, RoToR) on the same items: accuracy paired by item, consistency.

Without it, accuracy is the mean over all orders that were asked; a gain over one shuffle would be chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from statistics import fmean
from typing import Any

from suite.report.charts import BLUE, LABEL_BREAK, ORANGE, Figure, dots_with_intervals, figure, placed
from suite.report.pages.position_bias.cells import MODES, STAY, Cell, cells, interval
from suite.report.queries import RunView, cluster_means
from suite.stats import Estimate, holm, paired_difference, sign_flip_test

WITHOUT, WITH = "without", "with the intervention"
_NAMES = {"pine": "PINE", "rotor": "RoToR"}
_FAMILIES = ("mcq", "judge", "docqa", "kv", "needle", "premise")
_KEYS = ("family", "source", "label_mode", "arm", "k", "variant", "shots")
_SPREADS = {  # family -> what shows dependence on order, in words
    "mcq": ("consistency", "one answer in all orders"),
    "judge": ("consistency", "one verdict in both orders"),
    "docqa": ("range", "best less worst place"),
    "kv": ("range", "best less worst place"),
    "needle": ("range", "best less worst place"),
    "premise": ("answer_agreement", "orders that agree"),
}
_BASELINES = ("closed_book", "oracle")


@dataclass(frozen=True, slots=True)
class Pair:
    """A cell of a run under an intervention, and the same cell of the model without it.

    Attributes:
        spec: the intervention as the user wrote it.
        gain: after less before, paired by item.
        p: from sign flips, by Holm's correction over all pairs of the page.
    """

    spec: str
    before: Cell
    after: Cell
    gain: Estimate
    p: float

    @property
    def name(self) -> str:
        """As its paper has it, or as the user wrote it."""
        return _NAMES.get(self.spec, self.spec)

    @property
    def by_construction(self) -> bool:
        return is_consistent_by_construction(self.after)


def intervention_of(run: RunView) -> Mapping[str, Any] | None:
    """The intervention that the run's model was under: name and flags."""
    extra = run.card.get("extra")
    found = extra.get("intervention") if isinstance(extra, Mapping) else None
    return found if isinstance(found, Mapping) else None


def is_consistent_by_construction(cell: Cell) -> bool:
    """Whether the run's intervention makes every order of these segments the same prompt; fixed labels undo that."""
    found = intervention_of(cell.run)
    return found is not None and bool(found.get("canonical_order", True)) and cell.labels != STAY


def pairs(runs: Sequence[RunView]) -> list[Pair]:
    """Cells of runs under an intervention whose model has the same cell without one."""
    changed = [run for run in runs if intervention_of(run) is not None]
    if len(changed) in (0, len(runs)):
        return []
    right, found = _right_by_item(runs), list[Pair]()
    for run in changed:
        base, _, spec = str(run.card.get("name", "")).rpartition("+")
        plain = [one for one in runs if intervention_of(one) is None and one.card.get("name") == base]
        known = {cell.key: cell for one in plain for cell in _own_cells(one)}
        for cell in _own_cells(run):
            before = known.get(cell.key)
            compared = _gain(right, before, cell) if before is not None else None
            if before is not None and compared is not None:
                found.append(Pair(spec, before, cell, *compared))
    corrected = holm([pair.p for pair in found])
    return [replace(pair, p=p) for pair, p in zip(found, corrected, strict=True)]


def intervention_figures(runs: Sequence[RunView]) -> list[Figure]:
    """Accuracy before and after, a figure a mode: a panel a model, a line a cell; the table has gains too."""
    found: list[Figure] = []
    every = pairs(runs)
    caption = (
        "Accuracy of the same model on the same items, with 95 % intervals over items. Without the intervention it is "
        "the mean over all orders. An asterisk: consistent by construction, so that consistency is no achievement "
        "and accuracy alone counts. Where labels stay at places, moving an option changes its text: no intervention "
        "on order can undo that."
    )
    for mode in dict.fromkeys(pair.after.mode for pair in every):
        rows = [row for pair in every if pair.after.mode == mode for row in _rows(pair)]
        chart = dots_with_intervals(rows, value="accuracy", colours={WITHOUT: BLUE, WITH: ORANGE}, by="model is run")
        title = f"Before and after an intervention ({MODES.get(mode, mode)})"
        found.append(figure(f"interventions-{len(found) + 1}", title, caption, chart, rows, placed(rows)))
    return found


def _own_cells(run: RunView) -> Iterator[Cell]:
    for cell in cells([run], *_FAMILIES):
        if cell.condition.get("arm") not in _BASELINES and cell.first("accuracy") is not None:
            yield cell


def _rows(pair: Pair) -> Iterator[dict[str, Any]]:
    name, words = _SPREADS[pair.after.family]
    star = "*" if pair.by_construction else ""
    line = f"{pair.after.short}{LABEL_BREAK}{pair.after.labels}{star}"
    model = PurePosixPath(str(pair.before.run.card.get("name"))).name
    for cell, said in ((pair.before, WITHOUT), (pair.after, WITH)):
        accuracy = cell.first("accuracy")
        assert accuracy is not None
        is_after = cell is pair.after
        yield {
            "model": f"{model}, {pair.name}",
            "cell": line,
            "model is run": said,
            "accuracy": accuracy["value"],
            "low": accuracy["ci_low"],
            "high": accuracy["ci_high"],
            "gain over the mean of orders": pair.gain.value if is_after else None,
            "gain, low": pair.gain.ci_low if is_after else None,
            "gain, high": pair.gain.ci_high if is_after else None,
            "p (sign flips, Holm)": pair.p if is_after else None,
            "items in pairs": pair.gain.n,
            "orders": cell.items,
            "dependence on order": f"{words}: {interval(cell.first(name))}",
            "consistent": "by construction" if is_after and pair.by_construction else "",
            "mode": cell.mode,
        }


_Right = Mapping[tuple[str, ...], Mapping[str, float]]


def _right_by_item(runs: Sequence[RunView]) -> _Right:
    """Run, mode and cell -> item -> mean of its right answers over the arms."""
    found: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in cluster_means(runs, "correct", _KEYS):
        arm = str(row["arm"])
        arm = "tau" if arm.startswith("tau") else "swap" if arm in ("o1", "o2") else arm
        key = (row["run"].run_id, str(row["mode"]), *_key({**row, "arm": arm}))
        found[key][str(row["cluster"])].append(row["value"])
    return {key: {item: fmean(values) for item, values in items.items()} for key, items in found.items()}


def _gain(right: _Right, before: Cell, after: Cell) -> tuple[Estimate, float] | None:
    first, second = (right.get((cell.run.run_id, cell.mode, *_key(cell.condition)), {}) for cell in (before, after))
    items = sorted(first.keys() & second.keys())
    if not items:
        return None
    gain = paired_difference([first[item] for item in items], [second[item] for item in items])
    changed = [second[item] - first[item] for item in items if second[item] != first[item]]
    return gain, sign_flip_test(changed, two_sided=True) if changed else 1.0


def _key(condition: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a condition; the size counts only where it is asked for, not where items have it."""
    has_size = condition.get("family") in ("docqa", "kv", "needle")
    return tuple(
        "" if condition.get(key) is None or (key == "k" and not has_size) else str(condition[key]) for key in _KEYS
    )
