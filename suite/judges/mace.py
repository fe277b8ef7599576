"""MACE: who of several annotators can be trusted, and what the labels then are (Hovy et al. 2013, NAACL).

The true label of a unit is uniform. Annotator j copies it with probability theta_j and else writes a label drawn
from xi_j. Fitted by expectation-maximisation from several starts; the likeliest fit counts. Seeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESTARTS = 10
ITERATIONS = 200
SMOOTHING = 0.01
_CONVERGED = 1e-6  # nats of log-likelihood per iteration


@dataclass(frozen=True, slots=True)
class Consensus:
    """What MACE found.

    Attributes:
        labels: (units,) the likeliest label; None for units that nobody has labelled.
        confidence: (units,) its posterior probability.
        trust: (raters,) theta, the probability that the annotator knows the label.
        log_likelihood: of the labels, in nats.
    """

    labels: tuple[str | None, ...]
    confidence: tuple[float | None, ...]
    trust: tuple[float, ...]
    log_likelihood: float


def mace(rows: Sequence[Sequence[str | None]], labels: Sequence[str], *, seed: int = 0) -> Consensus:
    """Fits MACE to (units, raters) labels; None is a missing label.

    Args:
        labels: all labels that annotators could choose.

    Raises:
        ValueError: no unit, or a label that is not among `labels`.
    """
    import numpy as np

    place = {label: number for number, label in enumerate(labels)}
    if not rows or any(label is not None and label not in place for row in rows for label in row):
        raise ValueError(f"expected at least one unit and only the labels {', '.join(labels)}")
    given = np.zeros((len(rows), len(rows[0]), len(labels)))  # (units, raters, labels) one-hot; zeros if missing
    for unit, row in enumerate(rows):
        for rater, label in enumerate(row):
            if label is not None:
                given[unit, rater, place[label]] = 1.0
    generator = np.random.default_rng(seed)
    starts = [np.full(given.shape[1], 0.8)]
    starts += [generator.uniform(0.5, 0.95, given.shape[1]) for _ in range(RESTARTS - 1)]
    likelihood, posterior, trust = max((_fit(given, start) for start in starts), key=lambda fit: fit[0])
    seen = given.sum(axis=(1, 2)) > 0
    best = posterior.argmax(axis=1)
    return Consensus(
        tuple(labels[code] if known else None for code, known in zip(best, seen, strict=True)),
        tuple(float(row.max()) if known else None for row, known in zip(posterior, seen, strict=True)),
        tuple(float(value) for value in trust),
        likelihood,
    )


def _fit(given: np.ndarray, trust: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """(log-likelihood, (units, labels) posterior, (raters,) theta) of one start."""
    import numpy as np

    n_labels = given.shape[2]
    habits = np.full(given.shape[1:], 1.0 / n_labels)  # (raters, labels): xi
    before = -np.inf
    for _ in range(ITERATIONS):
        likelihood, posterior, copied = _expect(given, trust, habits)
        written = given.sum(axis=2)  # (units, raters)
        knew = (copied * written).sum(axis=0)
        guessed = written.sum(axis=0) - knew
        trust = (knew + SMOOTHING) / (knew + guessed + 2 * SMOOTHING)
        spam = (given * (1 - copied)[:, :, None]).sum(axis=0) + SMOOTHING
        habits = spam / spam.sum(axis=1, keepdims=True)
        if likelihood - before < _CONVERGED:
            break
        before = likelihood
    likelihood, posterior, _ = _expect(given, trust, habits)
    return likelihood, posterior, trust


def _expect(given: np.ndarray, trust: np.ndarray, habits: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """(log-likelihood, posterior of labels, (units, raters) probability that the annotator copied)."""
    import numpy as np

    n_labels = given.shape[2]
    guess = (given * habits).sum(axis=2) * (1 - trust)  # (units, raters) probability of the label as a guess
    each = guess[:, :, None] + given * trust[:, None]  # (units, raters, labels) given the true label
    each = np.where(given.sum(axis=2, keepdims=True) > 0, each, 1.0)  # who has not labelled it says nothing
    logs = np.log(np.maximum(each, 1e-300)).sum(axis=1) - np.log(n_labels)  # (units, labels)
    top = logs.max(axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.exp(logs - top).sum(axis=1))
    posterior = np.exp(logs - total[:, None])
    known = given * (trust[:, None] / np.maximum(each, 1e-300))  # copied, if the true label is the written one
    copied = np.einsum("url,ul->ur", known, posterior)
    return float(total.sum()), posterior, copied
