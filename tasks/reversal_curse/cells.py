"""Cells of the results tables of track nd: the samples of one mode, control, group and direction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from suite.stats import Estimate, bootstrap_mean
from suite.task import Condition, Metric, Mode, Sample

KEYS = ("track", "kind", "group", "direction", "seen", "control", "k", "over")
HEADLINES = ("em", "mrr", "delta", "mc_letter")
IN_NATS = ("d", "shuffled_d")
_NEITHER_IS_BETTER = ("gap", "delta_p", "em_p", "failed")
FAILED_SHARE = 0.01  # over this share of failed items a row says so


@dataclass(frozen=True)
class Cell:
    """Samples that are averaged together; facts are the unit of resampling."""

    mode: Mode
    condition: Condition
    samples: Sequence[Sample]

    def values(self, score: str, failed: float | None = None) -> tuple[list[float], list[str]]:
        """(values, facts) of the samples that have the score; a failed sample counts as `failed`, None: not at all."""
        values, facts = [], []
        for sample in self.samples:
            value = failed if sample.error else sample.scores.get(score)
            if value is not None:
                values.append(value)
                facts.append(sample.cluster)
        return values, facts

    def fact_means(self, score: str, failed: float | None = None) -> dict[str, float]:
        """Mean over the wordings of each fact."""
        by_fact: dict[str, list[float]] = defaultdict(list)
        for value, fact in zip(*self.values(score, failed), strict=True):
            by_fact[fact].append(value)
        return {fact: sum(values) / len(values) for fact, values in by_fact.items()}

    @property
    def n_failed(self) -> int:
        return sum(sample.error is not None for sample in self.samples)

    def by_template(self) -> list[Cell]:
        """One cell a wording."""
        templates = sorted({str(sample.condition["template"]) for sample in self.samples})
        return [
            replace(
                self,
                condition={**self.condition, "template": template},
                samples=[sample for sample in self.samples if sample.condition["template"] == template],
            )
            for template in templates
        ]

    def is_control(self, name: str) -> bool:
        return self.condition["control"] == name

    @property
    def is_reverse_test(self) -> bool:
        """Whether this cell is the test itself: facts of one order, asked in the other, without help."""
        return self.is_control("none") and self.condition["seen"] == "reverse"


def cells_of(samples: Iterable[Sample]) -> list[Cell]:
    """The cells of track nd, in a fixed order; samples of other tracks are passed over."""
    found: dict[tuple[Mode, tuple[tuple[str, object], ...]], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.condition.get("track") == "nd":
            keys = tuple((key, sample.condition[key]) for key in KEYS if key in sample.condition)
            found[sample.mode, keys].append(sample)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], str(item[0][1])))
    return [
        Cell(mode, dict(keys), sorted(chosen, key=lambda sample: sample.doc_id))  # type: ignore[arg-type]
        for (mode, keys), chosen in ordered
    ]


def mean_metric(
    name: str, cell: Cell, score: str, *, failed: float | None = None, note: str = "", missing: str = "not defined here"
) -> Metric:
    """Mean over facts of a score, with its interval; value None and the note `missing` where no sample has it."""
    values, facts = cell.values(score, failed)
    if not values:
        return undefined(name, cell, f"all {cell.n_failed} items failed" if cell.n_failed else missing)
    found = bootstrap_mean(values, facts, is_share=score not in IN_NATS)
    return metric(name, found, cell, join(note, failures(cell)))


def metric(name: str, found: Estimate, cell: Cell, note: str = "", condition: Condition | None = None) -> Metric:
    """An estimate as a row of `cell`, or of `condition`."""
    return Metric(
        name=name,
        value=found.value,
        mode=cell.mode,
        condition=cell.condition if condition is None else condition,
        stderr=found.stderr,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        n=found.n,
        n_clusters=found.n_clusters,
        higher_is_better=None if name in _NEITHER_IS_BETTER or name.endswith("_chance") else True,
        headline=_is_headline(name, cell.condition),
        note=note,
    )


def bare(name: str, value: float | None, cell: Cell, note: str = "", condition: Condition | None = None) -> Metric:
    """A number without an interval: a p-value, a chance line, or None with the reason."""
    n, facts = len(cell.samples), len({sample.cluster for sample in cell.samples})
    found = Estimate(0.0 if value is None else value, None, None, None, n, facts)
    return replace(metric(name, found, cell, note, condition), value=value)


def undefined(name: str, cell: Cell, why: str, condition: Condition | None = None) -> Metric:
    """A row that says why there is no number."""
    return bare(name, None, cell, why, condition)


def failures(cell: Cell) -> str:
    """What a row says about failed items: nothing up to 1 %."""
    if cell.n_failed <= FAILED_SHARE * len(cell.samples):
        return ""
    return f"{cell.n_failed} of {len(cell.samples)} items failed, over 1 %"


def join(*notes: str) -> str:
    """Notes in one line."""
    return "; ".join(note for note in notes if note)


def one_way_pairs(cells: Iterable[Cell], mode: Mode) -> list[tuple[Cell, Cell, Condition]]:
    """(same cell, reverse cell, condition of what is said about both) of each one-way group, without help."""
    asked = [cell for cell in cells if cell.mode == mode and cell.is_control("none")]
    pairs: list[tuple[Cell, Cell, Condition]] = []
    for reverse in asked:
        for same in asked:
            if reverse.is_reverse_test and same.condition["seen"] == "same" and _same_group(same, reverse):
                keys = ("track", "kind", "group", "control")
                pairs.append((same, reverse, {key: reverse.condition[key] for key in keys}))
    return pairs


def _same_group(a: Cell, b: Cell) -> bool:
    return all(a.condition[key] == b.condition[key] for key in ("kind", "group"))


def _is_headline(name: str, condition: Mapping[str, object]) -> bool:
    if "template" in condition:
        return False
    return name in HEADLINES and (name != "delta" or condition.get("control") == "none")
