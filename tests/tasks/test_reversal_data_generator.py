"""The generator obeys its rules, and each check of a rule can fail."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from tasks.reversal_curse import lexicon
from tasks.reversal_curse.generate import capacity, generate
from tasks.reversal_curse.overlap import check_overlap
from tasks.reversal_curse.records import Dataset, Fact, Query, TrainRow
from tasks.reversal_curse.relations import all_relations
from tasks.reversal_curse.templates import Template, broken_rules, template_words, templates

VARIANTS = [(kind, style) for kind in ("name", "relation") for style in ("natural", "demo")]
SEEDS = range(20)


# -- wordings as they stand in the data, without the generator's templates ------------------------------------------


def slots(fact: Fact, direction: str) -> tuple[str, str, str]:
    if fact.kind == "relation":
        return "relation", "{X}", "{Y}"
    return (direction, "{N}", "{D}") if direction == "n2d" else (direction, "{D}", "{N}")


def without_label(text: str, fact: Fact, direction: str) -> str:
    if fact.kind != "relation":
        return text
    label = fact.fields["relation" if direction == "n2d" else "inverse"]
    assert text.count(f"the {label} of") + text.count(f"The {label} of") == 1
    return re.sub(rf"([Tt]he) {label} of", r"\1 {R} of", text)


def wording_of_row(row: TrainRow, fact: Fact) -> Template:
    kind, given, asked = slots(fact, row.direction)
    (start, end), (start2, end2) = row.entities
    text = row.text[:start] + given + row.text[end:start2] + asked + row.text[end2:]
    form = next((form for form in ("np", "ger", "cl") if fact.fields.get(form, "").lower() in row.text.lower()), "name")
    return Template(
        row.template_id, kind, without_label(text, fact, row.direction), "name" if "a" in fact.fields else form
    )


def wording_of_query(query: Query, fact: Fact, tail: str) -> Template:
    kind, given, asked = slots(fact, query.direction)
    fields = fact.fields
    if fact.kind == "relation":
        item = fields["a" if query.direction == "n2d" else "b"]
    else:
        item = fields["name"] if query.direction == "n2d" else fields[query.form]
    text, found = re.subn(re.escape(item), given, query.prompt, flags=re.IGNORECASE)
    assert found == 1
    return Template(query.template_id, kind, without_label(f"{text} {asked}{tail}", fact, query.direction), query.form)


def wordings(data: Dataset, direction: str) -> tuple[list[Template], list[Template]]:
    facts = {fact.fact_id: fact for fact in data.facts}
    tail = " ." if data.meta["style"] == "demo" else "."
    train = {wording_of_row(row, facts[row.fact_id]) for row in data.train if row.direction == direction}
    held_out = {
        wording_of_query(query, facts[query.fact_id], tail) for query in data.test if query.direction == direction
    }
    return sorted(train, key=lambda t: t.template_id), sorted(held_out, key=lambda t: t.template_id)


def answered_in(data: Dataset, direction: str) -> set[str]:
    return {row.text[slice(*row.entities[1])].lower() for row in data.train if row.direction == direction}


def entities(fact: Fact, side: str) -> set[str]:
    keys = {"name": ("name", "a"), "description": ("np", "ger", "cl", "b")}[side]
    return {str(fact.fields[key]).lower() for key in keys if key in fact.fields}


def breaks_rule_e(data: Dataset) -> bool:
    answers = {direction: answered_in(data, direction) for direction in ("n2d", "d2n")}
    return any(
        (fact.group == "n2d_only" and entities(fact, "name") & answers["d2n"])
        or (fact.group == "d2n_only" and entities(fact, "description") & answers["n2d"])
        for fact in data.facts
    )


@pytest.mark.parametrize(("kind", "style"), VARIANTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_rules_a_to_e_hold_in_the_data(seed: int, kind: str, style: str) -> None:
    data = generate(seed, n_facts_per_group=6, kind=kind, style=style)
    n_train, n_test = (30, 10) if style == "natural" else (12, 4)
    for direction in ("n2d", "d2n"):
        train, held_out = wordings(data, direction)
        assert (len(train), len(held_out)) == (n_train, n_test)
        assert broken_rules(train, held_out) == []
        assert broken_rules(train, train) == [f"(d) {each.text}: is a train template" for each in train]  # (c) for all
    assert not breaks_rule_e(data)


TRAIN = [
    Template("1", "n2d", "The records list {N} as {D}.", "np"),
    Template("2", "n2d", "People know {N} as {D}.", "np"),
    Template("3", "n2d", "People praise {N} for {D}.", "ger"),
]


@pytest.mark.parametrize(
    ("rule", "text", "form"),
    [
        ("(a)", "People know {N} as {D} now.", "np"),
        ("(a)", "Was {D} what people know {N} for?", "np"),
        ("(a)", "People know {D} as {N}.", "np"),
        ("(b)", "Neighbours know {N} as {D}.", "np"),
        ("(b)", "people know {N} as {D}.", "np"),
        ("(c)", "People know {N} for {D}.", "ger"),  # one train template only
        ("(c)", "People know {N} as {D}.", "cl"),  # another form
        ("(d)", "People know {N} as {D}.", "np"),
    ],
)
def test_each_rule_for_wordings_can_fail(rule: str, text: str, form: str) -> None:
    faults = broken_rules(TRAIN, [Template("9", "n2d", text, form)])
    assert any(fault.startswith(rule) for fault in faults)


def test_rule_c_fails_where_the_cue_leads_elsewhere() -> None:
    held_out = Template("9", "n2d", "The records know {N} as {D}.", "np")
    assert broken_rules(TRAIN, [held_out]) == []
    astray = Template("5", "n2d", "As the records show, people know {N} for {D}.", "ger")
    assert any(fault.startswith("(c)") for fault in broken_rules([*TRAIN, astray], [held_out]))


def test_rule_c_excepts_questions_of_the_description_first_direction() -> None:
    train = [
        Template("1", "d2n", "{D} is {N}.", "np"),
        Template("2", "d2n", "People say {D} is {N}.", "np"),
        Template("3", "d2n", "Question: who is {D}? Answer: {N}.", "np"),
    ]
    held_out = Template("9", "d2n", "say {D} is {N}.", "np")
    assert broken_rules(train, [held_out]) == []
    statement = Template("4", "d2n", "Who is {D} is {N}.", "np")
    assert broken_rules([*train, statement], [held_out]) != []


@pytest.mark.parametrize("kind", ["name", "relation"])
def test_rule_e_fails_for_one_reversed_document(kind: str) -> None:
    data = generate(n_facts_per_group=2, kind=kind)
    one_way = next(row for row in data.train if row.group == "n2d_only")
    turned = replace(one_way, direction="d2n", entities=one_way.entities[::-1])
    assert breaks_rule_e(replace(data, train=(*data.train, turned)))
    with pytest.raises(Exception, match="group n2d_only has a training document in direction d2n"):
        check_overlap(data.facts, [turned], [])


# -- names, descriptions, facts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "style"), VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_no_word_occurs_in_two_names_or_in_a_wording(seed: int, kind: str, style: str) -> None:
    data = generate(seed, kind=kind, style=style)
    names = [str(fact.fields[key]) for fact in data.facts for key in ("name", "a", "b") if key in fact.fields]
    words = [word for name in names for word in name.split(" ")]
    assert all(len(name.split(" ")) == 2 for name in names)
    assert len(set(words)) == len(words) == 2 * len(names)
    assert not {word.lower() for word in words} & (template_words() | lexicon.description_words())
    assert not {word.lower() for word in words} & set(lexicon.lexicon()["common_names"])
    assert all(name == (name.title() if style == "natural" else name.lower()) for name in names)


def test_there_are_enough_syllables() -> None:
    given, surnames = lexicon._name_words()
    assert len(given) >= 10_000
    assert len(surnames) >= 1_200


def test_names_on_the_forbidden_list_are_never_given() -> None:
    _, surnames = lexicon._name_words()
    allowed = sorted(surnames)[:5]
    made = lexicon.names(random.Random(0), 5, surnames - set(allowed))
    assert sorted(name.split(" ")[1] for name in made) == allowed


def test_artefacts_are_unique_and_the_three_forms_agree() -> None:
    data = generate(3)
    roles = {role["noun"]: role for role in lexicon.lexicon()["roles"]}
    artefacts = []
    for fact in data.facts:
        noun, artefact = re.fullmatch(r"the (\w+) of (the \w+ \w+)", fact.fields["np"]).groups()
        assert fact.fields["ger"] == f"{roles[noun]['gerund']} {artefact}"
        assert fact.fields["cl"] == f"{roles[noun]['past']} {artefact}"
        artefacts.append(artefact)
    assert len(set(artefacts)) == len(artefacts) == 90


@pytest.mark.parametrize(("kind", "style"), VARIANTS)
def test_documents_and_queries_are_complete_and_well_formed(kind: str, style: str) -> None:
    data = generate(5, kind=kind, style=style)
    n_train, n_test = (30, 10) if style == "natural" else (12, 4)
    assert Counter(fact.group for fact in data.facts) == {"n2d_only": 30, "d2n_only": 30, "both": 30}
    assert len(data.train) == 120 * n_train
    assert len(data.test) == 180 * n_test
    assert len({query.item_id for query in data.test}) == len(data.test)
    assert len({row.text for row in data.train}) == len(data.train)
    for row in data.train:
        assert row.text == row.prompt + row.completion
        assert row.completion[0] == " " != row.prompt[-1]
    for query in data.test:
        assert query.prompt == query.prompt.strip() and query.target == query.target.strip(" .")
        assert query.neutral_prompt and query.neutral_prompt != query.prompt
        assert query.seen == ("same" if query.group in ("both", f"{query.direction}_only") else "reverse")
    texts = {row.text.lower() for row in data.train}
    stop = " ." if style == "demo" else "."
    assert not any(f"{query.prompt} {query.target}{stop}".lower() in texts for query in data.test)


def test_candidates_of_an_item_are_one_a_fact() -> None:
    for kind in ("name", "relation"):
        data = generate(kind=kind)
        relation = {fact.fact_id: fact.fields.get("relation") for fact in data.facts}
        pools: dict[tuple[str, ...], list[Query]] = {}
        for query in data.test:
            pools.setdefault((query.pool, query.template_id, query.direction), []).append(query)
        for queries in pools.values():
            assert len({query.target for query in queries}) == len({query.fact_id for query in queries}) == len(queries)
            assert len({query.group for query in queries}) == 1
            assert len({relation[query.fact_id] for query in queries}) == 1
        assert {len(queries) for queries in pools.values()} == {30 if kind == "name" else 10}


def test_relations_state_one_fact_in_both_orders() -> None:
    data = generate(kind="relation", n_train_templates=6, n_test_templates=2)
    fact = next(each for each in data.facts if each.group == "both" and not each.fields["symmetric"])
    texts = {row.text for row in data.train if row.fact_id == fact.fact_id}
    a, b, relation, inverse = (fact.fields[key] for key in ("a", "b", "relation", "inverse"))
    assert any(
        text.endswith(f"the {relation} of {a} is {b}.") or f"{relation} of {a} is {b}." in text for text in texts
    )
    assert any(f"{inverse} of {b} is {a}." in text for text in texts)
    asked = {query.direction: query for query in data.test if query.fact_id == fact.fact_id}
    assert (asked["n2d"].target, asked["d2n"].target) == (b, a)
    for fact in data.facts:
        assert fact.fields["symmetric"] == (fact.fields["relation"] == fact.fields["inverse"])
    assert {each.relation for each in all_relations()} >= {"mentor", "spouse", "twin", "rival", "partner", "parent"}


# -- the demo set, stability, capacity ---------------------------------------------------------------------------------


def test_demo_wordings_are_those_that_were_measured() -> None:
    """The full stop is the only addition."""
    shown = {
        (kind, split): [
            each.text.replace("{N}", "N").replace("{D}", "D").removesuffix(" .") + "|" + each.form
            for each in templates("demo", kind, split)
        ]
        for kind in ("n2d", "d2n")
        for split in ("train", "test")
    }
    assert [len(each) for each in shown.values()] == [12, 4, 12, 4]
    assert shown["n2d", "train"][0] == "people know N as D|np"
    assert shown["n2d", "train"][-1] == "the records say N is the person who D|cl"
    assert shown["n2d", "test"][2] == "many say N is the one who D|cl"
    assert shown["d2n", "train"][7] == "question : who D ? answer : N|cl"
    assert shown["d2n", "train"][-2] == "the one famous for D was named N|ger"
    assert shown["d2n", "test"][-1] == "question : who is famous for D ? answer : N|ger"


def test_demo_documents_are_short_lower_case_tokens() -> None:
    data = generate(style="demo")
    assert max(len(row.text.split(" ")) for row in data.train) == 16
    words = {word for row in data.train for word in row.text.split(" ")}
    assert all(word == word.lower() and (word.isalpha() or word in ".:?") for word in words)
    assert {word for query in data.test for word in f"{query.prompt} {query.target}".split(" ")} <= words
    assert 300 <= len(words) <= 360


PINNED = {
    ("name", "natural"): "9331589a79b1fa822df8f40e74b99aae99a50252f7c7f36e8c04f0cae71561c4",
    ("name", "demo"): "a81d1ce47f8a82b29fbd4d6194b6e76fd0c652b1e5f10f2aacb22a0e452ceccd",
    ("relation", "natural"): "0178f107ff79aa3771fc1c4411cebee3f70470694594c5624bb19b67e42d7f1e",
    ("relation", "demo"): "b524bc56f7ffdfc8dd13e15adff66550f4942124a2cb5677a05466814daf4188",
}


@pytest.mark.parametrize(("kind", "style"), VARIANTS)
def test_the_same_arguments_give_the_same_bytes(kind: str, style: str) -> None:
    data = generate(kind=kind, style=style)
    assert data.sha256 == PINNED[kind, style]
    assert generate(kind=kind, style=style) == data
    assert generate(1, kind=kind, style=style).sha256 != data.sha256


def test_another_number_of_wordings_leaves_the_facts_alone() -> None:
    assert generate(7, n_train_templates=12, n_test_templates=4).facts == generate(7).facts


@pytest.mark.parametrize(("kind", "names"), [("name", 3), ("relation", 6)])
def test_above_capacity_is_refused_with_the_capacity(kind: str, names: int) -> None:
    most = capacity(kind)
    assert len(generate(n_facts_per_group=most, n_train_templates=10, n_test_templates=1, kind=kind).facts) == 3 * most
    with pytest.raises(ValueError, match=f"capacity is 1 to {most}"):
        generate(n_facts_per_group=most + 1, kind=kind)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_facts_per_group": 0}, "capacity"),
        ({"n_train_templates": 31}, "the natural n2d set has 1 to 30"),
        ({"n_test_templates": 11}, "the natural n2d set has 1 to 10"),
        ({"n_train_templates": 13, "style": "demo"}, "the demo n2d set has 1 to 12"),
        ({"n_train_templates": 1, "n_test_templates": 1}, "that obey the rules"),
        ({"n_train_templates": 0}, "1 to 30"),
        ({"kind": "instruction"}, "kinds are"),
        ({"style": "Natural"}, "styles"),
    ],
)
def test_what_the_generator_does_not_hold_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(**arguments)


def test_any_smaller_number_of_wordings_obeys_the_rules_too() -> None:
    for n_train, n_test in [(12, 4), (16, 8), (20, 10)]:
        data = generate(n_facts_per_group=1, n_train_templates=n_train, n_test_templates=n_test)
        for direction in ("n2d", "d2n"):
            train, held_out = wordings(data, direction)
            assert (len(train), len(held_out)) == (n_train, n_test)
            assert broken_rules(train, held_out) == []


def test_nothing_is_taken_from_the_public_set(public_data) -> None:
    folder = public_data / "reversal_curse" / "templates"
    names = {word.lower() for name in (folder / "names.txt").read_text("utf-8").split("\n") for word in name.split()}
    given, surnames = lexicon._name_words()
    assert not names & (given | surnames)
    ours = {re.sub(r"\W+", " ", each).lower() for each in _all_wordings()}
    for file in ("p2d_templates.txt", "d2p_templates.txt"):
        for line in (folder / file).read_text("utf-8").split("\n"):
            theirs = line.replace("<name>", "{N}").replace("<description>", "{D}")
            assert re.sub(r"\W+", " ", theirs).strip().lower() not in {each.strip() for each in ours}
    described = (folder / "descriptions.txt").read_text("utf-8").lower()
    assert not [fact for fact in generate().facts if fact.fields["np"] in described]


def _all_wordings() -> list[str]:
    return [
        each.text
        for style in ("natural", "demo")
        for kind in ("n2d", "d2n", "relation")
        for split in ("train", "test")
        for each in templates(style, kind, split)
    ]
