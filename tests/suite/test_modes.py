"""How far the modes of one run agree, and how a server is tried out."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_server import FaultServer, Knobs

from suite.doctor import diagnose_endpoint
from suite.errors import UserError
from suite.models.scripted import ScriptedModel
from suite.modes import mode_agreement
from suite.progress import Silent
from suite.runner import run
from suite.task import Generate, Mode, Prompt

NEQA = {"subtask": ["neqa"], "n": 6}


def stored(model: ScriptedModel | str, results: Path, modes: list[Mode] | None = None) -> None:
    run("inverse_scaling", model, options=NEQA, modes=modes, results=results, reporter=Silent())


def a_logprob(_: Prompt, continuation: str) -> float:
    return -0.1 if continuation.strip().startswith("A") else -3.0


def test_a_model_that_always_says_a_agrees_with_itself_in_every_mode(tmp_path: Path) -> None:
    stored(ScriptedModel("a", text=lambda *_: "A", logprob=a_logprob), tmp_path)
    rows = {(row["first"], row["second"]): row for row in mode_agreement("latest", tmp_path)}
    assert rows.keys() == {
        ("first_token", "generate"),
        ("first_token", "loglikelihood"),
        ("generate", "loglikelihood"),
    }
    for row in rows.values():
        assert (row["n"], row["same_verdict"], row["unread"]) == (12, 1.0, 0.0)
        assert row["first_right"] == row["second_right"]
    assert rows["first_token", "loglikelihood"]["same_answer"] == 1.0


def test_a_model_that_writes_the_opposite_disagrees(tmp_path: Path) -> None:
    def text(_: Generate, __: int) -> str:
        return "B"

    stored(ScriptedModel("b", text=text, logprob=a_logprob), tmp_path)
    [row] = [row for row in mode_agreement("latest", tmp_path) if row["first"] == "generate"]
    assert row["same_verdict"] == 0.0
    assert row["same_answer"] == 0.0
    assert row["first_right"] == pytest.approx(1 - row["second_right"])
    assert row["kappa"] is None or row["kappa"] <= 0


def test_an_answer_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    stored(ScriptedModel("c", text=lambda *_: "hm", logprob=a_logprob), tmp_path)
    [row] = [row for row in mode_agreement("latest", tmp_path) if row["first"] == "generate"]
    assert (row["unread"], row["n_read"], row["same_answer"], row["first_right"]) == (1.0, 0, None, 0.0)


def test_a_run_of_one_mode_has_nothing_to_compare(tmp_path: Path) -> None:
    stored("scripted/uniform", tmp_path, ["loglikelihood"])
    with pytest.raises(UserError, match="no question that two modes answer"):
        mode_agreement("latest", tmp_path)


@pytest.fixture
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.usefixtures("_no_key")
@pytest.mark.parametrize(
    ("knobs", "state", "detail"),
    [
        (Knobs(), "ok", "-1.000 nats when generated, -1.000 as given text"),
        (Knobs(echo="shifted"), "warning", "-2.38 as given text"),
        (Knobs(echo="ignored"), "warning", "ignores echo"),
    ],
    ids=["sound", "6.6-shifted", "6.6-ignored"],
)
def test_the_doctor_says_whether_a_server_is_to_be_believed(knobs: Knobs, state: str, detail: str) -> None:
    with FaultServer(knobs) as server:
        findings = {finding.name: finding for finding in diagnose_endpoint(server.url, "toy")}
    assert findings["log-probabilities"].state == state
    assert detail in findings["log-probabilities"].detail
    assert bool(findings["log-probabilities"].remedy) == (state != "ok")
    assert ("loglikelihood" in findings["capabilities"].detail) == (state == "ok")
    assert {"echo", "logprobs", "top_logprobs", "n", "seed", "stop", "response_format"} <= findings.keys()


@pytest.mark.usefixtures("_no_key")
def test_a_server_that_lists_one_model_need_not_be_told_its_name() -> None:
    with FaultServer(Knobs()) as server:
        assert diagnose_endpoint(server.url)[0].detail.startswith("answers for")


@pytest.mark.usefixtures("_no_key")
def test_no_server_is_one_line() -> None:
    with pytest.raises(UserError, match="is the server running"):
        diagnose_endpoint("http://127.0.0.1:9/v1")
