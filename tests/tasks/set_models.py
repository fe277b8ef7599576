"""Tiny set-reasoning models for tests: trained for a few steps, or random pretrained folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from suite.finetune.own import OwnTraining, train_one
from suite.progress import Silent
from suite.registry import validated
from tasks.set_reasoning.curricula import held_out
from tasks.set_reasoning.training import SetTrainer, SetTrainingOptions


@contextmanager
def small_check() -> Iterator[None]:
    """The stop rule reads 20 held-out problems instead of 500, to save time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("scratch", "pretrained"):
            patch.setattr(f"tasks.set_reasoning.{module}.held_out", partial(held_out, count=20))
        yield


def plans(**options: Any) -> list[OwnTraining]:
    """What the trainer plans."""
    return list(SetTrainer().plan(validated("option", SetTrainingOptions, options)))


def trained(folder: Path, seed: int = 0, **options: Any) -> Mapping[str, Any]:
    """Trains the first of the planned models into `folder`; returns its record."""
    return train_one(plans(**options)[0], seed, folder, Silent())


def pretrained_folder(folder: Path, kind: str) -> Path:
    """A random "encoder" (BERT) or "decoder" (Llama) with a tokenizer that splits words; no tiny pretrained encoder is
    to be had offline, so nothing here says what pretraining brings.
    """
    import tiny_hf
    import torch
    import transformers as t

    tokenizer = tiny_hf.tokenizer()
    if kind == "decoder":
        return tiny_hf.save(folder, tiny_hf.causal("llama", positions=512), tokenizer)
    torch.manual_seed(0)
    config = t.BertConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=512,
        pad_token_id=1,
    )
    return tiny_hf.save(folder, t.BertForMaskedLM(config), tokenizer)
