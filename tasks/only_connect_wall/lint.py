"""Checks of the category bank that a rule can make, and how much material for walls it has.

``python -m tasks.only_connect_wall.lint [FILE]`` prints counts, pairs to look at by eye, and faults (exit code 2).
Whether a fact is right no rule can tell: `review` of an entry says who has read it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

from suite.data import data_folder
from suite.errors import UserError
from tasks.only_connect_wall.bank import BANK_FILE, NAME, Bank, Category, read_bank
from tasks.only_connect_wall.rules import matches

FEWEST_MEMBERS = 6
MOST_SHARED = 0.5  # of the smaller category's members, before a pair is listed for a look
BLANK = "___"


def check_bank(bank: Bank) -> None:
    """Raises `UserError` with the first fault of `bank`."""
    found = faults(bank)
    if found:
        raise UserError(f"category bank: {found[0]} (faults: {len(found)})")


def faults(bank: Bank) -> list[str]:
    """What is wrong with `bank`, a line each; no line for a bank that may be used."""
    return [
        *_repeated_ids(bank),
        *(line for category in bank.categories for line in _entry_faults(category)),
        *_spellings(bank),
        *_idle_fits(bank),
        *_rule_faults(bank),
        *_one_sided_blanks(bank),
        *_crossing_examples(bank),
    ]


def overlapping(bank: Bank) -> list[tuple[str, str, float]]:
    """Pairs of categories that share more than half the members of the smaller one, with the share."""
    found = []
    for here, there in combinations(bank.categories, 2):
        shared = len(_folded(here.members) & _folded(there.members)) / min(len(here.members), len(there.members))
        if shared > MOST_SHARED:
            found.append((here.id, there.id, shared))
    return found


def counts(bank: Bank) -> dict[str, float]:
    """How much there is: categories, memberships, words, words that cross, and what walls they support."""
    from tasks.only_connect_wall.generate_dose import connected_fours, most_herrings
    from tasks.only_connect_wall.generate_quads import crossings

    drawn: dict[str, list[str]] = {}
    for category in bank.categories:
        for word in category.members:
            drawn.setdefault(word.casefold(), []).append(category.id)
    memberships = sum(len(category.members) for category in bank.categories)
    pairs = {pair for ids in drawn.values() for pair in combinations(ids, 2)}
    quads = crossings(bank)
    doses = [most_herrings(bank, four) for four in connected_fours(bank)]
    return {
        "categories": len(bank.categories),
        "example categories": len(bank.with_role("example")),
        "read by a second person": sum(category.review == "second" for category in bank.categories),
        "memberships": memberships,
        "members a category": round(memberships / len(bank.categories), 2),
        "fits": sum(len(category.fits) for category in bank.categories),
        "words": len(drawn),
        "words that are members of several": sum(len(ids) > 1 for ids in drawn.values()),
        "words that belong to several": sum(len(ids) > 1 for ids in bank.by_word.values()),
        "crossing pairs": len(pairs),
        "herrings with host and competitor": len(quads),
        "herring words": len({crossing.herring.casefold() for crossing in quads}),
        "connected fours": len(doses),
        "connected fours for 3 herrings": sum(most >= 3 for most in doses),
        "connected fours for 4 herrings": sum(most >= 4 for most in doses),
    }


def _repeated_ids(bank: Bank) -> Iterator[str]:
    for name, times in Counter(category.id for category in bank.categories).items():
        if times > 1:
            yield f"{name}: the id stands {times} times"


def _entry_faults(category: Category) -> Iterator[str]:
    name = category.id
    for word, times in Counter(word.casefold() for word in category.members).items():
        if times > 1:
            yield f"{name}: member {word!r} stands {times} times"
    both = _folded(category.members) & _folded(category.fits)
    if both:
        yield f"{name}: {', '.join(sorted(both))} in members and in fits"
    if len(_folded(category.fits)) < len(category.fits):
        yield f"{name}: a word stands twice in fits"
    if len(category.members) < FEWEST_MEMBERS:
        yield f"{name}: {len(category.members)} members; at least {FEWEST_MEMBERS} are needed"
    if (category.kind == "form") != bool(category.rule):
        yield f"{name}: a rule goes with kind form, and kind form with a rule"
    if (category.kind == "blank") != (BLANK in category.label):
        yield f"{name}: a blank {BLANK} in the label goes with kind blank"


def _spellings(bank: Bank) -> Iterator[str]:
    """One word, one spelling: clues are compared as they are written."""
    written: dict[str, set[str]] = {}
    for category in bank.categories:
        for word in category.words:
            written.setdefault(word.casefold(), set()).add(word)
    for forms in written.values():
        if len(forms) > 1:
            yield f"one word in several spellings: {', '.join(sorted(forms))}"


def _idle_fits(bank: Bank) -> Iterator[str]:
    """A word that no category draws cannot stand on a wall."""
    drawn = {word.casefold() for category in bank.categories for word in category.members}
    for category in bank.categories:
        idle = [word for word in category.fits if word.casefold() not in drawn]
        if idle:
            yield f"{category.id}: fits that no category has as a member: {', '.join(idle)}"


def _rule_faults(bank: Bank) -> Iterator[str]:
    """Every word of the bank that obeys the rule of a form category belongs to it, and no other."""
    words = {word.casefold(): word for category in bank.categories for word in category.words}
    for category in bank.categories:
        if not category.rule:
            continue
        try:
            obeying = {folded for folded, word in words.items() if matches(category.rule, word)}
        except ValueError as error:
            yield f"{category.id}: {error}"
            continue
        declared = _folded(category.words)
        if obeying - declared:
            yield f"{category.id}: undeclared words that obey the rule: {', '.join(sorted(obeying - declared))}"
        if declared - obeying:
            yield f"{category.id}: words against the rule: {', '.join(sorted(declared - obeying))}"


def _one_sided_blanks(bank: Bank) -> Iterator[str]:
    """If "fire___" takes "ball", then "___ball" takes "fire", where that is a word of the bank."""
    words = {word.casefold() for category in bank.categories for word in category.members}
    before = {part: category for part, category in _blanks(bank, first=False).items() if part}
    after = {part: category for part, category in _blanks(bank, first=True).items() if part}
    for start, starting in before.items():
        for end, ending in after.items():
            if start not in words or end not in words:
                continue
            forward, back = end in _folded(starting.words), start in _folded(ending.words)
            if forward != back:
                missing, word = (ending.id, start) if forward else (starting.id, end)
                yield f"{missing}: lacks {word!r}, since {start}{end} is declared under the other word"


def _blanks(bank: Bank, *, first: bool) -> Mapping[str, Category]:
    """The given word of each blank category whose blank is first, or last -> the category."""
    found = {}
    for category in bank.categories:
        start, gap, end = category.label.casefold().partition(BLANK)
        if gap and (start.strip() == "") == first:
            found[(end if first else start).strip()] = category
    return found


def _crossing_examples(bank: Bank) -> Iterator[str]:
    """Words of example categories belong nowhere else, so that no example hints at an asked wall."""
    for category in bank.with_role("example"):
        for word in category.members:
            if len(bank.fitting(word)) > 1:
                yield f"{category.id}: member {word!r} of an example category belongs to others too"


def _folded(words: tuple[str, ...]) -> set[str]:
    return {word.casefold() for word in words}


def main(path: Path) -> int:
    """Prints counts, notes and faults of the bank at `path`; returns the exit code."""
    bank = read_bank(path)
    for name, number in counts(bank).items():
        print(f"{name}: {number:g}")
    for here, there, share in overlapping(bank):
        print(f"look at: {here} and {there} share {share:.0%} of the smaller one's members")
    found = faults(bank)
    for line in found:
        print(f"fault: {line}")
    return 2 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else data_folder(NAME) / BANK_FILE))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
