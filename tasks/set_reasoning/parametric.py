"""Sets in the weights: memberships are told in training, and only asked afterwards.

Eighteen sets over the forty elements of models from scratch. Of twelve, two-set questions are trained too; of the
other six, nothing but who belongs to them. Questions on the six therefore need memory and an operation that was learned
on other sets.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tasks.set_reasoning.curricula import Example
from tasks.set_reasoning.expressions import FORMS, TWO_SETS, evaluate, operands, parse, shortcut_answers, shown
from tasks.set_reasoning.problems import words
from tasks.set_reasoning.records import Record

NAMES = tuple(f"S{number:02}" for number in range(1, 19))
ASKED, STATED = NAMES[:12], NAMES[12:]  # two-set questions are trained on the former alone
SINGLE = "s1"  # the form of a question on one set: is the membership remembered?
LEAST_ACCURACY = 0.98


@cache
def memberships() -> Mapping[str, frozenset[str]]:
    """The elements of each set; each element is in it with probability 1/2, always the same ones."""
    rng = random.Random("set_ops_param:memberships")  # noqa: S311
    return {name: frozenset(item for item in words("tokens") if rng.random() < 0.5) for name in NAMES}


def parametric_batch(size: int, *, seed: int, step: int) -> list[Example]:
    """Half of it states who belongs to a set, of all eighteen; half asks two-set questions on the twelve."""
    rng = random.Random(f"set_ops_param:{seed}:{step}")  # noqa: S311
    found = []
    for number in range(size):
        if number % 2:
            expr = rng.choice(NAMES)
        else:
            first, second = rng.sample(ASKED, 2)
            expr = f"{first} {rng.choice('&|')} {second}"
        if rng.random() < 0.5:
            expr = f"({expr})"
        candidates = rng.sample(words("tokens"), 9)
        found.append(Example(Record(expr, {}, candidates), _answer(expr, candidates)))
    return found


def parametric_problems(forms: Sequence[str], per_cell: int, seed: int) -> Iterator[dict[str, Any]]:
    """Problems in the form of `Problem.to_json`: one set (the memorisation check), two of the twelve, and all forms on
    the six. Candidates are six elements of the sets in question, and three others.
    """
    for number, name in enumerate(NAMES):
        for part in range(-(-len(words("tokens")) // 9)):
            yield _single(name, part, f"param-s1-{number:02}-{part}")
    for form in forms:
        for group, names in (("asked", ASKED), ("stated", STATED)):
            if group == "asked" and form not in TWO_SETS:
                continue
            for index in range(per_cell):
                rng = random.Random(f"set_ops_param:{form}:{group}:{index}:{seed}")  # noqa: S311
                yield _problem(form, group, names, f"param-{form}-{group}-{index:04}", rng)


def _single(name: str, part: int, key: str) -> dict[str, Any]:
    items = words("tokens")
    candidates = [items[(9 * part + number) % len(items)] for number in range(9)]
    row = _row(SINGLE, name, {name: memberships()[name] & set(candidates)}, candidates, key)
    return {**row, "group": "stated" if name in STATED else "asked", "shortcut_answers": {}}


def _problem(form: str, group: str, names: Sequence[str], key: str, rng: random.Random) -> dict[str, Any]:
    roles = sorted(set(operands(parse(FORMS[form], set("ABC")))))
    while True:
        chosen = dict(zip(roles, rng.sample(names, len(roles)), strict=True))
        whole = {name: memberships()[name] for name in chosen.values()}
        inside = sorted(frozenset().union(*whole.values()))
        outside = sorted(set(words("tokens")) - set(inside))
        if len(inside) < 6 or len(outside) < 3:
            continue
        candidates = rng.sample(inside, 6) + rng.sample(outside, 3)
        sets = {name: items & set(candidates) for name, items in whole.items()}
        if all(sets.values()) and evaluate(parse(shown(FORMS[form], chosen), set(sets)), sets):
            rng.shuffle(candidates)
            row = _row(form, shown(FORMS[form], chosen), sets, candidates, key)
            node = parse(row["expr"], set(sets))
            shortcuts = {name: sorted(items) for name, items in shortcut_answers(node, sets).items()}
            return {**row, "group": group, "shortcut_answers": shortcuts}


def _row(form: str, expr: str, sets: Mapping[str, frozenset[str]], candidates: list[str], key: str) -> dict[str, Any]:
    answer = evaluate(parse(expr, set(sets)), sets)
    return {
        "id": key,
        "form": form,
        "expr": expr,
        "twin": "",
        "sets": {name: sorted(items) for name, items in sets.items()},
        "hidden": True,  # the sets are not shown
        "candidates": candidates,
        "labels": [int(item in answer) for item in candidates],
        "answer": sorted(answer),
        "vocab": "tokens",
        "overlap": "independent",
        "U": 6,
    }


def _answer(expr: str, candidates: Sequence[str]) -> frozenset[str]:
    value = evaluate(parse(expr, set(NAMES)), memberships())
    return value & frozenset(candidates)


def remembered() -> list[Example]:
    """Every element of the six sets, asked one set at a time."""
    return [Example.of(row) for row in parametric_problems((), 0, 0) if row["group"] == "stated"]
