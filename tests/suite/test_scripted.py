"""Scripted models give the answers that their names promise."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_args

import pytest

from suite.errors import UserError
from suite.models.scripted import ScriptedModel, load
from suite.registry import load_model
from suite.task import Failure, Generate, Loglikelihood, Request, Response

CHOICE = Loglikelihood("2+2=", (" 4", " five"))
OTHER_CONTEXT = Loglikelihood("3+3=", (" 4", " five"))


def one(model: ScriptedModel, request: Request) -> Response:
    (response,) = model.answer([request])
    assert response.request_id == request.id
    return response


def logprobs(name: str, request: Loglikelihood, **options: object) -> list[float]:
    return [score.logprob for score in one(load(name, **options), request).scores]


def test_constant_gives_its_text_as_often_as_asked() -> None:
    response = one(load_model("scripted/constant", text="Rome"), Generate("Capital?", n=3))
    assert [text.text for text in response.texts] == ["Rome"] * 3


def test_uniform_finds_every_character_equally_likely() -> None:
    short, long = logprobs("uniform", CHOICE)
    assert short / 2 == pytest.approx(long / 5) == pytest.approx(-math.log(26))


def test_prompt_blind_does_not_see_the_context_and_random_does() -> None:
    assert logprobs("prompt_blind", CHOICE) == logprobs("prompt_blind", OTHER_CONTEXT)
    assert logprobs("random", CHOICE) != logprobs("random", OTHER_CONTEXT)


def test_random_prefers_each_of_many_continuations_about_equally_often() -> None:
    firsts = sum(a > b for a, b in (logprobs("random", Loglikelihood(f"{n}?", ("a", "b"))) for n in range(400)))
    assert 160 < firsts < 240


def test_the_same_question_has_the_same_answer_and_another_seed_another() -> None:
    question = Generate("Who?")
    assert one(load("random"), question) == one(load("random"), question)
    assert one(load("random", seed=1), question).texts != one(load("random"), question).texts
    assert load("random", seed="1").info == load("random", seed=1).info
    assert load("random", seed=1).info.fingerprint != load("random").info.fingerprint


def test_first_tokens_are_the_likeliest_letters() -> None:
    alternatives = one(load("random"), Generate("A or B?", top_logprobs=26)).first_token
    assert sorted(letter for letter, _ in alternatives) == [chr(code) for code in range(65, 91)]
    assert math.fsum(math.exp(logprob) for _, logprob in alternatives) == pytest.approx(1)
    assert one(load("random"), Generate("A or B?", top_logprobs=5)).first_token == alternatives[:5]


def test_faulty_fails_in_every_way_in_turn() -> None:
    questions = [Generate(f"{number}") for number in range(2 * len(get_args(Failure)))]
    errors = [response.error for response in load("faulty").answer(questions)]
    assert errors[1::2] == list(get_args(Failure))
    assert set(errors[::2]) == {None}


def test_an_empty_continuation_is_a_failure() -> None:
    assert one(load("uniform"), Loglikelihood("a", ("b", ""))).error == "tokenization"


def test_recorded_answers_come_from_the_file(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Who?"}]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in [{"prompt": "Hm?", "text": "a"}, {"prompt": chat, "text": "b"}]))
    model = load("recorded", file=str(file))
    assert one(model, Generate("Hm?")).texts[0].text == "a"
    assert one(model, Generate((("user", "Who?"),))).texts[0].text == "b"
    assert model.info.capabilities == {"generate", "chat"}
    with pytest.raises(UserError, match="no answer to the prompt 'What'"):
        one(model, Generate("What"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"prompt": "a", "text": "b"}\n{"prompt": "a"}', "answers.jsonl:2: expected"),
        ("{", "not JSON lines"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_file_of_answers_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "answers.jsonl"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=message):
        load("recorded", file=str(file))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("constnat", {}, "did you mean constant"),
        ("recorded", {}, "option file is missing"),
        ("slow", {"delay_s": "quick"}, "option delay_s"),
        ("faulty", {"every": -1}, "option every"),
    ],
)
def test_a_wrong_name_or_option_is_one_clear_line(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(name, **options)
