"""The generator of facts that no model can have seen: made-up people, computed grammar, checked templates.

``generate(seed)`` gives the same bytes for the same arguments on every platform.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Literal, cast, get_args

from tasks.reversal_curse import binding, lexicon, relations
from tasks.reversal_curse.files import make_dataset
from tasks.reversal_curse.records import Dataset, Direction, Fact, Group, Query, TrainRow
from tasks.reversal_curse.templates import Style, Template, TemplateKind, select, template_words, templates

GENERATOR_VERSION = "1"

Kind = Literal["name", "relation", "binding"]
GROUPS: tuple[Group, ...] = get_args(Group)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def generate(
    seed: int = 0,
    n_facts_per_group: int = 30,
    n_train_templates: int | None = None,
    n_test_templates: int | None = None,
    kind: Kind = "name",
    style: Style = "natural",
    name_words: int = binding.NAME_WORDS,
) -> Dataset:
    """Facts, training documents and held-out queries of three equal groups.

    Args:
        seed: the data are a function of the arguments alone.
        n_facts_per_group: facts shown name first, description first, and in both orders.
        n_train_templates: wordings of each fact and direction in training; all of the style by default (30 natural,
            12 demo; binding 2).
        n_test_templates: held-out wordings of each direction; all of the style by default (10 natural, 4 demo;
            binding 1).
        kind: "name" (a person and what they are known for), "relation" (two people), or "binding" (two people whose
            names share their syllables, most facts in both orders: `tasks.reversal_curse.binding`).
        name_words: words of a name of the binding set; 1: no name shares its word with another.
        style: "natural" (English casing) or "demo" (lower case, tokens between spaces, for word-level models).

    Raises:
        ValueError: more is asked for than the generator holds, or less than one; states the capacity.
    """
    if kind not in get_args(Kind) or style not in get_args(Style):
        known = f"kinds are {get_args(Kind)} (instructions: generate_instructions), styles {get_args(Style)}"
        raise ValueError(f"kind {kind!r}, style {style!r}: {known}")
    per_group = capacity(kind)
    if not 1 <= n_facts_per_group <= per_group:
        raise ValueError(
            f"n_facts_per_group {n_facts_per_group}: the generator's capacity is 1 to {per_group} ({kind})"
        )
    kinds: dict[Direction, TemplateKind] = {each: each if kind == "name" else kind for each in DIRECTIONS}
    n_train, n_test = (
        count if count is not None else default
        for count, default in zip((n_train_templates, n_test_templates), _default_wordings(kind, style), strict=True)
    )
    chosen = {direction: select(style, kinds[direction], n_train, n_test) for direction in DIRECTIONS}

    facts = _facts(kind, seed, n_facts_per_group, name_words)
    if style == "natural":
        facts = [_with_capitals(fact) for fact in facts]
    train = [row for direction in DIRECTIONS for row in _train_rows(facts, direction, chosen[direction][0])]
    test = [query for direction in DIRECTIONS for query in _queries(facts, direction, chosen[direction][1])]
    meta: dict[str, str | int] = {
        "generator": GENERATOR_VERSION,
        "seed": seed,
        "n_facts_per_group": n_facts_per_group,
        "n_train_templates": n_train,
        "n_test_templates": n_test,
        "kind": kind,
        "style": style,
        **({"name_words": name_words} if kind == "binding" else {}),
    }
    return make_dataset(facts, train, test, f"generated {kind} facts, seed {seed}", meta)


def capacity(kind: Kind) -> int:
    """The largest `n_facts_per_group`."""
    if kind == "binding":
        return binding.capacity()
    names = lexicon.name_capacity(_reserved_words())
    if kind == "relation":
        return names // (2 * len(GROUPS))
    return min(names, lexicon.description_capacity()) // len(GROUPS)


def _default_wordings(kind: Kind, style: Style) -> tuple[int, int]:
    """How many training and held-out wordings of a direction there are, unless the caller says."""
    of: TemplateKind = "n2d" if kind == "name" else kind
    return len(templates(style, of, "train")), len(templates(style, of, "test"))


def stream(seed: int, name: str) -> random.Random:
    """The stream of randomness for one purpose; one stream a purpose, so that a change to one leaves the others."""
    return random.Random(f"{GENERATOR_VERSION}:{seed}:{name}")  # noqa: S311 (data, not secrets)


def _name_facts(seed: int, per_group: int) -> list[Fact]:
    count = per_group * len(GROUPS)
    names = lexicon.names(stream(seed, "names"), count, _reserved_words())
    described = lexicon.descriptions(stream(seed, "descriptions"), count)
    return [
        Fact(f"fact-{number:04}", "name", group, {"name": name, **asdict(description)})
        for number, (group, name, description) in enumerate(
            zip(_groups(seed, per_group), names, described, strict=True)
        )
    ]


def _relation_facts(seed: int, per_group: int) -> list[Fact]:
    count = per_group * len(GROUPS)
    names = lexicon.names(stream(seed, "names"), 2 * count, _reserved_words())
    kinds = relations.spread(per_group)
    placed: dict[Group, int] = dict.fromkeys(GROUPS, 0)
    facts = []
    for number, group in enumerate(_groups(seed, per_group)):
        relation = kinds[placed[group]]
        placed[group] += 1
        people = {"a": names[2 * number], "b": names[2 * number + 1]}
        facts.append(Fact(f"fact-{number:04}", "relation", group, {**people, **relation.fields}))
    return facts


def _facts(kind: Kind, seed: int, per_group: int, name_words: int) -> list[Fact]:
    if kind == "binding":
        return binding.facts(per_group, stream(seed, "names"), stream(seed, "grouping"), name_words)
    return _name_facts(seed, per_group) if kind == "name" else _relation_facts(seed, per_group)


def _groups(seed: int, per_group: int) -> list[Group]:
    groups = [group for group in GROUPS for _ in range(per_group)]
    stream(seed, "grouping").shuffle(groups)
    return groups


def _train_rows(facts: Sequence[Fact], direction: Direction, wordings: Sequence[Template]) -> Iterator[TrainRow]:
    for fact in facts:
        if not _is_trained(fact.group, direction):
            continue
        for template in wordings:
            given, asked, label = _items(fact, direction, template.form)
            prompt = template.prompt(given, label)
            completion = f" {asked}{template.tail}"
            start = template.frame.replace("{R}", label).index(template.given)
            spans = ((start, start + len(given)), (len(prompt) + 1, len(prompt) + 1 + len(asked)))
            yield TrainRow(
                fact.fact_id,
                fact.group,
                direction,
                template.template_id,
                prompt + completion,
                prompt,
                completion,
                spans,
            )


def _queries(facts: Sequence[Fact], direction: Direction, wordings: Sequence[Template]) -> Iterator[Query]:
    for fact in facts:
        for template in wordings:
            given, asked, label = _items(fact, direction, template.form)
            yield Query(
                item_id=f"{fact.fact_id}/{direction}/{template.template_id}",
                fact_id=fact.fact_id,
                group=fact.group,
                direction=direction,
                seen="same" if _is_trained(fact.group, direction) else "reverse",
                template_id=template.template_id,
                form=template.form,
                prompt=template.prompt(given, label),
                target=asked,
                pool=f"{fact.group}/{label}/{direction}" if label else fact.group,
                neutral_prompt=template.prompt(_neutral(direction, template.form), label),
            )


def _is_trained(group: Group, direction: Direction) -> bool:
    return group in ("both", f"{direction}_only")


def _items(fact: Fact, direction: Direction, form: str) -> tuple[str, str, str]:
    """(given item, asked item, label of the relation or "")."""
    fields = cast("dict[str, str]", fact.fields)
    if fact.kind != "name":
        a, b = fields["a"], fields["b"]
        return (a, b, fields["relation"]) if direction == "n2d" else (b, a, fields["inverse"])
    name, description = fields["name"], fields[form]
    return (name, description, "") if direction == "n2d" else (description, name, "")


def _neutral(direction: Direction, form: str) -> str:
    """What stands for the given item when it is withheld; the grammar of the sentence stays whole."""
    if direction == "n2d" or form in ("np", "name"):
        return "someone"
    return "something" if form == "ger" else "did something"


def _with_capitals(fact: Fact) -> Fact:
    fields = {key: _title(text) if key in ("name", "a", "b") else text for key, text in fact.fields.items()}
    return Fact(fact.fact_id, fact.kind, fact.group, fields)


def _title(text: str | bool) -> str:
    assert isinstance(text, str)
    return " ".join(word.capitalize() for word in text.split(" "))


def _reserved_words() -> frozenset[str]:
    return template_words() | lexicon.description_words() | relations.labels() | {"someone", "something", "did"}
