"""How good a judge is, measured on units whose truth is known: labelled by people, or canaries.

A unit is positive if it is hallucinated. Units that either side left unresolved are counted, not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from suite.judges.agreement import Agreement, cohen
from suite.judges.ppi import Corrected, Stratum, Z, human_mean, ppi_index, ppi_mean
from suite.judges.record import Label
from suite.stats import wilson
from suite.task import Sample

UnitKey = tuple[str, int]  # sample id, number of the unit
LEAST_LABELLED = 100  # human labels per arm, under which a corrected index is not given


@dataclass(frozen=True, slots=True)
class Rate:
    """hits / n with Wilson's 95 % interval; value None for n = 0."""

    hits: int
    n: int
    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Quality:
    """A judge against the truth on n units.

    Attributes:
        confusion: true verdict -> judge's verdict -> units, for the verdicts as they are.
        binary: the counts tp, fn, fp, tn of "hallucinated".
        agreement: Cohen's kappa of "hallucinated", with raw agreement and prevalence.
        by_category, by_arm: precision and recall of each primary category and each arm.
        unresolved: units left out since one side is unresolved.
    """

    judge: str
    truth: str
    n: int
    confusion: Mapping[str, Mapping[str, int]]
    binary: Mapping[str, int]
    sensitivity: Rate
    specificity: Rate
    agreement: Agreement
    by_category: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    by_arm: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    unresolved: int = 0


@dataclass(frozen=True)
class CorrectedIndex:
    """The index of one weight of intrinsic errors, on all units: as the judge says, as people say, and corrected.

    Attributes:
        naive: the judge's alone; human: the human labels' alone; ppi: None below `LEAST_LABELLED` labels an arm.
    """

    weight: float
    naive: float
    human: Corrected
    ppi: Corrected | None
    note: str = ""


def rate(hits: int, n: int) -> Rate:
    """The share with its interval."""
    return Rate(hits, n, hits / n, *wilson(hits, n)) if n else Rate(0, 0, None, None, None)


def quality(
    judge: Sequence[Label], truth: Sequence[Label], arm_of: Callable[[Label], str] = lambda _: "", seed: int = 0
) -> Quality:
    """Compares a judge with the truth on the units that both have labelled.

    Args:
        arm_of: the arm (orientation) of a label's sample; "" for none.

    Raises:
        ValueError: no unit has both labels.
    """
    true_labels = {_key(label): label for label in truth}
    pairs = [(true_labels[_key(label)], label) for label in judge if _key(label) in true_labels]
    if not pairs:
        raise ValueError("no unit has labels of both")
    usable = [pair for pair in pairs if "unresolved" not in (pair[0].verdict, pair[1].verdict)]
    confusion: dict[str, dict[str, int]] = {}
    for true, said in pairs:
        row = confusion.setdefault(true.verdict, {})
        row[said.verdict] = row.get(said.verdict, 0) + 1
    counts = _counts([(is_wrong(true), is_wrong(said)) for true, said in usable])
    names = {True: "hallucinated", False: "not"}
    columns = [[names[is_wrong(pair[side])] for pair in usable] for side in (0, 1)]
    categories = sorted({label.primary for pair in usable for label in pair if label.primary})
    arms = sorted({arm for true, _ in usable if (arm := arm_of(true))})
    return Quality(
        judge=pairs[0][1].judge,
        truth=pairs[0][0].judge,
        n=len(usable),
        confusion=confusion,
        binary=counts,
        sensitivity=rate(counts["tp"], counts["tp"] + counts["fn"]),
        specificity=rate(counts["tn"], counts["tn"] + counts["fp"]),
        agreement=cohen(*columns, seed=seed),
        by_category={
            name: _retrieval([(t.primary == name, s.primary == name) for t, s in usable]) for name in categories
        },
        by_arm={arm: _retrieval([(is_wrong(t), is_wrong(s)) for t, s in usable if arm_of(t) == arm]) for arm in arms},
        unresolved=len(pairs) - len(usable),
    )


def corrected_index(
    judge: Sequence[Label], truth: Sequence[Label], samples: Mapping[str, Sample], arm_key: str, weight: float = 0.5
) -> CorrectedIndex:
    """100 times the mean over arms of the units' error weights, by the judge alone, by people alone, and by PPI++.

    Args:
        judge: labels of every unit of one run; truth: of a random subset of them.
        samples: by id.
        arm_key: the key of the samples' condition that makes the arms, e.g. "orientation".
        weight: of an intrinsic error; an extrinsic one weighs 1, everything else 0.

    Raises:
        ValueError: an arm has no human label, or nothing but human labels.
    """
    human = {_key(label): label for label in truth}
    arms: dict[str, tuple[list[tuple[Label, Label]], list[Label]]] = {}
    for label in judge:
        paired, rest = arms.setdefault(str(samples[label.sample_id].condition.get(arm_key)), ([], []))
        if _key(label) in human:
            paired.append((human[_key(label)], label))
        else:
            rest.append(label)
    strata = [_stratum(paired, rest, samples, weight) for _, (paired, rest) in sorted(arms.items())]
    naive = [(sum(part.judge) + sum(part.unlabelled)) / (len(part.judge) + len(part.unlabelled)) for part in strata]
    alone = [human_mean(part.human) for part in strata]
    error = 100 / len(alone) * sum((part.stderr or 0.0) ** 2 for part in alone) ** 0.5
    value = 100 * sum(part.value or 0.0 for part in alone) / len(alone)
    by_people = Corrected(value, error, value - Z * error, value + Z * error, n=sum(part.n for part in alone))
    fewest = min(part.n for part in alone)
    if fewest < LEAST_LABELLED:
        note = f"{fewest} human labels in an arm; a corrected index needs {LEAST_LABELLED}"
        return CorrectedIndex(weight, 100 * sum(naive) / len(naive), by_people, None, note)
    return CorrectedIndex(weight, 100 * sum(naive) / len(naive), by_people, ppi_index(strata))


def corrected_rate(judge: Sequence[Label], truth: Sequence[Label]) -> Corrected:
    """The share of hallucinated units of one run by PPI++."""
    human = {_key(label): float(is_wrong(label)) for label in truth}
    paired = [(human[_key(label)], float(is_wrong(label))) for label in judge if _key(label) in human]
    rest = [float(is_wrong(label)) for label in judge if _key(label) not in human]
    return ppi_mean([y for y, _ in paired], [f for _, f in paired], rest)


def is_wrong(label: Label) -> bool:
    """Whether the unit is hallucinated."""
    return label.verdict == "hallucinated"


def _stratum(
    paired: Sequence[tuple[Label, Label]], rest: Sequence[Label], samples: Mapping[str, Sample], weight: float
) -> Stratum:
    def worth(label: Label) -> float:
        return (weight if label.split == "intrinsic" else 1.0) if is_wrong(label) else 0.0

    return Stratum(
        [worth(true) for true, _ in paired],
        [worth(said) for _, said in paired],
        [worth(label) for label in rest],
        [samples[said.sample_id].cluster for _, said in paired],
        [samples[label.sample_id].cluster for label in rest],
    )


def _key(label: Label) -> UnitKey:
    return label.sample_id, label.unit


def _counts(pairs: Sequence[tuple[bool, bool]]) -> dict[str, int]:
    """tp, fn, fp, tn of (truth, said)."""
    return {
        "tp": sum(t and s for t, s in pairs),
        "fn": sum(t and not s for t, s in pairs),
        "fp": sum(s and not t for t, s in pairs),
        "tn": sum(not t and not s for t, s in pairs),
    }


def _retrieval(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Rate]:
    counts = _counts(pairs)
    hits = counts["tp"]
    return {"precision": rate(hits, hits + counts["fp"]), "recall": rate(hits, hits + counts["fn"])}
