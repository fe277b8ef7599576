"""Mechanisms as models: ``attention_patterns/NAME`` answers a description of an experiment with its numbers.

The way of every other model, so that runs are journalled, continued, stored and shown alike: a request of mode "train"
holds the description and the seed, its answer is JSON. A request takes seconds to minutes; what a run has stopped in
the middle of is begun again, and nothing else.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from suite.errors import UserError
from suite.identity import canonical_json, digest
from suite.task import Generate, ModelInfo, Request, Response, Text

PROVIDER = "attention_patterns"


def load(
    name: str, device: str = "auto", settings: Mapping[str, Any] | None = None, folder: Path | None = None
) -> MechanismModel:
    """The mechanism `name` of `suite.attention`.

    Args:
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
        settings: of the mechanism, e.g. ``{"window": 32}``.
        folder: a further folder of mechanisms, one NAME.py each.

    Raises:
        UserError: no such mechanism, device or setting.
    """
    return MechanismModel(name, _device(device), dict(settings or {}), folder)


class MechanismModel:
    """A mechanism that is put through experiments; see `load`."""

    info: ModelInfo

    def __init__(self, name: str, device: str, settings: dict[str, Any], folder: Path | None = None) -> None:
        from suite.attention import mechanism
        from tasks.attention_patterns.experiments import Subject

        found = mechanism(name, folder)
        patterns = sorted(str(pattern) for pattern in found.patterns)
        for pattern in patterns:
            try:
                found.make(64, 4, pattern, 128, settings)  # a wrong setting is said before anything is trained
            except ValueError as error:
                raise UserError(f"attention_patterns/{name}: {error}") from None
        self._subject = Subject(name, settings, device, folder)
        kind = device.partition(":")[0]
        self.info = ModelInfo(
            name=f"{PROVIDER}/{name}",
            provider=PROVIDER,
            # a mechanism whose code has changed is another one; so are figures of another kind of device
            fingerprint=digest([PROVIDER, name, settings, kind, inspect.getsource(inspect.getmodule(found) or found)]),
            capabilities=frozenset(["train"]),
            dtype="float32",
            extra={"mechanism": name, "patterns": patterns, "settings": settings, "device": _device_name(device)},
        )

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """One experiment after the other."""
        for request in requests:
            began = time.monotonic()
            assert isinstance(request, Generate) and isinstance(request.prompt, str)
            found = self._found(json.loads(request.prompt), request.seed)
            yield Response(
                request.id, texts=(Text(canonical_json(found)),), latency_s=round(time.monotonic() - began, 3)
            )

    def _found(self, described: Mapping[str, Any], seed: int) -> dict[str, Any]:
        from tasks.attention_patterns.experiments import EXPERIMENTS
        from tasks.attention_patterns.real import DataMissing

        try:
            return EXPERIMENTS[described["experiment"]](self._subject, described, seed)
        except DataMissing as error:
            return {"status": "skipped", "reason": str(error)}


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {wanted}: {str(error).splitlines()[0]}; use auto or cpu") from None
    return wanted


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
