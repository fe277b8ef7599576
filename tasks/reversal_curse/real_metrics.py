"""Figures of the REAL track from scored samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from suite.stats import Estimate, bootstrap_mean, paired_difference
from suite.task import Condition, Metric, Mode, Sample

SHARES = ("mean", "any", "majority", "lenient", "refusal", "truncated", "any_original")
HEADLINES: dict[Mode, str] = {"generate": "mean", "loglikelihood": "prob"}
_WAY = ("rows", "prompt", "decoding")  # keys of a condition that tell one way of asking from another
_SMOKE_TEST = "smoke test: such facts are on the web in both orders"
_NEITHER_IS_BETTER = ("refusal", "truncated", "gap")


@dataclass(frozen=True, slots=True)
class _Arm:
    """The samples of one way of asking (rows, mode, prompt, decoding) by doc, in both directions."""

    mode: Mode
    condition: Condition
    forward: Mapping[str, Sample]
    reverse: Mapping[str, Sample]


def real_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """The figures of each way of asking and direction, with intervals over pairs.

    - mean (headline of generated answers), any, majority, lenient, refusal, truncated, any_original: means over pairs;
    - prob (headline of likelihoods): mean over pairs of exp(sum of log-probabilities of the name);
    - the headline again for pairs whose child and parent have the same last word, and for the others (`last_word`);
    - excluded: pairs without enough valid samples; failed calls are missing, not wrong;
    - gap: forward minus reverse, paired;
    - cond_reverse: reverse mean of the pairs whose forward answer is right in most samples (`forward` = majority), or
      in at least half of them, as published figures have it (`forward` = half).

    Args:
        samples: of this track; others are passed over.
    """
    out: list[Metric] = []
    for arm in _arms([sample for sample in samples if sample.condition.get("track") == "real"]):
        headline = HEADLINES[arm.mode]
        for direction, by_pair in (("forward", arm.forward), ("reverse", arm.reverse)):
            condition = {**arm.condition, "direction": direction}
            pairs = list(by_pair.values())
            names = (headline,) if arm.mode == "loglikelihood" else SHARES
            out += [metric for name in names for metric in _mean(name, pairs, arm.mode, condition)]
            for last_word in ("same", "different"):
                part = [sample for sample in pairs if sample.condition.get("last_word") == last_word]
                out += _mean(headline, part, arm.mode, {**condition, "last_word": last_word}, headline=False)
            out.append(_excluded(pairs, arm.mode, condition))
        out += _gap(arm, headline)
        if arm.mode == "generate":
            out += _conditional(arm, "majority", lambda share: share > 0.5)
            out += _conditional(arm, "half", lambda share: share >= 0.5)
    return out


def _arms(samples: Sequence[Sample]) -> Iterator[_Arm]:
    def way(sample: Sample) -> tuple[Mode, tuple[str, ...]]:
        return sample.mode, tuple(str(sample.condition.get(key, "")) for key in _WAY)

    for each in sorted({way(sample) for sample in samples}):
        mode, values = each
        mine = sorted((sample for sample in samples if way(sample) == each), key=lambda sample: sample.doc_id)
        condition = {key: value for key, value in zip(_WAY, values, strict=True) if value}
        yield _Arm(
            mode,
            {"track": "real", **condition},
            {sample.doc_id: sample for sample in mine if sample.condition["direction"] == "forward"},
            {sample.doc_id: sample for sample in mine if sample.condition["direction"] == "reverse"},
        )


def _mean(
    name: str, samples: Sequence[Sample], mode: Mode, condition: Condition, headline: bool = True
) -> list[Metric]:
    """The mean of a score over the samples that have it; nothing where no sample has."""
    values, clusters = [], []
    for sample in samples:
        value = _value(sample, name)
        if value is not None:
            values.append(value)
            clusters.append(sample.cluster)
    if not values:
        return []
    is_headline = headline and name == HEADLINES[mode]
    return [_metric(name, bootstrap_mean(values, clusters), mode, condition, is_headline)]


def _metric(name: str, found: Estimate, mode: Mode, condition: Condition, headline: bool = False) -> Metric:
    return Metric(
        name=name,
        value=found.value,
        mode=mode,
        condition=condition,
        stderr=found.stderr,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        n=found.n,
        n_clusters=found.n_clusters,
        higher_is_better=None if name in _NEITHER_IS_BETTER else True,
        headline=headline and condition.get("decoding") != "greedy",
        note=_SMOKE_TEST if condition.get("rows") == "historical" else "",
    )


def _excluded(samples: Sequence[Sample], mode: Mode, condition: Condition) -> Metric:
    count = sum(_value(sample, HEADLINES[mode]) is None for sample in samples)
    return Metric(
        name="excluded",
        value=count,
        mode=mode,
        condition=condition,
        n=len(samples),
        n_clusters=len({sample.cluster for sample in samples}),
        higher_is_better=False,
        note="pairs without enough valid samples" if count else "",
    )


def _gap(arm: _Arm, headline: str) -> list[Metric]:
    pairs = list(_paired(arm, headline))
    if not pairs:
        return []
    forward, reverse = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    clusters = [arm.forward[doc_id].cluster for doc_id, _, _ in pairs]
    return [_metric("gap", paired_difference(reverse, forward, clusters), arm.mode, arm.condition)]


def _conditional(arm: _Arm, name: str, is_known: Callable[[float], bool]) -> list[Metric]:
    """Reverse accuracy on the facts that the model can state forwards."""
    condition = {**arm.condition, "forward": name}
    pairs = list(_paired(arm, "mean"))
    known = [(arm.reverse[doc_id], reverse) for doc_id, forward, reverse in pairs if is_known(forward)]
    if known:
        found = bootstrap_mean([value for _, value in known], [sample.cluster for sample, _ in known])
        return [_metric("cond_reverse", found, arm.mode, condition)]
    note = "no pair is right in the forward direction"
    return [Metric("cond_reverse", None, arm.mode, condition, note=note)] if pairs else []


def _paired(arm: _Arm, name: str) -> Iterator[tuple[str, float, float]]:
    """(doc id, forward value, reverse value) of the pairs that have both."""
    for doc_id, sample in arm.forward.items():
        forward = _value(sample, name)
        reverse = _value(arm.reverse[doc_id], name) if doc_id in arm.reverse else None
        if forward is not None and reverse is not None:
            yield doc_id, forward, reverse


def _value(sample: Sample, name: str) -> float | None:
    return None if sample.error else sample.scores.get(name)
