"""A real OpenAI-compatible server (llama.cpp through xllamacpp, with SmolLM2-135M-Instruct) on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import UserError
from suite.models.openai import load
from suite.models.openai.model import OpenAIModel
from suite.task import Generate, Response

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "serve_smollm2.py"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    from suite.pretrained import gguf

    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", "0", "--gguf", str(gguf("smollm2-135m"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def model(base_url: str) -> OpenAIModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        return load("smollm2-135m", base_url=base_url, concurrency=2, max_retries=1)


def only(model: OpenAIModel, request: Generate) -> Response:
    [response] = model.answer([request])
    return response


def test_what_the_server_can_do_is_found_out(model: OpenAIModel) -> None:
    assert model.info.capabilities == {"generate", "chat", "first_token"}
    assert model.info.parameters == 134_515_008
    assert model.info.context_length == 2048
    assert model.info.extra["text_prompts"] == "completions"


def test_the_self_test_refuses_it_for_likelihoods_and_names_the_reason(model: OpenAIModel, base_url: str) -> None:
    report = model.self_test()
    assert not report.passed
    assert "ignores echo" in report.likelihood.reason
    assert report.likelihood.generated_nats == pytest.approx(-0.26, abs=0.02)
    assert not report.honoured["echo"]
    assert {name for name, honoured in report.honoured.items() if honoured} >= {
        "logprobs",
        "top_logprobs",
        "seed",
        "stop",
        "response_format",
    }
    with pytest.raises(UserError, match="ignores echo"):
        load("smollm2-135m", base_url=base_url, loglikelihood=True)


def test_chat_and_raw_text_are_answered(model: OpenAIModel) -> None:
    chat = only(model, Generate((("user", "Capital of Italy?"),), max_tokens=16))
    raw = only(model, Generate("The capital of France is", max_tokens=8, stop=(".", ",")))
    assert "Rome" in chat.texts[0].text
    assert raw.texts[0].text.startswith(" Paris")
    assert raw.prompt_tokens == 5
    assert chat.latency_s > 0


def test_first_tokens_and_their_alternatives_are_read(model: OpenAIModel) -> None:
    response = only(model, Generate("The capital of France is", max_tokens=1, top_logprobs=10))
    assert len(response.first_token) == 10
    token, logprob = response.first_token[0]
    assert (token, logprob) == (" Paris", pytest.approx(-0.26, abs=0.02))
    assert [value for _, value in response.first_token] == sorted((v for _, v in response.first_token), reverse=True)


def test_several_texts_differ_and_repeat_with_the_seed(model: OpenAIModel) -> None:
    request = Generate((("user", "Name an animal."),), max_tokens=8, temperature=1.0, seed=5, n=3)
    first, again = only(model, request), only(model, request)
    assert len(first.texts) == 3
    assert first.texts == again.texts


def test_a_schema_is_kept(model: OpenAIModel) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    response = only(model, Generate((("user", "Which colour is the sky?"),), json_schema=schema))
    assert json.loads(response.texts[0].text)["colour"] in ("red", "blue")


def test_a_prompt_beyond_the_window_is_an_error_of_its_own(model: OpenAIModel) -> None:
    response = only(model, Generate("word " * 4000))
    assert response.error == "context_length"
    assert "2048" in response.error_detail


def test_many_requests_all_come_back(model: OpenAIModel) -> None:
    requests = [Generate((("user", f"Say the number {number}."),), max_tokens=4) for number in range(20)]
    answers = {response.request_id: response for response in model.answer(requests)}
    assert answers.keys() == {request.id for request in requests}
    assert not [answer.error for answer in answers.values() if answer.error]
