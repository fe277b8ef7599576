"""Figures from generated answers: exact match by direction, gap, reversal rate, wordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from suite.stats import binomial_p, bootstrap_mean, bootstrap_statistic, paired_difference
from suite.task import Condition, Metric
from tasks.reversal_curse.cells import Cell, bare, failures, join, mean_metric, metric, one_way_pairs, undefined

KNOWN_FROM = 0.2  # under this same-direction accuracy a reversal rate divides by next to nothing
FACT_KNOWN_FROM = 0.5


def accuracy_metrics(cells: Sequence[Cell], flags: Mapping[int, str]) -> list[Metric]:
    """Figures of the cells of generated answers; `flags` are notes on cells, by id."""
    out: list[Metric] = []
    for cell in cells:
        note = flags.get(id(cell), "")
        out += [mean_metric(name, cell, name, failed=0.0, note=note) for name in ("em", "em_original", "contains")]
        out += _against_chance(cell)
        if cell.is_control("none"):
            out += _by_template(cell)
    for same, reverse, condition in one_way_pairs(cells, "generate"):
        out += _both_directions(same, reverse, condition, flags.get(id(reverse), ""))
    return out


def _against_chance(cell: Cell) -> list[Metric]:
    """Chance of naming one of the group at random, and the exact test of the facts that most wordings get right."""
    counts, _ = cell.values("n_candidates")
    if not counts:
        return []
    chance = fmean(1 / count for count in counts)
    means = cell.fact_means("em", failed=0.0).values()
    hits = sum(mean > 0.5 for mean in means)
    note = f"one-sided; {hits} of {len(means)} facts right in most wordings, against chance {chance:.4f}"
    return [bare("em_chance", chance, cell), bare("em_p", binomial_p(hits, len(means), chance), cell, note)]


def _by_template(cell: Cell) -> list[Metric]:
    """Accuracy of each wording; one that never works while another does is flagged in the trained direction."""
    parts = cell.by_template()
    means = [fmean(part.fact_means("em", failed=0.0).values()) for part in parts]
    works = max(means, default=0.0) > 0.5 and cell.condition["seen"] == "same"
    return [
        mean_metric("em_by_template", part, "em", failed=0.0, note="this wording fails" * (works and mean == 0))
        for part, mean in zip(parts, means, strict=True)
    ]


def _both_directions(same: Cell, reverse: Cell, condition: Condition, flag: str) -> list[Metric]:
    """gap, reversal_rate and cond_reverse of the facts asked in both directions, from one resample of facts."""
    import numpy as np

    forward, back = same.fact_means("em", failed=0.0), reverse.fact_means("em", failed=0.0)
    facts = sorted(forward.keys() & back.keys())
    if not facts:
        return [undefined("gap", reverse, "no fact was asked in both directions", condition)]
    rows = np.array([[forward[fact], back[fact]] for fact in facts])
    gap = paired_difference(rows[:, 1].tolist(), rows[:, 0].tolist())
    alike = "every fact has the same gap: the interval has no width" if gap.stderr == 0 else ""
    out = [metric("gap", gap, reverse, join(flag, alike, failures(reverse)), condition)]
    if rows[:, 0].mean() < KNOWN_FROM:
        why = f"same-direction accuracy is {rows[:, 0].mean():.2f}, under {KNOWN_FROM}"
        out.append(undefined("reversal_rate", reverse, join(why, flag), condition))
    else:
        rate = bootstrap_statistic(rows, lambda means: means[..., 1] / means[..., 0])
        out.append(metric("reversal_rate", rate, reverse, flag, condition))
    known = rows[rows[:, 0] >= FACT_KNOWN_FROM, 1]
    if not len(known):
        why = f"no fact has a same-direction accuracy of {FACT_KNOWN_FROM}"
        return [*out, undefined("cond_reverse", reverse, join(why, flag), condition)]
    return [*out, metric("cond_reverse", bootstrap_mean(known.tolist()), reverse, flag, condition)]
