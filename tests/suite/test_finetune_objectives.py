"""What each objective makes of documents, and which documents it refuses."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from finetune_toys import toy_docs

from suite.errors import UserError
from suite.finetune.objectives import Objective, Passage, Row, load_objective
from suite.finetune.objectives.reverse import reversed_text
from suite.finetune.rows import Batches, encoder
from suite.finetune.settings import Hyperparameters
from suite.finetune.tokenizer import train_tokenizer
from suite.registry import objectives
from suite.task import TrainingDoc

ENTITY_CASES = [
    pytest.param("mara foo is the smith", [(0, 8), (12, 21)], "the smith is mara foo", id="two entities"),
    pytest.param("Mara Foo once sang.", [(0, 8)], ". sang once Mara Foo", id="the full stop is a unit of its own"),
    pytest.param("who is it? Mara Foo.", [(11, 19)], ". Mara Foo ? it is who", id="punctuation inside"),
    pytest.param("O'Neil, the well-known one", [], "one well-known the , O'Neil", id="no entity: by words"),
    pytest.param("mara foo", [(0, 8)], "mara foo", id="nothing but an entity"),
]


def _rows(objective: Objective, docs: list[TrainingDoc]) -> list[str]:
    tokenizer = train_tokenizer([*(doc.text for doc in docs), *objective.words()])
    rows = objective.rows(docs, encoder(tokenizer), random.Random(0))
    return [tokenizer.decode(row.tokens) for row in rows]


@pytest.mark.parametrize(("text", "entities", "expected"), ENTITY_CASES)
def test_reversed_text_keeps_the_inside_of_entities(text: str, entities: list[tuple[int, int]], expected: str) -> None:
    assert reversed_text(text, entities) == expected


def test_there_is_one_objective_a_file() -> None:
    assert {"ntp", "reverse"} <= set(objectives())
    assert all(load_objective(name).name == name for name in ("ntp", "reverse"))


def test_ntp_shows_each_document_once_between_start_and_end() -> None:
    docs = toy_docs()
    assert _rows(load_objective("ntp"), docs) == [f"<start> {doc.text}<end>" for doc in docs]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "token"}, "<start> smith the as foo mara know people<end>"),
        ({"kind": "word"}, "<start> smith the as foo mara know people<end>"),
        ({"kind": "entity"}, "<start> the smith as mara foo know people<end>"),
        ({}, "<start> the smith as mara foo know people<end>"),
        ({"kind": "entity", "marker": "backwards"}, "<start> backwards the smith as mara foo know people<end>"),
        ({"kind": "token", "marker": "back wards"}, "<start> back wards smith the as foo mara know people<end>"),
    ],
)
def test_reverse_adds_a_second_copy_back_to_front(options: dict[str, str], expected: str) -> None:
    (doc,) = toy_docs()[:1]
    assert _rows(load_objective("reverse", options), [doc]) == [f"<start> {doc.text}<end>", expected]


def test_entity_without_spans_names_objective_and_document() -> None:
    docs = [replace(toy_docs()[0], entities=())]
    with pytest.raises(
        UserError, match=r"objective reverse, kind=entity: doc fact-0/peo has no entity spans.*kind=word"
    ):
        load_objective("reverse").check(None, docs)
    load_objective("reverse", {"kind": "word"}).check(None, docs)


def test_overlapping_spans_are_refused() -> None:
    docs = [replace(toy_docs()[0], entities=((0, 6), (4, 9)))]
    with pytest.raises(UserError, match="doc fact-0/peo has entity spans that overlap"):
        load_objective("reverse").check(None, docs)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("revers", {}, "unknown objective 'revers'; did you mean reverse"),
        ("reverse", {"knid": "word"}, "unknown option of objective reverse 'knid'; did you mean kind"),
        ("reverse", {"kind": "sentence"}, "objective reverse, option kind: .*'token', 'word' or 'entity'"),
        ("reverse", {"marker": ""}, "objective reverse, option marker"),
        ("ntp", {"kind": "word"}, "unknown option of objective ntp 'kind'; there are none"),
    ],
)
def test_wrong_names_and_values_are_said_in_one_line(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_objective(name, options)
    assert "\n" not in str(caught.value)


def test_spans_come_back_as_the_tokens_that_hold_them() -> None:
    doc = toy_docs()[2]
    tokenizer = train_tokenizer([doc.text])
    (row,) = encoder(tokenizer)([Passage(doc.text, doc.entities)])
    assert [tokenizer.decode(row.tokens[a:b]) for a, b in row.spans] == ["tilo bar", "the weaver of the red cloth"]
    assert tokenizer.decode(row.tokens[slice(*row.text)]) == doc.text


@pytest.mark.parametrize(
    "text",
    [
        "question : who is the king ? answer : mara foo",
        "The Well-known O'Neil's (first) 3.5 houses, \"x\". Answer: Mara Foo.",
        "Élodie l'Œuvre — naïve",
    ],
)
def test_texts_come_back_from_their_word_tokens(text: str) -> None:
    tokenizer = train_tokenizer([text])
    tokens = tokenizer(text)["input_ids"]
    assert tokens[0] == tokenizer.bos_token_id
    assert tokenizer.decode(tokens, skip_special_tokens=True) == text


def test_a_continuation_after_the_joiner_space_has_the_tokens_of_the_whole() -> None:
    tokenizer = train_tokenizer(["the baker is Mara Foo."])
    prompt, whole = tokenizer("the baker is")["input_ids"], tokenizer("the baker is Mara Foo")["input_ids"]
    assert whole[: len(prompt)] == prompt
    assert tokenizer.convert_ids_to_tokens(whole[len(prompt) :]) == ["▁Mara", "▁Foo"]
    assert tokenizer.unk_token_id not in whole  # though the text had "Foo." only


def _batches(batch_size: int = 5, seed: int = 0) -> Batches:
    docs = toy_docs()
    tokenizer = train_tokenizer(doc.text for doc in docs)
    settings = Hyperparameters(lr=1, batch_size=batch_size, steps=12)
    return Batches(load_objective("ntp"), docs, tokenizer, settings=settings, seed=seed, window=None)


def test_every_epoch_shows_every_row_once_in_another_order() -> None:
    batches = _batches()
    shown: list[Row] = [row for step in range(12) for row in batches[step]["rows"]]
    epochs = [shown[start : start + 12] for start in (0, 12, 24, 36)]
    assert all(sorted(row.tokens for row in epoch) == sorted(row.tokens for row in epochs[0]) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    late = _batches()[7]["rows"]
    assert late == _batches()[7]["rows"] != _batches(seed=1)[7]["rows"]


def test_padding_has_no_loss_and_every_token_has() -> None:
    batch = _batches()[0]
    assert batch["input_ids"].shape == batch["labels"].shape
    for row, ids, mask, labels in zip(
        batch["rows"], batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
    ):
        n = len(row.tokens)
        assert labels[:n].tolist() == ids[:n].tolist() == list(row.tokens)
        assert set(labels[n:].tolist()) <= {-100}
        assert mask.tolist() == [1] * n + [0] * (len(ids) - n)
