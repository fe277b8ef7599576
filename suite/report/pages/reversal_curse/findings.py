"""The key finding in words, and the leaderboard of the reversal curse: one line a run, measure and training group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.report.content import Measured, Summary, SummaryRow
from suite.report.pages.reversal_curse.cells import ONE_WAY, group_words, is_doubtful
from suite.report.queries import RunView
from suite.report.rendering import signed

_MEASURES = {"em": "exact match", "mrr": "MRR", "delta": "delta, nats"}
_COLUMNS = (
    *("measure", "mode", "trained", "as trained", "in reverse", "gap"),
    *("both orders", "fact in prompt", "chance", "note"),
)
_READING = (
    "Small figures are 95 % intervals over facts. The gap is paired by fact. “Both orders” is a control: facts that "
    "were told both ways, asked in the direction of the reverse question; under 0.8 exact match the reverse score says "
    "nothing. MRR is the mean reciprocal rank of the right answer among all candidates, delta its advantage in "
    "log-probability."
)
_MOST_OTHERS = 3
_LEARNED_FROM = 0.2


@dataclass(frozen=True, slots=True)
class _Contrast:
    """Forward against reverse for one run: of a training group, or (group words "real people") of the REAL track."""

    run: RunView
    told: str
    same: Mapping[str, Any]
    reverse: Mapping[str, Any]
    gap: Mapping[str, Any]


def finding(runs: Sequence[RunView]) -> str:
    """The widest readable gap, and what the other runs have in the same place; else what the controls show."""
    contrasts = [*_gaps(runs), *_real_gaps(runs)]
    readable = [one for one in contrasts if not is_doubtful(one.gap)]
    if not readable:
        return _without_training(runs) or _unreadable(contrasts)
    lead = max(readable, key=lambda one: (one.told != "real people", one.gap["value"]))
    sentence = (
        f"Same direction {lead.same['value']:.2f}, reverse {lead.reverse['value']:.2f}: gap {_interval(lead.gap)} "
        f"(“{lead.run.label}”, {_facts(lead.told)})."
    )
    others = [one for one in contrasts if one.told == lead.told and one.run is not lead.run and _has_learned(one)]
    others.sort(key=lambda one: is_doubtful(one.gap))
    parts = [
        f"“{one.run.label}” {one.same['value']:.2f} and {one.reverse['value']:.2f}, gap {_interval(one.gap)}"
        f"{', not interpretable' if is_doubtful(one.gap) else ''}"
        for one in others[:_MOST_OTHERS]
    ]
    more = f"; {len(others) - _MOST_OTHERS} more below" if len(others) > _MOST_OTHERS else ""
    return f"{sentence} In the same place: {'; '.join(parts)}{more}." if parts else sentence


def summary(runs: Sequence[RunView]) -> Summary | None:
    """Rows by measure and group, so that runs which compare stand together."""
    rows = [row for name in _MEASURES for group in ONE_WAY for run in runs for row in _summary_row(run, name, group)]
    rows += [row for run in runs for row in _real_rows(run)]
    return Summary(_COLUMNS, rows, ("measure", "mode", "trained"), _READING).without_empty_columns() if rows else None


def _summary_row(run: RunView, name: str, group: str) -> Iterator[SummaryRow]:
    same_direction, reverse_direction = ONE_WAY[group]
    same = run.first(name, group=group, direction=same_direction, seen="same", control="none")
    reverse = run.first(name, group=group, direction=reverse_direction, seen="reverse", control="none")
    both = run.first(name, group="both", direction=reverse_direction, control="none")
    in_prompt = run.first(name, group=group, direction=reverse_direction, control="ctx")
    chance = run.first(f"{name}_chance", group=group, direction=reverse_direction)
    gap = run.first("gap", track="nd", group=group, control="none") if name == "em" else None
    some = reverse or same or in_prompt
    if some is None:
        return
    measured = (Measured.of(metric) for metric in (same, reverse, gap, both, in_prompt))
    chance_cell = Measured(0.0) if name == "delta" else Measured(chance["value"] if chance else None)
    words = (_MEASURES[name], some["mode"] or "", group_words(some["condition"]))
    yield SummaryRow(run, (*words, *measured, chance_cell, _flag(reverse or some)))


def _real_rows(run: RunView) -> Iterator[SummaryRow]:
    for one in _real_gaps([run]):
        cells = (Measured.of(metric) for metric in (one.same, one.reverse, one.gap))
        words = (f"{one.same['name']} (real people)", one.same["mode"] or "", "not trained")
        yield SummaryRow(
            run, (*words, *cells, Measured(None), Measured(None), Measured(None), str(one.reverse["note"]))
        )


def _flag(metric: Mapping[str, Any]) -> str:
    """The short form of a note: what comes before its details."""
    return str(metric["note"]).partition(":")[0]


def _gaps(runs: Sequence[RunView]) -> Iterator[_Contrast]:
    for run in runs:
        for group in ONE_WAY:
            same = run.first("em", group=group, seen="same", control="none")
            reverse = run.first("em", group=group, seen="reverse", control="none")
            gap = run.first("gap", group=group, control="none")
            if same and reverse and gap:
                yield _Contrast(run, group_words(gap["condition"]), same, reverse, gap)


def _real_gaps(runs: Sequence[RunView]) -> Iterator[_Contrast]:
    for run in runs:
        for gap in run.named("gap", track="real"):
            condition = gap["condition"]
            where = {key: value for key, value in condition.items() if key in ("rows", "prompt", "decoding", "track")}
            for name in ("mean", "prob"):
                same = run.first(name, **where, direction="forward")
                reverse = run.first(name, **where, direction="reverse")
                alike = same and reverse and same["mode"] == reverse["mode"] == gap["mode"]
                if same and reverse and alike and gap["value"] is not None and condition.get("decoding") != "greedy":
                    yield _Contrast(run, "real people", same, reverse, gap)


def _without_training(runs: Sequence[RunView]) -> str:
    """What models show that were trained on none of the facts."""
    for run in runs:
        for group, (_, direction) in ONE_WAY.items():
            helped = run.first("em", group=group, direction=direction, control="ctx")
            if helped is not None:
                return (
                    f"With the fact in the prompt, “{run.label}” answers {_interval(helped)} of the reverse questions "
                    f"({_facts(group_words(helped['condition']))})."
                )
    return ""


def _unreadable(contrasts: Sequence[_Contrast]) -> str:
    if not contrasts:
        return ""
    return (
        "No gap can be read yet: questions about facts that were told in both orders are answered too seldom "
        "(both-control under 0.8)."
    )


def _has_learned(contrast: _Contrast) -> bool:
    """Whether there is anything to reverse; a model that knows no fact has no gap either."""
    return bool(contrast.same["value"] >= _LEARNED_FROM)


def _facts(told: str) -> str:
    return told if told == "real people" else f"facts told {told}"


def _interval(metric: Mapping[str, Any]) -> str:
    low, high = metric["ci_low"], metric["ci_high"]
    has_width = low is not None and high is not None and low < high
    return signed(f"{metric['value']:.2f}" + (f" [{low:.2f}, {high:.2f}]" if has_width else ""))
