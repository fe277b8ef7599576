"""Mechanisms whose numbers are made up: answers to every experiment without any training, for tests of what follows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from suite.attention import mechanism
from suite.identity import canonical_json
from suite.task import Generate, ModelInfo, Request, Response, Text
from tasks.attention_patterns.twins import FACTORS, TWINS

# How good each is, and how its time grows: (strength, seconds a token, exponent).
KINDS: Mapping[str, tuple[float, float, float]] = {
    "vanilla": (1.0, 1e-7, 2.0),
    "sdpa": (1.0, 3e-8, 2.0),
    "none": (0.0, 1e-8, 1.0),
    "performer": (0.6, 2e-5, 1.0),
    "cosformer": (0.8, 3e-5, 1.0),
    "abc": (0.4, 4e-5, 1.0),
    "local": (0.3, 1.5e-5, 1.0),
    "nystrom": (0.5, 1e-5, 1.0),
}


class FakeMechanism:
    """Answers as the mechanism `name` would, by formula.

    Args:
        status: of its trainings.
    """

    def __init__(self, name: str, status: str = "done") -> None:
        self._name, self._status = name, status
        self.asked: list[tuple[dict[str, Any], int]] = []
        patterns = sorted(pattern.value for pattern in mechanism(name).patterns)
        self.info = ModelInfo(
            name=f"attention_patterns/{name}",
            provider="attention_patterns",
            fingerprint=f"fake {name} {status}",
            capabilities=frozenset(["train"]),
            extra={"mechanism": name, "patterns": patterns},
        )

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            assert isinstance(request, Generate) and isinstance(request.prompt, str)
            described = json.loads(request.prompt)
            self.asked.append((described, request.seed))
            yield Response(request.id, texts=(Text(canonical_json(self._found(described, request.seed))),))

    def _found(self, described: Mapping[str, Any], seed: int) -> dict[str, Any]:
        strength, rate, power = KINDS[self._name]
        if described["experiment"] == "support":
            return {"status": "control" if self._name == "none" else "pass", "checks": []}
        if described["experiment"] == "cost":
            return {"status": "done", "costs": [_cost(length, rate, power) for length in described["lengths"]]}
        if self._status != "done":
            return {"status": self._status, "reason": "as the test wants it", "seconds": 9.0}
        measures = TWINS[described["task"]].measures
        level = strength + 0.01 * seed
        found = {name: 50 + 10 * level if better else 20 - 10 * level for name, better in measures.items()}
        curve = [{"factor": factor, "length": round(128 * factor), "ppl": 20 - level + factor} for factor in FACTORS]
        spent = {"validation_loss": 1.0, "best_step": 9, "parameters": 1000, "extra_parameters": 10, "threads": 1}
        timing = {"train_s": 5.0, "seconds": 6.0, "tokens_per_s": 100.0}
        return {"status": "done", "measures": found, "lengths": curve, **spent, **timing}


def _cost(length: int, rate: float, power: float) -> dict[str, Any]:
    seconds = rate * length**power
    return {
        "length": length,
        "time_s": seconds,
        "time_low_s": 0.9 * seconds,
        "time_high_s": 1.1 * seconds,
        "peak_bytes": int(512 * length**power) or 1,
        "device_peak_bytes": None,
        "flops": int(128 * length**power),
    }
