"""The support matrix: which mechanism passes the checks of which pattern, beside what CAB declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.attention.published import published_support
from suite.report.charts import BLUE, GREY, ORANGE, Figure, figure, in_panels, labels_of_rows, placed
from suite.report.pages.attention_patterns.merged import Rows
from tasks.attention_patterns.twins import PATTERNS

_HERE, _CAB = "checked here", "declared in CAB"
_SHADES = {"pass": BLUE, "declared": BLUE, "control": GREY, "FAIL": ORANGE, "–": "#00000000"}
_CAPTION = (
    "pass: the mechanism keeps its pattern (causal ones do not see ahead and do use the past, noncausal ones do look "
    "ahead, padding and truncation change nothing, steps equal the whole, and so on); FAIL: a check of it failed; "
    "control: it reads no other position, as it must; a dash: not declared, and refused. On the right, what the "
    "published benchmark declares."
)


def support_figures(rows: Rows) -> list[Figure]:
    """The matrix, if any run has been checked."""
    cells, table = [], []
    published = published_support()
    for name, metrics in rows.items():
        status = {row["condition"]["pattern"]: _status(row) for row in metrics if row["name"] == "passed"}
        if not status:
            continue
        theirs = published.get(name)
        for pattern in PATTERNS:
            cells.append(_cell(_HERE, name, pattern, status.get(pattern, "–")))
            if theirs is not None:
                cells.append(_cell(_CAB, name, pattern, "declared" if pattern in theirs else "–"))
        declared = "" if theirs is None else " ".join(pattern for pattern in PATTERNS if pattern in theirs)
        table.append({"mechanism": name, **{key: status.get(key, "–") for key in PATTERNS}, "in CAB": declared})
    if not cells:
        return []
    return [figure("support", "Patterns and mechanisms", _CAPTION, _chart(), table, _sorted(placed(cells)))]


def _status(row: Any) -> str:
    if row["value"] is None:
        return "–"
    return "FAIL" if not row["value"] else ("control" if row["note"] == "control" else "pass")


def _cell(panel: str, name: str, pattern: str, status: str) -> dict[str, str]:
    return {"model": panel, "cell": name, "pattern": pattern, "status": status}


def _sorted(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**cell, "at": PATTERNS.index(cell["pattern"])} for cell in cells]


def _chart() -> Any:
    import altair as alt

    x = alt.X("pattern:N", title=None, sort=list(PATTERNS), axis=alt.Axis(labelAngle=0, orient="top"))
    base = alt.Chart().encode(x=x, y=labels_of_rows())
    colour = alt.Color("status:N", scale=alt.Scale(domain=list(_SHADES), range=list(_SHADES.values())), legend=None)
    tiles = base.mark_rect(opacity=0.35, cornerRadius=3).encode(
        color=colour, tooltip=["cell:N", "pattern:N", "status:N"]
    )
    words = base.mark_text(fontSize=10).encode(text="status:N")
    chart = alt.layer(tiles, words, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(22))
    return in_panels(chart)
