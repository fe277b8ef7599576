"""Our local model as a backend of lm-evaluation-harness equals its own hf backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness_setup import tiny_model

from suite.errors import UserError
from suite.task import Loglikelihood, Request, Response

pytest.importorskip("lm_eval")

CONTEXTS = ("The composer of amber", "people say that the question", "in town ")
TOLERANCE_NATS = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"), template=True)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(folder), dtype="float32", device="cpu", max_length=64)


@pytest.fixture
def ours(folder: Path) -> Any:
    from suite.lm_eval.model import UnreasonLM

    return UnreasonLM(str(folder), dtype="float32", device="cuda:0", batch_size=1, max_batch_size=None)


def call(kind: str, *arguments: Any) -> Any:
    from lm_eval.api.instance import Instance

    return Instance(kind, {}, arguments, 0, ("other", 0, 1))


def choices() -> list[Any]:
    pairs = [(context, choice) for context in CONTEXTS for choice in (" red", " blue lantern", " B")]
    return [call("loglikelihood", *pair) for pair in [*pairs, ("", "amber lantern")]]


def test_log_probabilities_are_those_of_the_harness(ours: Any, theirs: Any) -> None:
    found, expected = ours.loglikelihood(choices()), theirs.loglikelihood(choices(), disable_tqdm=True)
    assert [pair[0] for pair in found] == pytest.approx([pair[0] for pair in expected], abs=TOLERANCE_NATS)
    assert [pair[1] for pair in found] == [pair[1] for pair in expected]


def test_whole_texts_are_scored_in_windows(ours: Any, theirs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [call("loglikelihood_rolling", "amber lantern known for singing " * n) for n in (1, 12)]
    monkeypatch.setattr(type(ours), "max_length", 64)
    expected = theirs.loglikelihood_rolling(texts, disable_tqdm=True)
    assert ours.loglikelihood_rolling(texts) == pytest.approx(expected, abs=1e-3)


def test_written_texts_are_those_of_the_harness(ours: Any, theirs: Any) -> None:
    settings = {"until": ["zz"], "max_gen_toks": 6, "do_sample": False}
    asked = [call("generate_until", context, dict(settings)) for context in CONTEXTS]
    assert ours.generate_until(asked) == theirs.generate_until(asked, disable_tqdm=True)


def test_repeats_of_one_instance_get_texts_of_their_own(ours: Any) -> None:
    drawn = call("generate_until", CONTEXTS[0], {"until": [], "max_gen_toks": 8, "do_sample": True, "temperature": 1.0})
    assert len(set(ours.generate_until([drawn] * 4))) > 1


def test_the_chat_template_is_the_models(ours: Any, theirs: Any) -> None:
    turns = [{"role": "user", "content": "Which?"}]
    assert ours.apply_chat_template(turns) == theirs.apply_chat_template(turns) == "<s>[user] Which?\n[assistant] "
    assert ours.chat_template(True) == theirs.chat_template(True)
    assert ours.tokenizer_name


def test_what_cannot_be_scored_is_nan_and_the_others_are_not(ours: Any) -> None:
    (good, bad) = ours.loglikelihood([call("loglikelihood", "the", " town"), call("loglikelihood", "of", "")])
    assert good[0] < 0
    assert bad[0] != bad[0]
    assert bad.error == "tokenization"


def test_an_option_of_no_use_is_refused(folder: Path) -> None:
    from suite.lm_eval.model import UnreasonLM

    with pytest.raises(UserError, match="load_in_8bit"):
        UnreasonLM(str(folder), load_in_8bit=True)


def test_finished_answers_are_in_the_cache_when_the_model_crashes(ours: Any, tmp_path: Path) -> None:
    """30 rows after a crash at the 31st of 60 requests."""
    from lm_eval.api.model import CachingLM

    inner = ours._model

    class Crashing:
        info, tokenizer = inner.info, inner.tokenizer

        def answer(self, requests: Any) -> Iterator[Response]:
            for number, request in enumerate(requests):
                if number == 30:
                    raise RuntimeError("power cut")
                yield from inner.answer([request])

    ours._model = Crashing()
    cached = CachingLM(ours, str(tmp_path / "cache.db"))
    with pytest.raises(RuntimeError, match="power cut"):
        cached.loglikelihood([call("loglikelihood", f"the question {n}", " red") for n in range(60)])
    assert len(cached.dbdict) == 30


def test_our_own_requests_are_answered_as_they_are(ours: Any) -> None:
    from suite.lm_eval.asking import Asked
    from suite.task import Segmented

    context = Segmented("the ", ("question ", "amber "), "people say")
    request: Request = Loglikelihood(context, (" red", " blue"))
    asked = [
        Asked("loglikelihood", {}, ("the question amber people say", part), n, ("t", 0, 1), request=request, part=n)
        for n, part in enumerate((" red", " blue"))
    ]
    [response] = ours._model.answer([request])
    found = ours.loglikelihood(asked)
    assert [pair[0] for pair in found] == [score.logprob for score in response.scores]
    assert [pair.tokens for pair in found] == [score.tokens for score in response.scores]
