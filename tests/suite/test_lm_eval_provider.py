"""Backends of lm-evaluation-harness as models of ours: ``lm-eval/BACKEND:ARGUMENTS``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness_setup import tiny_model

from suite.errors import UserError
from suite.models import hf
from suite.registry import load_model, model_providers
from suite.task import Embed, Generate, Loglikelihood, Segmented

pytest.importorskip("lm_eval")

REQUESTS = [
    Loglikelihood("The composer of amber", (" red", " blue lantern")),
    Loglikelihood("", ("amber lantern",)),
    Loglikelihood(Segmented("the", (" question", " answer"), " people"), (" say", " red")),
    Generate("people say that", stop=("zz",), max_tokens=5),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"), template=True)


def test_the_provider_has_a_hyphen() -> None:
    assert model_providers()["lm-eval"] == "suite.models.lm_eval"


def test_its_hf_backend_answers_as_our_own_does(folder: Path) -> None:
    model = load_model(f"lm-eval/hf:pretrained={folder},dtype=float32")
    assert model.info.capabilities == {"loglikelihood", "generate", "chat"}
    assert model.info.parameters
    own = {response.request_id: response for response in hf.load(str(folder), dtype="float32").answer(REQUESTS)}
    found = {response.request_id: response for response in model.answer(REQUESTS)}
    assert found.keys() == own.keys()
    for key, response in found.items():
        assert [text.text for text in response.texts] == [text.text for text in own[key].texts]
        for mine, theirs in zip(response.scores, own[key].scores, strict=True):
            assert mine.logprob == pytest.approx(theirs.logprob, abs=1e-4)
            assert (mine.tokens, mine.is_greedy) == (theirs.tokens, theirs.is_greedy)


def test_what_the_backend_cuts_without_being_asked_is_counted(folder: Path) -> None:
    model = load_model(f"lm-eval/hf:pretrained={folder},dtype=float32,max_length=16")
    long = "people say that the composer of the amber lantern is known " * 3
    tokens = len(model._lm.tok_encode(long.strip()))  # type: ignore[attr-defined]
    short, cut = model.answer([Loglikelihood("the", (" town",)), Loglikelihood(long.strip(), (" town",))])
    assert short.cut_tokens == 0
    assert cut.cut_tokens == tokens + cut.scores[0].tokens - 17  # the last token of a text needs no place


def test_a_text_without_tokens_fails_alone(folder: Path) -> None:
    model = load_model(f"lm-eval/hf:pretrained={folder},dtype=float32")
    good, bad = Loglikelihood("the", (" town",)), Loglikelihood("of", ("",))
    found = {response.request_id: response for response in model.answer([good, bad])}
    assert found[bad.id].error == "tokenization"
    assert found[good.id].error is None


def test_chat_can_be_left_out_or_insisted_on(folder: Path, tmp_path: Path) -> None:
    assert "chat" not in load_model(f"lm-eval/hf:pretrained={folder}", chat=False).info.capabilities
    bare = tiny_model(tmp_path / "bare")
    with pytest.raises(UserError, match="no chat template"):
        load_model(f"lm-eval/hf:pretrained={bare}", chat=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hff:pretrained=x", r"unknown backend of lm-eval 'hff'; did you mean"),
        ("hf:pretrained=./nowhere-at-all", "cannot be loaded"),
        ("hf:pretrained=x,api_key=sk-123456789", "environment only"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_model(f"lm-eval/{name}")
    assert "\n" not in str(caught.value)
    assert "sk-123456789" not in str(caught.value)


class Server:
    """A backend behind an API; `shift` moves its log-probabilities by a token."""

    def __init__(self, turns: bool = False, shift: bool = False, text: str | None = " Paris") -> None:
        self.turns, self.shift, self.text = turns, shift, text

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        if self.turns:
            raise NotImplementedError("chat")
        likely = [request.args[1] == " Paris" and not self.shift for request in requests]
        return [(-0.3 if one else -8.5, one) for one in likely]

    def generate_until(self, requests: Sequence[Any]) -> list[str | None]:
        return [self.text for _ in requests]

    def apply_chat_template(self, turns: Any, add_generation_prompt: bool = True) -> Any:
        if not self.turns:
            raise NotImplementedError
        return turns


def served(monkeypatch: pytest.MonkeyPatch, server: Server) -> Any:
    from suite.models.lm_eval import LmEvalModel

    monkeypatch.setattr(LmEvalModel, "_is_remote", lambda _: True)
    return LmEvalModel("local-completions:model=x", server)


@pytest.mark.parametrize(
    ("server", "capabilities"),
    [
        (Server(), {"generate", "loglikelihood"}),
        (Server(shift=True), {"generate"}),
        (Server(turns=True), {"generate", "chat"}),
    ],
    ids=["sound", "4.4-shifted", "chat-only"],
)
def test_log_probabilities_of_servers_pass_a_test_before_they_count(
    server: Server, capabilities: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served(monkeypatch, server).info.capabilities == capabilities


def test_answers_that_are_none_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = served(monkeypatch, Server(turns=True, text=None))
    found = list(model.answer([Generate("a"), Generate((("user", "b"),), n=2), Embed(("c",))]))
    assert sorted(response.error or "" for response in found) == ["client_error", "empty", "empty"]
