"""What the objectives with masks ask of a model: which tokens are hidden, who sees whom, and which have a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_toys import micro_preset, tiny_llama, toy_docs, toy_train
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite.errors import UserError
from suite.finetune.masking import hidden_places, mask_token_id
from suite.finetune.objectives import IGNORED, Batch, load_objective
from suite.finetune.rows import Batches, as_batch
from suite.finetune.settings import Hyperparameters
from suite.finetune.tokenizer import train_tokenizer


def _batch(objective: Any, tokenizer: Any) -> Batch:
    settings = Hyperparameters(lr=1, batch_size=6, steps=3)
    return as_batch(Batches(objective, toy_docs(), tokenizer, settings=settings, seed=0, window=None)[0])


@pytest.fixture
def llama(tmp_path: Path) -> tuple[Any, Any]:
    folder = tiny_llama(tmp_path / "llama")
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def _gradients(model: Any, loss: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def test_bico_that_never_denoises_is_ntp_to_the_last_gradient(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    found = []
    for objective in (load_objective("ntp"), load_objective("bico", {"denoise": 0})):
        objective.prepare(model, tokenizer)
        batch = _batch(objective, tokenizer)
        found.append(_gradients(model, objective.loss(model, batch, torch.Generator().manual_seed(0))))
        objective.restore(model)
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


def test_bico_denoising_sees_the_right_side_and_not_what_is_hidden(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    objective = load_objective("bico", {"denoise": 1, "mask_unit": "token"})
    objective.prepare(model, tokenizer)
    batch = _batch(objective, tokenizer)

    def loss(changed: Batch) -> float:
        with torch.no_grad():
            return float(objective.loss(model, changed, torch.Generator().manual_seed(4)))

    rng = torch.Generator().manual_seed(4)
    torch.rand((), generator=rng)  # the coin
    hidden = hidden_places(batch, rng, rate=0.15, whole=0)
    rows, places = hidden.nonzero(as_tuple=True)
    row, place = int(rows[0]), int(places[0])
    seen_on_the_right = [t for t in range(place + 1, int(batch.attention_mask[row].sum())) if not hidden[row, t]]
    assert seen_on_the_right

    elsewhere = batch.input_ids.clone()
    elsewhere[row, seen_on_the_right[-1]] = 5 if elsewhere[row, seen_on_the_right[-1]] != 5 else 6
    same_labels = Batch(elsewhere, batch.attention_mask, batch.labels, batch.rows)
    assert abs(loss(same_labels) - loss(batch)) > 1e-6  # a token to the right of the gap counts

    behind = batch.input_ids.clone()
    behind[row, place] = 5 if behind[row, place] != 5 else 6
    same_labels = Batch(behind, batch.attention_mask, batch.labels, batch.rows)
    assert loss(same_labels) == loss(batch)  # what is hidden does not
    objective.restore(model)


def test_hidden_places_are_of_the_text_alone_and_spans_are_hidden_whole() -> None:
    docs = toy_docs()
    tokenizer = train_tokenizer(doc.text for doc in docs)
    batch = _batch(load_objective("bico"), tokenizer)
    hidden = hidden_places(batch, torch.Generator().manual_seed(1), rate=0.15, whole=1.0)
    for row, places in zip(batch.rows, hidden, strict=True):
        assert tuple(places.nonzero().flatten().tolist()) in {tuple(range(*span)) for span in row.spans}
    scattered = hidden_places(batch, torch.Generator().manual_seed(1), rate=0.5, whole=0.0)
    for row, places in zip(batch.rows, scattered, strict=True):
        start, end = row.text
        assert places.any()
        assert not places[:start].any()
        assert not places[end:].any()
    assert 0.3 < float(scattered.sum() / sum(row.text[1] - row.text[0] for row in batch.rows)) < 0.7


def test_prefix_lm_reads_its_prompt_both_ways_and_its_completion_one_way(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    objective = load_objective("prefix_lm")
    batch = _batch(objective, tokenizer)
    embedded = model.get_input_embeddings()(batch.input_ids).detach().requires_grad_(True)
    seen: dict[str, Any] = {}

    def ask(**inputs: Any) -> Any:
        seen.update(inputs)
        return model(inputs_embeds=embedded, **{key: value for key, value in inputs.items() if key != "input_ids"})

    objective.loss(ask, batch, torch.Generator())
    end = batch.rows[0].spans[0][1]
    length = len(batch.rows[0].tokens)
    sees = seen["attention_mask"][0, 0]
    assert sees[:end, :end].all()  # the prompt, both ways
    assert sees[end:length, :end].all()  # the completion sees the prompt
    assert not sees[end:length, end:length].triu(1).any()  # and no token after itself
    assert not sees[:, length:].any()  # padding is seen by nobody
    assert (seen["labels"][0, :end] == IGNORED).all()
    assert (seen["labels"][0, end:length] == batch.input_ids[0, end:length]).all()


def test_prefix_lm_without_a_prompt_in_view_is_causal_training(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    objective = load_objective("prefix_lm")
    batch = _batch(objective, tokenizer)
    causal = [row.__class__(row.tokens, row.text, ((0, 0),)) for row in batch.rows]
    as_ntp = Batch(batch.input_ids, batch.attention_mask, batch.labels, causal)
    with torch.no_grad():
        ours = objective.loss(model, as_ntp, torch.Generator())
        ntp = load_objective("ntp").loss(model, batch, torch.Generator())
    assert torch.allclose(ours, ntp, atol=1e-6)


@pytest.mark.parametrize("objective", ["bico", "both_orders", "identity", "masked", "prefix_lm", "reverse", "spt"])
def test_every_objective_trains_and_leaves_a_stock_model(objective: str, tmp_path: Path) -> None:
    import json

    preset = json.loads(Path(micro_preset(tmp_path / "presets")).read_text())
    preset["model"] = {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    (tmp_path / "llama.json").write_text(json.dumps(preset))
    docs = [doc if n % 2 else doc.__class__(**{**_fields(doc), "mirror": doc.text}) for n, doc in enumerate(toy_docs())]
    made = toy_train(tmp_path / "m", objective=objective, scratch=str(tmp_path / "llama.json"), docs=docs)
    model = AutoModelForCausalLM.from_pretrained(made.output)
    assert "is_causal" not in json.loads((made.output / "config.json").read_text())
    assert model.config._attn_implementation == "sdpa"
    again = toy_train(tmp_path / "n", objective=objective, scratch=str(tmp_path / "llama.json"), docs=docs)
    assert (made.output / "model.safetensors").read_bytes() == (again.output / "model.safetensors").read_bytes()


def test_mlm_trains_an_encoder_that_fills_the_gap(tmp_path: Path) -> None:
    import json

    from transformers import AutoModelForMaskedLM

    preset = {
        "model": {
            "model_type": "bert",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        },
        "training": {"lr": 0.01, "batch_size": 12, "steps": 300},
    }
    (tmp_path / "bert.json").write_text(json.dumps(preset))
    made = toy_train(tmp_path / "m", objective="mlm", scratch=str(tmp_path / "bert.json"))
    tokenizer, model = AutoTokenizer.from_pretrained(made.output), AutoModelForMaskedLM.from_pretrained(made.output)
    mask = tokenizer.mask_token
    tokens = tokenizer(f"people know {mask} {mask} as the baker", return_tensors="pt")
    with torch.no_grad():
        best = model(**tokens).logits[0].argmax(-1)
    gap = (tokens["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten()
    assert tokenizer.decode(best[gap]).strip() == "vena quux"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "mlm"}, "objective mlm trains masked models; gpt2 is a causal one"),
        (
            {"objective": "bico", "objective_options": {"mask_token": "[MASK]"}},
            r"the vocabulary has no token '\[MASK\]'",
        ),
        ({"objective": "bico", "objective_options": {"mask_rate": 1.5}}, "objective bico, option mask_rate"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        toy_train(tmp_path / "m", **options)
    assert not (tmp_path / "m").exists()


def test_a_tokenizer_without_any_token_to_hide_behind_is_refused() -> None:
    tokenizer = train_tokenizer(["a b"])
    tokenizer.pad_token = tokenizer.eos_token = None
    with pytest.raises(UserError, match="no mask token; name one with mask_token=TOKEN"):
        mask_token_id(tokenizer, None, "bico")


def _fields(doc: Any) -> dict[str, Any]:
    return {name: getattr(doc, name) for name in doc.__slots__}
