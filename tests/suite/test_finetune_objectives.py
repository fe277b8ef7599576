"""What each objective makes of documents, and which documents it refuses."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from finetune_toys import toy_docs
from transformers import AutoConfig

from suite.errors import UserError
from suite.finetune.objectives import Objective, Passage, Row, load_objective
from suite.finetune.objectives.reverse import random_segments, reversed_text
from suite.finetune.objectives.spt import semantic_units
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
    texts = [text for doc in docs for text in (doc.text, doc.mirror)]
    tokenizer = train_tokenizer([*texts, *objective.words()])
    rows = objective.rows(docs, encoder(tokenizer), random.Random(0))
    return [tokenizer.decode(row.tokens) for row in rows]


@pytest.mark.parametrize(("text", "entities", "expected"), ENTITY_CASES)
def test_reversed_text_keeps_the_inside_of_entities(text: str, entities: list[tuple[int, int]], expected: str) -> None:
    assert reversed_text(text, entities) == expected


def test_there_is_one_objective_a_file() -> None:
    assert {"ntp", "reverse", "bico", "mlm", "spt"} <= set(objectives())
    assert all(load_objective(name).name == name for name in objectives())


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
        ("reverse", {"kind": "sentence"}, "objective reverse, option kind: .*'token', 'word', 'entity' or 'random'"),
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


def test_both_orders_adds_the_mirrored_text_where_there_is_one() -> None:
    docs = [replace(toy_docs()[0], mirror="the smith is mara foo"), toy_docs()[1]]
    assert _rows(load_objective("both_orders"), docs) == [
        f"<start> {docs[0].text}<end>",
        "<start> the smith is mara foo<end>",
        f"<start> {docs[1].text}<end>",
    ]


def test_both_orders_without_any_mirrored_text_is_refused() -> None:
    with pytest.raises(UserError, match="objective both_orders: no document has a text in the other order"):
        load_objective("both_orders").check(None, toy_docs())


def test_identity_says_each_entity_once_and_tells_no_fact() -> None:
    docs = toy_docs()
    added = _rows(load_objective("identity"), docs)[len(docs) :]
    assert added[:2] == ["<start> mara foo is mara foo<end>", "<start> the smith is the smith<end>"]
    assert len(added) == 12  # six names and six titles, though each stands in two documents


@pytest.mark.parametrize("seed", range(4))
def test_spt_shows_the_units_reversed_or_shuffled_and_whole(seed: int) -> None:
    doc = replace(toy_docs()[0], text="see mara foo as the smith now", entities=((4, 12), (16, 25)))
    units = ["see", "mara foo", "as", "the smith", "now"]
    assert semantic_units(doc.text, doc.entities) == units
    tokenizer = train_tokenizer([doc.text])
    _, permuted = load_objective("spt").rows([doc], encoder(tokenizer), random.Random(seed))
    text = tokenizer.decode(permuted.tokens, skip_special_tokens=True)
    assert sorted(text.split()) == sorted(doc.text.split())
    assert "mara foo" in text and "the smith" in text
    assert text != doc.text


def test_random_segments_cover_the_words_in_order() -> None:
    text = "one two, three four five."
    segments = random_segments(text, 2, random.Random(1))
    assert "".join(text[start:end] for start, end in segments).replace(" ", "") == text.replace(" ", "")
    assert all(len(text[start:end].replace(",", " ,").replace(".", " .").split()) <= 2 for start, end in segments)
    assert random_segments(text, 25, random.Random(0)) != random_segments(text, 1, random.Random(0))


def test_masked_shows_gaps_a_separator_and_then_the_text_with_loss_on_it_alone() -> None:
    docs = toy_docs()[:3]
    objective = load_objective("masked")
    tokenizer = train_tokenizer([*(doc.text for doc in docs), *objective.words()])
    rows = objective.rows(docs, encoder(tokenizer), random.Random(0))
    assert [tokenizer.decode(row.tokens) for row in rows[:3]] == [f"<start> {doc.text}<end>" for doc in docs]
    for row, doc in zip(rows[3:], docs, strict=True):
        corrupted, whole = tokenizer.decode(row.tokens, skip_special_tokens=True).split(" =")
        assert whole.strip() == doc.text
        assert len(corrupted.split()) == len(doc.text.split())
        assert set(corrupted.split()) <= {*doc.text.split(), "_"}
        assert tokenizer.decode(row.tokens[slice(*row.spans[0])]) == doc.text


@pytest.mark.parametrize(
    ("name", "doc", "message"),
    [
        ("spt", replace(toy_docs()[0], entities=((12, 16),)), "objective spt: doc fact-0/peo has fewer than two"),
        ("identity", replace(toy_docs()[0], entities=()), "objective identity: doc fact-0/peo has no entity spans"),
        ("prefix_lm", replace(toy_docs()[0], prompt=""), "objective prefix_lm: doc fact-0/peo lacks prompt"),
        ("bico", replace(toy_docs()[0], entities=()), "objective bico, mask_unit=span: doc fact-0/peo has no entity"),
    ],
)
def test_documents_that_an_objective_cannot_use_are_named(name: str, doc: TrainingDoc, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_objective(name).check(AutoConfig.for_model("llama"), [doc])
