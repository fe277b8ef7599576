"""Mechanisms side by side: the compositional index and efficiency lengths, from the metrics of their runs.

A comparison is between runs, never inside one. It is computed from stored metrics where it is shown, so that it always
rests on the runs that are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.attention.index import RUN_LEFT_OUT, Index, Score, compositional_index
from suite.attention.patterns import Pattern
from tasks.attention_patterns.twins import TWINS

Row = Mapping[str, Any]  # of the table metrics
Setting = tuple[str, str]  # size and data of a training: only within one are figures compared


@dataclass(frozen=True, slots=True)
class Standing:
    """The index of one setting.

    Attributes:
        plain, robust: an `Index` a mechanism and pattern.
        benefit: (pattern, task) -> score of vanilla less that of `none`.
        correlation: pair of patterns -> Pearson's r over mechanisms, and their number.
    """

    setting: Setting
    plain: Sequence[Index]
    robust: Sequence[Index]
    benefit: Mapping[tuple[Pattern, str], float | None]
    correlation: Mapping[tuple[Pattern, Pattern], tuple[float | None, int]]


def standings(runs: Mapping[str, Sequence[Row]]) -> list[Standing]:
    """One a size and data.

    Args:
        runs: mechanism -> the metrics of its run. FlashAttention's place is taken by `sdpa`: it is the same function as
            vanilla, and left out of the population, as is the control.
    """
    from suite.attention.index import attention_benefit, correlations

    by_setting: dict[Setting, list[Score]] = defaultdict(list)
    for name, rows in runs.items():
        for row in rows:
            score = _score(name, row)
            if score is not None:
                condition = row["condition"]
                by_setting[str(condition["size"]), str(condition["data"])].append(score)
    found = []
    left_out = {pattern: frozenset({*names, "sdpa"}) for pattern, names in RUN_LEFT_OUT.items()}
    for setting, scores in sorted(by_setting.items()):
        plain = compositional_index(scores, left_out=left_out)
        robust = compositional_index(scores, is_robust=True, left_out=left_out)
        found.append(Standing(setting, plain, robust, attention_benefit(plain), correlations(plain)))
    return found


def costs(runs: Mapping[str, Sequence[Row]]) -> list[Any]:
    """The measured `suite.attention.costs.Cost` of all runs."""
    from suite.attention.costs import Cost

    found = []
    for name, rows in runs.items():
        at: dict[tuple[str, int], dict[str, Row]] = defaultdict(dict)
        for row in rows:
            if row["condition"].get("experiment") == "cost" and row["value"] is not None:
                at[str(row["condition"]["pattern"]), int(row["condition"]["length"])][row["name"]] = row
        for (pattern, length), own in at.items():
            if {"time_s", "peak_bytes"} <= own.keys():
                time = own["time_s"]
                low, high = (time[key] if time[key] is not None else time["value"] for key in ("ci_low", "ci_high"))
                flops = own["flops"]["value"] if "flops" in own else None
                found.append(
                    Cost(
                        mechanism=name,
                        pattern=Pattern(pattern),
                        length=length,
                        device="",
                        time_s=time["value"],
                        time_low_s=low,
                        time_high_s=high,
                        peak_bytes=int(own["peak_bytes"]["value"]),
                        device_peak_bytes=None,
                        flops=None if flops is None else int(flops),
                    )
                )
    return found


def lengths(measured: Iterable[Any]) -> list[Any]:
    """`suite.attention.costs.EfficiencyLength` against both baselines, of all with enough lengths, and with a cost."""
    from suite.attention.costs import BASELINES, efficiency_lengths

    series: dict[tuple[str, Pattern], list[Any]] = defaultdict(list)
    for cost in measured:
        series[cost.mechanism, cost.pattern].append(cost)
    found = []
    for (name, pattern), own in series.items():
        if name in BASELINES or not all(cost.peak_bytes > 0 for cost in own):
            continue
        both = [cost for baseline in BASELINES for cost in series.get((baseline, pattern), ())]
        common = {cost.length for cost in own} & {cost.length for cost in both}
        if len(common) >= 3:
            found += efficiency_lengths([cost for cost in [*own, *both] if cost.length in common])
    return found


def _score(name: str, row: Row) -> Score | None:
    """A quality metric as a score of the index; only the task's own measures count."""
    condition = row["condition"]
    twin = TWINS.get(str(condition.get("task")))
    if condition.get("experiment") != "quality" or twin is None or row["value"] is None:
        return None
    if row["name"] not in twin.measures:
        return None
    sign = 1 if twin.measures[row["name"]] else -1
    return Score(Pattern(condition["pattern"]), twin.cab, row["name"], sign, name, row["value"])
