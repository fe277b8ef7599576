"""Figures from likelihoods: ranks among all candidates, the contrast of right and wrong names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from suite.stats import Estimate, bootstrap_statistic, holm, sign_flip_test
from suite.task import Condition, Metric
from tasks.reversal_curse import ranking
from tasks.reversal_curse.cells import HEADLINES, Cell, bare, join, mean_metric, metric, one_way_pairs, undefined

SCORES = {
    "mrr": "rr",
    "hits1": "hits1",
    "hits5": "hits5",
    "percentile": "percentile",
    "delta": "d",
    "mrr_per_byte": "rr_per_byte",
    "mrr_pmi": "rr_pmi",
}
SHUFFLED = {"mrr_shuffled": "shuffled_rr", "delta_shuffled": "shuffled_d"}
ALONE = "one candidate: there is nothing to rank it against"
PUBLISHED = "for comparison only: takes the wordings of a fact for independent"
EXPECT_CHANCE = "above its chance interval: the data or the scorer may leak"
CHANCE_DRAWS = 10_000


def ranking_metrics(cells: Sequence[Cell], flags: Mapping[int, str]) -> list[Metric]:
    """Figures of the cells of likelihoods; `flags` are notes on cells, by id."""
    bare_cells = [cell for cell in cells if cell.is_control("none")]
    p_values = {id(cell): p for cell in bare_cells if (p := _sign_flips(cell)) is not None}
    tested = [id(cell) for cell in bare_cells if cell.is_reverse_test and id(cell) in p_values]
    corrected = dict(zip(tested, holm([p_values[key] for key in tested]), strict=True))
    out: list[Metric] = []
    for cell in cells:
        out += _means(cell, flags.get(id(cell), ""))
        if cell.is_control("none"):
            out += _delta_p(cell, p_values.get(id(cell)), corrected.get(id(cell)), len(corrected))
            out += _published_tests(cell)
            out += [mean_metric("mrr_by_template", part, "rr", missing=ALONE) for part in cell.by_template()]
    for same, reverse, condition in one_way_pairs(cells, "loglikelihood"):
        out.append(_delta_ratio(same, reverse, condition, flags.get(id(reverse), "")))
    return out


def _means(cell: Cell, flag: str) -> list[Metric]:
    """Every mean over facts, and the chance lines."""
    known = {name for sample in cell.samples for name in sample.scores}
    choices = sorted(name for name in known if name.startswith("mc_"))
    wanted = SCORES | {name: name for name in choices} | (SHUFFLED if cell.is_control("none") else {})
    names = {name: score for name, score in wanted.items() if score in known or name in HEADLINES}
    found = [mean_metric(name, cell, score, note=flag, missing=ALONE) for name, score in names.items()]
    chance = _chance(cell, choices)
    limit = chance[0].ci_high if chance else None
    for index, one in enumerate(found):
        leaks = one.name == "mrr_shuffled" or (one.name == "mrr" and cell.is_control("fresh"))
        if leaks and one.value is not None and limit is not None and one.value > limit:
            found[index] = replace(one, note=join(EXPECT_CHANCE, one.note))
    return found + chance


def _chance(cell: Cell, choices: Sequence[str]) -> list[Metric]:
    """What a scorer that ignores the prompt gets; for the mean reciprocal rank with the spread that facts give it."""
    sizes = {fact: round(n) for fact, n in cell.fact_means("n_candidates").items() if n > 1}
    if not sizes:
        return []
    counts = tuple(sorted(sizes.values()))
    mean = sum(map(ranking.chance_mrr, counts)) / len(counts)
    low, high, stderr = _chance_interval(counts)
    spread = Estimate(mean, stderr, low, high, len(cell.samples), len(counts))
    others = {f"hits{k}": sum(min(1.0, k / n) for n in counts) / len(counts) for k in (1, 5)}
    others |= {name: 1 / int(name.removeprefix("mc_")) for name in choices}
    return [
        metric("mrr_chance", spread, cell, "interval: what that many facts give at chance"),
        *(bare(f"{name}_chance", value, cell) for name, value in others.items()),
    ]


@lru_cache(maxsize=64)
def _chance_interval(counts: tuple[int, ...]) -> tuple[float, float, float]:
    """(2.5 %, 97.5 %, standard error) of the mean reciprocal rank of facts with so many candidates, at chance.

    By simulation, since the distribution is skewed; each fact is one draw, as if its wordings all agreed.
    """
    import numpy as np

    n = np.array(counts)
    ranks = np.random.default_rng(0).integers(1, n + 1, size=(CHANCE_DRAWS, len(n)))
    low, high = np.percentile((1 / ranks).mean(axis=1), [2.5, 97.5])
    variance = sum(ranking.chance_mrr_stderr(count, 1) ** 2 for count in counts) / len(counts) ** 2
    return float(low), float(high), float(variance**0.5)


def _sign_flips(cell: Cell) -> float | None:
    means = list(cell.fact_means("d").values())
    return sign_flip_test(means) if means else None


def _delta_p(cell: Cell, p: float | None, corrected: float | None, n_tests: int) -> list[Metric]:
    if p is None:
        return [undefined("delta_p", cell, ALONE)]
    note = "one-sided sign flips over facts"
    if corrected is not None and n_tests > 1:
        note += f"; {corrected:.3g} after Holm's correction for {n_tests} reverse tests"
    return [bare("delta_p", p, cell, note)]


def _delta_ratio(same: Cell, reverse: Cell, condition: Condition, flag: str) -> Metric:
    """Reverse advantage as a share of the same-direction one, from one resample of facts."""
    import numpy as np

    forward, back = same.fact_means("d"), reverse.fact_means("d")
    facts = sorted(forward.keys() & back.keys())
    rows = np.array([[forward[fact], back[fact]] for fact in facts])
    if not facts or rows[:, 0].mean() <= 0:
        why = "the right answer has no advantage in the trained direction" if facts else ALONE
        return undefined("delta_ratio", reverse, join(why, flag), condition)
    found = bootstrap_statistic(rows, lambda means: means[..., 1] / means[..., 0])
    return metric("delta_ratio", found, reverse, flag, condition)


def _published_tests(cell: Cell) -> list[Metric]:
    """Student's t (equal variance) and Kolmogorov-Smirnov, two-sided, between right names and one random name each."""
    right, _ = cell.values("gold_logprob")
    other, _ = cell.values("random_logprob")
    if len(other) < 2 or len(right) != len(other):
        return []
    t, t_p, ks, ks_p = published_tests(right, other)
    values = {"published_t": t, "published_t_p": t_p, "published_ks": ks, "published_ks_p": ks_p}
    return [bare(name, value, cell, PUBLISHED) for name, value in values.items()]


def published_tests(right: Sequence[float], other: Sequence[float]) -> tuple[float | None, float | None, float, float]:
    """(t, its p, KS, its p); t is None where neither side varies."""
    from scipy.stats import ks_2samp, ttest_ind

    ks = ks_2samp(right, other)
    if len({*right}) == len({*other}) == 1:
        return None, None, float(ks.statistic), float(ks.pvalue)
    t = ttest_ind(right, other)
    return float(t.statistic), float(t.pvalue), float(ks.statistic), float(ks.pvalue)
