"""Objectives against their cost, and beside what their papers report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.costs import Efficiency, efficiencies
from suite.report.charts import BLUE, LABEL_BREAK, ORANGE, Figure, figure, in_panels, labels_of_rows, placed
from suite.report.queries import RunView
from suite.seeds import over_seeds

_SCORES = {"em": "exact match", "retrieval_hits1": "hits@1 by retrieval"}
_COLOURS = {"exact match": BLUE, "hits@1 by retrieval": ORANGE}
_PANELS = {
    "in reverse": "reverse questions right",
    "cpu s": "processor seconds of a training",
    "reverse per minute": "reverse score per minute",
}
_PANEL_WIDTH = 230
_PUBLISHED = ("contains", "retrieval_hits1")  # what papers on objectives measure


def efficiency_figures(runs: Sequence[RunView]) -> list[Figure]:
    """One figure, if any objective was trained with several seeds."""
    rows = [row for row in over_seeds([run.row for run in runs], _metrics(runs), ["em", "contains"]) if row.n_seeds > 1]
    lines = efficiencies(rows, list(_SCORES))
    if not lines:
        return []
    published = _published(runs)
    compared = {(one.label, one.score): one for one in efficiencies(rows, _PUBLISHED)}
    table = [_row(one, published, compared) for one in lines]
    empty = {name for name in table[0] if all(row[name] in (None, "") for row in table)}
    table = [{name: value for name, value in row.items() if name not in empty} for row in table]
    caption = (
        "Mean of the reverse questions' cells, the processor time of one training, and the one by the other; the table "
        "has Student's 95 % intervals over seeds, tokens and steps. “As ntp in” says what a training has in common "
        "with next-token training: where facts are shown twice, equal tokens are not equal epochs, and both stand here "
        "if both were trained. “Retained” is the score on facts of an earlier stage."
    )
    said = caption + _beside(compared, published)
    return [figure("efficiency", "Objectives: reversal and its cost", said, _chart(), table, _drawn(table))]


def _metrics(runs: Sequence[RunView]) -> dict[str, Sequence[Any]]:
    return {run.run_id: run.metrics for run in runs}


def _row(
    one: Efficiency, published: dict[tuple[str, str], Any], compared: dict[tuple[str, str], Efficiency]
) -> dict[str, Any]:
    row = one.to_row()
    row["score"] = _SCORES[one.score]
    metric = "contains" if one.score == "em" else one.score
    theirs, ours = published.get((one.objective, metric)), compared.get((one.label, metric))
    row["published"], row["ours by its rule"] = "", None
    if theirs is not None and theirs["value"] is not None:
        row["published"] = f"{theirs['value']:.2f} ({theirs['model']})"
        row["ours by its rule"] = round(ours.reverse, 3) if ours else None
    return row


def _published(runs: Sequence[RunView]) -> dict[tuple[str, str], Any]:
    """(objective, metric) -> the row of a published figure in the reverse direction."""
    rows = runs[0].store.references("reversal_curse")
    return {
        (str(row["condition"]["objective"]), str(row["metric"])): row
        for row in rows
        if "objective" in row["condition"] and row["condition"].get("seen") == "reverse"
    }


def _beside(compared: dict[tuple[str, str], Efficiency], published: dict[tuple[str, str], Any]) -> str:
    """What papers report, in words, with what is reached here."""
    said = ""
    for (objective, metric), row in published.items():
        ours = [one for (_, score), one in compared.items() if one.objective == objective and score == metric]
        if not ours:
            continue
        best = max(ours, key=lambda one: one.reverse)
        if row["value"] is None:
            said += f" {objective}: no figure of {row['source']} stands here, since its tables were not read."
        elif row["value"] > 0:
            verdict = "falls short of" if best.reverse < row["value"] else "reaches"
            said += (
                f" {objective}: {best.reverse:.2f} by the rule of the paper (the answer holds the target) {verdict} "
                f"the published {row['value']:.2f} ({row['model']}; {row['source']}); data and model are others."
            )
    return said


def _chart() -> Any:
    """A panel a quantity, a line an objective."""
    import altair as alt

    scale = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    dots = alt.Chart(alt.NamedData("rows")).mark_point(filled=True, size=95, opacity=1)
    dots = dots.encode(
        x=alt.X("value:Q", title=None, scale=alt.Scale(zero=True)),
        y=labels_of_rows(),
        color=alt.Color("score:N", scale=scale, legend=alt.Legend(orient="top")),
        shape=alt.Shape("score:N", scale=alt.Scale(domain=list(_COLOURS))),
        tooltip=["cell:N", "score:N", alt.Tooltip("value:Q", format=".3f")],
    )
    return in_panels(dots.properties(width=_PANEL_WIDTH, height=alt.Step(30))).resolve_scale(x="independent")


def _drawn(table: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table by quantity."""
    cells = [str(row["objective"]).replace(" (", f"{LABEL_BREAK}(") for row in table]
    rows = [
        {"model": panel, "cell": cell, "score": row["score"], "value": row[column]}
        for column, panel in _PANELS.items()
        for cell, row in zip(cells, table, strict=True)
        if column in row
    ]
    return placed(rows)
