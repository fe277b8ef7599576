"""An interrupted training that is continued ends with the weights of one that was not, whatever is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finetune_toys import tiny_llama, toy_docs, toy_train

from suite.finetune import LoraSettings
from suite.registry import objectives
from suite.task import TrainingDoc

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in objectives()),
    ("bico", {"mask_unit": "token"}),
    ("jepa", {"modules": "separate"}),
    ("jepa", {"modules": "separate", "memory": True}),
    ("reverse", {"kind": "random"}),
]


class _Killed(BaseException):
    """As sudden as a kill, for a test within one process."""


def _docs() -> list[TrainingDoc]:
    """The toy documents, told in the other order too."""
    told = []
    for doc in toy_docs():
        first, second = (doc.text[start:end] for start, end in doc.entities)
        text = f"{second} is {first}"
        spans = ((0, len(second)), (len(text) - len(first), len(text)))
        told.append(replace(doc, mirror=text, mirror_entities=spans, meta={"group": "n2d_only", "direction": "n2d"}))
    return told


def _preset(folder: Path, objective: str) -> str:
    """Two layers of width 16: a Llama, or a BERT for the objective of encoders."""
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    kind = (
        {"model_type": "bert", "hidden_dropout_prob": 0.1}
        if objective == "mlm"
        else {"model_type": "llama", "attention_dropout": 0.1}
    )
    training = {"lr": 0.01, "batch_size": 4, "steps": 6, "warmup_steps": 2}
    path = folder / "small.json"
    path.write_text(json.dumps({"model": {**kind, **shape}, "training": training}))
    return str(path)


def _dies_at(step: int) -> Any:
    def callback(at: int, _model: Any) -> dict[str, float]:
        if at == step:
            raise _Killed
        return {}

    return callback


def _ends_alike(tmp_path: Path, weights: str, **options: Any) -> None:
    whole = toy_train(tmp_path / "whole", docs=_docs(), checkpoint_every=2, eval_callback=_dies_at(-1), **options)
    with pytest.raises(_Killed):
        toy_train(tmp_path / "killed", docs=_docs(), checkpoint_every=2, eval_callback=_dies_at(4), **options)
    continued = toy_train(tmp_path / "killed", docs=_docs(), checkpoint_every=2, eval_callback=_dies_at(-1), **options)
    assert (tmp_path / "whole" / weights).read_bytes() == (tmp_path / "killed" / weights).read_bytes()
    for key in ("loss_curve", "tokens_seen", "readout"):  # concept modules are gone by now, but not what they answered
        assert continued.record[key] == whole.record[key]


@pytest.mark.parametrize(("objective", "options"), VARIANTS, ids=[f"{name} {options}" for name, options in VARIANTS])
def test_from_scratch(tmp_path: Path, objective: str, options: dict[str, Any]) -> None:
    _ends_alike(
        tmp_path,
        "model.safetensors",
        objective=objective,
        objective_options=options,
        scratch=_preset(tmp_path, objective),
    )


@pytest.mark.parametrize("options", [{}, {"modules": "separate", "memory": True}], ids=["shared", "memory"])
def test_concepts_beside_an_adapter(tmp_path: Path, options: dict[str, Any]) -> None:
    """A checkpoint of an adapter leaves out all that is not the adapter's."""
    _ends_alike(
        tmp_path,
        "adapter_model.safetensors",
        objective="jepa",
        objective_options=options,
        model=str(tiny_llama(tmp_path / "llama")),
        lora=LoraSettings(r=2),
        steps=6,
        lr=0.01,
    )
