"""What the task asks, what it refuses, and that it streams."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from pb_setup import ALL, BOTH, LOCAL, asked, prompt_of, task

from suite.errors import UserError
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.runner import run
from suite.task import Chat, Generate, ModelInfo, Segmented
from tasks.position_bias.prompts import PAIR_V2_SYSTEM

LOCAL_CHAT = ModelInfo("hf/chat", "hf", "f2", frozenset({"generate", "loglikelihood", "chat"}))
API = ModelInfo("openai/any", "openai", "f3", frozenset({"generate", "chat"}))

# -- what is asked ---------------------------------------------------------------------------------------------------


def test_all_that_differs_by_order_is_asked_in_segments() -> None:
    found = asked(task(family=ALL, items=1))
    plain = [draft for _, draft in found if not isinstance(prompt_of(draft), Segmented)]
    assert {draft.condition["arm"] for draft in plain} == {"closed_book"}
    assert {draft.condition["family"] for _, draft in found} == set(ALL.split(","))
    assert {(draft.condition["family"]) for _, draft in found if draft.mode == "loglikelihood"} == {
        "mcq", "judge", "kv", "premise",
    }  # fmt: skip


def test_the_condition_names_the_arm() -> None:
    _, draft = asked(task(items=1, labels="slot"))[2]
    keys = ["family", "source", "subset", "label_mode", "arm", "order", "gold_slot", "shots"]
    assert list(draft.condition) == keys
    assert draft.condition["order"] == "1-2-3-0"


def test_families_take_turns_so_that_a_limit_is_spread() -> None:
    docs = list(task(family="mcq,kv", items=2).docs())
    assert [doc.data["family"] for doc in docs] == ["mcq", "kv", "mcq", "kv"]
    assert all(doc.cluster == doc.id for doc in docs)


def test_likelihoods_see_plain_text_and_chat_models_write_in_their_turn() -> None:
    for _, draft in asked(task(family=ALL, items=1), LOCAL_CHAT):
        prompt = prompt_of(draft)
        if isinstance(prompt, Segmented):
            assert prompt.as_user_turn == (draft.mode == "generate")
    (plain,) = {draft.requests[0].stop for _, draft in asked(task(items=1), LOCAL) if draft.mode == "generate"}
    (chat,) = {draft.requests[0].stop for _, draft in asked(task(items=1), LOCAL_CHAT) if draft.mode == "generate"}
    assert (plain, chat) == (("\n",), ())


def test_an_api_gets_the_published_turns_of_pair_v2() -> None:
    found = asked(task(family="judge", items=1, judge="pair_v2"), API, frozenset({"generate"}))
    assert {draft.condition["label_mode"] for _, draft in found} == {"slot", "travel"}
    for _, draft in found:
        prompt: Chat = prompt_of(draft)  # type: ignore[assignment]
        assert prompt[0] == ("system", PAIR_V2_SYSTEM)
        assert prompt[1][1].startswith("[User Question]\n") and prompt[1][1].endswith("Answer]")


def test_options_and_the_published_layout_are_passed_on() -> None:
    found = asked(task(family="kv", items=1, k="5", slots="0,4", kv_form="original", max_tokens=7), LOCAL)
    assert [draft.condition["gold_slot"] for _, draft in found] == [0, 0, 4, 4]
    assert {draft.condition["variant"] for _, draft in found} == {"original"}
    assert all(isinstance(prompt_of(draft), str) for _, draft in found)
    assert {draft.requests[0].max_tokens for _, draft in found if isinstance(draft.requests[0], Generate)} == {7}


# -- what cannot be asked (8) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": "random"}, "option arms.0: Input should be 'canonical'"),
        ({"family": "kv", "arms": "cyclic"}, "arms cyclic is not for kv, which has: canonical, move_gold"),
        ({"family": "kv", "labels": "slot"}, "labels slot is not for kv, which has: none"),
        ({"family": "judge", "judge": "pair_v2", "labels": "none"}, "pair_v2 names its assistants"),
        ({"order": "cyclic"}, "unknown option of task position_bias 'order'; did you mean order_seed"),
        ({"shots": 6}, "option shots"),
        ({"arms": "swap"}, "arms swap is not for mcq, which has: canonical, cyclic"),
        ({"family": "kv", "shots": 5}, "shots belongs to family mcq, not to kv; leave it out"),
        ({"k": "5"}, "k belongs to family docqa or kv or needle, not to mcq"),
        ({"k": "1"}, "option k.0"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        task(**options)


def test_arms_that_an_item_has_not_got_are_named_before_a_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="item 'kv-0-0000': k=51, but it has 50 segments"):
        run(task(family="kv", k="51"), "hf/no-such-model", results=tmp_path, reporter=Silent())


def test_likelihoods_of_an_api_are_refused(tmp_path: Path) -> None:
    model = ScriptedModel("api", text=lambda *_: "A")
    with pytest.raises(UserError, match="mode loglikelihood is not supported for this backend"):
        run(task(items=1), model, modes=["loglikelihood"], results=tmp_path, reporter=Silent())


def test_families_that_need_words_are_refused_without_them() -> None:
    with pytest.raises(UserError, match="family docqa is answered in words; use mode generate"):
        task(family="docqa").check(LOCAL, frozenset({"loglikelihood"}))


def test_an_intervention_cannot_act_on_the_published_layout() -> None:
    under = ModelInfo("hf/x+pine", "hf", "f", LOCAL.capabilities, extra={"intervention": {"name": "pine"}})
    task(family="kv").check(under, BOTH)
    with pytest.raises(UserError, match="kv_form original has no interchangeable segments"):
        task(family="kv", kv_form="original").check(under, BOTH)


# -- size ------------------------------------------------------------------------------------------------------------


def peak_bytes(n: int) -> int:
    made = task(data="generated", items=n, arms="full")
    tracemalloc.start()
    count = 0
    for doc in made.docs():
        count += len(made.requests(doc, LOCAL, frozenset({"loglikelihood"})))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == n * 24 * 3
    return peak


def test_docs_and_their_orders_stream() -> None:
    peak_bytes(3)  # imports and word lists
    small, large = peak_bytes(10), peak_bytes(80)
    assert large < small + 300_000


def test_public_files_stream(public_data: Path) -> None:
    made = task(data=str(public_data / "position_bias" / "kv-retrieval-75_keys.jsonl.gz"))

    def peak(n: int) -> int:
        tracemalloc.start()
        for _, _doc in zip(range(n), made.docs(), strict=False):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    assert peak(300) < peak(10) + 500_000  # 300 records held at once are over two megabytes
