"""Figures of a run: exact match of each form, the gap between two sets and three, shortcuts, and consistency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from suite.stats import Estimate, bootstrap_mean, bootstrap_statistic
from suite.task import Condition, Metric, Mode, Sample
from tasks.set_reasoning.expressions import COMPOSED, SHORTCUTS, TWO_SETS

SHARES = (
    *("jaccard", "precision", "recall", "f1", "match80", "element_accuracy", "precision_in", "precision_out"),
    "parse_failure",
)
BY = ("U", "overlap", "vocab")
_NEITHER = ("element_accuracy",)
Way = tuple[Mode, str, str, Any]  # mode, variant, notation, shots


def set_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Every figure; README.md explains them by name. A failed sample is wrong, and counted."""
    ways: dict[Way, list[Sample]] = defaultdict(list)
    for sample in samples:
        condition = sample.condition
        place = sample.mode, str(condition["variant"]), str(condition["notation"]), condition["shots"]
        ways[place].append(sample)
    return [metric for way in sorted(ways, key=str) for metric in _way_metrics(way, ways[way])]


def _way_metrics(way: Way, samples: Sequence[Sample]) -> Iterator[Metric]:
    mode, variant, notation, shots = way
    base: dict[str, Any] = {"variant": variant, "notation": notation, "shots": shots}
    plain = [sample for sample in samples if not sample.condition.get("twin")]
    forms: dict[str, list[Sample]] = defaultdict(list)
    for sample in plain:
        forms[str(sample.condition["form"])].append(sample)
    for form, own in forms.items():
        yield _mean("em", own, mode, {**base, "form": form}, headline=form in COMPOSED or form in TWO_SETS)
        for name in SHARES:
            if any(name in sample.scores for sample in own):
                yield _mean(name, own, mode, {**base, "form": form})
        yield from _by_cell(own, mode, {**base, "form": form})
        yield from _shortcuts(own, mode, {**base, "form": form})
    yield from _composition(forms, mode, base)
    yield from _consistency(samples, mode, base)


def _value(sample: Sample, name: str) -> float:
    found = sample.scores.get(name)
    if sample.error is not None:
        return 1.0 if name == "parse_failure" else 0.0
    return float(found) if found is not None else 0.0


def _mean(name: str, samples: Sequence[Sample], mode: Mode, condition: Condition, headline: bool = False) -> Metric:
    values = [_value(sample, name) for sample in samples]
    found = bootstrap_mean(values, [sample.cluster for sample in samples])
    better = None if name in _NEITHER else name != "parse_failure"
    note = "says little: most candidates are easy to leave out; see em" if name == "element_accuracy" else ""
    return Metric.of(name, found, mode=mode, condition=condition, higher_is_better=better, headline=headline, note=note)


def _by_cell(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    for key in BY:
        values = sorted({sample.condition[key] for sample in samples}, key=str)
        for value in values if len(values) > 1 else ():
            own = [sample for sample in samples if sample.condition[key] == value]
            yield _mean("em_by_cell", own, mode, {**base, key: value})


def _shortcuts(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Share of the answers that are a wrong rule's, among the problems on which that rule is wrong."""
    for rule in SHORTCUTS:
        own = [sample for sample in samples if sample.error is None and sample.scores.get(f"sc_{rule}") is not None]
        if own:
            found = _mean(f"sc_{rule}", own, mode, {**base, "shortcut": rule})
            yield _renamed(found, "shortcut_agreement")


def _renamed(metric: Metric, name: str) -> Metric:
    return replace(metric, name=name, higher_is_better=False)


def _composition(forms: Mapping[str, Sequence[Sample]], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Macro exact match over composed forms, and what each loses against the harder of the two operations alone."""
    composed = [form for form in COMPOSED if form in forms]
    if len(composed) == len(COMPOSED):
        found = _statistic([forms[form] for form in composed], lambda means: means.mean(axis=-1))
        yield _metric("macro_em", found, mode, base, better=True)
    if not set(TWO_SETS) <= set(forms):
        return
    floor = min(TWO_SETS, key=lambda form: _rate(forms[form]))
    for form in composed:
        found = _statistic([forms[floor], forms[form]], lambda means: means[..., 0] - means[..., 1])
        note = f"against {floor}"
        yield _metric("composition_gap", found, mode, {**base, "form": form}, better=False, note=note)
        yield _against_expected(forms, form, mode, base)


def _against_expected(forms: Mapping[str, Sequence[Sample]], form: str, mode: Mode, base: Mapping[str, Any]) -> Metric:
    """Exact match over what it would be if two operations, each as good as alone, failed independently."""
    expected = _rate(forms["i2"]) * _rate(forms["u2"])
    own = forms[form]
    note = f"expected {expected:.3f}" if expected else "not defined: one of the two operations is never right alone"
    return Metric(
        "em_over_expected",
        _rate(own) / expected if expected else None,
        mode,
        {**base, "form": form},
        n=len(own),
        n_clusters=len(own),
        higher_is_better=None,
        note=note,
    )


def _statistic(groups: Sequence[Sequence[Sample]], of: Callable[[Any], Any]) -> Estimate:
    """A statistic of the exact match of several groups of problems, which are resampled together."""
    import numpy as np

    rows = np.full((sum(map(len, groups)), len(groups)), np.nan)
    at = 0
    for column, samples in enumerate(groups):
        for sample in samples:
            rows[at, column] = _value(sample, "em")
            at += 1
    return bootstrap_statistic(rows, of)


def _metric(name: str, found: Estimate, mode: Mode, condition: Condition, *, better: bool, note: str = "") -> Metric:
    return Metric.of(name, found, mode=mode, condition=condition, higher_is_better=better, headline=True, note=note)


def _rate(samples: Sequence[Sample]) -> float:
    return sum(_value(sample, "em") for sample in samples) / len(samples)


def _consistency(samples: Sequence[Sample], mode: Mode, base: Mapping[str, Any]) -> Iterator[Metric]:
    """Share of problems that are answered with the same set when the expression is written otherwise."""
    answers: dict[str, dict[bool, Sample]] = defaultdict(dict)
    for sample in samples:
        answers[sample.doc_id][bool(sample.condition.get("twin"))] = sample
    pairs = [pair for pair in answers.values() if len(pair) == 2]
    if not pairs:
        return
    same = [
        float(_read(pair[False]) and _read(pair[True]) and pair[False].answer == pair[True].answer) for pair in pairs
    ]
    found = bootstrap_mean(same, [pair[False].cluster for pair in pairs])
    yield replace(_metric("consistency", found, mode, base, better=True), headline=False)


def _read(sample: Sample) -> bool:
    return sample.error is None and not sample.scores.get("parse_failure")
