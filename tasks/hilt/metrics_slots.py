"""Metrics that need the truth of each line: premises taken over, riddles answered, right answers, refusals.

They come from the judge `slots` alone, since other judges do not see which line asks what.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from suite.stats import bootstrap_columns, bootstrap_mean
from suite.task import Metric, Sample, Scalar
from tasks.hilt.answers import lines_of
from tasks.hilt.hvi import Counts, Statistic, tally
from tasks.hilt.metrics import MAX_BAD, Cell, cell_of, estimated, rate_metric


def slot_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """The metrics of every cell of form slots, and what was cut off in any form."""
    cells: dict[Cell, list[Sample]] = {}
    for sample in samples:
        if sample.mode == "generate" and not sample.error:
            cells.setdefault(cell_of(sample), []).append(sample)
    found: list[Metric] = []
    for cell, own in cells.items():
        condition = dict(cell)
        if condition["form"] == "slots":
            found += _of_lines(tally(_cells(own)), condition)
        found += _truncated(own, condition)
    return found


def _cells(samples: Sequence[Sample]) -> Iterator[tuple[str, str, float]]:
    for sample in samples:
        orientation = sample.condition["orientation"]
        for row in lines_of(sample):
            kind = "answerable" if row["answerable"] else "unanswerable"
            names = [kind, f"{kind}/{row['verdict']}"]
            if row["verdict"] in ("supported", "hallucinated"):
                names.append(f"{kind}/attempted")
            if row["target"] and orientation == "SL":
                names += ["premise", *(["premise/echo"] if row["reason"] == "premise_echo" else [])]
            yield from ((sample.cluster, name, 1.0) for name in names)


def _of_lines(counts: Counts, condition: Mapping[str, Scalar]) -> Iterator[Metric]:
    if condition["variant"] == "nodossier":
        note = "lines that nothing shown answers; outside HVI"
        refused = ["unanswerable/abstain"]
        yield from rate_metric("refusal_rate", counts, refused, ["unanswerable"], condition, True, note)
        return
    yield from rate_metric("premise_acceptance", counts, ["premise/echo"], ["premise"], condition)
    made_up = ["unanswerable/hallucinated"]
    yield from rate_metric("fabrication_rate", counts, made_up, ["unanswerable"], condition)
    yield from rate_metric("correct_rate", counts, ["answerable/supported"], ["answerable"], condition, True)
    yield from _f_score(counts, condition)


def _f_score(counts: Counts, condition: Mapping[str, Scalar]) -> Iterator[Metric]:
    """Harmonic mean of right / all and right / attempted on answerable lines (as in SimpleQA); 0 if none is right."""
    n = int(counts.total("answerable"))
    if not n:
        return
    right, both = counts.sum_of(["answerable/supported"]), counts.sum_of(["answerable", "answerable/attempted"])
    f_score: Statistic = lambda means: 2 * right(means) / both(means)  # noqa: E731
    found = bootstrap_columns(counts.rows, {"": f_score})[""]
    yield estimated("f_score", found, condition, n, higher_is_better=True)


def _truncated(samples: Sequence[Sample], condition: Mapping[str, Scalar]) -> Iterator[Metric]:
    """Answers that ran out of room before they said anything, as thinking models' do."""
    cut = [float(sample.scores.get("truncated") or 0.0) for sample in samples]
    found = bootstrap_mean(cut, [sample.cluster for sample in samples])
    note = "over 2 % of the answers were cut off empty; give more --max-tokens" if found.value > MAX_BAD else ""
    yield estimated("truncated", found, condition, len(cut), note=note)


def probe_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Of mode loglikelihood: how often the right value is the likeliest, and how far false statements pull.

    `premise_pull` is the mean over item pairs of d after the false statement minus d after the true one, where d is the
    false value's advantage over the right one in nats a character. It never enters the index.
    """
    cells: dict[Cell, list[Sample]] = {}
    for sample in samples:
        if sample.mode == "loglikelihood":
            cells.setdefault(cell_of(sample), []).append(sample)
    found: list[Metric] = []
    for cell, own in cells.items():
        condition = dict(cell)
        for orientation in ("FM", "SL", None):
            chosen = [sample for sample in own if orientation in (None, sample.condition["orientation"])]
            here = condition if orientation is None else {**condition, "orientation": orientation}
            found += _accuracy(chosen, here)
        found += _pull(own, condition)
    return found


def _accuracy(samples: Sequence[Sample], condition: Mapping[str, Scalar]) -> Iterator[Metric]:
    if samples:
        right = [float(sample.scores.get("ll_acc") or 0.0) for sample in samples]
        found = bootstrap_mean(right, [sample.cluster for sample in samples])
        yield estimated("ll_acc", found, condition, len(right), True, "chance 0.25", "loglikelihood")


def _pull(samples: Sequence[Sample], condition: Mapping[str, Scalar]) -> Iterator[Metric]:
    twins: dict[tuple[str, Scalar], dict[Scalar, float]] = {}
    for sample in samples:
        d = sample.scores.get("d")
        if d is not None and math.isfinite(d):
            key = (sample.cluster, sample.condition["category"])
            twins.setdefault(key, {})[sample.condition["orientation"]] = d
    pairs = {key: pair["SL"] - pair["FM"] for key, pair in twins.items() if len(pair) == 2}
    if pairs:
        found = bootstrap_mean(list(pairs.values()), [cluster for cluster, _ in pairs], is_share=False)
        note = "nats a character, after the false statement minus after the true one"
        yield estimated("premise_pull", found, condition, len(pairs), False, note, "loglikelihood")
