"""Problems: an expression over listed sets, with the overlap of the sets controlled exactly.

Every element of the universe is given a region, i.e. the sets that hold it, so that overlaps are drawn and not met by
accident. One generator of randomness an item, from its split, index and seed alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any, Literal, get_args

from suite.task import Scalar
from tasks.set_reasoning.expressions import FORMS, TWINS, TWO_SETS, evaluate, operands, parse, shortcut_answers, shown

GENERATOR_VERSION = "1"
NAMES = "ABCDEF"
Overlap = Literal["uniform", "disjoint", "one", "half", "nested"]
Vocabulary = Literal["animals", "plants", "tools", "invented_heroes", "cvc", "integers", "mixed", "deceptive", "tokens"]
EMPTY_SHARE = 0.1  # of the problems that may have an empty answer
_TRIES = 2000
Region = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; `sets` and `candidates` are in the order in which they are shown.

    Attributes:
        roles: role of the form -> name that is shown.
        twin: another expression with the same value; "" where the form has none.
        shortcut_answers: rule -> what it would answer.
    """

    id: str
    split: str
    form: str
    expr: str
    twin: str
    roles: Mapping[str, str]
    sets: Mapping[str, tuple[str, ...]]
    candidates: tuple[str, ...]
    answer: tuple[str, ...]
    shortcut_answers: Mapping[str, tuple[str, ...]]
    vocab: str
    overlap: str
    size: int
    outside: int
    distractor_sets: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """A row of the data file, with labels beside the candidates."""
        answer, listed = set(self.answer), {item for items in self.sets.values() for item in items}
        return {
            **{
                name: getattr(self, name)
                for name in ("id", "split", "form", "expr", "twin", "vocab", "overlap", "seed")
            },
            "roles": dict(self.roles),
            "sets": {name: list(items) for name, items in self.sets.items()},
            "listing_order": list(self.sets),
            "candidates": list(self.candidates),
            "labels": [int(item in answer) for item in self.candidates],
            "in_union": [int(item in listed) for item in self.candidates],
            "answer": list(self.answer),
            "shortcut_answers": {name: list(items) for name, items in self.shortcut_answers.items()},
            "U": self.size,
            "OUT": self.outside,
            "distractor_sets": self.distractor_sets,
            "generator_version": GENERATOR_VERSION,
        }


def make_problem(
    form: str,
    *,
    index: int,
    seed: int = 0,
    split: str = "eval",
    size: int = 6,
    outside: int = 3,
    overlap: Overlap = "uniform",
    vocab: Vocabulary = "animals",
    distractor_sets: int = 0,
    allow_empty: bool = False,
    counts: Sequence[int] | None = None,
) -> Problem:
    """The problem of one index.

    Args:
        size: elements that occur in a set (U); outside: candidates that occur in none (OUT).
        distractor_sets: listed sets that the expression does not name.
        allow_empty: a tenth of the problems has the empty set as its answer, where the form allows it.
        counts: elements of each region instead of `overlap`: for sets A, B, C the regions A, B, C, AB, AC, BC, ABC.

    Raises:
        ValueError: sizes that do not fit, or an overlap that leaves the form nothing to answer.
    """
    rng = random.Random(f"{GENERATOR_VERSION}:{split}:{index}:{seed}")  # noqa: S311  (data, not secrets)
    roles = sorted(set(operands(parse(FORMS[form], set(NAMES)))))
    listed = [*roles, *(f"_{number}" for number in range(distractor_sets))]
    items = words(vocab)
    if size + outside > len(items):
        raise ValueError(f"U {size} + OUT {outside}: vocabulary {vocab} has {len(items)} items")
    if len(listed) > len(NAMES):
        raise ValueError(f"{len(listed)} sets asked for; there are names for {len(NAMES)}")
    wants_empty = allow_empty and rng.random() < EMPTY_SHARE
    regions = _regions(form, listed, size, overlap, counts, wants_empty, rng)
    chosen = _drawn(vocab, items, regions, outside, rng)
    elements, beyond = chosen[:size], chosen[size:]
    placed = list(zip(elements, regions, strict=True))
    members = {name: [item for item, region in placed if name in region] for name in listed}
    how = overlap if counts is None else "counts"
    return _problem(form, members, elements, beyond, index, seed, split, how, vocab, rng)


def _problem(
    form: str,
    members: Mapping[str, list[str]],
    elements: Sequence[str],
    beyond: Sequence[str],
    index: int,
    seed: int,
    split: str,
    overlap: str,
    vocab: str,
    rng: random.Random,
) -> Problem:
    """Names, orders and answers around the memberships."""
    names = dict(zip(members, rng.sample(NAMES, len(members)), strict=True))
    order = rng.sample(list(members), len(members))
    sets = {names[role]: tuple(rng.sample(members[role], len(members[role]))) for role in order}
    expr = shown(FORMS[form], names)
    node = parse(expr, set(sets))
    values = {name: frozenset(items) for name, items in sets.items()}
    candidates = [*elements, *beyond]
    rng.shuffle(candidates)
    return Problem(
        id=f"{split}-{index:05}",
        split=split,
        form=form,
        expr=expr,
        twin=shown(TWINS[form], names) if form in TWINS else "",
        roles={role: name for role, name in names.items() if not role.startswith("_")},
        sets=sets,
        candidates=tuple(candidates),
        answer=tuple(sorted(evaluate(node, values))),
        shortcut_answers={name: tuple(sorted(items)) for name, items in shortcut_answers(node, values).items()},
        vocab=vocab,
        overlap=overlap,
        size=len(elements),
        outside=len(beyond),
        distractor_sets=sum(role.startswith("_") for role in members),
        seed=seed,
    )


def _regions(
    form: str,
    listed: Sequence[str],
    size: int,
    overlap: Overlap,
    counts: Sequence[int] | None,
    wants_empty: bool,
    rng: random.Random,
) -> list[Region]:
    """The region of each element; no listed set is empty, and the answer is empty only where it is wanted."""
    if counts is not None:
        return _counted(listed, size, counts)
    node = parse(FORMS[form], set(listed))
    for _ in range(_TRIES):
        regions = _draw(form, listed, size, overlap, rng)
        sets = {name: frozenset(str(at) for at, region in enumerate(regions) if name in region) for name in listed}
        if not all(sets.values()):
            continue
        value = evaluate(node, sets)
        if bool(value) != wants_empty:
            return regions
        if wants_empty and form in ("u2", "u3", "iu", "u_i"):
            wants_empty = False  # a union of sets that are not empty never is
    raise ValueError(
        f"form {form} with overlap {overlap} and U {size}: no problem with {'an' if wants_empty else 'a non-'}empty "
        "answer was found; choose another overlap or a larger U"
    )


def _draw(form: str, listed: Sequence[str], size: int, overlap: Overlap, rng: random.Random) -> list[Region]:
    single = [(name,) for name in listed]
    shared: list[Region] = [region for count in range(2, len(listed) + 1) for region in combinations(listed, count)]
    if overlap == "uniform":
        return [rng.choice([*single, *shared]) for _ in range(size)]
    if overlap == "disjoint":
        return [rng.choice(single) for _ in range(size)]
    if overlap == "nested":
        chain = [tuple(listed[at:]) for at in range(len(listed))]
        return [rng.choice(chain) for _ in range(size)]
    if overlap == "half":
        regions = [rng.choice(shared if number < size // 2 else single) for number in range(size)]
    else:
        pairs = [tuple(listed)] if form == "i3" else [region for region in shared if len(region) == 2]
        regions = [*pairs, *(rng.choice(single) for _ in range(size - len(pairs)))]
    rng.shuffle(regions)
    return regions[:size]


def _counted(listed: Sequence[str], size: int, counts: Sequence[int]) -> list[Region]:
    regions = [region for count in range(1, len(listed) + 1) for region in combinations(listed, count)]
    if len(counts) != len(regions):
        raise ValueError(f"counts: {len(counts)} numbers for the {len(regions)} regions of {len(listed)} sets")
    for region, count in zip(regions, counts, strict=True):
        if count < 0:
            raise ValueError(f"counts: region {''.join(region)} has {count} elements")
    if sum(counts) != size:
        raise ValueError(f"counts: they add up to {sum(counts)}, and U is {size}")
    found = [region for region, count in zip(regions, counts, strict=True) for _ in range(count)]
    for name in listed:
        if not any(name in region for region in found):
            raise ValueError(f"counts: set {name} is empty; give one of its regions an element")
    return found


def _drawn(vocab: str, items: Sequence[str], regions: Sequence[Region], outside: int, rng: random.Random) -> list[str]:
    """Elements in the order of their regions, then the outside candidates."""
    if vocab != "deceptive":
        return rng.sample(items, len(regions) + outside)
    # the first set looks like one kind of thing, the others like another, but for what they share
    first, second = rng.sample(["animals", "plants", "tools"], 2)
    needed = len(regions) + outside
    own, others = rng.sample(words(first), needed), rng.sample(words(second), needed)
    leading = min(name for region in regions for name in region)
    return [(own if leading in region else others).pop() for region in regions] + others[:outside]


@cache
def words(vocab: str) -> tuple[str, ...]:
    """The items of a vocabulary.

    Raises:
        ValueError: unknown vocabulary, or two items that are equal after normalisation.
    """
    lists = _lists()
    if vocab in ("mixed", "deceptive"):
        found = tuple(item for name in ("animals", "plants", "tools", "invented_heroes") for item in lists[name])
    elif vocab == "cvc":
        found = tuple("".join(parts) for parts in product("bdgkmnprtz", "aou", "fk"))
    elif vocab == "integers":
        found = tuple(str(number) for number in range(10, 70))
    elif vocab == "tokens":
        found = tuple(f"w{number:02}" for number in range(40))
    elif vocab in lists:
        found = tuple(lists[vocab])
    else:
        raise ValueError(f"vocabulary {vocab!r}: expected one of {', '.join(get_args(Vocabulary))}")
    seen: dict[str, str] = {}
    for item in found:
        if (same := seen.setdefault(item.casefold(), item)) is not item and vocab != "mixed":
            raise ValueError(f"vocabulary {vocab}: {same!r} and {item!r} are the same item")
    return found


@cache
def _lists() -> Mapping[str, list[str]]:
    import json

    lists: dict[str, list[str]] = json.loads(Path(__file__).with_name("vocabulary.json").read_text("utf-8"))
    return lists


def evaluation_problems(seed: int = 0) -> Iterator[Problem]:
    """The evaluation set: 360 two-set problems, each with a third set as distractor, and 720 three-set problems."""
    index = 0
    vocabularies: tuple[Vocabulary, ...] = ("animals", "cvc")
    for forms, overlaps, distractors in (
        (("i2", "u2"), ("uniform", "half", "one"), 1),
        (tuple(form for form in FORMS if form not in ("i2", "u2")), ("uniform", "half"), 0),
    ):
        for form, size, overlap, vocab, _ in product(forms, (4, 6, 9), overlaps, vocabularies, range(10)):
            yield make_problem(
                form,
                index=index,
                seed=seed,
                size=size,
                overlap=overlap,  # type: ignore[arg-type]
                vocab=vocab,
                distractor_sets=distractors,
            )
            index += 1


def token_problems(forms: Sequence[str], per_cell: int, distractor_sets: int, seed: int = 0) -> Iterator[Problem]:
    """Problems on the forty elements of models from scratch: six in the sets, three outside, any overlap."""
    for form, index in product(forms, range(per_cell)):
        number = list(FORMS).index(form) * 1_000_000 + index
        further = distractor_sets if form in TWO_SETS else 0
        yield make_problem(form, index=number, seed=seed, vocab="tokens", distractor_sets=further)


def condition_of(problem: Mapping[str, Any]) -> dict[str, Scalar]:
    """What tells the problems of a cell from those of others; `sets`: of parametric ones, what was trained on them."""
    keys = {"form": "form", "U": "U", "overlap": "overlap", "vocab": "vocab", "group": "sets"}
    return {name: problem[key] for key, name in keys.items() if key in problem}
