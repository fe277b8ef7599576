"""What the labels of one run say about judges: how far people agree, each judge against them, corrected figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from suite.errors import UserError, unknown
from suite.judges.agreement import DEGREES, Agreement, cohen, fleiss, krippendorff_alpha
from suite.judges.human import JUDGE
from suite.judges.mace import mace
from suite.judges.ppi import Corrected, rogan_gladen
from suite.judges.quality import CorrectedIndex, Quality, corrected_index, corrected_rate, is_wrong, quality
from suite.judges.record import Label
from suite.store import Store
from suite.task import Sample

WEIGHTS = (0.5, 0.0, 1.0)  # of intrinsic errors: the default, and the two ends beside it


@dataclass(frozen=True)
class Correction:
    """A judge's figures of one run, corrected by the labels of people.

    Attributes:
        rate: share of hallucinated units by PPI++.
        indices: one a weight of intrinsic errors; empty where the samples have no arms.
    """

    judge: str
    rate: Corrected
    indices: tuple[CorrectedIndex, ...]


@dataclass(frozen=True)
class ByCanaries:
    """The share of hallucinated units behind what a judge says, if it errs on them as it does on its canaries.

    Attributes:
        naive: the judge's own share; rate: after Rogan and Gladen, None where canaries show no better than chance.
    """

    judge: str
    naive: float
    rate: Corrected


@dataclass(frozen=True)
class Comparison:
    """All of it.

    Attributes:
        people: (who, coefficient) of the judges ``human/NAME``, on verdicts, and on degrees where there are any.
        trust: person -> MACE's probability that they know the label.
        judges: each judge against the truth; corrections: for judges of all units, where the truth is people.
        by_canaries: for judges that had canaries, where no people have labelled anything of the run.
        notes: what could not be computed, and why.
    """

    run_id: str
    truth: str
    people: tuple[tuple[str, Agreement], ...]
    trust: Mapping[str, float]
    judges: tuple[Quality, ...]
    corrections: tuple[Correction, ...]
    by_canaries: tuple[ByCanaries, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare_judges(
    run: str,
    *,
    judge: str | None = None,
    against: str | None = None,
    arm: str = "orientation",
    results: Path = Path("results"),
) -> Comparison:
    """Compares the judges of a run with the truth: people's labels if there are any, else the deterministic judge's.

    Args:
        judge: only this one; by default all.
        against: whose labels count as the truth.
        arm: the key of the samples' condition whose values are the arms of the index.

    Raises:
        UserError: no such run or judge, or labels of one judge alone.
    """
    store = Store(Path(results))
    run_id = str(store.run(run)["run_id"])
    by_judge: dict[str, list[Label]] = {}
    for label in store.labels(run_id):
        by_judge.setdefault(label.judge, []).append(label)
    if not by_judge:
        raise UserError(f"run {run_id} has no labels; make some with `unreason judge {run_id} --judge rules_free`")
    for name in (judge, against):
        if name is not None and name not in by_judge:
            raise unknown(f"judge of run {run_id}", name, by_judge)
    truth = against or next((name for name in (JUDGE, "slots") if name in by_judge), "")
    people = {name: labels for name, labels in by_judge.items() if name.startswith(f"{JUDGE}/")}
    others = [name for name in by_judge if name not in people and name != truth and judge in (None, name)]
    samples = {sample.sample_id: sample for sample in store.samples_for_metrics(run_id)}
    notes: list[str] = []
    if not truth and others:
        notes.append("no judge to compare with: import people's labels, or name one with --against")
    found = [_against(by_judge[name], by_judge[truth], samples, arm, notes) for name in others if truth]
    corrections = [
        _correction(by_judge[name], by_judge[truth], samples, arm, notes) for name in others if truth == JUDGE
    ]
    estimates = [] if JUDGE in by_judge or people else _by_canaries(store.metrics([run_id]), by_judge, others)
    agreements, trust = _people(people)
    return Comparison(
        run_id,
        truth,
        agreements,
        trust,
        tuple(one for one in found if one),
        tuple(one for one in corrections if one),
        tuple(estimates),
        tuple(notes),
    )


def _by_canaries(
    metrics: Sequence[Mapping[str, Any]], by_judge: Mapping[str, Sequence[Label]], judges: Sequence[str]
) -> list[ByCanaries]:
    rates = {(row["condition"].get("judge"), row["name"]): row for row in metrics if row["name"].startswith("canary_")}
    found = []
    for judge in judges:
        pair = [rates.get((judge, f"canary_{name}")) for name in ("sensitivity", "specificity")]
        labels = [label for label in by_judge[judge] if label.verdict != "unresolved"]
        if None in pair or not labels:
            continue
        hits = [(round((row["value"] or 0.0) * row["n"]), row["n"]) for row in pair if row]
        wrong = sum(map(is_wrong, labels))
        found.append(ByCanaries(judge, wrong / len(labels), rogan_gladen(wrong, len(labels), hits[0], hits[1])))
    return found


def _against(
    judge: Sequence[Label], truth: Sequence[Label], samples: Mapping[str, Sample], arm: str, notes: list[str]
) -> Quality | None:
    def arm_of(label: Label) -> str:
        sample = samples.get(label.sample_id)
        return str(sample.condition.get(arm, "")) if sample else ""

    try:
        return quality(judge, truth, arm_of)
    except ValueError as error:
        notes.append(f"{judge[0].judge} against {truth[0].judge}: {error}")
        return None


def _correction(
    judge: Sequence[Label], truth: Sequence[Label], samples: Mapping[str, Sample], arm: str, notes: list[str]
) -> Correction | None:
    """Judges that label every unit, with people that label some of them."""
    try:
        share = corrected_rate(judge, truth)
        arms = {sample.condition.get(arm) for sample in samples.values()} - {None}
        indices = tuple(corrected_index(judge, truth, samples, arm, weight) for weight in WEIGHTS if arms)
    except ValueError as error:
        notes.append(f"{judge[0].judge} is not corrected: {error}")
        return None
    return Correction(judge[0].judge, share, indices)


def _people(people: Mapping[str, Sequence[Label]]) -> tuple[tuple[tuple[str, Agreement], ...], dict[str, float]]:
    """Agreement of people on verdicts and degrees, for every pair and for all; and MACE's trust in each."""
    if len(people) < 2:
        return (), {}
    units = sorted({(label.sample_id, label.unit) for labels in people.values() for label in labels})
    table = {name: {(label.sample_id, label.unit): label for label in labels} for name, labels in people.items()}
    found: list[tuple[str, Agreement]] = []
    for first, second in combinations(people, 2):
        both = [unit for unit in units if unit in table[first] and unit in table[second]]
        if not both:
            continue
        pair = f"{first} and {second}"
        found.append((pair, cohen(*([table[name][unit].verdict for unit in both] for name in (first, second)))))
        degrees = [[table[name][unit].degree or "none" for unit in both] for name in (first, second)]
        found += [(pair, cohen(*degrees, weights=kind, order=DEGREES)) for kind in ("linear", "quadratic")]
    verdicts = [[table[name][unit].verdict if unit in table[name] else None for name in people] for unit in units]
    whole = [[verdict for verdict in row if verdict is not None] for row in verdicts if None not in row]
    if whole:
        found.append(("all, units that everybody labelled", fleiss(whole)))
    found.append(("all", krippendorff_alpha(verdicts)))
    labels = sorted({verdict for row in verdicts for verdict in row if verdict is not None})
    trust = mace(verdicts, labels).trust if len(labels) > 1 else ()
    return tuple(found), dict(zip(people, trust, strict=False))
