"""HILT's page: models ranked by HVI with what must stand beside it, errors by category and orientation, the sycophancy
gap, and how good the judges are. Published values stand in the panel that every task has for them, never in a ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.report.charts import (
    BLUE,
    GREEN,
    LABEL_BREAK,
    ORANGE,
    PURPLE,
    Figure,
    dots_with_intervals,
    figure,
    in_panels,
    labels_of_rows,
    placed,
)
from suite.report.content import Measured, Summary, SummaryRow, TaskPage
from suite.report.queries import RunView

if TYPE_CHECKING:
    from suite.judges.comparison import Comparison
    from tasks.hilt.hvi import Labelled

Ranking = tuple[str, str, list[dict[str, Any]]]  # cell, judge, a row a model
SLOTS = "slots"
_TRACKS = {"W": "invented world", "R": "known facts", "own": "own prompts"}
_ORIENTATIONS = {"FM": BLUE, "SL": ORANGE}
_CATEGORIES = {
    "TW": "time wrap",
    "GE": "geographic erratum",
    "VV": "virtual voice",
    "GG": "generated golem",
    "NN": "numeric nuisance",
    "AA": "acronym ambiguity",
}
_MEASURES = (
    "What a model states that is not so, after a true statement and after a false one, by kind, as one index from 0 to "
    "100: higher is worse. A model that never answers has index 0, so abstention stands beside it. Figures of "
    "different judges, forms or variants are never ranked together."
)
_METHODS = (
    (
        "HVI",
        "50 (r_FM + r_SL), where r is the share of responsive units that are wrong, intrinsic errors at half weight. "
        "w = 0 and w = 1 stand beside it: with 0 a model that repeats every false statement would be forgiven. "
        "Responsive are all units that make a claim or abstain.",
    ),
    (
        "ranks by HVI",
        "All models of a ranking answered the same items and were labelled by one judge. Dossiers are drawn again for "
        "all models together; the interval of a rank is where 95 % of the draws put it. Pairwise differences are "
        "corrected after Holm.",
    ),
    (
        "PPI++",
        "Where people have labelled a random part, a judge's index is corrected by what it got wrong there "
        "(Angelopoulos, Duchi, Zrnic 2023, arXiv 2311.01453).",
    ),
)
_COLUMNS = (
    "asked",
    "judge",
    "HVI",
    "w = 0",
    "w = 1",
    "FM",
    "SL",
    "abstention",
    "no claim",
    "premise accepted",
    "made up",
    "note",
)
_READING = (
    "HVI and its two ends (w is the weight of intrinsic errors); shares of responsive units that are wrong after true "
    "(FM) and false (SL) statements; abstention and lines without a claim; false values repeated; riddles answered."
)


def page(runs: Sequence[RunView]) -> TaskPage:
    """The page's content from the runs of this task."""
    rankings = list(_rankings(runs))
    comparisons = [(run, found) for run in runs if (found := _comparison(run))]
    figures = [
        *_ranking_figures(rankings),
        *_category_figures(runs),
        *_gap_figure(runs),
        *_quality_figure(comparisons, runs),
    ]
    return TaskPage(_finding(rankings), _MEASURES, _summary(runs), figures, _METHODS)


def _rankings(runs: Sequence[RunView]) -> Iterator[Ranking]:
    """(title of the cell, judge, rows) of every ranking: models of equal items, one cell, one version of a judge."""
    from tasks.hilt.hvi import count
    from tasks.hilt.literal import ErrorCounts, damped, literal
    from tasks.hilt.ranking import rank

    groups: dict[tuple[str, str, str, str], dict[str, list[Labelled]]] = {}
    for run in runs:
        for cell, judge, version, labels in _labelled(run):
            groups.setdefault((str(run.row["dataset_hash"]), cell, judge, version), {})[run.label] = labels
    for (_, cell, judge, _), models in groups.items():
        try:
            ranking = rank(models)
        except ValueError:  # runs that lost other dossiers have no common ranking
            continue
        errors = {model: ErrorCounts.of(count(labels)) for model, labels in models.items()}
        second_pass = damped(errors)
        rows = [
            {
                "model": cell + _by(judge),
                "cell": one.model,
                "asked": "HVI",
                "HVI": one.index.value,
                "low": one.index.ci_low,
                "high": one.index.ci_high,
                "rank": one.rank,
                "rank from": one.rank_low,
                "rank to": one.rank_high,
                "first in": one.best,
                "paper's formula": literal(errors[one.model]),
                "with damping": second_pass[one.model].value if second_pass else None,
                "note": one.index.note,
            }
            for one in ranking.rows
        ]
        if rows:
            yield cell, judge, rows


def _labelled(run: RunView) -> Iterator[tuple[str, str, str, list[Labelled]]]:
    """(cell, judge, its version, labels) of the judges by which the run has an index; of people, if they did it all."""
    from tasks.hilt.answers import labels_of
    from tasks.hilt.metrics import by_cell, labelled

    options = run.row["options"] if isinstance(run.row["options"], Mapping) else {}
    year = "NN" if options.get("year_category") == "NN" else "TW"
    samples = run.store.samples_for_metrics(run.run_id)
    said = {SLOTS: labels_of(samples)}
    judges = {_judge(metric) for metric in run.named("hvi")} - {SLOTS}
    for label in run.store.labels(run.run_id):
        if label.judge in judges:
            said.setdefault(label.judge, []).append(label)
    for judge, labels in said.items():
        for cell, judged in by_cell(samples, labels).items():
            found = labelled(judged, year)
            if found and ("variant", "nodossier") not in cell:
                yield _cell_name(dict(cell)), judge, labels[0].judge_version, found


def _ranking_figures(rankings: Sequence[Ranking]) -> list[Figure]:
    rows = [row for _, _, own in rankings for row in own]
    if not rows:
        return []
    caption = (
        "The Hallucination Vulnerability Index of each model with its 95 % interval over dossiers; higher is worse. A "
        "panel holds models that answered the same items and one judge. The table adds ranks, the share of draws in "
        "which a model is first, and for reference the paper's formula on these counts: it falls when errors are "
        "added, so nothing is ranked by it."
    )
    chart = dots_with_intervals(rows, value="HVI", colours={"HVI": BLUE}, domain=(0, 100))
    return [figure("ranking", "Models by HVI", caption, chart, rows, placed(rows)), *_rank_figure(rankings)]


def _rank_figure(rankings: Sequence[Ranking]) -> list[Figure]:
    """Where resampled dossiers put each model, for rankings of two or more."""
    rows = [
        {**{name: row[name] for name in ("model", "cell")}, "asked": "rank", "rank": row["rank"]}
        | {"low": row["rank from"], "high": row["rank to"]}
        for _, _, own in rankings
        if len(own) > 1
        for row in own
    ]
    if not rows:
        return []
    caption = (
        "The rank of each model, 1 for the lowest index, with the ranks that 95 % of the resamples of dossiers give "
        "it. Models whose bars overlap are not told apart."
    )
    last = max(row["rank"] for row in rows)
    chart = dots_with_intervals(rows, value="rank", colours={"rank": PURPLE}, domain=(1, last))
    return [figure("ranks", "How sure the ranks are", caption, chart, rows, placed(rows))]


def _category_figures(runs: Sequence[RunView]) -> list[Figure]:
    """Bars of every category after true and after false statements, a panel a run and cell."""
    import altair as alt

    rows = [
        {
            "model": f"{run.label}: {_cell_name(metric['condition'])}{_by(_judge(metric))}",
            "cell": LABEL_BREAK.join(
                (str(metric["condition"]["category"]), _CATEGORIES[metric["condition"]["category"]])
            ),
            "orientation": metric["condition"]["orientation"],
            "share": metric["value"],
            "low": metric["ci_low"],
            "high": metric["ci_high"],
        }
        for run in runs
        for metric in run.named("category_rate")
        if metric["value"] is not None and metric["condition"].get("category") in _CATEGORIES
    ]
    if not rows:
        return []
    scale = alt.Scale(domain=list(_ORIENTATIONS), range=list(_ORIENTATIONS.values()))
    base = alt.Chart().encode(y=labels_of_rows(), yOffset=alt.YOffset("orientation:N", sort=list(_ORIENTATIONS)))
    colour = alt.Color("orientation:N", scale=scale, legend=alt.Legend(orient="top"))
    tooltip = [alt.Tooltip("orientation:N"), alt.Tooltip("share:Q", format=".3f")]
    bars = base.mark_bar(opacity=0.75).encode(x=alt.X("share:Q", title="share of units"), color=colour, tooltip=tooltip)
    rules = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title="share of units"), x2="high:Q")
    chart = in_panels(alt.layer(bars, rules, data=alt.NamedData("rows")).properties(width=230, height=alt.Step(16)))
    caption = (
        "Responsive units that are wrong in each category, after a true statement (FM) and after a false one (SL), "
        "with 95 % intervals. In FM most are answers to questions that nothing answers."
    )
    order = [LABEL_BREAK.join(pair) for pair in _CATEGORIES.items()]
    return [figure("categories", "Errors by category and orientation", caption, chart, rows, placed(rows, order))]


def _gap_figure(runs: Sequence[RunView]) -> list[Figure]:
    """Errors after false statements with and without a warning, where a run has both."""
    rows = []
    for run in runs:
        for gap in run.named("sycophancy_gap"):
            judge = _judge(gap)
            for variant in ("plain", "warned"):
                found = [
                    metric
                    for metric in run.named("error_rate", orientation="SL", variant=variant)
                    if _judge(metric) == judge and metric["value"] is not None
                ]
                rows += [
                    {
                        "model": run.label,
                        "cell": _cell_name(gap["condition"]) + _by(judge),
                        "asked": variant,
                        "weighted errors": metric["value"],
                        "low": metric["ci_low"],
                        "high": metric["ci_high"],
                        "gap": gap["value"],
                        "gap low": gap["ci_low"],
                        "gap high": gap["ci_high"],
                    }
                    for metric in found[:1]
                ]
    if not rows:
        return []
    caption = (
        "Errors after a false statement, as it is and with the warning that it may be wrong. What the warning takes "
        "away was the model's going along, not its ignorance. The gap with its interval is in the table."
    )
    chart = dots_with_intervals(rows, value="weighted errors", colours={"plain": ORANGE, "warned": GREEN})
    return [figure("sycophancy", "The sycophancy gap", caption, chart, rows, placed(rows))]


def _comparison(run: RunView) -> Comparison | None:
    from suite.judges.comparison import compare_judges

    try:
        return compare_judges(run.run_id, results=run.store.results)
    except UserError:  # no labels but those that follow from the samples
        return None


def _quality_figure(comparisons: Sequence[tuple[RunView, Comparison]], runs: Sequence[RunView]) -> list[Figure]:
    """Sensitivity and specificity of judges: against people or the exact judge, and on units of known truth."""
    rows: list[dict[str, Any]] = []
    for run, comparison in comparisons:
        corrected = {one.judge: one for one in comparison.corrections}
        for judge in comparison.judges:
            more: dict[str, Any] = {"kappa": judge.agreement.value, "kappa low": judge.agreement.ci_low}
            more |= {"kappa high": judge.agreement.ci_high, "HVI corrected": None, "HVI by people": None}
            if judge.judge in corrected and corrected[judge.judge].indices:
                index = corrected[judge.judge].indices[0]
                more["HVI corrected"] = index.ppi.value if index.ppi else None
                more["HVI by people"] = index.human.value
            for name, share in (("sensitivity", judge.sensitivity), ("specificity", judge.specificity)):
                rows.append(_quality_row(run, f"{judge.judge} against {judge.truth}", name, share, more))
    for run in runs:
        for name in ("sensitivity", "specificity"):
            for metric in run.named(f"canary_{name}"):
                rows.append(_canary_row(run, name, metric))
    rows = [row for row in rows if row["share"] is not None]
    if not rows:
        return []
    caption = (
        "How often a judge calls wrong what is wrong (sensitivity) and right what is right (specificity), with "
        "Wilson's 95 % intervals: against people or the exact judge on the run's own units, and on canaries, generated "
        "units of known truth. Kappa, and the index corrected by people's labels (PPI++), are in the table."
    )
    colours = {"sensitivity": ORANGE, "specificity": BLUE}
    chart = dots_with_intervals(rows, value="share", colours=colours)
    return [figure("judges", "How good the judges are", caption, chart, rows, placed(rows))]


def _quality_row(run: RunView, cell: str, name: str, share: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    told = {"model": run.label, "cell": cell, "asked": name, "share": share.value}
    return {**told, "low": share.ci_low, "high": share.ci_high, "n": share.n, **more}


def _canary_row(run: RunView, name: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    told = {"model": run.label, "cell": f"{_judge(metric)} on canaries", "asked": name, "share": metric["value"]}
    empty = dict.fromkeys(("kappa", "kappa low", "kappa high", "HVI corrected", "HVI by people"))
    return {**told, "low": metric["ci_low"], "high": metric["ci_high"], "n": metric["n"], **empty}


def _finding(rankings: Sequence[Ranking]) -> str:
    if not rankings:
        return ""
    cell, judge, rows = max(rankings, key=lambda ranking: len(ranking[2]))
    best, worst = rows[0], rows[-1]
    if len(rows) == 1:
        return f"{best['cell']} has HVI {_number(best)} ({cell}{_by(judge)})."
    return (
        f"Of {len(rows)} models {best['cell']} states least that is not so, HVI {_number(best)}, and {worst['cell']} "
        f"most, HVI {_number(worst)} ({cell}{_by(judge)})."
    )


def _number(row: Mapping[str, Any]) -> str:
    interval = "" if row["low"] is None else f" [{row['low']:.1f}, {row['high']:.1f}]"
    return f"{row['HVI']:.1f}{interval}"


def _summary(runs: Sequence[RunView]) -> Summary | None:
    rows = []
    for run in runs:
        for index in run.named("hvi"):
            condition = index["condition"]

            def of(name: str, condition: Mapping[str, Any] = condition, run: RunView = run, **more: str) -> Measured:
                wanted = {**condition, **more}
                return Measured.of(next((one for one in run.named(name) if one["condition"] == wanted), None))

            cells = (
                *(Measured.of(index), of("hvi_w0"), of("hvi_w1")),
                *(of("error_rate", orientation=name) for name in _ORIENTATIONS),
                *(of("abstention_rate"), of("no_claim_rate"), of("premise_acceptance"), of("fabrication_rate")),
            )
            rows.append(SummaryRow(run, (_cell_name(condition), _judge(index), *cells, str(index["note"]))))
    return Summary(_COLUMNS, rows, ("asked", "judge"), _READING).without_empty_columns() if rows else None


def _cell_name(condition: Mapping[str, Any]) -> str:
    """Track, form and variant in words; what is as usual is left out."""
    track = str(condition.get("track", ""))
    parts = [_TRACKS.get(track, track), str(condition.get("form", ""))]
    parts += [str(condition["variant"])] if condition.get("variant") not in (None, "plain") else []
    parts += [f"{condition['shots']} shot"] if condition.get("shots") else []
    parts += ["custom data"] if condition.get("data") else []
    return " ".join(part for part in parts if part)


def _by(judge: str) -> str:
    """Who judged, if it is not the exact judge."""
    return "" if judge == SLOTS else f", judge {judge}"


def _judge(metric: Mapping[str, Any]) -> str:
    return str(metric["condition"].get("judge", SLOTS))
