"""What judging models have answered, kept in the results folder, so that no run of any task asks the same again.

A file an answer, ``judge_answers/MODEL/REQUEST.json``: any number of processes may read and write them at once. The
name of the request holds its text and decoding parameters, so every vote has an answer of its own.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from suite.identity import digest
from suite.jsonl import write_text
from suite.task import Generate, Model, Request, Response


class KeptAnswers:
    """A model that answers what it has answered before from files, and everything else by asking `model`.

    Args:
        folder: of all answers.
        fresh: ask everything again; new answers take the place of the kept ones.
    """

    def __init__(self, model: Model, folder: Path, fresh: bool = False) -> None:
        self.info = model.info
        self._model, self._fresh = model, fresh
        self._folder = folder / digest(model.info.fingerprint, 16)
        self._levels: dict[str, str] = {}

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """See `suite.task.Model`; failures are not kept."""
        kept: deque[Response] = deque()
        asked: dict[str, Request] = {}

        def unknown() -> Iterator[Request]:
            for request in requests:
                if found := self._read(request.id):
                    kept.append(found)
                else:
                    asked[request.id] = request
                    yield request

        for response in self._model.answer(unknown()):
            if not response.error:
                self._write(asked.pop(response.request_id), response)
            yield from _emptied(kept)
            yield response
        yield from _emptied(kept)

    def structure_level(self, request: Generate) -> str | None:
        """How JSON was asked for when `request` was answered; None if the provider cannot tell."""
        if request.id in self._levels:
            return self._levels[request.id] or None
        level = getattr(self._model, "structure_level", None)
        return level(request) if level else None

    def _file(self, request_id: str) -> Path:
        return self._folder / f"{request_id}.json"

    def _read(self, request_id: str) -> Response | None:
        if self._fresh:
            return None
        try:
            value = json.loads(self._file(request_id).read_text(encoding="utf-8"))
            found, level = Response.from_json(value["response"]), str(value["level"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none, or a broken one, which is asked again
        self._levels[request_id] = level
        return found if found.request_id == request_id and found.texts else None

    def _write(self, request: Request, response: Response) -> None:
        level = self.structure_level(request) if isinstance(request, Generate) else None
        text = json.dumps({"level": level or "", "response": response.to_json()}, sort_keys=True)
        write_text(self._file(request.id), text + "\n")


def _emptied(kept: deque[Response]) -> Iterator[Response]:
    while kept:
        yield kept.popleft()
