"""The Hallucination Vulnerability Index of this project, from labels alone: HVI = 50 (r_FM + r_SL), 0 to 100.

r_o = (extrinsic + w intrinsic) / responsive units of orientation o. Unlike the published formula (see `literal`), it
never falls when errors are added, and both orientations count alike. After Rawte et al. 2023 (arXiv 2310.04988).

For others: ``hvi(labels: Sequence[Labelled], weight=0.5, denominator="responsive") -> Index``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from suite.judges.record import Degree, Split, Verdict
from suite.stats import RESAMPLES, bootstrap_columns, wilson

if TYPE_CHECKING:
    import numpy as np

Denominator = Literal["responsive", "all", "attempted"]
ORIENTATIONS = ("FM", "SL")
WEIGHT = 0.5  # of an intrinsic error; 0 would forgive a model that repeats every false statement
FEW_CLUSTERS = 10
SEVERITY: Mapping[str, float] = {"mild": 1 / 3, "moderate": 2 / 3, "alarming": 1.0}
_COUNTED_OUT: Mapping[Denominator, frozenset[str]] = {
    "responsive": frozenset({"no_claim", "unresolved"}),
    "all": frozenset(),
    "attempted": frozenset({"no_claim", "unresolved", "abstain", "unverifiable"}),
}
Statistic = Callable[["np.ndarray"], "np.ndarray"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A judge's label of one unit, with what the index needs to know of the unit.

    Attributes:
        orientation: "FM" or "SL", of the statement that was shown.
        cluster: the unit of resampling (dossier, fact, or prompt).
        category: the primary one; "" counts as a category of its own.
    """

    orientation: str
    cluster: str
    verdict: Verdict
    split: Split | None = None
    category: str = ""
    degree: Degree | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """The index with its standard error (linearised over clusters) and 95 % interval (bootstrap over clusters).

    Attributes:
        value: None where an orientation has no unit in the denominator; `note` says so.
        rates: r_o of each orientation, in [0, 1]; None where it has no unit.
        n: units in the denominator.
    """

    value: float | None
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    rates: Mapping[str, float | None]
    n: int
    n_clusters: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class Counts:
    """How often everything occurs in each cluster: `rows` is (n_clusters, n_columns), `columns` names them."""

    clusters: tuple[str, ...]
    columns: Mapping[str, int]
    rows: np.ndarray

    def total(self, *names: str) -> float:
        """The sum of some columns over all clusters; of unknown ones 0."""
        return float(sum(self.rows[:, self.columns[name]].sum() for name in names if name in self.columns))

    def sum_of(self, names: Iterable[str]) -> Statistic:
        """Column means (..., n_columns) -> the sum of some of them (...,)."""
        places = [self.columns[name] for name in names if name in self.columns]
        return lambda means: means[..., places].sum(axis=-1)

    def ratio(self, above: Iterable[str], below: Iterable[str]) -> Statistic:
        """One sum of columns over another; NaN where that is 0."""
        top, bottom = self.sum_of(above), self.sum_of(below)
        return lambda means: top(means) / bottom(means)

    def rate(self, orientation: str, weight: float, denominator: Denominator, kind: str = "") -> Statistic:
        """r_o; with `kind` the errors of one category ("/cat/AA"), or each by its severity ("/severity")."""
        intrinsic, extrinsic = (self.sum_of([f"{orientation}/{split}{kind}"]) for split in ("intrinsic", "extrinsic"))
        below = self.sum_of([f"{orientation}/{denominator}"])
        return lambda means: (extrinsic(means) + weight * intrinsic(means)) / below(means)

    def index(self, weight: float, denominator: Denominator = "responsive", kind: str = "") -> Statistic:
        """50 (r_FM + r_SL)."""
        first, second = (self.rate(orientation, weight, denominator, kind) for orientation in ORIENTATIONS)
        return lambda means: 50 * (first(means) + second(means))


def hvi(
    labels: Sequence[Labelled],
    weight: float = WEIGHT,
    denominator: Denominator = "responsive",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Index:
    """The index of one model by one judge.

    At 0 and 100, where no resample could show that it is uncertain, the interval is 50 times the sum of the Wilson
    bounds of both orientations.

    Args:
        labels: of every unit of the model's responses.
        weight: of an intrinsic error, in [0, 1].
        denominator: responsive: all but no_claim and unresolved; all; attempted: supported and hallucinated.

    Raises:
        ValueError: a weight outside [0, 1], under 100 resamples, or an orientation other than FM and SL.
    """
    check(weight, resamples)
    counts = count(labels)
    if not counts.clusters:
        return Index(None, None, None, None, dict.fromkeys(ORIENTATIONS), 0, 0, "no labels")
    found = bootstrap_columns(counts.rows, {"": counts.index(weight, denominator)}, resamples=resamples, seed=seed)[""]
    n = {orientation: counts.total(f"{orientation}/{denominator}") for orientation in ORIENTATIONS}
    totals = counts.rows.sum(axis=0)
    rates = {
        orientation: float(counts.rate(orientation, weight, denominator)(totals)) if n[orientation] else None
        for orientation in ORIENTATIONS
    }
    size, m = int(sum(n.values())), len(counts.clusters)
    missing = [orientation for orientation in ORIENTATIONS if not n[orientation]]
    if missing:
        return Index(None, None, None, None, rates, size, m, f"no {denominator} unit in {' and '.join(missing)}")
    low, high = found.ci_low, found.ci_high
    if m > 1 and (edge := _at_an_edge(counts, found.value, denominator)):
        low, high = edge
    note = f"few clusters ({m})" if m < FEW_CLUSTERS else ""
    return Index(found.value, linearised(influences(counts, weight, denominator)), low, high, rates, size, m, note)


def count(labels: Iterable[Labelled]) -> Counts:
    """Counts verdicts, errors by split, category and severity, and the three denominators, by cluster.

    Raises:
        ValueError: an orientation other than FM and SL.
    """
    return tally(cell for label in labels for cell in _cells_of(label))


def tally(cells: Iterable[tuple[str, str, float]]) -> Counts:
    """Sums of (cluster, column, amount); an amount of 0 makes the cluster and the column known."""
    import numpy as np

    table: dict[str, dict[str, float]] = {}
    columns: dict[str, int] = {}
    for cluster, column, amount in cells:
        columns.setdefault(column, len(columns))
        row = table.setdefault(cluster, {})
        row[column] = row.get(column, 0.0) + amount
    rows = np.zeros((len(table), len(columns)))
    for at, row in enumerate(table.values()):
        for column, amount in row.items():
            rows[at, columns[column]] = amount
    return Counts(tuple(table), columns, rows)


def influences(counts: Counts, weight: float = WEIGHT, denominator: Denominator = "responsive") -> np.ndarray:
    """(n_clusters,) u_j = 50 sum_o (Y_oj - r_o D_oj) / D_o: what each cluster adds to the error of the index."""
    import numpy as np

    found = np.zeros(len(counts.clusters))
    for orientation in ORIENTATIONS:
        errors = counts.sum_of([f"{orientation}/extrinsic"])(counts.rows)
        errors = errors + weight * counts.sum_of([f"{orientation}/intrinsic"])(counts.rows)
        units = counts.sum_of([f"{orientation}/{denominator}"])(counts.rows)
        found += 50 * (errors - errors.sum() / units.sum() * units) / units.sum()
    return found


def linearised(influence: np.ndarray) -> float | None:
    """sqrt(m / (m - 1) sum_j u_j^2); None for a single cluster."""
    m = len(influence)
    return math.sqrt(m / (m - 1) * float((influence**2).sum())) if m > 1 else None


def check(weight: float, resamples: int = RESAMPLES) -> None:
    """Raises `ValueError` for a weight outside [0, 1] or under 100 resamples."""
    if not 0 <= weight <= 1:
        raise ValueError(f"weight {weight} of intrinsic errors is not between 0 and 1")
    if resamples < 100:
        raise ValueError(f"{resamples} resamples are too few; take at least 100")


def _cells_of(label: Labelled) -> Iterable[tuple[str, str, float]]:
    if label.orientation not in ORIENTATIONS:
        raise ValueError(f"orientation {label.orientation!r}; expected FM or SL")
    names: dict[str, float] = {label.verdict: 1.0}
    for denominator in get_args(Denominator):
        names[denominator] = float(label.verdict not in _COUNTED_OUT[denominator])
    if label.verdict == "hallucinated":
        split = label.split or "extrinsic"
        names |= {split: 1.0, f"{split}/cat/{label.category}": 1.0}
        names[f"{split}/severity"] = SEVERITY.get(label.degree or "", 1.0)
    for name, amount in names.items():
        yield label.cluster, f"{label.orientation}/{name}", amount


def _at_an_edge(counts: Counts, value: float, denominator: Denominator) -> tuple[float, float] | None:
    """Conservative bounds for an index of exactly 0 or 100."""
    units = [int(counts.total(f"{orientation}/{denominator}")) for orientation in ORIENTATIONS]
    if value == 0:
        return 0.0, 50 * sum(wilson(0, n)[1] for n in units)
    if math.isclose(value, 100):
        return 50 * sum(wilson(n, n)[0] for n in units), 100.0
    return None
