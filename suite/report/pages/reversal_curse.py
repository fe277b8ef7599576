"""The reversal curse's page: forward against reverse, rank, likelihood contrast, wordings, controls, real people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.report.charts import BLUE, GREEN, GREY, ORANGE, Figure, dots_with_intervals, figure
from suite.report.queries import RunView
from suite.report.site import TaskPage

MEASURES = (
    "A left-to-right model that has learned “A is B” often cannot say A when it is asked about B. Facts are stated in "
    "one order (or, as a control, in both) and asked in both orders with wordings that training never shows. The gap "
    "between the two is the curse. Chance is drawn in grey; a reverse score is readable only where the facts that were "
    "trained in both orders reach 0.8."
)
COLOURS = {"as trained": BLUE, "in reverse": ORANGE, "both orders trained": GREEN}
_GROUPS = {"n2d_only": "name first", "d2n_only": "description first", "both": "both orders"}
_DIRECTIONS = {"n2d": "description asked", "d2n": "name asked"}
_CELLS = [(group, direction) for group in _GROUPS for direction in _DIRECTIONS]


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    figures = [
        *_direction_figure(
            runs,
            "em",
            "em_chance",
            "Exact match, as trained and in reverse",
            "Share of held-out queries whose answer is the target, by training group and direction asked, with 95 % "
            "intervals over facts.",
        ),
        *_direction_figure(
            runs,
            "mrr",
            "mrr_chance",
            "Mean reciprocal rank among all candidates",
            "1 means the right answer is always the likeliest of all candidates. Grey: chance, and where 95 % of "
            "chance results lie for as many facts.",
        ),
        *_contrast_figure(runs),
        *_template_figure(runs),
        *_control_figure(runs),
        *_real_figure(runs),
    ]
    return TaskPage(_finding(runs), MEASURES, figures)


def _finding(runs: Sequence[RunView]) -> str:
    """One sentence a model, from its own figures."""
    parts = []
    for run in runs:
        metrics = run.named("em", control="none") or run.named("mean")
        by_seen: dict[str, list[float]] = defaultdict(list)
        for metric in metrics:
            condition = metric["condition"]
            if condition.get("group") != "both" and metric["value"] is not None:
                by_seen[condition.get("seen", condition.get("direction"))].append(metric["value"])
        same, reverse = (by_seen.get(a) or by_seen.get(b) for a, b in (("same", "forward"), ("reverse", "reverse")))
        if same and reverse:
            parts.append(f"{run.label}: as trained {_span(same)}, in reverse {_span(reverse)}")
    return f"Exact match. {'; '.join(parts)}." if parts else ""


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def _cells(run: RunView, name: str, control: str) -> Iterator[tuple[str, str, str, str, Mapping[str, Any]]]:
    """(group, direction, cell, asked, metric) of a metric under a control, in a fixed order."""
    found = {
        (metric["condition"].get("group"), metric["condition"].get("direction")): metric
        for metric in run.named(name, control=control)
    }
    for group, direction in _CELLS:
        metric = found.get((group, direction))
        if metric is not None and metric["value"] is not None:
            asked = "as trained" if metric["condition"].get("seen") == "same" else "in reverse"
            asked = "both orders trained" if group == "both" else asked
            yield group, direction, f"{_GROUPS[group]}, {_DIRECTIONS[direction]}", asked, metric


def _direction_figure(runs: Sequence[RunView], name: str, chance_name: str, title: str, caption: str) -> list[Figure]:
    rows = []
    for run in runs:
        chance = {(group, direction): metric for group, direction, _, _, metric in _cells(run, chance_name, "none")}
        for group, direction, cell, asked, metric in _cells(run, name, "none"):
            by_chance = chance.get((group, direction), {})
            line = by_chance.get("value")
            rows.append(
                {
                    "model": run.label,
                    "cell": cell,
                    "asked": asked,
                    name: metric["value"],
                    "low": metric["ci_low"],
                    "high": metric["ci_high"],
                    "chance": line,
                    "chance_low": _or(by_chance.get("ci_low"), line),
                    "chance_high": _or(by_chance.get("ci_high"), line),
                    "note": metric["note"],
                }
            )
    if not rows:
        return []
    return [figure(name, title, caption, dots_with_intervals(rows, value=name, colour=COLOURS, chance=True), rows)]


def _or(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


def _contrast_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Per fact: log-probability of the right answer less the mean of the others, averaged over wordings."""
    import altair as alt

    rows = []
    for run in runs:
        facts: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
        for sample in run.scores:
            condition, d = sample["condition"], sample["scores"].get("d")
            if d is not None and condition.get("control") == "none":
                facts[condition["group"], condition["direction"], condition["seen"], sample["cluster"]].append(d)
        for (group, direction, seen, fact), values in sorted(facts.items()):
            asked = "both orders trained" if group == "both" else {"same": "as trained"}.get(seen, "in reverse")
            cell = f"{_GROUPS[group]}, {_DIRECTIONS[direction]}"
            rows.append(
                {"model": run.label, "cell": cell, "asked": asked, "fact": fact, "nats": sum(values) / len(values)}
            )
    if not rows:
        return []
    order = [f"{_GROUPS[group]}, {_DIRECTIONS[direction]}" for group, direction in _CELLS]
    rows.sort(key=lambda row: (str(row["model"]), order.index(str(row["cell"]))))
    y = alt.Y("cell:N", title=None, sort=None, axis=alt.Axis(labelLimit=260))
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    colour = alt.Color("asked:N", title="asked", scale=scale, legend=alt.Legend(orient="top"))
    x = alt.X("nats:Q", title="nats above the other candidates")
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "fact")] + [alt.Tooltip("nats:Q", format=".2f")]
    base = alt.Chart().encode(y=y, color=colour)
    zero = alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.datum(0))
    dots = base.mark_tick(thickness=1.5, size=14, opacity=0.55).encode(x=x, tooltip=tooltip)
    mean = base.mark_point(filled=True, size=90, opacity=1, shape="diamond").encode(x=alt.X("mean(nats):Q"))
    chart = alt.layer(zero, dots, mean, data=alt.Data(values=rows)).properties(width=300, height=200)
    caption = (
        "Each stroke is a fact: how much likelier the right answer is than the average other candidate. Diamonds are "
        "means. Around 0 the model knows no more of the fact than of any other."
    )
    faceted = chart.facet(facet=alt.Facet("model:N", title=None, sort=None), columns=2)
    return [figure("contrast", "Likelihood contrast, fact by fact", caption, faceted, rows)]


def _template_figure(runs: Sequence[RunView]) -> list[Figure]:
    import altair as alt

    rows = []
    for run in runs:
        for metric in run.named("em_by_template", control="none"):
            condition = metric["condition"]
            cell = f"{_GROUPS[condition['group']]}, {_DIRECTIONS[condition['direction']]}"
            rows.append(
                {
                    "model": run.label,
                    "cell": cell,
                    "wording": condition["template"],
                    "em": metric["value"],
                    "note": metric["note"],
                }
            )
    if not rows:
        return []
    base = alt.Chart().encode(
        x=alt.X("wording:N", title="held-out wording", axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("cell:N", title=None, sort=None, axis=alt.Axis(labelLimit=260)),
    )
    colour = alt.Color("em:Q", title="em", scale=alt.Scale(domain=[0, 1], scheme="viridis"))
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("model", "cell", "wording", "note")]
    squares = base.mark_rect().encode(color=colour, tooltip=[*tooltip, alt.Tooltip("em:Q", format=".2f")])
    chart = alt.layer(squares, data=alt.Data(values=rows)).properties(width=300, height=170)
    caption = "Exact match of each held-out wording. A dark square among bright ones is a wording that the model fails."
    faceted = chart.facet(facet=alt.Facet("model:N", title=None, sort=None), columns=2)
    return [figure("wordings", "Exact match by wording", caption, faceted, rows)]


def _control_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Controls beside the bare question, where a run has them."""
    rows = []
    for run in runs:
        for control, name in (
            ("none", "em"),
            ("ctx", "em"),
            ("ctx_k", "em"),
            ("fresh", "em"),
            ("mc_letter", "mc_letter"),
        ):
            for group, direction, _, asked, metric in _cells(run, name, control):
                if group != "both" and asked == "in reverse":
                    rows.append(
                        {
                            "model": run.label,
                            "cell": {"none": "bare question"}.get(control, control),
                            "asked": f"{_GROUPS[group]}, {_DIRECTIONS[direction]}",
                            "share right": metric["value"],
                            "low": metric["ci_low"],
                            "high": metric["ci_high"],
                            "note": metric["note"],
                        }
                    )
    if len({row["cell"] for row in rows}) < 2:
        return []
    cells = dict.fromkeys(row["asked"] for row in rows)
    chart = dots_with_intervals(
        rows, value="share right", colour=dict(zip(cells, (BLUE, ORANGE, GREEN), strict=False)), chance=False
    )
    caption = (
        "Reverse queries with the fact in the prompt (ctx), with it among others (ctx_k), about facts never shown "
        "(fresh: must be near 0), and as lettered choice (mc_letter: chance is 0.25)."
    )
    return [figure("controls", "Controls", caption, chart, rows)]


def _real_figure(runs: Sequence[RunView]) -> list[Figure]:
    rows = []
    for run in runs:
        for name in ("mean", "lenient", "refusal", "prob"):
            for metric in run.named(name, track="real"):
                condition = metric["condition"]
                if metric["value"] is None or "last_word" in condition or condition.get("decoding") == "greedy":
                    continue
                rows.append(
                    {
                        "model": run.label,
                        "cell": f"{name} ({condition.get('rows', 'file')})",
                        "asked": condition["direction"],
                        "share": metric["value"],
                        "low": metric["ci_low"],
                        "high": metric["ci_high"],
                        "note": metric["note"],
                    }
                )
    if not rows:
        return []
    chart = dots_with_intervals(rows, value="share", colour={"forward": BLUE, "reverse": ORANGE}, chance=False)
    caption = (
        "Real people: “Who is CHILD’s mother?” (forward) against “Name a child of PARENT.” (reverse). mean: share of "
        "right samples; lenient: right name anywhere in the first line; prob: probability of the name."
    )
    return [figure("real", "Parents and children", caption, chart, rows)]
