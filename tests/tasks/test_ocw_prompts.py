"""The wording of the prompts: the published one to the letter, ours without the show and with its factors."""

from __future__ import annotations

import random

import pytest
from ocw_setup import CHAT, GOLD, LOCAL, drafts_of, task_with, toy_wall

from suite.errors import UserError
from suite.task import Generate
from tasks.only_connect_wall.items import displayed, gives_groups_away
from tasks.only_connect_wall.prompts import connections_prompt, grouping_prompt
from tasks.only_connect_wall.sources import Source
from tasks.only_connect_wall.walls import Wall

WORDS = toy_wall().words
EXAMPLE = toy_wall(words=tuple(f"{clue}!" for clue in WORDS))


def turns(prompt: object) -> dict[str, str]:
    assert isinstance(prompt, tuple)
    return dict(prompt)


def test_the_published_grouping_prompt_without_examples_still_mentions_them() -> None:
    asked = turns(grouping_prompt(WORDS, [], "paper"))
    assert asked["system"].startswith("You are currently competing in Round 3: Connecting Wall on the quiz show")
    assert 'Your task: given 16 "clues" (words or phrases), solve the wall' in asked["system"]
    assert "You are also given examples of solved walls, which include the connections." in asked["system"]
    assert "\n\nBe careful! Connecting Wall is deliberately difficult." in asked["system"]
    assert asked["user"] == f"Example solved wall(s):\n\n\n\nClues: {', '.join(WORDS)}\n\nSolved wall:"


def test_the_published_examples_show_connections_and_are_numbered() -> None:
    user = turns(grouping_prompt(WORDS, [EXAMPLE, EXAMPLE], "paper"))["user"]
    block = "\n".join(f"{', '.join(group.clues)}. Connection: {group.label}" for group in EXAMPLE.groups)
    assert user.startswith(f"Example solved wall(s):\n\nExample 1\n{block}\n\nExample 2\n{block}\n\nClues: ")


def test_the_published_connections_prompt_lists_the_groups() -> None:
    asked = turns(connections_prompt(GOLD, [], "paper"))
    lines = "\n".join(f"{', '.join(row)}. Connection:" for row in GOLD)
    assert asked["user"] == f"Example solved wall(s):\n\n\n\nGroups:\n{lines}\n\nSolved wall:"
    assert asked["system"].endswith("rely on both arcane subject areas and popular culture.")


def test_the_clean_prompt_names_no_show_and_warns_only_when_asked() -> None:
    plain, warned = (turns(grouping_prompt(WORDS, [], "clean", warn=warn))["system"] for warn in (False, True))
    for word in ("Only Connect", "quiz", "example", "mislead"):
        assert word not in plain
    assert warned.startswith(plain) and "mislead" in warned
    assert "exactly four lines" in plain and '" | "' in plain


def test_clean_examples_are_mentioned_only_where_there_are_some() -> None:
    asked = turns(grouping_prompt(WORDS, [EXAMPLE], "clean"))
    assert "examples" in asked["system"]
    assert asked["user"].index("a1! |") < asked["user"].index("a1 |")
    assert "Connection" not in asked["user"], "an answer that shows connections is not what is asked for"
    assert "Connection: Group a" in turns(connections_prompt(GOLD, [EXAMPLE], "clean"))["user"]


def test_surplus_clues_are_announced_in_every_arm_alike() -> None:
    asked = [turns(grouping_prompt(words, [], "clean", surplus=True))["system"] for words in (WORDS, (*WORDS, "z"))]
    assert asked[0] == asked[1] and "left out" in asked[0] and "16" not in asked[0]


def test_models_that_complete_text_get_one_text_and_stop_at_a_blank_line() -> None:
    task = task_with([toy_wall()], data="f.json", prompt="clean", shuffles=1, likelihood="none")
    ((_, draft),) = drafts_of(task, LOCAL)
    request = draft.requests[0]
    assert isinstance(request, Generate) and isinstance(request.prompt, str)
    assert request.prompt.endswith("Solved wall:\n") and request.stop == ("\n\n",)


@pytest.mark.parametrize(
    ("options", "extra", "tokens"),
    [
        ({"prompt": "paper"}, {}, 144),
        ({"prompt": "clean"}, {}, 512),
        ({"prompt": "paper"}, {"reasoning_effort": "low"}, 4096),
        ({"max_tokens": 99}, {}, 99),
    ],
    ids=["paper", "clean", "a model that thinks", "given"],
)
def test_the_token_budget(options: dict[str, object], extra: dict[str, str], tokens: int) -> None:
    from dataclasses import replace

    task = task_with([toy_wall()], data="f.json", shuffles=1, **options)
    request = drafts_of(task, replace(CHAT, extra=extra))[0][1].requests[0]
    assert isinstance(request, Generate) and request.max_tokens == tokens and request.temperature == 0


# Orders of the clues -----------------------------------------------------------------------------------------------


def test_the_first_order_is_the_walls_own_and_all_are_stable() -> None:
    wall = toy_wall()
    orders = [displayed(wall, shuffle) for shuffle in range(3)]
    assert orders[0] == wall.words and len(set(orders)) == 3
    assert all(sorted(order) == sorted(wall.words) for order in orders)
    assert orders == [displayed(toy_wall(), shuffle) for shuffle in range(3)]
    assert displayed(toy_wall(item="other"), 1) != orders[1]


def test_an_order_that_gives_the_groups_away_is_never_shown() -> None:
    leaky = toy_wall(words=tuple(clue for row in reversed(GOLD) for clue in row))
    assert gives_groups_away(leaky.words, leaky.groups)
    assert not any(gives_groups_away(displayed(leaky, shuffle), leaky.groups) for shuffle in range(5))


# Examples ----------------------------------------------------------------------------------------------------------


def numbered_wall(number: int) -> Wall:
    return toy_wall(id=f"t{number}", words=tuple(f"{clue}-{number}" for clue in WORDS))


def test_examples_are_drawn_once_as_in_the_published_runs() -> None:
    pool = [numbered_wall(number) for number in range(62)]
    source = Source([toy_wall()], pool)
    published = [40, 7, 1, 47, 17, 15, 14, 8, 58, 6]
    assert random.Random(42).sample(range(62), 10) == published
    for shots in (1, 3, 5, 10):
        assert source.examples(shots) == [pool[place] for place in published[:shots]]


def test_too_many_shots_and_examples_that_are_asked_too_are_refused() -> None:
    with pytest.raises(UserError, match="shots 3: there are 2 example walls"):
        Source([toy_wall()], [numbered_wall(0), numbered_wall(1)]).check(3)
    with pytest.raises(UserError, match="example wall t0 is also asked"):
        Source([numbered_wall(0)], [numbered_wall(0)]).check(1)
    Source([toy_wall()], []).check(0)
