"""Models that this task's trainer has made: ``set_reasoning/FOLDER`` answers records, or sentences of facts.

- Membership: `Loglikelihood` with a record and its candidates as continuations gives, for each candidate, the
  log-probability that it is in the answer. They do not add up to one: each candidate is a question of its own.
- Written: `Generate` with a record gives the answer as a set in braces.
- Facts: `Generate` fills the ``[mask]`` words of a sentence, or goes on with it; `Loglikelihood` scores sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from suite.errors import UserError
from suite.task import Capability, Generate, Loglikelihood, ModelInfo, Request, Response

_WINDOW = 512  # requests answered together


class Answerer(Protocol):
    """What a kind of folder provides."""

    capabilities: frozenset[Capability]
    parameters: int

    def answer(self, requests: list[Any]) -> Iterator[Response]:
        """Answers requests of one kind, in order.

        Raises:
            ValueError: a request that this model cannot read.
        """
        ...


def load(name: str, batch_size: int | None = None) -> SetModel:
    """Loads a folder that `unreason finetune set_reasoning` has written.

    Args:
        batch_size: records a batch of a pretrained model; 32 by default.

    Raises:
        UserError: no such folder, or another kind of folder.
    """
    folder = Path(name).expanduser()
    config_file, record_file = folder / "set_model.json", folder / "training.json"
    if not config_file.is_file() or not record_file.is_file():
        raise UserError(
            f"set_reasoning/{name}: no model of `unreason finetune set_reasoning` there (set_model.json and "
            "training.json are expected); other models are named hf/, openai/, ..."
        )
    from safetensors import SafetensorError

    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        training = json.loads(record_file.read_text(encoding="utf-8"))
        answerer = _answerer(folder, config, batch_size)
    except (ValueError, KeyError, TypeError, OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else ""
        raise UserError(f"set_reasoning/{name}: cannot be loaded: {type(error).__name__}: {reason}") from None
    return SetModel(name, folder, config, training, answerer)


class SetModel:
    """A trained model that answers requests; see `load`."""

    info: ModelInfo

    def __init__(self, name: str, folder: Path, config: Any, training: Any, answerer: Answerer) -> None:
        from suite.identity import digest
        from suite.models.hf.card import files_digest

        files = sorted([folder / "set_model.json", *folder.rglob("*.safetensors")])
        self._answerer = answerer
        self.info = ModelInfo(
            name=f"set_reasoning/{name}",
            provider="set_reasoning",
            fingerprint=digest(["set_reasoning", files_digest(files)]),
            capabilities=answerer.capabilities,
            parameters=answerer.parameters,
            dtype="float32",
            training=training,
            extra={"kind": config["kind"]},
        )

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers every request once, window by window."""
        stream = iter(requests)
        while window := list(islice(stream, _WINDOW)):
            for kind in (Loglikelihood, Generate):
                own = [request for request in window if isinstance(request, kind)]
                yield from self._answered(own)
            others = [request for request in window if not isinstance(request, Loglikelihood | Generate)]
            yield from (Response(request.id, error="client_error", error_detail="no embeddings") for request in others)

    def _answered(self, requests: list[Any]) -> Iterator[Response]:
        if not requests:
            return
        try:
            yield from list(self._answerer.answer(requests))
        except ValueError as error:
            if len(requests) == 1:
                yield Response(requests[0].id, error="client_error", error_detail=str(error))
                return
            for request in requests:  # find out which one it is
                yield from self._answered([request])


def _answerer(folder: Path, config: Any, batch_size: int | None) -> Answerer:
    if config["kind"] == "sets":
        from tasks.set_reasoning.answerers import SetAnswerer

        return SetAnswerer(folder, config)
    if config["kind"] == "facts":
        from tasks.set_reasoning.answerers import FactAnswerer

        return FactAnswerer(folder, config)
    from tasks.set_reasoning.pretrained import PretrainedAnswerer

    return PretrainedAnswerer(folder, config, batch_size)
