"""Faults of an API, one prompt each, against a stub server on loopback: every one ends under its right name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import pytest
from fault_server import FaultServer, Knobs

from suite.errors import RunIncomplete, UserError
from suite.models.openai import load, session
from suite.models.openai.failures import retry_after_s
from suite.task import Generate, Response

PROMPTS = {
    "429": "rate_limit",
    "500": "server_error",
    "409": "server_error",
    "408": "timeout",
    "late": "timeout",
    "hang": "timeout",
    "dropped": "connection",
    "cut": "connection",
    "400": "client_error",
    "403": "client_error",
    "long": "context_length",
    "html": "malformed",
    "truncated": "malformed",
    "list": "malformed",
    "deep": "malformed",
    "nested": "malformed",
    "nested-error": "client_error",
    "types": "malformed",
    "content-type": "malformed",
    "message-type": "malformed",
    "empty": "empty",
    "null": "empty",
    "blank": "empty",
    "large": "too_large",
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "FIRST_WAIT_S", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-for-this-test")  # so that answers are searched for it
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(Knobs()) as running:
        yield running


def chat(text: str, **options: object) -> Generate:
    return Generate((("user", text),), **options)  # type: ignore[arg-type]


def ask(server: FaultServer, *requests: Generate, **options: object) -> dict[str, Response]:
    model = load("toy", **{"base_url": server.url, "timeout_s": 2, "max_retries": 2, **options})
    wanted = {request.id: request.prompt[-1][1] for request in requests}
    return {wanted[response.request_id]: response for response in model.answer(requests)}


def test_every_fault_is_counted_under_its_own_name(server: FaultServer) -> None:
    began = time.monotonic()
    answers = ask(
        server,
        chat("hello"),
        *(chat(f"fault {name}") for name in PROMPTS),
        timeout_s=1.5,
        max_retries=1,
        concurrency=32,
    )
    assert {name: answers[f"fault {name}"].error for name in PROMPTS} == PROMPTS
    assert answers["hello"].texts[0].text == "you said hello"
    assert all(answer.error_detail and "\n" not in answer.error_detail for answer in answers.values() if answer.error)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "name", ["429-seconds", "429-date", "503-seconds", "500", "408", "409", "dropped", "cut", "late"]
)
def test_a_passing_fault_is_tried_again(server: FaultServer, name: str) -> None:
    prompt = f"fault {name} once"
    answers = ask(server, chat(prompt), timeout_s=1)
    assert answers[prompt].texts[0].text == f"you said {prompt}"
    assert server.prompts().count(prompt) == 2


@pytest.mark.parametrize(("name", "wait_s"), [("429-seconds", 0.3), ("429-date", 0.5), ("503-seconds", 0.2)])
def test_retry_after_is_honoured(server: FaultServer, name: str, wait_s: float) -> None:
    prompt = f"fault {name} once"
    ask(server, chat(prompt))
    first, second = (call.at for call in server.calls if call.prompt == prompt)
    assert second - first >= wait_s


def test_a_server_that_asks_to_come_back_tomorrow_ends_the_run_to_be_continued(server: FaultServer) -> None:
    began = time.monotonic()
    with pytest.raises(RunIncomplete, match="wait for 86400 s"):
        ask(server, chat("fault 429-tomorrow"))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["400", "403", "long", "html", "large"])
def test_what_another_attempt_cannot_mend_is_asked_once(server: FaultServer, name: str) -> None:
    ask(server, chat(f"fault {name}"))
    assert server.prompts().count(f"fault {name}") == 1


@pytest.mark.parametrize(
    ("name", "finish", "text"),
    [("refusal", "refusal", "I will not."), ("filter", "content_filter", ""), ("filtered", "content_filter", "")],
)
def test_a_refusal_is_an_answer(server: FaultServer, name: str, finish: str, text: str) -> None:
    answer = ask(server, chat(f"fault {name}"))[f"fault {name}"]
    assert answer.error is None
    assert (answer.texts[0].finish, answer.texts[0].text) == (finish, text)


def test_impossible_token_counts_are_ignored(server: FaultServer) -> None:
    answer = ask(server, chat("fault usage"), tokens_per_minute=1e6)["fault usage"]
    assert answer.texts[0].text == "fine"
    assert (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens) == (0, 0, 0)


def test_a_log_probability_that_is_no_number_is_counted_as_such(server: FaultServer) -> None:
    assert ask(server, chat("fault nan", top_logprobs=2))["fault nan"].error == "nan"


def test_half_a_surrogate_pair_becomes_writable_text(server: FaultServer) -> None:
    text = ask(server, chat("fault surrogate"))["fault surrogate"].texts[0].text
    assert text.encode() == b"half ? pair"


@pytest.mark.parametrize(("name", "says"), [("401", "OPENAI_API_KEY"), ("no-credit", "credit"), ("402", "credit")])
def test_what_only_the_user_can_mend_ends_the_run_and_keeps_what_came_before(
    server: FaultServer, name: str, says: str
) -> None:
    model = load("toy", base_url=server.url, concurrency=1)
    answers = model.answer([chat("one"), chat(f"fault {name}")])
    assert next(answers).texts[0].text == "you said one"
    with pytest.raises(UserError, match=says) as caught:
        next(answers)
    assert "\n" not in str(caught.value)
    assert server.prompts().count(f"fault {name}") == 1


def test_a_server_that_goes_away_ends_the_run_to_be_continued() -> None:
    with FaultServer(Knobs()) as server:
        model = load("toy", base_url=server.url, max_retries=2)
    with pytest.raises(RunIncomplete, match="can no longer be reached"):
        list(model.answer(chat(str(number)) for number in range(100)))


def test_the_others_wait_with_a_request_that_is_told_to_wait(server: FaultServer) -> None:
    server.knobs.latency_s = 0.02
    requests = [chat("fault 429-seconds once"), *(chat(str(number)) for number in range(60))]
    answers = ask(server, *requests, concurrency=4)
    assert not [answer for answer in answers.values() if answer.error]
    moments = [call.at for call in server.calls]
    assert max(later - earlier for earlier, later in pairwise(moments)) > 0.1
    assert server.busiest <= 4


def test_closing_early_leaves_nothing_running(server: FaultServer) -> None:
    model = load("toy", base_url=server.url, timeout_s=60)
    answers = model.answer([chat("hello"), *(chat(f"fault hang {number}") for number in range(6))])
    assert next(answers).texts
    answers.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "unreason-api"]
    assert _becomes_idle(server)


def test_requests_are_taken_no_further_ahead_than_needed(server: FaultServer) -> None:
    taken = []

    def endless() -> Iterator[Generate]:
        for number in count():
            taken.append(number)
            yield chat(str(number))

    answers = load("toy", base_url=server.url, concurrency=3).answer(endless())
    for _ in range(5):
        next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert len(taken) <= 5 + 2 * 3
    assert server.busiest <= 3


def test_an_exception_in_the_requests_themselves_reaches_the_caller_and_stops_everything(server: FaultServer) -> None:
    def broken() -> Iterator[Generate]:
        yield chat("fault hang")
        raise KeyError("data")

    with pytest.raises(KeyError, match="data"):
        list(load("toy", base_url=server.url).answer(broken()))
    assert _becomes_idle(server)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_stops_at_once(server: FaultServer, tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(
        "from suite.models.openai import load\nfrom suite.task import Generate\n"
        f"model = load('toy', base_url={server.url!r})\nprint('asking', flush=True)\n"
        "list(model.answer([Generate((('user', 'fault hang'),))]))\n"
    )
    folder = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    assert process.stdout is not None and process.stdout.readline() == "asking\n"
    while "fault hang" not in server.prompts():
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def _becomes_idle(server: FaultServer) -> bool:
    deadline = time.monotonic() + 5
    while server.running and time.monotonic() < deadline:
        time.sleep(0.02)
    return not server.running
