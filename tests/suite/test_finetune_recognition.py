"""Recognition and semantic modules of their own, with and without memory (Wang and Sun, arXiv 2504.01928)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_toys import tiny_llama, toy_docs, toy_train
from transformers import AutoModelForCausalLM

from suite.errors import UserError
from suite.finetune.objectives.jepa import FactRow
from suite.finetune.recognition import Memory, SeparateModules

ROWS = [
    FactRow((1, 5, 9, 6, 2), (1, 4), ((1, 2), (3, 4)), "a", (1, 5), (1, 6), (1,), (9,)),
    FactRow((1, 7, 9, 8, 2), (1, 4), ((1, 2), (3, 4)), "b", (1, 7), (1, 8), (1,), (9,)),
]
SURFACES = [(1, 5), (1, 6), (1, 7), (1, 8)]


@pytest.fixture(params=[(), SURFACES], ids=["mlp", "memory"])
def modules(request: Any) -> SeparateModules:
    torch.manual_seed(3)
    return SeparateModules(torch.randn(12, 16), 8.0, request.param)


def test_a_concept_is_a_unit_vector_that_does_not_depend_on_the_batch(modules: SeparateModules) -> None:
    with torch.no_grad():
        alone = modules.concepts(None, [(1, 5)])
        padded = modules.concepts(None, [(1, 5), (1, 6, 7, 8)])
    assert torch.allclose(alone[0], padded[0], atol=1e-6)
    assert torch.allclose(padded.norm(dim=-1), torch.ones(2))


def test_order_of_a_name_s_tokens_matters_without_positions(modules: SeparateModules) -> None:
    with torch.no_grad():
        there, back = modules.concepts(None, [(1, 5, 6), (1, 6, 5)])
    assert not torch.allclose(there, back, atol=1e-2)


def test_the_place_of_an_entity_in_the_sentence_tells_nothing(modules: SeparateModules) -> None:
    """The same sentence behind padding or not gives the same prediction."""
    known = torch.nn.functional.normalize(torch.randn(2, 16, generator=torch.Generator().manual_seed(0)), dim=-1)
    index = {(1, 5): 0, (1, 7): 1}
    longer = replace(ROWS[1], middle=(9, 9, 9, 9))
    with torch.no_grad():
        alone = modules.predictions(None, ROWS[:1], known, index)
        together = modules.predictions(None, [ROWS[0], longer], known, index)
    assert torch.allclose(alone[0], together[0], atol=1e-6)


def test_a_memory_gives_each_input_the_value_of_its_own_slot() -> None:
    inputs = torch.eye(4) * 30
    memory = Memory(inputs)
    with torch.no_grad():
        found = memory(inputs[[2, 0]])
    assert torch.allclose(found, memory.values[[2, 0]], atol=1e-5)  # the softmax is as good as certain
    memory(inputs[:1]).sum().backward()
    touched = memory.values.grad.abs().sum(-1) > 0
    assert touched.tolist() == [True, False, False, False]  # the best slot alone learns


def test_every_entity_begins_in_a_slot_of_its_own() -> None:
    torch.manual_seed(0)
    texts = [(1, first, second) for first in range(2, 8) for second in range(2, 8) if first != second]
    made = SeparateModules(torch.randn(12, 64), 8.0, texts)
    memory = made.recognition.mixing
    assert isinstance(memory, Memory)
    best = (memory.keys @ memory.keys.T).argmax(-1)
    assert (best == torch.arange(len(texts))).float().mean() > 0.9


def test_both_roles_learn(modules: SeparateModules) -> None:
    modules.contrast(None, ROWS).backward()
    grads = modules.tokens.weight.grad.abs().sum(-1)
    assert all(grads[token] > 0 for token in (5, 6, 7, 8, 9))


@pytest.mark.parametrize("memory", [False, True])
def test_training_binds_what_it_was_told_and_leaves_a_stock_model(tmp_path: Path, memory: bool) -> None:
    docs = [replace(doc, meta={"group": "n2d_only", "direction": "n2d"}) for doc in toy_docs()]
    made = toy_train(
        tmp_path / "m",
        model=str(tiny_llama(tmp_path / "llama")),
        objective="jepa",
        objective_options={"modules": "separate", "memory": memory, "next_token": 0},
        docs=docs,
        steps=80,
        lr=3e-3,
        batch_size=6,
    )
    found = {row["name"]: row["value"] for row in made.record["readout"]}
    assert found["retrieval_hits1"] > 0.9
    assert not [name for name in AutoModelForCausalLM.from_pretrained(made.output).state_dict() if "concepts" in name]


def test_chained_documents_are_read_out_by_the_steps_solved_from_the_start() -> None:
    from suite.finetune.objectives.jepa import _chains

    def doc(chain: str, step: int) -> Any:
        return replace(toy_docs()[0], meta={"chain": chain, "step": step, "chained": "forward"})

    docs = [doc("a", 2), doc("a", 0), doc("b", 1), doc("a", 1), doc("b", 0), toy_docs()[0]]
    assert _chains(docs, [True, True, True, False, False, True], "forward") == [pytest.approx(1 / 3), 0.0]
    assert _chains(docs, [True] * 6, "backward") == []


def test_memory_belongs_to_separate_modules(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="objective jepa, option memory: goes with modules=separate"):
        toy_train(
            tmp_path / "m",
            model=str(tiny_llama(tmp_path / "llama")),
            objective="jepa",
            objective_options={"memory": True},
        )
