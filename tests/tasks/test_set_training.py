"""Set reasoning's own trainer: what it trains, what the masks see, stop rule, continuing, and pretrained models."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from set_models import plans, pretrained_folder, small_check, trained

from suite.errors import UserError
from suite.finetune.own import train_own
from suite.progress import Silent
from suite.registry import load_model
from suite.runner import run
from suite.task import Generate, Loglikelihood
from tasks.set_reasoning.curricula import FORMS_OF, TEXTS, held_out, training_batch
from tasks.set_reasoning.expressions import evaluate, operands, parse
from tasks.set_reasoning.facts import IDS, MASK, Fact, fact_batch, facts
from tasks.set_reasoning.network import Network
from tasks.set_reasoning.parametric import ASKED, STATED, memberships, parametric_batch, parametric_problems
from tasks.set_reasoning.pretrained import Reader
from tasks.set_reasoning.problems import words
from tasks.set_reasoning.records import Record
from tasks.set_reasoning.sequences import IGNORED, Layout

torch.set_num_threads(1)
LAYOUT = Layout(tuple("ABCDEF"), words("tokens"))
RECORD = Record("(A | B) & C", {"C": ["w01", "w02"], "A": ["w02"], "B": ["w03"]}, ["w02", "w07", "w03"])


@pytest.fixture(scope="module", autouse=True)
def _small_check() -> Iterator[None]:
    with small_check():
        yield


# ---------------------------------------------------------------- records and sequences


@pytest.mark.parametrize("expr_last", [False, True])
def test_a_record_is_read_back_from_its_text(expr_last: bool) -> None:
    assert Record.read(RECORD.text(expr_last)) == RECORD


def test_a_record_begins_with_its_question_unless_that_is_to_come_last() -> None:
    assert RECORD.text().splitlines()[0] == "Question: which elements are in (A ∪ B) ∩ C?"
    assert RECORD.text(expr_last=True).splitlines()[-2] == "Question: which elements are in (A ∪ B) ∩ C?"


@pytest.mark.parametrize("text", ["", "Set A = {x}", "Question: which elements are in A?", "hello"])
def test_another_text_is_no_record(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|line 1"):
        Record.read(text)


@given(st.integers(0, 10_000))
def test_labels_stand_at_the_candidates_and_nowhere_else(seed: int) -> None:
    encoded = LAYOUT.encode(RECORD, {"w02"}, random.Random(seed))
    places = [at for at, label in enumerate(encoded.labels) if label != IGNORED]
    assert places == [30, 31, 32]
    assert [encoded.labels[at] for at in places] == [1, 0, 0]
    shown = [LAYOUT.words[number] for number in encoded.ids if number]
    assert " ".join(shown) == "( A | B ) & C C w01 w02 A w02 B w03 [sep] w02 w07 w03"


def test_the_written_readout_tells_the_answer_in_the_order_of_the_candidates() -> None:
    layout = Layout(LAYOUT.names, LAYOUT.elements, "written", candidates=3)
    encoded = layout.encode(RECORD, {"w03", "w02"}, random.Random(0))
    assert [layout.words[number] for number in encoded.ids[-3:]] == ["=", "w02", "w03"]
    assert [layout.words[label] for label in encoded.labels if label != IGNORED] == ["w02", "w03", "[end]"]


def test_the_expression_may_come_last() -> None:
    layout = Layout(LAYOUT.names, LAYOUT.elements, expr_last=True)
    shown = [layout.words[number] for number in layout.encode(RECORD, (), random.Random(0)).ids if number]
    assert " ".join(shown) == "C w01 w02 A w02 B w03 ( A | B ) & C [sep] w02 w07 w03"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Record("A & B", {"A": ["owl"]}, ["owl"]), "'owl' is not in this model's vocabulary"),
        (Record("((A | B)) & C", {}, ["w01"]), "expression of 9 tokens; this model has room for 8"),
        (Record("A", {}, list(words("tokens")[:10])), "candidates of 10 tokens; this model has room for 9"),
    ],
)
def test_what_does_not_fit_is_said(record: Record, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        LAYOUT.encode(record, (), random.Random(0))


# ---------------------------------------------------------------- masks


def _changed_at(mask: Any) -> torch.Tensor:
    """(T, T) whether the output at the row's place changes with the token at the column's."""
    torch.manual_seed(0)
    model = Network(LAYOUT.network(mask, layers=1)).eval()
    ids = torch.randint(14, 54, (1, 39))
    attention = torch.ones_like(ids)
    with torch.no_grad():
        before = model(ids, attention)[0]
        rows = []
        for at in range(39):
            other = ids.clone()
            other[0, at] = 13 if ids[0, at] != 13 else 12
            rows.append((model(other, attention)[0] - before).abs().max(dim=-1).values > 0)
    return torch.stack(rows, dim=1)


def test_masks_let_through_what_they_say() -> None:
    causal = torch.ones(39, 39, dtype=torch.bool).tril()
    assert _changed_at("encoder").all()
    assert torch.equal(_changed_at("decoder"), causal)
    prefix = causal.clone()
    prefix[:30, :30] = True
    assert torch.equal(_changed_at("prefix"), prefix)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    model = Network(LAYOUT.network("encoder", layers=1)).eval()
    ids = torch.tensor([LAYOUT.encode(RECORD, (), random.Random(1)).ids])
    mask = (ids != 0).long()
    with torch.no_grad():
        before = model(ids, mask)
        after = model(torch.where(ids == 0, 20, ids), mask)
    shown = mask[0].bool()
    assert torch.allclose(before[0, shown], after[0, shown])


def test_a_listed_token_carries_the_name_of_its_set_and_no_other_token_does() -> None:
    model = Network(LAYOUT.network("encoder", layers=1))
    encoded = LAYOUT.encode(RECORD, (), random.Random(0))
    segments = model._segments_of(torch.tensor([encoded.ids]))[0].tolist()
    listed = [segment for segment, number in zip(segments, encoded.ids, strict=True) if segment and number]
    assert listed == [3, 3, 3, 1, 1, 2, 2]  # C and two, A and one, B and one


def test_masks_share_parameters_and_first_weights_and_batches(tmp_path: Path) -> None:
    made = [trained(tmp_path / mask, masks=mask, steps=2, batch_size=2) for mask in ("encoder", "decoder", "prefix")]
    for key in ("parameters", "initial_weights_sha256", "batches_sha256", "tokens_seen", "steps"):
        assert len({json.dumps(record[key]) for record in made}) == 1, key
    other = trained(tmp_path / "other", seed=1, masks="encoder", steps=2, batch_size=2)
    assert other["initial_weights_sha256"] != made[0]["initial_weights_sha256"]
    assert other["batches_sha256"] != made[0]["batches_sha256"]


# ---------------------------------------------------------------- what is trained


@pytest.mark.parametrize("name", FORMS_OF)
def test_training_sets_have_their_forms_and_no_other(name: Any) -> None:
    examples = training_batch(name, 200, seed=0, step=0)
    sets = {
        (len(set(operands(parse(one.record.expr, set(one.record.sets))))), len(one.record.sets)) for one in examples
    }
    assert sets == {"T2": {(2, 2)}, "T2D": {(2, 3)}}.get(name, {(2, 3), (3, 3)})
    for one in examples:
        values = {key: frozenset(items) for key, items in one.record.sets.items()}
        assert evaluate(parse(one.record.expr, set(values)), values) == one.answer


def test_half_of_the_two_set_expressions_stand_in_brackets_that_change_nothing() -> None:
    examples = training_batch("T2D", 400, seed=0, step=0)
    assert 160 < sum(one.record.expr.startswith("(") for one in examples) < 240


def test_batches_depend_on_seed_and_step_alone() -> None:
    assert training_batch("T2D", 8, seed=1, step=3) == training_batch("T2D", 8, seed=1, step=3)
    assert training_batch("T2D", 8, seed=1, step=3) != training_batch("T2D", 8, seed=1, step=4)
    assert training_batch("T2D", 8, seed=1, step=3) != training_batch("T2D", 8, seed=2, step=3)


def test_the_stop_rule_is_read_on_two_set_problems_that_are_not_trained() -> None:
    assert len(held_out("T2D", seed=0)) == 500
    unseen = held_out("T3", seed=0, count=50)
    shown = {one.record.text() for step in range(20) for one in training_batch("T3", 32, seed=0, step=step)}
    assert all(len(set(operands(parse(one.record.expr, set(one.record.sets))))) == 2 for one in unseen)
    assert not shown & {one.record.text() for one in unseen}


def test_a_model_that_misses_the_stop_rule_has_no_composition_figures(tmp_path: Path) -> None:
    found = train_own(
        "set_reasoning",
        {"masks": "decoder", "steps": 2, "batch_size": 2, "per_cell": 3},
        output=tmp_path / "models",
        results=tmp_path / "results",
        silent=True,
    )
    from suite.store import Store

    store = Store(tmp_path / "results")
    (row,) = store.runs()
    assert row["training"]["status"] == "not_converged"
    assert row["training"]["stop_rule"]["least"] == 0.99
    metrics = store.metrics([row["run_id"]])
    gaps = [metric for metric in metrics if metric["name"] in ("composition_gap", "macro_em")]
    assert len(gaps) == 6
    assert {metric["value"] for metric in gaps} == {None}
    assert {metric["note"] for metric in gaps} == {"not_converged"}
    assert [row.n_seeds for row in found.rows if row.name == "em"] == [1] * 8


def test_a_training_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    class Interrupted(Silent):
        def update(self, progress: Any) -> None:
            if progress.done == 7:
                raise KeyboardInterrupt

    from suite.finetune.own import train_one

    plan = plans(masks="encoder", steps=10, batch_size=4)[0]
    whole = train_one(plan, 0, tmp_path / "whole", Silent())
    with pytest.raises(KeyboardInterrupt):
        train_one(plan, 0, tmp_path / "broken", Interrupted())
    assert not (tmp_path / "broken").exists()
    assert list((tmp_path / "broken.partial").glob("checkpoint-*"))
    again = train_one(plan, 0, tmp_path / "broken", Silent())
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    assert again["loss_curve"] == whole["loss_curve"]
    assert train_one(plan, 0, tmp_path / "broken", Silent())["created"] == again["created"]  # done is done


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"readout": "written"}, "give --masks decoder,prefix"),
        ({"readout": "written", "masks": "encoder"}, "give --masks decoder,prefix"),
        ({"lora": "true"}, "name one with --model"),
        ({"model": "hf/x", "masks": "encoder"}, "has its own attention mask"),
        ({"model": "hf/x", "data": "set_ops_param"}, "leave --model out"),
        ({"data": "mask_reversal", "train": "T2"}, "are of --data set_ops"),
        ({"data": "mask_reversal", "masks": "prefix"}, "an encoder and a decoder"),
        ({"both_fraction": "0"}, "is of --data mask_reversal"),
        ({"mask": "encoder"}, "did you mean masks"),
        ({"train": "T4"}, "T2D"),
        ({"steps": "0"}, "steps"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plans(**options)


def test_the_command_refuses_flags_of_trainings_on_texts(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from cli import app

    found = CliRunner().invoke(app, ["finetune", "set_reasoning", "--objective", "bico", "-o", str(tmp_path / "m")])
    assert isinstance(found.exception, UserError)
    assert "--objective is for trainings on texts" in str(found.exception)


# ---------------------------------------------------------------- answers of trained models


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "decoder"
    trained(folder, masks="decoder", steps=2, batch_size=2)
    return folder


def test_candidates_of_a_problem_are_answered_together_whatever_stands_beside_it(decoder: Path) -> None:
    model = load_model(f"set_reasoning/{decoder}")
    asked = [Loglikelihood(one.record.text(), tuple(one.record.candidates)) for one in held_out("T2D", seed=0, count=5)]
    together = {response.request_id: response for response in model.answer(asked)}
    for request in asked:
        (alone,) = model.answer([request])
        for one, other in zip(alone.scores, together[request.id].scores, strict=True):
            assert one.logprob == pytest.approx(other.logprob, abs=1e-5)
        assert len(alone.scores) == 9


def test_a_question_that_cannot_be_read_fails_alone(decoder: Path) -> None:
    model = load_model(f"set_reasoning/{decoder}")
    good = held_out("T2D", seed=0, count=1)[0].record
    asked = [Loglikelihood("Once upon a time", ("a",)), Loglikelihood(good.text(), tuple(good.candidates))]
    bad, fine = list(model.answer(asked))
    assert bad.error == "client_error"
    assert "neither question, nor set" in bad.error_detail
    assert fine.error is None
    (swapped,) = model.answer([Loglikelihood(good.text(), tuple(reversed(good.candidates)))])
    assert "not the candidates" in swapped.error_detail


def test_a_folder_of_another_kind_is_refused(tmp_path: Path, decoder: Path) -> None:
    with pytest.raises(UserError, match=r"no model of `unreason finetune set_reasoning` there"):
        load_model(f"set_reasoning/{tmp_path}")
    for name in ("training.json", "set_model.json"):
        (tmp_path / name).write_bytes((decoder / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match="cannot be loaded"):
        load_model(f"set_reasoning/{tmp_path}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "ask it with --data set_ops_tokens"),
        ({"data": "mask_reversal"}, "ask it with --data set_ops_tokens"),
    ],
)
def test_a_trained_model_is_asked_what_it_was_trained_on(
    options: dict[str, Any], message: str, decoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        run("set_reasoning", f"set_reasoning/{decoder}", options=options, results=tmp_path, reporter=Silent())


def test_other_models_cannot_be_asked_what_was_never_told_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unreason finetune set_reasoning --data mask_reversal"):
        run("set_reasoning", "scripted/random", options={"data": "mask_reversal"}, results=tmp_path, reporter=Silent())


def test_the_written_readout_is_read_like_any_answer(tmp_path: Path) -> None:
    folder = tmp_path / "written"
    trained(folder, masks="decoder", readout="written", steps=2, batch_size=2)
    model = load_model(f"set_reasoning/{folder}")
    assert model.info.capabilities == {"generate"}
    (response,) = model.answer([Generate(held_out("T2D", seed=0, count=1)[0].record.text())])
    assert response.texts[0].text.startswith("Answer: {")
    options = {"data": "set_ops_tokens", "per_cell": 2, "forms": "i2,ui"}
    found = run("set_reasoning", f"set_reasoning/{folder}", options=options, results=tmp_path, reporter=Silent())
    assert found.metric("em", form="i2", variant="written").n == 2


# ---------------------------------------------------------------- sets in the weights


def test_parametric_training_asks_two_sets_of_the_twelve_only() -> None:
    for one in (one for step in range(10) for one in parametric_batch(32, seed=0, step=step)):
        names = operands(parse(one.record.expr, set(ASKED + STATED)))
        assert not one.record.sets
        assert len(names) == 1 or set(names) <= set(ASKED)


def test_parametric_problems_show_no_set_and_hold_the_truth() -> None:
    rows = list(parametric_problems(("i2", "u_i"), 5, seed=0))
    assert {row["group"] for row in rows if row["form"] == "u_i"} == {"stated"}
    for row in rows:
        assert "Set " not in Record.of(row).text()
        truth = evaluate(parse(row["expr"], set(memberships())), memberships())
        assert set(row["answer"]) == truth & set(row["candidates"])
    single = [row for row in rows if row["form"] == "s1"]
    covered = {name: {item for row in single if row["expr"] == name for item in row["candidates"]} for name in STATED}
    assert all(len(items) == 40 for items in covered.values())


def test_a_model_that_does_not_remember_its_sets_has_no_composition_figures(tmp_path: Path) -> None:
    folder = tmp_path / "param"
    record = trained(folder, data="set_ops_param", masks="decoder", steps=2, batch_size=2)
    assert record["status"] == "not_memorised"
    options = {"data": "set_ops_param", "per_cell": 3}
    found = run("set_reasoning", f"set_reasoning/{folder}", options=options, results=tmp_path, reporter=Silent())
    gaps = [metric for metric in found.metrics if metric.name == "composition_gap"]
    assert {(metric.value, metric.note) for metric in gaps} == {(None, "not_memorised")}
    assert found.metric("em", form="i2", sets="asked").n == 3
    assert found.metric("element_accuracy", form="s1", sets="stated").n == 30


# ---------------------------------------------------------------- facts


def test_facts_are_told_in_thirds_or_all_name_first() -> None:
    groups = [fact.group for fact in facts("1/3")]
    assert {group: groups.count(group) for group in groups} == {"F": 100, "R": 100, "BOTH": 100}
    assert {fact.group for fact in facts("0")} == {"F"}
    assert len({fact.description for fact in facts("0")}) == 300


def test_an_encoder_sees_a_sentence_without_the_whole_name_or_the_whole_description() -> None:
    for one in fact_batch(facts("1/3"), True, 64, seed=0, step=0):
        hidden = [at for at, label in enumerate(one.labels) if label != IGNORED]
        assert len(hidden) in (1, 2)
        assert all(one.ids[at] == IDS[MASK] for at in hidden)
        assert sum(number == IDS[MASK] for number in one.ids) == len(hidden)


def test_group_f_is_never_shown_in_reverse() -> None:
    fact = Fact("n000", ("d01", "d02"), "F")
    assert {one.ids[1] for one in fact_batch([fact], False, 50, seed=0, step=0)} == {IDS["n000"]}


# ---------------------------------------------------------------- pretrained models


@pytest.mark.parametrize(("kind", "lora"), [("encoder", "false"), ("decoder", "false"), ("decoder", "true")])
def test_pretrained_models_are_trained_and_asked_on_records_as_text(kind: str, lora: str, tmp_path: Path) -> None:
    start = pretrained_folder(tmp_path / "start", kind)
    folder = tmp_path / "made"
    record = trained(folder, model=f"hf/{start}", lora=lora, steps=3, batch_size=2, lr=1e-2)
    assert record["objective"] == kind
    if lora == "true":
        assert record["parameters"]["trained"] < record["parameters"]["all"]
    options = {"per_cell": 1, "sizes": "4", "vocabularies": "animals", "overlaps": "uniform"}
    found = run("set_reasoning", f"set_reasoning/{folder}", options=options, results=tmp_path, reporter=Silent())
    assert found.metric("em", form="ui", variant="head").n == 1
    assert not found.failures


def test_the_head_reads_the_last_sub_token_of_each_candidate() -> None:
    import tiny_hf

    tokenizer = tiny_hf.tokenizer(bos=True)
    record = Record("A & B", {"A": ["zebra"], "B": ["zebra", "ox"]}, ["giraffe", "zebra", "ox"])
    encoded = Reader(tokenizer, False, None).encode(record, frozenset(["zebra"]))
    ends = [at for at, label in enumerate(encoded.labels) if label != IGNORED]
    assert [encoded.labels[at] for at in ends] == [0, 1, 0]
    for at, item in zip(ends, record.candidates, strict=True):
        assert tokenizer.decode(encoded.ids[: at + 1]).endswith(item)
    with pytest.raises(ValueError, match="the model's window is 5"):
        Reader(tokenizer, False, 5).encode(record)


def test_texts_are_trained_in_the_words_and_sizes_of_the_shipped_problems() -> None:
    examples = training_batch("T2D", 100, seed=0, step=0, surface=TEXTS)
    assert {len({item for items in one.record.sets.values() for item in items}) for one in examples} == {4, 6, 9}
