"""The category bank: the shipped one is sound and large enough, and the lint finds each kind of fault."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from suite.errors import UserError
from tasks.only_connect_wall.bank import Bank, Category, read_bank, shipped_bank
from tasks.only_connect_wall.lint import check_bank, counts, faults, overlapping
from tasks.only_connect_wall.rules import matches


def category(name: str, members: str, **changes: object) -> Category:
    fields = {"id": name, "label": name.title(), "kind": "sense", "members": tuple(members.split()), **changes}
    return Category(**fields)  # type: ignore[arg-type]


def sound() -> list[Category]:
    return [
        category("metals", "Iron Lead Tin Zinc Gold Silver"),
        category("fire", "Ball Fly Wood Work Wall Place", label="fire___", kind="blank"),
        category("ball", "Fire Snow Foot Hand Eye Gold", label="___ball", kind="blank"),
        category("same", "Level Noon Radar Civic Rotor Kayak", kind="form", rule="palindrome", fits=("Eye",)),
    ]


def test_the_shipped_bank_has_no_faults() -> None:
    assert faults(shipped_bank()) == []


def test_the_shipped_bank_is_as_large_as_the_card_says() -> None:
    bank = shipped_bank()
    found = counts(bank)
    assert found["categories"] >= 150
    assert found["members a category"] >= 8
    assert min(len(entry.members) for entry in bank.categories) >= 6
    assert found["words that are members of several"] >= 200
    assert found["example categories"] >= 12
    assert found["categories"] == 229
    assert found["words that are members of several"] == 365
    assert found["words that belong to several"] == 1182
    assert (found["connected fours"], found["connected fours for 3 herrings"]) == (16341, 13854)


def test_one_pair_of_the_shipped_bank_shares_more_than_half() -> None:
    assert [(here, there) for here, there, _ in overlapping(shipped_bank())] == [("planets", "roman_gods")]


def test_the_seed_of_the_bank_has_its_known_counts(public_data: Path) -> None:
    seed = read_bank(public_data / "only_connect_wall" / "categories_seed.json")
    found = counts(seed)
    names = ("categories", "memberships", "words", "words that are members of several", "crossing pairs")
    assert [found[name] for name in names] == [88, 710, 594, 96, 111]
    assert found["connected fours"] == 581


def test_the_words_that_the_lint_has_caught_are_declared() -> None:
    """Overlooked by eye in earlier versions: a nun is a palindrome, and a yew sounds like a letter."""
    bank = shipped_bank()
    assert "palindromes" in bank.fitting("Nun")
    assert "letter_sounds" in bank.fitting("Yew")
    assert "x_bird" in bank.fitting("butter")


def test_a_sound_bank_passes() -> None:
    assert faults(Bank(tuple(sound()))) == []
    check_bank(Bank(tuple(sound())))


@pytest.mark.parametrize(
    ("at", "changes", "fault"),
    [
        (0, {"members": ("Iron", "Lead", "Tin", "Zinc", "Gold", "Silver", "iron")}, "metals: member 'iron' stands 2"),
        (0, {"fits": ("lead",)}, "metals: lead in members and in fits"),
        (0, {"fits": ("Ball", "Ball")}, "metals: a word stands twice in fits"),
        (0, {"members": ("Iron", "Lead", "Tin", "Zinc", "Gold")}, "metals: 5 members; at least 6"),
        (0, {"members": ("Iron", "Lead", "Tin", "Zinc", "gold", "Silver")}, "several spellings: Gold, gold"),
        (0, {"fits": ("Platinum",)}, "metals: fits that no category has as a member: Platinum"),
        (0, {"id": "fire"}, "fire: the id stands 2 times"),
        (0, {"rule": "palindrome"}, "metals: a rule goes with kind form"),
        (0, {"label": "___metal"}, "metals: a blank ___ in the label goes with kind blank"),
        (0, {"role": "example"}, "metals: member 'Gold' of an example category belongs to others too"),
        (1, {"members": ("Coal", "Fly", "Wood", "Work", "Wall", "Place", "Hall")}, None),
        (2, {"members": ("Water", "Snow", "Foot", "Hand", "Eye", "Gold")}, None),
        (3, {"fits": ()}, "same: undeclared words that obey the rule: eye"),
        (3, {"fits": ("Eye", "Gold")}, "same: words against the rule: gold"),
        (3, {"rule": "rhyme:level"}, "same: rule 'rhyme:level': expected palindrome, letters"),
    ],
)
def test_the_lint_names_the_fault(at: int, changes: dict[str, object], fault: str | None) -> None:
    entries = sound()
    entries[at] = replace(entries[at], **changes)  # type: ignore[arg-type]
    found = faults(Bank(tuple(entries)))
    if fault is None:  # neither "Ball" nor "Fire" is left for the other side to take
        assert found == []
    else:
        assert any(fault in line for line in found), found
        with pytest.raises(UserError, match=r"category bank: [a-z]"):
            check_bank(Bank(tuple(entries)))


def test_what_one_blank_takes_the_other_must_take() -> None:
    entries = [*sound(), category("more", "Fire Ball Moss Fern Reed Rush")]
    entries[1] = replace(entries[1], members=("Coal", *entries[1].members[1:]))
    assert faults(Bank(tuple(entries))) == [
        "fire: lacks 'ball', since fireball is declared under the other word",
    ]


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        ("palindrome", "Nun", "Nuns"),
        ("letters:abcdefg", "Cabbage", "Cabbages"),
        ("without:aeiou", "Why", "Who"),
        ("starts:ear,chin", "Earl", "Ear"),
        ("holds:one,ten", "Kitten", "Ten"),
        ("anagram:peach,melon", "Lemon", "Melon peach"),
        ("anagram:melon", "Lemon", "Melon"),
        ("listed:yew,ewe", "Yew", "Yews"),
        ("palindrome", "Madam, I'm Adam", "A"),
    ],
)
def test_a_rule_decides(rule: str, right: str, wrong: str) -> None:
    assert matches(rule, right)
    assert not matches(rule, wrong)


@pytest.mark.parametrize("rule", ["rhyme:x", "letters", "palindrome:x", ""])
def test_a_rule_that_does_not_exist_is_an_error(rule: str) -> None:
    with pytest.raises(ValueError, match="expected palindrome, letters"):
        matches(rule, "word")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a bank"),
        ("[]", "not a bank"),
        ('{"categories": 3}', "'categories' is not a list"),
        ('{"categories": [3]}', "category 1: expected an object"),
        ('{"categories": [{"id": "a", "label": "A", "kind": "odd"}]}', "category 1 \\(a\\): 'odd' is not one of sense"),
        ('{"categories": [{"id": "a", "label": "A", "kind": "sense", "member": []}]}', "unknown key 'member'"),
        ('{"categories": [{"id": "a", "label": "A", "kind": "sense", "members": [" x"]}]}', "'members' is not a list"),
        ('{"categories": [{"id": "a", "label": "A", "kind": "sense", "members": "x"}]}', "'members' is not a list"),
    ],
)
def test_a_file_that_is_no_bank_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bank.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as raised:
        read_bank(path)
    assert str(path) in str(raised.value)


def test_the_command_prints_faults_and_exits_with_2(tmp_path: Path) -> None:
    entry = {"id": "a", "label": "A", "kind": "sense", "members": ["one", "One"]}
    path = tmp_path / "bank.json"
    path.write_text(json.dumps({"categories": [entry]}))
    command = [sys.executable, "-m", "tasks.only_connect_wall.lint", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 2
    assert "categories: 1\n" in done.stdout
    assert "fault: a: member 'one' stands 2 times" in done.stdout
