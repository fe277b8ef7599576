"""Do the ways of reading an answer agree? The modes of one run, paired by doc and condition.

A model may be right by log-probability and wrong in its own words, or the other way round. Where a run has several
modes (likelihood, first token, written text) of the same docs, each pair of modes is held side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.task import Mode, Sample

_VERDICTS = ("correct", "wrong", "refusal", "no_answer", "truncated", "unparsed", "error")


def mode_agreement(run_id: str, results: Path = Path("results")) -> list[dict[str, Any]]:
    """A row for each pair of modes of a run.

    Columns: first, second; n (docs under a condition that both have); first_right, second_right (shares); same_verdict
    (share in which both are right or both are not, with interval clustered as the samples are); kappa (Cohen's, of the
    verdicts); same_answer (share of equal answers, of the `n_read` that both modes read); unread (share in which one
    of them has no answer to be read).

    Args:
        run_id: a run, a unique beginning of its id, or "latest".

    Raises:
        UserError: no such run, or no condition that two modes share and that is judged right or wrong.
    """
    from suite.store import Store

    store = Store(results)
    row = store.run(run_id)
    paired: dict[tuple[Any, ...], dict[Mode, Sample]] = defaultdict(dict)
    for sample in store.samples_for_metrics(row["run_id"]):
        if sample.outcome in _VERDICTS:
            paired[sample.doc_id, *sorted(sample.condition.items(), key=str)][sample.mode] = sample
    modes: Sequence[Mode] = sorted({mode for both in paired.values() for mode in both})
    rows = []
    for first, second in combinations(modes, 2):
        both = [(found[first], found[second]) for found in paired.values() if first in found and second in found]
        if both:
            rows.append({"first": first, "second": second, **_compared(both)})
    if not rows:
        raise UserError(
            f"run {row['run_id']} ({row['mode']}) has no question that two modes answer right or wrong; run a task "
            "that has several, e.g. inverse_scaling, without --mode"
        )
    return rows


def _compared(pairs: Sequence[tuple[Sample, Sample]]) -> dict[str, Any]:
    from suite.judges.agreement import cohen
    from suite.stats import bootstrap_mean

    verdicts = [(a.outcome == "correct", b.outcome == "correct") for a, b in pairs]
    same = bootstrap_mean([float(a == b) for a, b in verdicts], [a.cluster for a, _ in pairs])
    read = [(str(a.answer), str(b.answer)) for a, b in pairs if _is_read(a) and _is_read(b)]
    return {
        "n": len(pairs),
        "first_right": sum(a for a, _ in verdicts) / len(pairs),
        "second_right": sum(b for _, b in verdicts) / len(pairs),
        "same_verdict": same.value,
        "ci_low": same.ci_low,
        "ci_high": same.ci_high,
        "kappa": cohen([str(a) for a, _ in verdicts], [str(b) for _, b in verdicts]).value,
        "same_answer": sum(a.strip() == b.strip() for a, b in read) / len(read) if read else None,
        "n_read": len(read),
        "unread": 1 - len(read) / len(pairs),
    }


def _is_read(sample: Sample) -> bool:
    return sample.answer is not None and sample.outcome not in ("unparsed", "no_answer", "error")
