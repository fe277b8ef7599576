"""Two runs of one task side by side, paired by sample: the difference, its interval and a corrected p-value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite.errors import UserError, unknown
from suite.task import Sample


def compare_runs(
    first: str, second: str, *, scores: Sequence[str] | None = None, results: Path = Path("results")
) -> list[dict[str, Any]]:
    """Second minus first, cell by cell, over the samples that both runs answered.

    Clustered percentile bootstrap for the interval, sign flips of the clusters' mean differences for p (two-sided),
    Holm over all rows. A failed sample counts as a score of 0, as it does in accuracy; scores that have no value for a
    sample in either run (a rank, say) leave that pair out.

    Args:
        first: run id or unique beginning; second: likewise.
        scores: sample scores; default the task's headline scores.
        results: folder of the database.

    Raises:
        UserError: runs of different tasks, no sample in common, or an unknown score.
    """
    from suite.registry import task_classes
    from suite.stats import holm, paired_difference, sign_flip_test
    from suite.store import Store

    store = Store(results)
    run_a, run_b = store.run(first), store.run(second)
    if run_a["task"] != run_b["task"]:
        raise UserError(f"{run_a['run_id']} is a run of {run_a['task']}, {run_b['run_id']} of {run_b['task']}")
    task = task_classes().get(run_a["task"])
    left = {sample.sample_id: sample for sample in store.samples_for_metrics(run_a["run_id"])}
    right = {sample.sample_id: sample for sample in store.samples_for_metrics(run_b["run_id"])}
    common = sorted(set(left) & set(right))
    if not common:
        raise UserError(f"{run_a['run_id']} and {run_b['run_id']} share no sample: their data or options differ")
    known = {name for sample in left.values() for name in sample.scores}
    wanted = list(scores or (name for name in (task.headline_scores if task else sorted(known)) if name in known))
    for name in wanted:
        if name not in known:
            raise unknown("score", name, known)
    keys = task.cell_keys if task else ()
    rows: list[dict[str, Any]] = []
    p_values: list[float] = []
    for name in wanted:
        for cell, pairs in sorted(_cells(name, common, left, right, keys).items()):
            clusters = [cluster for cluster, _, _ in pairs]
            estimate = paired_difference([a for _, a, _ in pairs], [b for _, _, b in pairs], clusters)
            by_cluster: dict[str, list[float]] = defaultdict(list)
            for cluster, a, b in pairs:
                by_cluster[cluster].append(b - a)
            p_values.append(sign_flip_test([sum(one) / len(one) for one in by_cluster.values()], two_sided=True))
            rows.append(
                {
                    "score": name,
                    "condition": {key: value for key, value in zip(keys, cell, strict=True) if value},
                    "first": sum(a for _, a, _ in pairs) / len(pairs),
                    "second": sum(b for _, _, b in pairs) / len(pairs),
                    "difference": estimate.value,
                    "ci_low": estimate.ci_low,
                    "ci_high": estimate.ci_high,
                    "p": p_values[-1],
                    "n": len(pairs),
                    "n_clusters": len(by_cluster),
                }
            )
    for row, corrected in zip(rows, holm(p_values), strict=True):
        row["p_holm"] = corrected
    return rows


def _cells(
    name: str, common: Sequence[str], left: dict[str, Sample], right: dict[str, Sample], keys: Sequence[str]
) -> dict[tuple[str, ...], list[tuple[str, float, float]]]:
    found: dict[tuple[str, ...], list[tuple[str, float, float]]] = defaultdict(list)
    modes = {sample.mode for sample in left.values() if name in sample.scores}
    for sample_id in common:
        a, b = left[sample_id], right[sample_id]
        values = [0.0 if one.error else one.scores.get(name) for one in (a, b)]
        if a.mode in modes and values[0] is not None and values[1] is not None:
            cell = tuple(str(a.condition.get(key, "")) for key in keys)
            found[cell].append((a.cluster, values[0], values[1]))
    return found
