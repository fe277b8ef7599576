"""What a trained cell reaches on its test records, in the measures of its task."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch

from tasks.attention_patterns import quality
from tasks.attention_patterns.backbone import Backbone
from tasks.attention_patterns.generators.lstf_seasonal import SEASONS
from tasks.attention_patterns.generators.sum_salient import END
from tasks.attention_patterns.records import Batch

_MOST_NATS = 50.0  # a perplexity beyond is reported as e^50: numbers must stay finite


@torch.no_grad()
def measured(task: str, model: Backbone, test: Sequence[Batch]) -> dict[str, float]:
    """The task's measures (`twins.Twin.measures`), means over the test's records."""
    model.eval()
    if task in ("lm_periodic", "mlm_copy"):
        return _predicted(model, test)
    rows: dict[str, list[float]] = defaultdict(list)
    for batch in test:
        out = (model.write(batch) if model.form == "translator" else model(batch)).cpu().numpy()
        target, scored, given = (part.cpu().numpy() for part in (batch.target, batch.scored, batch.source))
        for at in range(len(out)):
            for name, value in _MEASURES[task](out[at], target[at][scored[at]], given[at]).items():
                rows[name].append(value)
    return {name: fmean(values) for name, values in rows.items()}


def _predicted(model: Backbone, test: Sequence[Batch]) -> dict[str, float]:
    """Perplexity and accuracy over all scored tokens; nothing where none is scored."""
    nats, right, count = 0.0, 0, 0
    for batch in test:
        logits, target = model(batch)[batch.scored], batch.target[batch.scored]
        nats += float(torch.nn.functional.cross_entropy(logits, target, reduction="sum"))
        right += int((logits.argmax(dim=-1) == target).sum())
        count += len(target)
    if not count:
        return {}
    return {"ppl": math.exp(min(nats / count, _MOST_NATS)), "accuracy": right / count}


def _summary(out: np.ndarray, target: np.ndarray, given: np.ndarray) -> dict[str, float]:  # noqa: ARG001
    words, wanted = _words(out), _words(target)
    return {**quality.rouge(words, wanted), "exact": float(words == wanted)}


def _words(tokens: np.ndarray) -> list[str]:
    """Until the first END."""
    written = tokens.tolist()
    return [f"w{token}" for token in written[: written.index(END) if END in written else None]]


def _speech(out: np.ndarray, target: np.ndarray, given: np.ndarray) -> dict[str, float]:  # noqa: ARG001
    frames = np.nan_to_num(out[: len(target)], posinf=0.0, neginf=0.0)
    mcd = quality.mel_cepstral_distortion(quality.cepstra_of(frames), quality.cepstra_of(target))
    return {"mcd": mcd, "msd": quality.mel_cepstral_distortion(frames, target)}


def _picture(out: np.ndarray, target: np.ndarray, given: np.ndarray) -> dict[str, float]:  # noqa: ARG001
    side = math.isqrt(len(target))
    picture, truth = (values.reshape(side, side, -1) for values in (out.clip(0, 1), target))
    return {"psnr": quality.psnr(picture, truth), "ssim": quality.ssim(picture, truth)}


def _points(out: np.ndarray, target: np.ndarray, given: np.ndarray) -> dict[str, float]:  # noqa: ARG001
    l1, l2 = quality.chamfer(out, target)
    return {"cd_l1": 1000 * l1, "cd_l2": 1000 * l2, "f_score": quality.f_score(out, target)}


def _forecast(out: np.ndarray, target: np.ndarray, given: np.ndarray) -> dict[str, float]:
    error = out.astype(np.float64) - target
    naive = quality.seasonal_naive(given, len(target), SEASONS[0]) - target
    mse = float(np.mean(error**2))
    return {"mse": mse, "mae": float(np.mean(np.abs(error))), "skill": 1 - mse / float(np.mean(naive**2))}


_MEASURES: Mapping[str, Any] = {
    "sum_salient": _summary,
    "tts_expand": _speech,
    "sr_texture": _picture,
    "pcc_shapes": _points,
    "lstf_seasonal": _forecast,
}
