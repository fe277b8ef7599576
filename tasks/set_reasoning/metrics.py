"""Figures of a run: exact match of each form, the gap between two sets and three, shortcuts, and consistency.

Rates have Wilson's interval over problems, other means and combinations a percentile bootstrap over problems. Cells
(U, overlap, vocabulary) of a form have equally many problems, so that the mean over problems is the mean over cells.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.stats import Estimate, bootstrap_mean, bootstrap_statistic, wilson
from suite.task import Condition, Metric, Mode, Sample
from tasks.set_reasoning.expressions import COMPOSED, FORMS, SHORTCUTS, TWO_SETS, operators, parse

RATES = ("match80", "parse_failure")
MEANS = ("jaccard", "precision", "recall", "f1", "element_accuracy", "precision_in", "precision_out", "base_rate_in")
BY = ("U", "overlap", "vocab")
FAILED_TRAINING = ("not_converged", "not_memorised")
_LOWER = ("parse_failure",)
_NEITHER = ("element_accuracy", "majority", "base_rate_in")
_NOTES = {
    "element_accuracy": "says little: most candidates are easy to leave out; see em, and majority",
    "majority": "element_accuracy of the better of yes and no to everything",
    "base_rate_in": "precision_in of yes to every listed element",
}
Way = tuple[Mode, str, str, Any, Any]  # mode, variant, notation, shots, sets


def set_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure; README.md explains them by name. A failed sample is wrong, and counted."""
    ways: dict[Way, list[Sample]] = defaultdict(list)
    for sample in samples:
        condition = sample.condition
        place = (str(condition["variant"]), str(condition["notation"]), condition["shots"], condition.get("sets"))
        ways[sample.mode, *place].append(sample)
    return [metric for way in sorted(ways, key=str) for metric in _way_metrics(way, ways[way])]


def _way_metrics(way: Way, samples: Sequence[Sample]) -> Iterator[Metric]:
    mode, variant, notation, shots, sets = way
    base: dict[str, Any] = {"variant": variant, "notation": notation, "shots": shots}
    base |= {"sets": sets} if sets is not None else {}
    forms: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if not sample.condition.get("twin"):
            forms[str(sample.condition["form"])].append(sample)
    for form, own in forms.items():
        here = {**base, "form": form}
        yield _rate("em", own, mode, here, headline=form in COMPOSED or form in TWO_SETS)
        for names, estimate in ((RATES, _rate), (MEANS, _mean)):
            yield from (estimate(name, own, mode, here) for name in names if any(name in one.scores for one in own))
        yield from _majority(own, mode, here)
        yield from _by_cell(own, mode, here)
        yield from _shortcuts(own, mode, here)
    yield from _composition(forms, mode, base)
    yield from _consistency(samples, mode, base)


def _value(sample: Sample, name: str) -> float:
    found = sample.scores.get(name)
    if sample.error is not None:
        return 1.0 if name == "parse_failure" else 0.0
    return float(found) if found is not None else 0.0


def _rate(
    name: str, samples: Sequence[Sample], mode: Mode, condition: Condition, *, score: str = "", headline: bool = False
) -> Metric:
    """A share of problems with Wilson's interval; each problem is asked once in a way."""
    values = [_value(sample, score or name) for sample in samples]
    return _metric(name, _share(values), mode, condition, headline=headline)


def _mean(name: str, samples: Sequence[Sample], mode: Mode, condition: Condition) -> Metric:
    return _metric(name, bootstrap_mean([_value(sample, name) for sample in samples]), mode, condition)


def _share(values: Sequence[float]) -> Estimate:
    n, share = len(values), sum(values) / len(values)
    return Estimate(share, math.sqrt(share * (1 - share) / n), *wilson(round(share * n), n), n, n)


def _metric(
    name: str, found: Estimate, mode: Mode, condition: Condition, *, headline: bool = False, note: str = ""
) -> Metric:
    better = None if name in _NEITHER else name not in (*_LOWER, "shortcut_agreement", "composition_gap")
    note = note or _NOTES.get(name, "")
    return Metric.of(name, found, mode=mode, condition=condition, higher_is_better=better, headline=headline, note=note)


def _majority(samples: Sequence[Sample], mode: Mode, condition: Condition) -> Iterator[Metric]:
    shares = [sample.scores["positives"] for sample in samples if sample.scores.get("positives") is not None]
    if shares:
        found = bootstrap_statistic(_column([float(share or 0) for share in shares]), _larger_class)
        yield _metric("majority", found, mode, condition)


def _larger_class(means: Any) -> Any:
    import numpy as np

    return np.maximum(means[..., 0], 1 - means[..., 0])


def _column(values: Sequence[float]) -> Any:
    import numpy as np

    return np.array(values)[:, None]


def _by_cell(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    for key in BY:
        values = sorted({sample.condition[key] for sample in samples}, key=str)
        for value in values if len(values) > 1 else ():
            own = [sample for sample in samples if sample.condition[key] == value]
            yield _rate("em_by_cell", own, mode, {**base, key: value}, score="em")


def _shortcuts(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Share of the answers that are a wrong rule's, among the problems on which that rule is wrong."""
    for rule in SHORTCUTS:
        own = [sample for sample in samples if sample.error is None and sample.scores.get(f"sc_{rule}") is not None]
        if own:
            yield _rate("shortcut_agreement", own, mode, {**base, "shortcut": rule}, score=f"sc_{rule}")


def _composition(forms: Mapping[str, Sequence[Sample]], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Macro exact match over composed forms, and what each loses against the harder of the two operations alone."""
    composed = [form for form in COMPOSED if form in forms]
    failed = sorted({str(one.condition.get("status")) for own in forms.values() for one in own} & set(FAILED_TRAINING))
    if len(composed) == len(COMPOSED):
        yield _or_nothing("macro_em", [forms[form] for form in composed], _macro, mode, base, failed)
    if not set(TWO_SETS) <= set(forms):
        return
    for form in composed:
        alike = [_alike(forms[two], forms[form]) for two in TWO_SETS]
        if not all(alike):
            continue
        here = {**base, "form": form}
        gap = _or_nothing("composition_gap", [*alike, forms[form]], _gap, mode, here, failed)
        yield gap if failed else replace(gap, note=f"two sets: {min(map(_em, alike)):.3f}")
        yield _against_expected(form, dict(zip(TWO_SETS, alike, strict=True)), forms[form], mode, here, failed)


def _alike(two: Sequence[Sample], composed: Sequence[Sample]) -> list[Sample]:
    """The two-set problems of the same sizes and vocabularies."""
    cells = {(sample.condition["U"], sample.condition["vocab"]) for sample in composed}
    return [sample for sample in two if (sample.condition["U"], sample.condition["vocab"]) in cells]


def _macro(means: Any) -> Any:
    return means.mean(axis=-1)


def _gap(means: Any) -> Any:
    return means[..., :2].min(axis=-1) - means[..., 2]


def _or_nothing(
    name: str,
    groups: Sequence[Sequence[Sample]],
    of: Callable[[Any], Any],
    mode: Mode,
    condition: Condition,
    failed: Sequence[str],
) -> Metric:
    """A statistic of the exact match of several groups of problems, resampled together; none of a failed training."""
    import numpy as np

    n = sum(map(len, groups))
    if failed:
        return Metric(name, None, mode, condition, n=n, n_clusters=n, headline=True, note=failed[0])
    rows, at = np.full((n, len(groups)), np.nan), 0
    for column, samples in enumerate(groups):
        rows[at : at + len(samples), column] = [_value(sample, "em") for sample in samples]
        at += len(samples)
    return _metric(name, bootstrap_statistic(rows, of), mode, condition, headline=True)


def _against_expected(
    form: str,
    alone: Mapping[str, Sequence[Sample]],
    own: Sequence[Sample],
    mode: Mode,
    condition: Condition,
    failed: Sequence[str],
) -> Metric:
    """Exact match over what it would be if two operations, each as good as alone, failed independently."""
    operation = {"&": "i2", "|": "u2"}
    expected = math.prod(_em(alone[operation[sign]]) for sign in operators(parse(FORMS[form], set("ABC"))))
    note = f"expected {expected:.3f}" if expected else "not defined: one of the two operations is never right alone"
    value = _em(own) / expected if expected and not failed else None
    note, n = failed[0] if failed else note, len(own)
    return Metric("em_over_expected", value, mode, condition, n=n, n_clusters=n, higher_is_better=None, note=note)


def _em(samples: Sequence[Sample]) -> float:
    return sum(_value(sample, "em") for sample in samples) / len(samples)


def _consistency(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Share of problems that are answered with the same set when the expression is written otherwise."""
    answers: dict[str, dict[bool, Sample]] = defaultdict(dict)
    for sample in samples:
        answers[sample.doc_id][bool(sample.condition.get("twin"))] = sample
    pairs = [pair for pair in answers.values() if len(pair) == 2]
    by_form: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        same = _is_read(pair[False]) and _is_read(pair[True]) and pair[False].answer == pair[True].answer
        by_form[str(pair[False].condition["form"])].append(float(same))
    if by_form:
        yield _metric("consistency", _share([one for own in by_form.values() for one in own]), mode, base)
    for form, own in by_form.items():
        yield _metric("consistency_by_form", _share(own), mode, {**base, "form": form})


def _is_read(sample: Sample) -> bool:
    return sample.error is None and not sample.scores.get("parse_failure")
