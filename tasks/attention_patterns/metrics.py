"""Figures of one mechanism: means over seeds with their intervals, and what could not be had, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from suite.task import Metric, Sample
from tasks.attention_patterns.twins import PATTERNS, POSITIONS, TWINS

_MOST_EXTRA = 0.1  # share of the backbone's parameters that a mechanism may add, by CAB's rules
_BETTER: Mapping[str, bool | None] = {
    "passed": True,
    "time_s": False,
    "peak_bytes": False,
    "device_peak_bytes": False,
    "flops": False,
    "ppl": False,
    "ppl_ratio": False,
    "train_s": False,
    "tokens_per_s": True,
    "parameters": None,
    "extra_parameters": None,
}


def cell_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """The metrics of one run, by condition without the seed: support, costs, cells, then curves."""
    cells: dict[tuple[Any, ...], list[Sample]] = defaultdict(list)
    for sample in samples:
        condition = {key: value for key, value in sample.condition.items() if key != "seed"}
        cells[tuple(condition.items())].append(sample)
    found = []
    for place, own in sorted(cells.items(), key=lambda cell: _order(dict(cell[0]))):
        found += _COMPUTED[str(dict(place)["experiment"])](dict(place), own)
    return found


def _order(condition: Mapping[str, Any]) -> tuple[Any, ...]:
    tasks, schemes = list(TWINS), ["", *POSITIONS]
    return (
        list(_COMPUTED).index(str(condition["experiment"])),
        PATTERNS.index(str(condition["pattern"])),
        tasks.index(str(condition.get("task", tasks[0]))),
        schemes.index(str(condition.get("positions", ""))),
        condition.get("factor", condition.get("length", 0)),
    )


def _support(condition: Mapping[str, Any], samples: Sequence[Sample]) -> list[Metric]:
    (sample,) = samples
    note = "not declared" if sample.answer == "-" else str(sample.answer)
    return [Metric("passed", sample.scores.get("passed"), "train", condition, n=1, n_clusters=1, note=note)]


def _cost(condition: Mapping[str, Any], samples: Sequence[Sample]) -> list[Metric]:
    """Time with the quartiles of its repeats; memory and operations repeat exactly."""
    (sample,) = samples
    scores = sample.scores
    if not scores:
        return []
    time = Metric(
        "time_s",
        scores["time_s"],
        "train",
        condition,
        ci_low=scores["time_low_s"],
        ci_high=scores["time_high_s"],
        n=1,
        n_clusters=1,
        higher_is_better=False,
        note="quartiles of repeats",
    )
    found = [time]
    for name in ("peak_bytes", "device_peak_bytes", "flops"):
        if scores[name] is not None:
            found.append(Metric(name, scores[name], "train", condition, n=1, n_clusters=1, higher_is_better=False))
    return found


def _quality(condition: Mapping[str, Any], samples: Sequence[Sample]) -> list[Metric]:
    measures = TWINS[str(condition["task"])].measures
    if not any(sample.answer != "-" for sample in samples):
        return []
    found = [
        _over_seeds(name, condition, samples, higher_is_better=better, headline=at == 0)
        for at, (name, better) in enumerate(measures.items())
    ]
    for name in ("train_s", "tokens_per_s", "parameters", "extra_parameters"):
        found.append(_over_seeds(name, condition, samples, higher_is_better=_BETTER[name]))
    return found


def _extrapolation(condition: Mapping[str, Any], samples: Sequence[Sample]) -> list[Metric]:
    if not any(sample.answer != "-" for sample in samples):
        return []
    return [_over_seeds(name, condition, samples, higher_is_better=False) for name in ("ppl", "ppl_ratio")]


def _over_seeds(name: str, condition: Mapping[str, Any], samples: Sequence[Sample], **further: Any) -> Metric:
    """The mean over seeds with Student's interval; lowest and highest seed in the note."""
    from suite.stats import student_interval

    values = [value for sample in samples if (value := sample.scores.get(name)) is not None]
    lost = sorted({str(sample.answer) for sample in samples if sample.outcome in ("truncated", "wrong", "no_answer")})
    n: dict[str, Any] = {"n": len(samples), "n_clusters": len(samples)}
    if lost or not values:  # never a mean over fewer seeds
        return Metric(name, None, "train", condition, **n, **further, note="; ".join(lost) or "not defined")
    mean, low, high = student_interval(values)
    note = f"seeds from {min(values):.4g} to {max(values):.4g}" if len(values) > 1 else "one seed"
    if name == "extra_parameters":
        share = mean / fmean(sample.scores["parameters"] or 1.0 for sample in samples)
        note = f"over {_MOST_EXTRA:.0%} of the backbone" if share > _MOST_EXTRA else note
    return Metric(name, mean, "train", condition, ci_low=low, ci_high=high, **n, **further, note=note)


_COMPUTED = {"support": _support, "cost": _cost, "quality": _quality, "extrapolation": _extrapolation}
