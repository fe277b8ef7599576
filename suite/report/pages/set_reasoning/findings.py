"""The key finding in words, and the leaderboard: a row a run and way of asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from suite.report.content import Measured, Summary, SummaryRow
from suite.report.pages.set_reasoning.cells import COMPOSED, FORMS, Recipe, recipes
from suite.report.pages.set_reasoning.trained import RULES
from suite.report.queries import RunView

_COLUMNS = (
    *("asked", "notation", "shots", "sets", "two sets", "composed", "largest gap", "consistency", "unreadable"),
    "note",
)
_READING = (
    "Two sets: exact match of the harder of A ∩ B and A ∪ B. Composed: mean exact match over the five composed forms. "
    "Small figures are 95 % intervals over problems. Ways of asking measure different things: compare within one."
)
_NOTES = {
    "converged": "stop rule met",
    "not_converged": "not_converged: stop rule missed",
    "not_memorised": "not_memorised: sets not remembered",
}
_WAY = ("variant", "notation", "shots", "sets")


def finding(runs: Sequence[RunView]) -> str:
    """How far two sets carry to three, and which rule was learned, by the recipes with most seeds; then the facts."""
    found = recipes(runs)
    sets = [recipe for recipe in found if not recipe.is_of_facts and not recipe.failed]
    quoted = [recipe for recipe in sets if recipe.is_quoted]
    return " ".join([*(_carried(quoted or sets)), *_verdicts([one for one in found if one.is_of_facts])])


def _carried(found: Sequence[Recipe]) -> list[str]:
    if not found:
        return []
    most = max(len(recipe.runs) for recipe in found)
    parts = []
    for recipe in found:
        if len(recipe.runs) < most:
            continue
        values = {str(row.condition.get("form")): row.value for row in recipe.over_seeds("em")}
        composed = [values[form] for form in COMPOSED if form in values]
        alone = [values[form] for form in ("i2", "u2") if form in values]
        if composed and alone:
            rule = _rule(recipe)
            parts.append(f"{recipe.mask} {min(alone):.2f} on two sets and {fmean(composed):.2f} on three{rule}")
    if not parts:
        return []
    return [f"Exact match ({found[0].panel}; means over {most} seed{'s' if most > 1 else ''}): {'; '.join(parts)}."]


def _rule(recipe: Recipe) -> str:
    """The shortcut that explains most answers, where it explains a third."""
    shares: dict[str, list[float]] = {}
    for row in recipe.over_seeds("shortcut_agreement"):
        if row.condition.get("form") in COMPOSED and row.condition.get("shortcut") in RULES:
            shares.setdefault(str(row.condition["shortcut"]), []).append(row.value)
    if not shares:
        return ""
    name, value = max(((name, fmean(values)) for name, values in shares.items()), key=lambda pair: pair[1])
    return f", most like “{RULES[name]}” ({value:.0%} of the answers where that is wrong)" if value > 1 / 3 else ""


def _verdicts(found: Sequence[Recipe]) -> list[str]:
    parts = []
    for recipe in found:
        values = {str(row.condition.get("order")): row.value for row in recipe.over_seeds("accuracy_by_order")}
        if recipe.mask == "encoder" and {"same_order_fill", "reversed_order"} <= values.keys():
            fills, reverses = values["same_order_fill"], values["reversed_order"]
            parts.append(f"{fills:.0%} in the order told and {reverses:.0%} in reverse with {recipe.panel}")
    return [f"Blanks that an encoder fills: {'; '.join(parts)}."] if parts else []


def summary(runs: Sequence[RunView]) -> Summary | None:
    """A row a run and way of asking."""
    rows = [SummaryRow(run, cells) for run in runs for cells in _lines(run)]
    filters = ("asked", "notation", "sets")
    return Summary(_COLUMNS, rows, filters, _READING).without_empty_columns() if rows else None


def _lines(run: RunView) -> Iterator[Sequence[str | Measured]]:
    yield from (_cells(run, way) for way in _ways(run))
    yield from _skipped(run)


def _ways(run: RunView) -> list[dict[str, Any]]:
    found = [
        {key: metric["condition"][key] for key in _WAY if key in metric["condition"]}
        for metric in run.named("em")
        if metric["condition"].get("form") in FORMS and metric["condition"].get("form") != "s1"
    ]
    return [way for at, way in enumerate(found) if way not in found[:at]]


def _cells(run: RunView, way: Mapping[str, Any]) -> Sequence[str | Measured]:
    alone = [metric for form in ("i2", "u2") for metric in _of(run, "em", {**way, "form": form})]
    gaps = [metric for form in COMPOSED for metric in _of(run, "composition_gap", {**way, "form": form})]
    unread = [metric for form in FORMS for metric in _of(run, "parse_failure", {**way, "form": form})]
    macro, same = _of(run, "macro_em", way), _of(run, "consistency", way)
    status = run.training.get("status")
    words = [str(way.get(key, "")) for key in _WAY]
    return (
        *words,
        Measured.of(min(alone, key=_number) if alone else None),
        Measured.of(macro[0] if macro else None),
        Measured.of(max(gaps, key=_number) if gaps else None),
        Measured.of(same[0] if same else None),
        Measured(fmean(_number(metric) for metric in unread) if unread else None),
        _NOTES.get(str(status), ""),
    )


def _skipped(run: RunView) -> list[Sequence[str | Measured]]:
    """What a model cannot be asked: a cell without figures, which are not 0."""
    found = run.card.get("capabilities")
    is_of_shipped = run.row["options"].get("data", "set_ops") == "set_ops"
    if not isinstance(found, list) or run.training or not is_of_shipped:
        return []
    reasons = {"loglikelihood": ("membership", "no_loglikelihood"), "generate": ("direct", "no_generation")}
    return [
        (asked, *[""] * 3, *[Measured(None)] * 5, f"skipped: {reason}")
        for capability, (asked, reason) in reasons.items()
        if capability not in found
    ]


def _of(run: RunView, name: str, condition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        metric
        for metric in run.named(name)
        if metric["value"] is not None and dict(metric["condition"]) == dict(condition)
    ]


def _number(metric: Mapping[str, Any]) -> float:
    return float(metric["value"])
