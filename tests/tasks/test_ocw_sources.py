"""Which walls a run asks: shipped sets, generated ones, public files, pairs of them, and the examples before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ocw_setup import CHAT, drafts_of

from suite.errors import UserError
from suite.registry import load_task
from suite.task import Draft, Generate
from tasks.only_connect_wall.options import OnlyConnectWallOptions
from tasks.only_connect_wall.sources import load_source
from tasks.only_connect_wall.task import OnlyConnectWall


def task(**options: Any) -> OnlyConnectWall:
    found = load_task("only_connect_wall", options)
    assert isinstance(found, OnlyConnectWall)
    return found


def prompt_of(draft: Draft) -> dict[str, str]:
    request = draft.requests[0]
    assert isinstance(request, Generate) and isinstance(request.prompt, tuple)
    return dict(request.prompt)


@pytest.fixture
def sample(public_data: Path) -> str:
    return str(public_data / "only_connect_wall" / "ocw_sample.json")


ARMS = {
    "quads": ["BASE", "ABS", "SUB", "RH"],
    "dose": ["r0", "r1", "r2", "r3"],
    "phantom": ["phantom", "twin"],
    "priming": ["primed_RH", "primed_SUB", "unrelated_RH", "unrelated_SUB"],
    "extra": ["x0", "x1", "x2", "x3", "x4"],
}


@pytest.mark.parametrize(("data", "arms"), ARMS.items(), ids=ARMS.keys())
def test_every_shipped_set_is_asked_with_all_its_arms(data: str, arms: list[str]) -> None:
    docs = list(task(data=data).docs())
    assert len(docs) >= 10
    assert all(sorted(doc.data["arms"]) == sorted(arms) for doc in docs)


def test_new_items_come_from_their_seed() -> None:
    first, again, other = ([doc.data for doc in task(generate=2, data_seed=seed).docs()] for seed in (1, 1, 3))
    assert len(first) == 2 and first == again != other


def test_the_demo_asks_a_small_slice() -> None:
    assert OnlyConnectWall.demo_options is not None
    drafts = drafts_of(task(**OnlyConnectWall.demo_options))
    assert len(drafts) == 4
    assert all(isinstance(d.requests[0], Generate) and d.requests[0].max_tokens <= 100 for _, d in drafts)


def test_public_walls_are_asked_as_published_and_ours_cleanly(sample: str) -> None:
    with pytest.warns(UserWarning, match="flagged ambiguous_clue"):
        ((_, public), *_) = drafts_of(task(data=sample, shuffles=1))
    ((_, ours), *_) = drafts_of(task(generate=1, shuffles=1))
    assert "Only Connect" in prompt_of(public)["system"] and "Only Connect" not in prompt_of(ours)["system"]
    assert (public.condition["prompt"], ours.condition["prompt"]) == ("paper", "clean")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_public_walls_listed_group_by_group_are_shuffled(sample: str) -> None:
    for _, draft in drafts_of(task(data=sample, shuffles=2)):
        shown = json.loads(draft.target)
        blocks = [sorted(shown["words"][at : at + 4]) for at in range(0, 16, 4)]
        assert not all(sorted(group["clues"]) in blocks for group in shown["groups"])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_public_walls_are_paired_with_their_randomised_version(sample: str) -> None:
    docs = list(task(data=sample, randomized="made").docs())
    for doc in docs:
        original, easier = doc.data["arms"]["original"], doc.data["arms"]["randomized"]
        assert original["groups"][0] == easier["groups"][0] and original["groups"][1] != easier["groups"][1]
    assert {doc.cluster for doc in docs} == {doc.id for doc in docs}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_in_our_own_form_is_ours(public_data: Path) -> None:
    file = public_data / "only_connect_wall" / "herring_quads_reference.jsonl"
    source = load_source(OnlyConnectWallOptions(data=str(file)))
    assert source.is_ours and len(source.walls) == 960


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": 3}, "without a train split; give --examples FILE"),
        ({"warn": True}, "give --prompt clean too"),
        ({"randomized": "{other}"}, "shares no wall id"),
        ({"shots": 1, "examples": "{data}"}, "is also asked"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(
    sample: str, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    other = tmp_path / "other.json"
    walls = json.loads(Path(sample).read_text("utf-8"))
    rows = walls["dataset"] if isinstance(walls, dict) else walls
    other.write_text(json.dumps([{**rows[0], "wall_id": "elsewhere"}]))
    names = {"{other}": str(other), "{data}": sample}
    with pytest.raises(UserError, match=message):
        load_source(OnlyConnectWallOptions(data=sample, **{k: names.get(v, v) for k, v in options.items()}))


def test_our_examples_come_from_categories_that_no_wall_asks() -> None:
    ((_, draft), *_) = drafts_of(task(shots=3, shuffles=1))
    assert draft.condition["shots"] == 3
    assert prompt_of(draft)["user"].count("Solved wall:") == 4


def test_the_priming_arms_differ_in_their_three_examples_alone() -> None:
    drafts = {draft.condition["arm"]: draft for _, draft in drafts_of(task(data="priming", shuffles=1))[:4]}
    assert {draft.condition["shots"] for draft in drafts.values()} == {3}
    users = {arm: prompt_of(draft)["user"].split("\n\n") for arm, draft in drafts.items()}
    assert users["primed_RH"][-2:] == users["unrelated_RH"][-2:]
    assert users["primed_RH"][:-2] == users["primed_SUB"][:-2] != users["unrelated_RH"][:-2]
    with pytest.raises(UserError, match="brings its own three examples"):
        load_task("only_connect_wall", {"data": "priming", "shots": 3})


def test_surplus_clues_are_for_models_that_write() -> None:
    with pytest.raises(UserError, match="prompt clean"):
        load_task("only_connect_wall", {"data": "extra", "prompt": "paper"})
    drafts = [draft for _, draft in drafts_of(task(data="extra", shuffles=1), CHAT)]
    assert len({prompt_of(draft)["system"] for draft in drafts}) == 1
