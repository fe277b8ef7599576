"""What judging models have answered is kept: nothing is paid for twice, and nothing broken is believed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from suite.judges.answers import KeptAnswers
from suite.models.scripted import ScriptedModel
from suite.task import Generate, Response


class Counting:
    """A model that counts what it is asked, and fails where the prompt says so."""

    def __init__(self, name: str = "judge") -> None:
        self.asked: list[str] = []
        self._model = ScriptedModel(name, text=lambda request, _: f"about {request.prompt}")
        self.info = self._model.info

    def answer(self, requests: Iterable[Generate]) -> Iterator[Response]:
        for request in requests:
            self.asked.append(str(request.prompt))
            if request.prompt == "fail":
                yield Response(request.id, error="timeout")
            else:
                yield from self._model.answer([request])


def asked(model: Counting, folder: Path, *prompts: str, fresh: bool = False) -> dict[str, Response]:
    requests = [Generate(prompt, seed=0, max_tokens=5) for prompt in prompts]
    names = {request.id: str(request.prompt) for request in requests}
    found = KeptAnswers(model, folder, fresh).answer(iter(requests))
    return {names[response.request_id]: response for response in found}


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    before = asked(first, tmp_path, "a", "b")
    after = asked(second, tmp_path, "a", "c", "b")
    assert (first.asked, second.asked) == (["a", "b"], ["c"])
    assert set(after) == {"a", "b", "c"}
    assert {name: after[name].texts for name in before} == {name: one.texts for name, one in before.items()}


def test_another_model_has_answers_of_its_own(tmp_path: Path) -> None:
    asked(Counting(), tmp_path, "a")
    other = Counting("another")
    asked(other, tmp_path, "a")
    assert other.asked == ["a"]


def test_failures_are_asked_again_and_fresh_asks_everything(tmp_path: Path) -> None:
    for fresh, expected in ((False, ["a", "fail"]), (False, ["fail"]), (True, ["a", "fail"])):
        model = Counting()
        found = asked(model, tmp_path, "a", "fail", fresh=fresh)
        assert model.asked == expected
        assert found["fail"].error == "timeout"


def test_a_broken_file_is_asked_again_and_mended(tmp_path: Path) -> None:
    asked(Counting(), tmp_path, "a")
    [file] = tmp_path.rglob("*.json")
    whole = file.read_text(encoding="utf-8")
    for broken in ("", "{", "[]", json.dumps({"response": {}, "level": ""}), whole[:-9]):
        file.write_text(broken, encoding="utf-8")
        model = Counting()
        assert asked(model, tmp_path, "a")["a"].texts[0].text == "about a"
        assert model.asked == ["a"]
        assert file.read_text(encoding="utf-8") == whole
