"""Charts of what a herring costs: contrasts within quads with intervals, and groups found by number of herrings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.report.charts import BLUE, GREEN, GREY, ORANGE, Figure, dots_with_intervals, figure, in_panels, placed
from suite.report.pages.only_connect_wall.cells import Cell, cells
from suite.report.queries import RunView

HERRING, WORD, BOTH = "herring effect: SUB − RH", "the word alone: BASE − ABS", "difference of the two"
_CONTRASTS = {"sub_rh": HERRING, "base_abs": WORD, "did": BOTH}
_COLOURS = {HERRING: ORANGE, WORD: BLUE, BOTH: GREEN}
_MEASURES = {  # measure -> (words, what makes it a share)
    "correct_groups": ("groups found, of 4", 4),
    "host_correct": ("the herring’s own group", 1),
    "solved": ("walls solved", 1),
    "clue_acc": ("clues in place", 1),
    "lured": ("herring put with the lure", 1),
}
_PREFERENCE = {"critical_preferred": ("herring preferred", 1)}


def effect_figures(runs: Sequence[RunView]) -> list[Figure]:
    """The three contrasts of each measure of a grouping; and of the preference between herring and fourth clue."""
    quads = (
        "Within each quad, walls differ in one word: the herring, which also fits a competing group, or a neutral "
        "twin; with and without the competitor on the wall. "
    )
    costs = (
        "Shares by which the herring makes answers worse, with 95 % intervals over herring words. Right of 0: more "
        "fixation."
    )
    prefers = (
        "How much oftener three clues of the competitor are continued by the herring rather than by the competitor’s "
        "own fourth clue, in log-probability; the two contrasts and their difference as above."
    )
    found = []
    for key, title, measures, caption in (
        ("herring", "What one herring costs", _MEASURES, quads + costs),
        ("preference", "Herring or fourth clue", _PREFERENCE, prefers),
    ):
        rows = [row for cell in cells(runs) for row in _effect_rows(cell, measures)]
        if rows:
            chart = dots_with_intervals(rows, value="more fixation →", colours=_COLOURS, domain=None)
            found.append(figure(key, title, caption, chart, rows, placed(rows)))
    return found


def dose_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Groups found with 0 to 3 herrings on the wall."""
    import altair as alt

    rows = [row for cell in cells(runs) for row in _dose_rows(cell)]
    if not rows:
        return []
    base = alt.Chart().encode(x=alt.X("herrings:O", title="herrings on the wall", axis=alt.Axis(labelAngle=0)))
    tooltip = [alt.Tooltip("model:N"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("groups", "low", "high"))]
    chance = alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.Y("chance:Q"))
    layers = [
        chance,
        base.mark_line(color=BLUE).encode(y=alt.Y("groups:Q", title="groups found, of 4")),
        base.mark_rule(color=BLUE, strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(color=BLUE, filled=True, size=80, opacity=1).encode(y="groups:Q", tooltip=tooltip),
    ]
    chart = alt.layer(*layers, data=alt.NamedData("rows")).properties(width=230, height=200)
    caption = (
        "The same walls with more and more clues that also fit another group on the wall; every dose keeps the "
        f"herrings of the one before. 95 % intervals; dashed: a random grouping. {_slopes(runs)}"
    )
    return [figure("dose", "Dose and response", caption.strip(), in_panels(chart), rows, placed(rows))]


def _effect_rows(cell: Cell, measures: Mapping[str, tuple[str, int]]) -> list[dict[str, Any]]:
    rows = []
    for measure, (words, whole) in measures.items():
        for name, contrast in _CONTRASTS.items():
            metric = cell.named(name, measure=measure)
            if metric is None or metric["value"] is None:
                continue
            p = cell.named(f"{name}_p", measure=measure)
            rows.append(
                {
                    "model": cell.panel,
                    "cell": words,
                    "asked": contrast,
                    "more fixation →": metric["value"] / whole,
                    "low": None if metric["ci_low"] is None else metric["ci_low"] / whole,
                    "high": None if metric["ci_high"] is None else metric["ci_high"] / whole,
                    "chance": 0.0,
                    "chance_low": 0.0,
                    "chance_high": 0.0,
                    "p (McNemar)": p["value"] if p else None,
                    "quads": metric["n"],
                    "herring words": metric["n_clusters"],
                }
            )
    return rows


def _dose_rows(cell: Cell) -> list[dict[str, Any]]:
    chance = cell.named("correct_groups_chance")
    return [
        {
            "model": cell.panel,
            "cell": "",
            "herrings": int(arm[1:]),
            "groups": metric["value"],
            "low": metric["ci_low"],
            "high": metric["ci_high"],
            "chance": chance["value"] if chance else None,
            "items": metric["n"],
        }
        for arm, metric in cell.arms("correct_groups")
        if arm[:1] == "r" and arm[1:].isdigit()
    ]


def _slopes(runs: Sequence[RunView]) -> str:
    found = [(cell, cell.named("dose_slope", measure="correct_groups")) for cell in cells(runs)]
    parts = [f"{cell.panel} {interval(metric)}" for cell, metric in found if metric and metric["value"] is not None]
    return f"Slope, groups a herring: {'; '.join(parts)}." if parts else ""


def interval(metric: Mapping[str, Any]) -> str:
    """A value with its interval, in two decimals."""
    from suite.report.rendering import signed

    low, high = metric["ci_low"], metric["ci_high"]
    return signed(
        f"{metric['value']:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else "")
    )
