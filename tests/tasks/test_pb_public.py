"""Public files of every form, and what faulty data is answered with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pb_setup import LOCAL

from suite.errors import UserError
from suite.registry import load_task
from tasks.position_bias.items import FAMILIES, Item, Segment, checked, doc_of
from tasks.position_bias.judge_synth import judge_items
from tasks.position_bias.mcq_synth import mcq_items
from tasks.position_bias.parsing import normalised
from tasks.position_bias.premise_synth import premise_items
from tasks.position_bias.public import leans_on_order, public_items
from tasks.position_bias.sources import GENERATORS

# -- public files ----------------------------------------------------------------------------------------------------


def found(source: Path | str, k: int = 0) -> list[Item]:
    return [checked(item, where) for where, item in public_items(str(source), k)]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_the_arc_files_agree_with_each_other(public_data: Path) -> None:
    with pytest.warns(UserWarning, match="left out 16 of 1165 questions"):
        four = found(public_data / "position_bias" / "arc_challenge_test_4opt.csv")
    with pytest.warns(UserWarning, match="left out"):
        every = found(public_data / "position_bias" / "ARC-Challenge-Test.jsonl")
    assert len(four) + 16 == 1165
    assert {(item.prefix, item.segments) for item in four} <= {(item.prefix, item.segments) for item in every}


def test_records_of_the_kv_file_have_their_gold_anywhere(public_data: Path) -> None:
    items = found(public_data / "position_bias" / "kv-retrieval-75_keys.jsonl.gz")
    assert len(items) == 500
    slots = [item.gold_index for item in items]
    assert set(slots) == set(range(75))
    assert sum(slots) / 500 == pytest.approx(36.8, abs=0.05)  # type: ignore[arg-type]


def test_random_distractors_hold_no_answer(public_data: Path) -> None:
    source = public_items(str(public_data / "position_bias" / "nq-open-oracle.jsonl.gz"), 30)
    items = [next(source)[1] for _ in range(50)]
    again = public_items(str(public_data / "position_bias" / "nq-open-oracle.jsonl.gz"), 30)
    assert items == [next(again)[1] for _ in range(50)]
    for item in items:
        assert (item.meta["source"], len(item.segments), item.gold_index) == ("docqa_nq_random", 30, 0)
        others = [normalised(segment.text) for segment in item.segments if not segment.is_gold]
        assert not any(normalised(answer) in text for answer in item.gold if normalised(answer) for text in others)
        assert len(set(others)) == 29


def test_every_public_form_is_read(tmp_path: Path) -> None:
    hub_arc = {"id": "a", "question": "Q?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}
    csqa = {**hub_arc, "id": "c", "question_concept": "z"}
    mmlu = {"question": "Q?", "subject": "law", "choices": ["x", "y"], "answer": 1}
    for row, source, subset in ((hub_arc, "arc", "f"), (csqa, "commonsense_qa", "f"), (mmlu, "mmlu", "law")):
        (item,) = found(write_lines(tmp_path / "f.jsonl", [row]))
        assert (item.family, item.gold, item.meta["source"], item.template) == ("mcq", ("y",), source, subset)
        assert [segment.label for segment in item.segments] == ["A", "B"]
    judged = {"prompt": "P", "chosen": "good", "rejected": "bad", "subset": "math-prm"}
    (tmp_path / "rb.json").write_text(json.dumps([{**judged, "id": number} for number in range(40)]))
    items = found(tmp_path / "rb.json")
    assert {(item.family, item.template, item.gold) for item in items} == {("judge", "math-prm", ("good",))}
    assert 12 <= sum(item.gold_index == 0 for item in items) <= 28  # which comes first is drawn
    documents = [{"title": f"T{i}", "text": f"x{i}", "isgold": i == 2, "hasanswer": i == 2} for i in range(3)]
    packed = tmp_path / "nq.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps({"question": "q", "answers": ["x2"], "ctxs": documents}).encode()))
    (item,) = found(packed)
    assert (item.family, item.gold_index) == ("docqa", 2)
    assert sorted(str(segment.label) for segment in item.segments) == ["1", "2", "3"]
    own = next(premise_items(n=1))
    assert found(write_lines(tmp_path / "own.jsonl", [own.to_json()])) == [own]


@pytest.mark.parametrize(("k", "gold", "slots"), [(10, 9, [0, 4, 9]), (20, 4, [0, 4, 9, 14, 19])])
def test_a_file_of_lost_in_the_middle_is_asked_at_the_published_places_2_1(
    tmp_path: Path, k: int, gold: int, slots: list[int]
) -> None:
    """Every row has gold in the file's one place, and its numbers say so no more."""

    def document(number: int, at: int) -> dict[str, Any]:
        text = f"passage {number}.{at}" + (" Röntgen" if at == gold else "")
        told = {"id": str(at), "score": "1.1", "original_retrieval_index": at}
        own = dict.fromkeys(told) if at == gold else told  # the gold passage was not retrieved
        return {**own, "title": f"Prize {at}", "text": text, "hasanswer": at == gold, "isgold": at == gold}

    rows = [
        {
            "question": f"who won prize {number}",
            "answers": ["Wilhelm Röntgen", "Röntgen"],
            "ctxs": [document(number, at) for at in range(k)],
            "nq_annotated_gold": {"title": "Prize", "long_answer": "", "chunked_long_answer": "", "short_answers": []},
        }
        for number in range(30)
    ]
    path = tmp_path / f"nq-open-{k}_total_documents_gold_at_{gold}.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    made = load_task("position_bias", {"data": str(path), "labels": "travel"})
    docs = list(made.docs())
    drafts = [draft for doc in docs for draft in made.requests(doc, LOCAL, frozenset({"generate"}))]
    moved = [draft for draft in drafts if draft.condition["arm"] == "move_gold"]
    assert [draft.condition["gold_slot"] for draft in moved] == slots * 30
    assert {(draft.condition["source"], draft.condition["k"]) for draft in moved} == {("lost_in_the_middle", k)}
    numbers = {segment["label"] for doc in docs for segment in doc.data["segments"] if segment["is_gold"]}
    assert len(numbers) > k / 3


@pytest.mark.parametrize(
    ("options", "leans"),
    [
        (["cats", "dogs", "all of the above"], True),
        (["cats", "dogs", "Both A and B"], True),
        (["cats", "dogs", "A and B only"], True),
        (["cats", "dogs", "None of these"], True),
        (["cats", "dogs", "cats"], True),
        (["1", "2.5", "30%"], True),
        (["30", "20", "10"], True),
        (["20", "30", "10"], False),
        (["RNA and DNA", "lipids", "sugars"], False),
        (["a bird and a bee", "a vitamin", "both legs"], False),
    ],
)
def test_options_that_lean_on_their_order_7(options: list[str], leans: bool) -> None:
    assert leans_on_order(options) is leans


# -- bad input (8) ---------------------------------------------------------------------------------------------------

GOOD = next(mcq_items())


def faulty() -> Iterator[Any]:
    one, two, three, four = GOOD.segments
    golds = replace(two, is_gold=True), replace(three, is_gold=True)
    twin = next(segment for segment in GOOD.segments if segment.is_gold)
    unmarked = tuple(replace(segment, is_gold=False) for segment in GOOD.segments)
    yield "fewer than 2", {"segments": (one,)}, r"1 segment\(s\); orders need at least 2"
    yield "empty prefix", {"prefix": " "}, "empty prefix"
    yield "empty suffix", {"suffix": ""}, "empty suffix"
    yield "empty segment", {"segments": (replace(one, text=""), two, three, four)}, "empty segment"
    yield "no gold", {"segments": unmarked}, "no gold segment"
    yield "gold twice", {"segments": (one, *golds, replace(four, is_gold=False))}, "gold segments; exactly one"
    yield "labels", {"segments": (*GOOD.segments, Segment("new"))}, "4 different labels for 5 segments"
    yield "twins", {"segments": (*GOOD.segments, Segment(twin.text, "E"))}, "two segments of the same text"
    yield "private", {"prefix": "a\ue001b"}, r"private-use characters U\+E000"
    yield "family", {"family": "riddles"}, "unknown family 'riddles'; known: mcq, judge"


@pytest.mark.parametrize(("changes", "message"), [pytest.param(*rest, id=id) for id, *rest in faulty()])
def test_faulty_items_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"here: item 'mcq-0-0000': .*{message}"):
        checked(replace(GOOD, **changes), "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows"),
        ('{"a": 1}\n', "keys a are of none of the known forms"),
        ("[1]\n", r"f.jsonl:1: a JSON list; expected an object"),
        ('{"question": "Q", "choices": {"text": ["x', r"f.jsonl:1: not a JSON object \(is the file half-written"),
        ('{"question": "Q?", "choices": {"text": ["x", "y"]}, "answerKey": "1"}\n', r"f.jsonl:1: not a row like"),
        ('{"family": "mcq", "segments": []}\n', "f.jsonl:1: not such an item"),
    ],
)
def test_faulty_files_are_named(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text(content)
    with pytest.raises(UserError, match=message):
        found(tmp_path / "f.jsonl")


def test_answers_to_judge_are_named_a_and_b() -> None:
    pair = next(judge_items())
    renamed = tuple(replace(one, label=label) for one, label in zip(pair.segments, "12", strict=True))
    with pytest.raises(UserError, match=r"item 'judge-0-0000': labels 1, 2; verdicts name answers A and B"):
        checked(replace(pair, segments=renamed), "here")


def test_a_gold_letter_that_no_option_has_is_no_gold(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("Q?,x,y,z,w,E\n")
    with pytest.raises(UserError, match=r"f.csv:1: item 'f-1': no gold segment"):
        found(tmp_path / "f.csv")


def test_a_packed_file_cut_short_is_damaged(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps({"ordered_kv_records": [["a", "b"]], "key": "a", "value": "b"}).encode() * 9)
    (tmp_path / "f.jsonl.gz").write_bytes(whole[:-12])
    with pytest.raises(UserError, match=r"damaged|half-written"):
        found(tmp_path / "f.jsonl.gz")


def test_a_missing_path_names_what_can_be_given() -> None:
    with pytest.raises(UserError, match=r"no such file; .*lost-in-the-middle.*allenai/ai2_arc"):
        list(load_task("position_bias", {"data": "nowhere.jsonl"}).docs())


def test_a_hub_that_cannot_be_reached_names_what_can_be_given() -> None:
    with pytest.raises(UserError, match=r"allenai/ai2_arc, split test: not to be had from the hub .* path of one"):
        list(load_task("position_bias", {"data": "allenai/ai2_arc"}).docs())


def test_a_family_that_the_data_is_not_of_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "own.jsonl", [GOOD.to_json()])
    with pytest.raises(UserError, match="holds items of family mcq, not kv; leave out --family"):
        list(load_task("position_bias", {"data": str(path), "family": "kv"}).docs())


def test_options_that_the_family_of_a_file_has_not_got_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "own.jsonl", [GOOD.to_json()])
    with pytest.raises(UserError, match="kv_form belongs to family kv, not to mcq"):
        list(load_task("position_bias", {"data": str(path), "kv_form": "original"}).docs())


def test_items_go_through_docs_unchanged() -> None:
    for family in FAMILIES:
        item = next(GENERATORS[family](1, n=1))
        assert Item.from_json(json.loads(json.dumps(doc_of(item).data))) == item
