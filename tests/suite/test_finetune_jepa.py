"""The objective that predicts concept vectors: its parts, its readout, and that it leaves a stock model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_toys import tiny_llama, toy_docs, toy_train
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite.errors import UserError
from suite.finetune.concepts import SharedBackbone, ranked
from suite.finetune.objectives import load_objective
from suite.finetune.objectives.jepa import FactRow
from suite.finetune.rows import encoder
from suite.seeds import over_seeds
from suite.task import TrainingDoc


def _row(fact: str, subject: int, target: int) -> FactRow:
    tokens = (1, subject, 9, target, 2)
    return FactRow(tokens, (1, 4), ((1, 2), (3, 4)), fact, (1, subject), (1, target), (1,), (9,))


@pytest.fixture
def model(tmp_path: Path) -> Any:
    made = AutoModelForCausalLM.from_pretrained(tiny_llama(tmp_path / "llama")).eval()
    torch.manual_seed(1)
    made.concepts = SharedBackbone(made.get_input_embeddings().weight, 1, 8.0)
    return made


def _docs(**meta: Any) -> list[TrainingDoc]:
    return [replace(doc, meta={"group": "n2d_only", "direction": "n2d", **meta}) for doc in toy_docs()]


def test_a_document_becomes_lead_subject_middle_and_object(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama(tmp_path / "llama"))
    (row,) = load_objective("jepa").rows(toy_docs()[2:3], encoder(tokenizer), __import__("random").Random(0))
    assert isinstance(row, FactRow)
    said = [tokenizer.decode(part) for part in (row.lead, row.subject, row.middle, row.object)]
    assert said == ["<start> people know", "<start> tilo bar", "as", "<start> the weaver of the red cloth"]
    assert row.fact == "fact-1"


def test_a_concept_does_not_depend_on_the_other_entities_of_the_batch(model: Any) -> None:
    with torch.no_grad():
        alone = model.concepts.concepts(model, [(1, 5)])
        padded = model.concepts.concepts(model, [(1, 5), (1, 6, 7, 8)])
    assert torch.allclose(alone[0], padded[0], atol=1e-6)
    assert torch.allclose(padded.norm(dim=-1), torch.ones(2))


def test_the_subject_is_seen_through_its_concept_alone(model: Any) -> None:
    """The bottleneck: equal concept vectors give equal predictions, whatever the subject's tokens are."""
    rows = [_row("a", 5, 6), _row("b", 7, 8)]
    known = torch.nn.functional.normalize(torch.randn(1, 32, generator=torch.Generator().manual_seed(0)), dim=-1)
    with torch.no_grad():
        found = model.concepts.predictions(model, rows, known, {(1, 5): 0, (1, 7): 0})
        other = model.concepts.predictions(model, rows, -known, {(1, 5): 0, (1, 7): 0})
    assert torch.allclose(found[0], found[1], atol=1e-6)
    assert not torch.allclose(found, other, atol=1e-2)


def test_ranks_count_rivals_and_pass_over_other_words_of_the_same_fact(model: Any, monkeypatch: Any) -> None:
    rows = [_row("a", 5, 6), _row("b", 7, 8), _row("a", 10, 6)]
    order = [(1, 5), (1, 6), (1, 7), (1, 8), (1, 10)]
    scores = {(1, 5): 0.1, (1, 6): 0.5, (1, 7): 0.7, (1, 8): 0.2, (1, 10): 0.9}
    monkeypatch.setattr(model.concepts, "concepts", lambda _m, texts: torch.tensor([[scores[text]] for text in texts]))
    monkeypatch.setattr(model.concepts, "predictions", lambda _m, part, *_: torch.ones(len(part), 1))
    ranks, is_subject = ranked(model, rows)
    assert sorted(scores) == sorted(order)
    assert ranks.tolist() == [2, 4, 3]  # of the first row, 10 says the same fact; of the third, 10 is the subject
    assert is_subject.tolist() == [False, False, True]


def test_gradients_reach_the_lower_layers_from_both_roles(model: Any) -> None:
    model.concepts.contrast(model, [_row("a", 5, 6), _row("b", 7, 8)]).backward()
    embedding = model.get_input_embeddings().weight.grad
    assert all(embedding[token].abs().sum() > 0 for token in (5, 6, 7, 8))


def test_training_binds_what_it_was_told_and_leaves_a_stock_model(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "llama")
    made = toy_train(tmp_path / "m", model=str(folder), objective="jepa", docs=_docs(), steps=60, lr=3e-3, batch_size=6)
    names = AutoModelForCausalLM.from_pretrained(made.output).state_dict()
    assert not [name for name in names if "concepts" in name]
    found = {row["name"]: row for row in made.record["readout"]}
    assert found["retrieval_hits1"]["value"] > 0.9
    assert found["retrieval_hits1"]["condition"] == {
        **{"group": "n2d_only", "direction": "n2d"},
        **{"seen": "same", "control": "none"},
    }
    assert json.loads((made.output / "training.json").read_text())["readout"] == list(made.record["readout"])


def test_mirrored_documents_are_asked_in_the_other_order(tmp_path: Path) -> None:
    docs = [
        replace(
            doc,
            mirror=(text := f"{doc.completion.strip()} is {name}"),
            mirror_entities=((0, len(doc.completion) - 1), (len(text) - len(name), len(text))),
        )
        for doc in _docs()
        for name in [doc.text[slice(*doc.entities[0])]]
    ]
    made = toy_train(tmp_path / "m", model=str(tiny_llama(tmp_path / "l")), objective="jepa", docs=docs, steps=4)
    cells = {(row["condition"]["direction"], row["condition"]["seen"]) for row in made.record["readout"]}
    assert cells == {("n2d", "same"), ("d2n", "reverse")}


def test_readouts_stand_beside_metrics_under_their_own_mode() -> None:
    reading = {"name": "retrieval_mrr", "condition": {"group": "both"}, "value": 0.5, "n": 4}
    training = {
        **{"seed": 0, "tokens_seen": 1, "steps": 1, "epochs": 1, "seconds": 1.0, "cpu_seconds": 1.0},
        **{"device": "cpu", "readout": [reading]},
        "settings": {"objective": "jepa", "objective_options": {}, "seed": 0},
    }
    (row,) = over_seeds([{"run_id": "r", "training": training}], {"r": []}, names=["em"])
    assert (row.mode, row.name, row.value) == ("readout", "retrieval_mrr", 0.5)


@pytest.mark.parametrize(
    ("options", "docs", "message"),
    [
        ({}, [replace(toy_docs()[0], entities=((12, 16),))], "objective jepa: doc fact-0/peo has 1 entity spans"),
        ({"layer": 9}, toy_docs(), "objective jepa, option layer: 9, and the model has 2 layers"),
    ],
)
def test_what_cannot_be_contrasted_is_refused(
    options: dict[str, Any], docs: list[TrainingDoc], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        toy_train(
            tmp_path / "m",
            model=str(tiny_llama(tmp_path / "l")),
            objective="jepa",
            objective_options=options,
            docs=docs,
        )


def test_a_batch_of_one_has_nothing_to_contrast(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="objective jepa contrasts the rows of a batch; give --batch-size 2 or more"):
        toy_train(tmp_path / "m", model=str(tiny_llama(tmp_path / "l")), objective="jepa", batch_size=1)
