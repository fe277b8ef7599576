"""Generated walls: one solution each, clues as promised, and arms that differ in what they should and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UserError
from tasks.only_connect_wall.bank import Bank, Category, shipped_bank
from tasks.only_connect_wall.files import read_walls
from tasks.only_connect_wall.generate import SETS, generated_walls
from tasks.only_connect_wall.solver import check_unique, is_unique, partitions
from tasks.only_connect_wall.wall_rows import prime_walls
from tasks.only_connect_wall.walls import Wall

ARMS = {
    "quads": ["BASE", "ABS", "SUB", "RH"],
    "dose": ["r0", "r1", "r2", "r3"],
    "phantom": ["twin", "phantom"],
    "priming": ["primed_SUB", "primed_RH", "unrelated_SUB", "unrelated_RH"],
    "extra": ["x0", "x1", "x2", "x3", "x4"],
    "examples": [""],
}


@cache
def some(name: str, seed: int = 3, n: int = 20) -> tuple[Wall, ...]:
    return tuple(generated_walls(name, seed=seed, n=n))


def items(walls: Sequence[Wall]) -> list[dict[str, Wall]]:
    found: dict[str, dict[str, Wall]] = {}
    for wall in walls:
        found.setdefault(wall.item, {})[wall.condition] = wall
    return list(found.values())


def places_that_differ(here: Wall, there: Wall) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(here.words, there.words, strict=True) if a != b]


@pytest.mark.parametrize("name", SETS)
def test_every_item_has_its_arms_and_every_wall_one_solution(name: str) -> None:
    walls = some(name)
    assert [list(arms) for arms in items(walls)] == [ARMS[name]] * 20
    assert len({wall.id for wall in walls}) == len(walls)
    for wall in walls:
        check_unique(wall, shipped_bank())
        assert [len(group.clues) for group in wall.groups] == [4] * 4
        assert wall.set == name


@pytest.mark.parametrize("name", SETS)
def test_the_same_seed_gives_the_same_walls_and_another_seed_others(name: str) -> None:
    assert tuple(generated_walls(name, seed=3, n=20)) == some(name)
    assert some(name, seed=4) != some(name)
    assert some(name, n=20)[: len(ARMS[name]) * 5] == tuple(generated_walls(name, seed=3, n=5))


def test_walls_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib; from tasks.only_connect_wall.generate import SETS, generated_walls as made; "
        "print(hashlib.sha256(repr([w for s in SETS for w in made(s, seed=1, n=4)]).encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    sums = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, cwd=root, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sums) == 1


@pytest.mark.parametrize("arms", items(some("quads")), ids=lambda arms: arms["RH"].item)
def test_a_quad_differs_in_one_clue_and_one_group(arms: dict[str, Wall]) -> None:
    herring, twin = arms["RH"].herring, arms["RH"].neutral_twin
    assert places_that_differ(arms["RH"], arms["SUB"]) == [(herring, twin)]
    assert places_that_differ(arms["ABS"], arms["BASE"]) == [(herring, twin)]
    bank = shipped_bank()
    for condition, wall in arms.items():
        assert wall.host == 0
        assert wall.critical == (herring if condition in ("RH", "ABS") else twin)
        assert wall.critical in wall.groups[0].clues
        on_wall = [group for group in wall.groups if group.category == wall.competitor]
        assert bool(on_wall) == (condition in ("RH", "SUB"))
        assert wall.competitor_clues == (on_wall[0].clues if on_wall else ())
    six = {group.category for wall in arms.values() for group in wall.groups}
    assert six & set(bank.fitting(herring)) == {arms["RH"].groups[0].category, arms["RH"].competitor}
    for word in {clue for wall in arms.values() for clue in wall.words} - {herring}:
        assert len({group.category for group in arms["RH"].groups} & set(bank.fitting(word))) <= 1


def test_no_word_is_the_herring_of_more_than_four_quads_and_all_serve_before_one_serves_again() -> None:
    quads = generated_walls("quads", seed=0, n=700)
    times = Counter(wall.herring for wall in quads if wall.condition == "RH")
    assert max(times.values()) <= 4
    few = Counter(wall.herring for wall in some("quads", n=240) if wall.condition == "RH")
    assert set(few.values()) == {1}


@pytest.mark.parametrize("arms", items(some("dose")), ids=lambda arms: arms["r0"].item)
def test_each_dose_replaces_one_neutral_clue_by_a_herring(arms: dict[str, Wall]) -> None:
    bank = shipped_bank()
    on_wall = {group.category for group in arms["r0"].groups}
    for dose in range(3):
        here, there = arms[f"r{dose}"], arms[f"r{dose + 1}"]
        ((neutral, herring),) = places_that_differ(here, there)
        assert len(on_wall & set(bank.fitting(neutral))) == 1
        assert len(on_wall & set(bank.fitting(herring))) >= 2
        assert str(there.meta["herrings"]).split(" | ")[-1] == herring


@pytest.mark.parametrize("arms", items(some("phantom")), ids=lambda arms: arms["twin"].item)
def test_the_phantoms_clues_come_from_four_groups_and_fit_a_fifth_category(arms: dict[str, Wall]) -> None:
    phantom, twin = arms["phantom"], arms["twin"]
    bank = shipped_bank()
    assert [sum(clue in group.clues for clue in phantom.competitor_clues) for group in phantom.groups] == [1] * 4
    assert all(phantom.competitor in bank.fitting(clue) for clue in phantom.competitor_clues)
    assert not any(phantom.competitor in bank.fitting(clue) for clue in twin.words)
    assert set(places_that_differ(phantom, twin)) == set(
        zip(phantom.competitor_clues, twin.competitor_clues, strict=True)
    )


@pytest.mark.parametrize("arms", items(some("priming")), ids=lambda arms: arms["primed_RH"].item)
def test_primes_use_the_competitor_and_share_no_clue_with_the_wall(arms: dict[str, Wall]) -> None:
    primed, unrelated = prime_walls(arms["primed_RH"]), prime_walls(arms["unrelated_RH"])
    assert prime_walls(arms["primed_SUB"]) == tuple(
        replace(wall, id=wall.id.replace("RH", "SUB"), item=wall.item.replace("RH", "SUB")) for wall in primed
    )
    wall = arms["primed_RH"]
    assert arms["unrelated_RH"].words == wall.words
    assert len(primed) == len(unrelated) == 3
    for here, there in zip(primed, unrelated, strict=True):
        assert here.groups[0].category == wall.competitor != there.groups[0].category
        assert here.groups[1:] == there.groups[1:]
        for example in (here, there):
            check_unique(example, shipped_bank())
            assert set(example.words).isdisjoint((*wall.words, *arms["primed_SUB"].words))


@pytest.mark.parametrize("arms", items(some("extra")), ids=lambda arms: arms["x0"].item)
def test_extra_clues_fit_no_group_and_are_nested(arms: dict[str, Wall]) -> None:
    bank = shipped_bank()
    gold = {clue for group in arms["x0"].groups for clue in group.clues}
    seen: set[str] = set()
    for count in range(5):
        wall = arms[f"x{count}"]
        unused = set(wall.words) - gold
        assert len(unused) == count and seen <= unused
        seen = unused
        assert wall.groups == arms["x0"].groups
        assert [word for word in wall.words if word in gold] == list(arms["x0"].words)
        for clue in unused:
            assert {group.category for group in wall.groups}.isdisjoint(bank.fitting(clue))


def test_example_categories_stand_in_examples_only() -> None:
    examples = {category.id for category in shipped_bank().with_role("example")}
    for name in SETS:
        used = {group.category for wall in some(name) for group in wall.groups}
        assert used <= examples if name == "examples" else used.isdisjoint(examples)


def test_no_wall_lists_its_groups_one_after_the_other() -> None:
    for name in SETS:
        for wall in some(name):
            assert list(wall.words) != [clue for group in wall.groups for clue in group.clues]


def test_240_quads_take_about_a_second() -> None:
    shipped_bank()
    start = time.process_time()
    assert sum(1 for _ in generated_walls("quads", seed=9, n=240)) == 960
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", ["quads", "phantom", "priming"])
def test_more_than_the_bank_holds_is_refused_with_the_capacity(name: str) -> None:
    with pytest.raises(UserError, match=r"the category bank has material for \d+; ask for at most that many"):
        list(generated_walls(name, seed=0, n=3000))


def test_an_unknown_set_is_refused_with_the_known() -> None:
    with pytest.raises(UserError, match="unknown set of walls 'quad'; did you mean quads"):
        generated_walls("quad", seed=0, n=1)


def simple(names: dict[str, str]) -> Bank:
    return Bank(tuple(Category(name, name, "sense", tuple(words.split())) for name, words in names.items()))


SOLVABLE = {"a": "a1 a2 a3 a4", "b": "b1 b2 b3 b4", "c": "c1 c2 c3 c4", "d": "d1 d2 d3 d4"}
WORDS = " ".join(SOLVABLE.values()).split()


@pytest.mark.parametrize(
    ("more", "solutions"),
    [
        ({}, 1),
        ({"same four, another name": "a1 a2 a3 a4"}, 1),
        ({"one of each": "a1 b1 c1 d1"}, 1),
        ({"swap 1": "a1 a2 a3 b4", "swap 2": "a4 b1 b2 b3"}, 2),
        ({"rows 1": "a1 b1 c1 d1", "rows 2": "a2 b2 c2 d2", "rows 3": "a3 b3 c3 d3", "rows 4": "a4 b4 c4 d4"}, 2),
        ({"five": "a1 a2 a3 a4 b1", "four": "b1 b2 b3 b4 a1"}, 2),
    ],
)
def test_partitions_are_counted_not_names(more: dict[str, str], solutions: int) -> None:
    bank = simple(SOLVABLE | more)
    assert len(partitions(WORDS, bank, most=9)) == solutions
    assert len(partitions(WORDS, bank)) == min(2, solutions)


def test_a_wall_without_a_solution_has_none() -> None:
    assert partitions(WORDS, simple({**SOLVABLE, "d": "d1 d2 d3 e"})) == []


def test_clues_to_spare_may_be_left_out_in_one_way_only() -> None:
    assert len(partitions([*WORDS, "e1", "e2"], simple(SOLVABLE))) == 1
    assert len(partitions([*WORDS, "a5"], simple(SOLVABLE | {"a": "a1 a2 a3 a4 a5"}), most=9)) == 5


@pytest.mark.parametrize("words", [WORDS[:15], [*WORDS[:15], "A1"]])
def test_too_few_words_or_a_word_twice_is_an_error(words: list[str]) -> None:
    with pytest.raises(ValueError, match="expected 16 or more, all different"):
        partitions(words, simple(SOLVABLE))


@given(st.lists(st.sets(st.sampled_from(WORDS), min_size=4, max_size=6), max_size=6))
def test_the_search_finds_what_trying_everything_finds(sets: list[set[str]]) -> None:
    bank = simple(SOLVABLE | {f"more {n}": " ".join(sorted(words)) for n, words in enumerate(sets)})
    groups = {frozenset(four) for entry in bank.categories for four in combinations(entry.members, 4)}
    by_brute_force = (
        {frozenset(four) for four in combinations(sorted(groups, key=sorted), 4) if len(frozenset().union(*four)) == 16}
        if len(groups) < 24
        else None
    )
    found = {frozenset(map(frozenset, partition)) for partition in partitions(WORDS, bank, most=10**6)}
    assert by_brute_force is None or found == by_brute_force
    assert frozenset(frozenset(words.split()) for words in SOLVABLE.values()) in found


def test_a_wall_with_two_solutions_stops_the_check_and_both_are_named() -> None:
    wall = some("quads")[0]
    (a, b, c, d), twisted = [list(group.clues) for group in wall.groups], "swap {}"
    bank = Bank(
        (
            *shipped_bank().categories,
            Category(twisted.format(1), "x", "sense", (*a[:3], b[3])),
            Category(twisted.format(2), "x", "sense", (*b[:3], a[3])),
        )
    )
    assert is_unique(wall, shipped_bank()) and not is_unique(wall, bank)
    with pytest.raises(UserError) as raised:
        check_unique(wall, bank)
    assert raised.value.exit_code == 2
    message = str(raised.value)
    assert "\n" not in message and message.startswith(f"wall {wall.id}: ") and " and " in message
    for clue in (*a, *b, *c, *d):
        assert message.count(clue) >= 2


def test_a_bank_in_which_walls_have_two_solutions_stops_the_generator() -> None:
    """Two pairs of categories with the same words but for one: every wall can be solved in two ways."""
    words = {"a": "a1 a2 a3 a4 x", "b": "b1 b2 b3 b4 x", "c": "c1 c2 c3 c4", "d": "d1 d2 d3 d4", "e": "e1 e2 e3 e4"}
    lines = [row.split()[:4] for row in words.values()]
    rows = {
        f"row {at} {n}": " ".join(row[at] for n2, row in enumerate(lines) if n2 != n)
        for at in range(4)
        for n in range(5)
    }
    bank = Bank(tuple(replace(entry, role="test") for entry in simple(words).categories))
    assert len(list(generated_walls("quads", seed=0, n=1, bank=bank))) == 4
    doubled = Bank((*bank.categories, *(replace(entry, role="example") for entry in simple(rows).categories)))
    with pytest.raises(UserError, match=r"only solution, found .* / .* and .* / "):
        list(generated_walls("quads", seed=0, n=1, bank=doubled))


@pytest.mark.parametrize(("name", "walls"), [("quads", 960), ("dose", 640)])
def test_every_wall_of_the_reference_files_has_one_solution(name: str, walls: int, public_data: Path) -> None:
    from tasks.only_connect_wall.bank import read_bank

    folder = public_data / "only_connect_wall"
    bank = read_bank(folder / "categories_seed.json")
    found = read_walls(folder / f"herring_{name}_reference.jsonl")
    assert len(found) == walls
    for wall in found:
        check_unique(wall, bank)
    assert [list(arms) for arms in items(found)] == [ARMS[name]] * (walls // 4)
