"""An objective of one's own is one file: its rows, its loss with its own randomness, its changes to the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from finetune_toys import toy_docs, toy_train
from transformers import AutoModelForCausalLM

from suite.errors import UserError

SOURCE = '''
import torch
from pydantic import BaseModel
from suite.finetune.objectives import Objective, Passage

class Options(BaseModel):
    rate: float = 0.5

class Masked(Objective):
    """Hides whole entities by a coin, and has a layer that only training needs."""
    name = "masked"

    @classmethod
    def options_model(cls):
        return Options

    def rows(self, docs, encode, rng):
        return encode([Passage(doc.text, doc.entities) for doc in docs])

    def prepare(self, model, tokenizer):
        model.extra = torch.nn.Linear(1, 1)

    def loss(self, model, batch, rng):
        hidden = torch.rand(len(batch.rows), generator=rng) < self.options.rate
        labels = batch.labels.clone()
        for number, row in enumerate(batch.rows):
            if hidden[number]:
                start, end = row.spans[0]
                labels[number, start:end] = -100
        loss = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels).loss
        return loss + model.extra(torch.ones(1)).sum() ** 2

    def restore(self, model):
        del model.extra
'''


@pytest.fixture
def masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "objectives"
    folder.mkdir()
    name = f"masked_{tmp_path.name}"
    (folder / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("suite.registry.objectives", lambda: {"masked": name})


@pytest.mark.usefixtures("masked")
def test_rows_loss_prepare_and_restore_are_all_an_objective_needs(tmp_path: Path) -> None:
    result = toy_train(tmp_path / "out", objective="masked", objective_options={"rate": "0.25"})
    assert result.record["objective_options"] == {"rate": 0.25}
    _, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["unexpected_keys"] and not report["missing_keys"]


@pytest.mark.usefixtures("masked")
def test_its_randomness_belongs_to_seed_and_step_so_that_it_survives_a_kill(tmp_path: Path) -> None:
    def die(step: int, _model: object) -> dict[str, float]:
        if step == 8:
            raise KeyboardInterrupt
        return {}

    toy_train(tmp_path / "whole", objective="masked", checkpoint_every=4)
    with pytest.raises(KeyboardInterrupt):
        toy_train(tmp_path / "killed", objective="masked", checkpoint_every=4, eval_callback=die)
    toy_train(tmp_path / "killed", objective="masked", checkpoint_every=4)
    whole, killed = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()


def test_an_encoder_is_refused_by_objectives_for_causal_models(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    from suite.finetune.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(doc.text for doc in toy_docs())
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    with pytest.raises(UserError, match="objective reverse trains causal models; bert is a masked one"):
        toy_train(tmp_path / "out", model=str(tmp_path / "bert"), objective="reverse")
