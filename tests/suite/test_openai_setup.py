"""Loading an API model: bad input gives one line before a run begins, and the key stays where it belongs."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

import pytest
from fault_server import FaultServer, Knobs

import suite
from suite.errors import UserError
from suite.models.openai import load
from suite.models.openai.limits import Pacer, Throttle
from suite.models.openai.settings import Endpoint
from suite.registry import load_model, model_providers
from suite.task import Generate

KEY = "sk-planted-0123/456789\\abcdef"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def refusal(name: str = "toy", **options: object) -> str:
    with pytest.raises(UserError) as caught:
        load(name, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "OPENAI_API_KEY is not set"),
        ({"base_url": "127.0.0.1:8080"}, "http://127.0.0.1:8080/v1"),
        ({"base_url": "http://127.0.0.1:99999/v1"}, "base URL"),
        ({"base_url": "http://x/", "concurrency": 0}, "option concurrency .* greater than or equal to 1"),
        ({"base_url": "http://x/", "timeout_s": "soon"}, "option timeout_s .* 'soon'"),
        ({"base_url": "http://x/", "price": "cheap"}, "option price .*IN,OUT"),
        ({"base_url": "http://x/", "price": "1,-2"}, "option price .*below 0"),
        ({"base_url": "http://x/", "price": "1,nan"}, "option price"),
        ({"base_url": "http://x/", "requests_per_minute": -1}, "option requests_per_minute"),
    ],
)
def test_bad_options_are_one_line_that_names_the_option(options: dict[str, object], says: str) -> None:
    assert re.search(says, refusal(**options))


def test_an_unknown_option_gets_the_nearest_right_name() -> None:
    assert "openai" in model_providers()
    with pytest.raises(UserError, match="did you mean concurrency"):
        load_model("openai/toy", concurency=3)


def test_a_key_inside_the_address_is_refused_and_not_repeated() -> None:
    assert "hunter2secret" not in refusal(base_url="http://me:hunter2secret@127.0.0.1/v1")
    assert "hunter2secret" not in refusal(base_url="http://127.0.0.1/v1?api_key=hunter2secret")


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with FaultServer(Knobs()) as server:
        pass
    assert server.url in refusal(base_url=server.url, max_retries=0)


def test_a_server_that_never_answers_is_named() -> None:
    with FaultServer(Knobs(latency_s=3, models=None)) as server:
        message = refusal(base_url=server.url, max_retries=0, timeout_s=0.2)
    assert "no answer within 0.2 s" in message


@pytest.mark.parametrize(
    ("knobs", "name", "says"),
    [
        (Knobs(key="another"), "toy", "OPENAI_API_KEY"),
        (Knobs(models=("small", "large")), "toy", "serves small, large"),
        (Knobs(chat=False, completions=False), "toy", "/v1"),
    ],
    ids=["wrong-key", "wrong-model", "wrong-address"],
)
def test_what_the_endpoint_refuses_is_said_with_the_remedy(
    knobs: Knobs, name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultServer(knobs) as server:
        message = refusal(name, base_url=server.url)
    assert says in message
    assert KEY not in message


def test_an_effort_that_the_model_does_not_know_is_said() -> None:
    with FaultServer(Knobs(rejects=frozenset({"reasoning_effort"}))) as server:
        assert "reasoning_effort" in refusal(base_url=server.url, reasoning_effort="low")


@pytest.mark.parametrize("path", ["chat", "completions"])
def test_a_busy_server_is_not_taken_for_one_that_cannot(path: str) -> None:
    probes = {"chat": "Say hello.", "completions": "The capital of France is"}
    with FaultServer(Knobs(faults={probes[path]: "fault 429"})) as server:
        assert "429" in refusal(base_url=server.url, max_retries=0)


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(Knobs()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert load("toy").info.extra["base_url"] == server.url


def test_options_arrive_from_the_command_line_as_text() -> None:
    with FaultServer(Knobs()) as server:
        assert load_model("openai/toy", base_url=server.url, concurrency="3", price="1,2").info.name == "openai/toy"


def test_a_planted_key_is_in_no_file_log_repr_or_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    prompts = ["hi", "fault 500", "fault 400", "fault 429"]
    with FaultServer(Knobs(key=KEY, repeats_key=True, completions=False)) as server:
        model = load("toy", base_url=server.url, max_retries=0)
        seen = [repr(model), str(model.info.to_json())]
        seen += [str(answer.to_json()) for answer in model.answer(Generate((("user", text),)) for text in prompts)]
        suite.run(
            "toy",
            "openai/toy",
            model_options={"base_url": server.url},
            tasks_dir=Path(__file__).parent / "toy_tasks",
            results=tmp_path,
        )
        server.knobs.revoked_after = 0
        with pytest.raises(UserError) as caught:
            list(model.answer([Generate("x")]))
        seen.append(str(caught.value))
    assert any("[key]" in text for text in seen[2:])  # the server did echo it
    assert "[key]" in seen[-1]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "journal.jsonl" for path in files)
    for form in (KEY, KEY.replace("\\", "\\\\"), KEY.replace("/", "\\/").replace("\\", "\\\\")):
        assert not [text for text in seen if form in text]
        assert form not in caplog.text
        assert not [path for path in files if form.encode() in path.read_bytes()]
    assert b"[key]" in b"".join(path.read_bytes() for path in files)


def test_a_key_that_stops_working_ends_the_run_and_the_same_command_continues_it(tmp_path: Path) -> None:
    with FaultServer(Knobs(completions=False)) as server:

        def run() -> suite.RunResult:
            return suite.run(
                "toy",
                "openai/toy",
                model_options={"base_url": server.url, "concurrency": 2},
                tasks_dir=Path(__file__).parent / "toy_tasks",
                results=tmp_path,
            )

        server.knobs.revoked_after = 8
        with pytest.raises(UserError, match="OPENAI_API_KEY"):
            run()
        server.knobs.revoked_after = None
        answered_before = {prompt for prompt in server.prompts()[:8] if prompt.endswith("?")}
        server.calls.clear()
        result = run()
    assert result.status == "complete"
    assert answered_before - set(server.prompts())  # what was kept is not asked again


@pytest.mark.parametrize("stand_in", ["", "none", "EMPTY"])
def test_words_that_stand_in_for_a_key_are_left_in_answers(stand_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", stand_in)
    endpoint = Endpoint.from_environment("http://127.0.0.1/v1")
    assert endpoint.redact({"text": f"there are none, EMPTY {stand_in} no-key"}) == {
        "text": f"there are none, EMPTY {stand_in} no-key"
    }


def test_a_burst_of_429s_halves_once_and_successes_bring_it_back() -> None:
    async def burst() -> tuple[float, float, float]:
        throttle = Throttle(8)
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            await asyncio.sleep(0.001)
            throttle.slow_down(began, 0.0)
        after = throttle.limit
        throttle.slow_down(asyncio.get_running_loop().time(), 0.0)
        later = throttle.limit
        for _ in range(100):
            throttle.speed_up()
        return after, later, throttle.limit

    assert asyncio.run(burst()) == (4.0, 2.0, 8.0)


def test_a_lowered_limit_holds_for_calls_that_begin_afterwards() -> None:
    async def most_at_once() -> int:
        throttle, running, most = Throttle(8), 0, 0
        throttle.slow_down(asyncio.get_running_loop().time(), 0.0)

        async def call() -> None:
            nonlocal running, most
            async with throttle.slot():
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1

        await asyncio.gather(*(call() for _ in range(30)))
        return most

    assert asyncio.run(most_at_once()) == 4


def test_pacing_lets_no_burst_through() -> None:
    async def moments() -> list[float]:
        pacer, clock = Pacer(60 / 0.02), asyncio.get_running_loop().time
        taken = []
        for _ in range(5):
            await pacer.take()
            taken.append(clock())
        return taken

    taken = asyncio.run(moments())
    assert taken[-1] - taken[0] >= 4 * 0.02 * 0.95
