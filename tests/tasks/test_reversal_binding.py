"""The binding set: sizes, names made of shared syllables, and the other order in the words of the data."""

from __future__ import annotations

from collections import Counter

import pytest

from suite.errors import UserError
from suite.registry import load_task
from tasks.reversal_curse.binding import capacity
from tasks.reversal_curse.generate import generate


@pytest.mark.parametrize("seed", range(5))
def test_most_facts_are_told_in_both_orders_and_names_differ(seed: int) -> None:
    data = generate(seed, n_facts_per_group=10, kind="binding", style="demo")
    assert Counter(fact.group for fact in data.facts) == {"n2d_only": 10, "d2n_only": 10, "both": 80}
    names = [str(fact.fields[key]) for fact in data.facts for key in ("a", "b")]
    assert len(set(names)) == len(names)
    assert {fact.fields["relation"] for fact in data.facts if fact.group == "n2d_only"} == {"mentor", "employer"}


def test_names_share_their_syllables() -> None:
    data = generate(0, n_facts_per_group=50, kind="binding", style="demo")
    syllables = Counter(part for fact in data.facts for key in ("a", "b") for part in str(fact.fields[key]).split())
    assert len(syllables) == 100
    assert min(syllables.values()) >= 5  # a name is told by the pair of its parts alone


def test_the_same_arguments_give_the_same_bytes_and_others_others() -> None:
    first = generate(3, n_facts_per_group=4, kind="binding", style="demo")
    assert first.sha256 == generate(3, n_facts_per_group=4, kind="binding", style="demo").sha256
    assert first.sha256 != generate(4, n_facts_per_group=4, kind="binding", style="demo").sha256


def test_every_one_way_document_has_its_mirror_and_no_other_has() -> None:
    docs = list(load_task("reversal_curse", {"kind": "binding", "style": "demo", "facts": 3}).training_docs())
    for doc in docs:
        assert bool(doc.mirror) == (doc.meta["group"] != "both")
        if doc.mirror:
            (a, b), (c, d) = doc.mirror_entities
            told = [doc.text[start:end] for start, end in sorted(doc.entities)]
            assert [doc.mirror[a:b], doc.mirror[c:d]] == told[::-1]
    trained = {doc.text for doc in docs}
    assert not trained & {doc.mirror for doc in docs}


@pytest.mark.parametrize(("words", "level"), [(1, "concept"), (2, "surface"), (4, "surface")])
def test_an_entity_is_one_token_at_the_concept_level_and_a_binding_of_shared_ones_at_the_surface(
    words: int, level: str
) -> None:
    from suite.finetune.tokenizer import train_tokenizer

    options = {"kind": "binding", "style": "demo", "facts": 20, "name_words": words}
    docs = list(load_task("reversal_curse", options).training_docs())
    tokenizer = train_tokenizer(doc.text for doc in docs)
    names = {doc.text[start:end] for doc in docs for start, end in doc.entities}
    tokens = [tuple(tokenizer(name, add_special_tokens=False)["input_ids"]) for name in names]
    assert len(names) == 2 * 20 * 10
    assert {len(each) for each in tokens} == {words}
    shared = Counter(token for each in tokens for token in each)
    assert (max(shared.values()) == 1) == (level == "concept")


def test_the_level_belongs_to_the_binding_set() -> None:
    with pytest.raises(UserError, match="name_words belongs to the binding set; give --kind binding"):
        load_task("reversal_curse", {"name_words": 1})


def test_more_facts_than_there_are_names_are_refused() -> None:
    with pytest.raises(ValueError, match=rf"capacity is 1 to {capacity()} \(binding\)"):
        generate(0, n_facts_per_group=capacity() + 1, kind="binding", style="demo")
