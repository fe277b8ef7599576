"""Likeness of two connections by an encoder: optional, and loaded only when asked for.

`minilm_cos` is the cosine of all-MiniLM-L6-v2 vectors; it is not BERTScore and must never be called so. `bertscore`
is Zhang et al. 2020 as the published runs used it (roberta-large, layer 17, rescaled): an empty answer then gets -4.93.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from suite.errors import UserError

Similarity = Literal["minilm_cos", "bertscore"]
_LAYER = 17  # of roberta-large, which bert_score names as the best one
_BASELINE_F1 = 0.83122575  # its rescaling baseline for English at that layer


def similarity(measure: Similarity, names: Sequence[str], labels: Sequence[str], model: str = "") -> list[float]:
    """The likeness of each name to its label; a missing name has cosine 0 (`minilm_cos`).

    Raises:
        UserError: the package or the model's folder is missing.
    """
    names, labels = [name.lower().strip() for name in names], [label.lower().strip() for label in labels]
    if measure == "minilm_cos":
        return _cosines(names, labels)
    found = _bert_scorer(model).score(list(names), list(labels))[2].tolist()
    return [rescaled(float(f1) if name else 0.0) for name, f1 in zip(names, found, strict=True)]


def rescaled(f1: float) -> float:
    """BERTScore's F1 rescaled by its baseline, as the published figures are."""
    return (f1 - _BASELINE_F1) / (1 - _BASELINE_F1)


def check_similarity(measures: Sequence[Similarity], model: str) -> None:
    """Raises `UserError` where what the measures need is missing; nothing is downloaded."""
    if "minilm_cos" in measures:
        _encoder()
    if "bertscore" in measures:
        _bert_scorer(model)


def _cosines(names: Sequence[str], labels: Sequence[str]) -> list[float]:
    from suite.task import Embed

    texts = tuple(dict.fromkeys([*names, *labels]))
    (response,) = _encoder().answer([Embed(texts)])
    vector = dict(zip(texts, response.vectors, strict=True))
    pairs = zip(names, labels, strict=True)
    return [sum(a * b for a, b in zip(vector[x], vector[y], strict=True)) if x else 0.0 for x, y in pairs]


@cache
def _encoder() -> Any:
    from suite.models.embed import OFFLINE, load

    return load(OFFLINE)


@cache
def _bert_scorer(model: str) -> Any:
    try:
        from bert_score import BERTScorer
    except ImportError:
        raise UserError(
            "similarity bertscore needs the package bert-score; pip install 'unreason[bertscore]'"
        ) from None
    if not Path(model).is_dir():
        raise UserError(
            f"bertscore_model {model!r}: no such folder; give the folder of roberta-large, nothing is fetched"
        )
    return BERTScorer(model_type=model, num_layers=_LAYER, rescale_with_baseline=False)
