"""What a training refuses, each in one line that names the option, and with nothing left half-written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from finetune_toys import micro_preset, tiny_llama, toy_docs, toy_train

from suite.errors import UserError
from suite.finetune import LoraSettings, finetune_task
from suite.task import TrainingDoc


def _doc(text: str = "a b", entities: tuple[tuple[int, int], ...] = ()) -> TrainingDoc:
    return TrainingDoc("doc-7", "f", text, "a", " b", entities)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "nttp"}, "unknown objective 'nttp'; did you mean ntp"),
        ({"scratch": "tiny-gpt"}, "unknown scratch preset 'tiny-gpt'; did you mean tiny-gpt2"),
        ({"lr": 0.0}, "training option lr: .*greater than 0"),
        ({"lr": float("nan")}, "training option lr"),
        ({"lr": 1e9}, "training option lr: .*less than or equal to 10"),
        ({"steps": 0}, "training option steps: .*greater than or equal to 1"),
        ({"epochs": -1.0}, "training option epochs"),
        ({"batch_size": 0}, "training option batch_size"),
        ({"steps": 5, "epochs": 1.0}, "--steps or --epochs, not both"),
        ({"checkpoint_every": 0}, "checkpoint_every 0"),
        ({"model": "x", "scratch": "tiny-gpt2"}, "--model hf/ID_OR_PATH or --scratch PRESET, and not both"),
        ({"model": "./nowhere"}, "no such folder"),
        ({"model": "./nowhere", "tie_embeddings": True}, "--tie-embeddings is for models from scratch"),
        ({"model": "./nowhere", "lora": LoraSettings(r=0)}, "LoRA rank 0"),
        ({"model": "./nowhere", "lora": LoraSettings(dropout=1.0)}, "LoRA dropout 1.0"),
        ({"model": "./nowhere", "lora": LoraSettings(alpha=0)}, "LoRA alpha 0"),
        ({"lora": LoraSettings()}, "--lora needs a pretrained model"),
        ({"docs": [_doc(" ")]}, "training doc doc-7: the text is empty"),
        ({"docs": [_doc(entities=((1, 9),))]}, "training doc doc-7: entity span 1-9 is not in the text"),
        ({"docs": [replace(_doc(), fact_id="")]}, "training doc doc-7: has no fact_id"),
        (
            {"docs": [replace(_doc(), mirror="b", mirror_entities=((0, 2),))]},
            "training doc doc-7: entity span 0-2 is not in the mirror of 1 characters",
        ),
        (
            {"objective": "bico", "objective_options": {"mask_rate": 1.5}},
            "option mask_rate: .*less than 1",
        ),
        ({"objective": "jepa", "objective_options": {"scale": 0}}, "objective jepa, option scale: .*greater than 0"),
        ({"objective": "bico", "scratch": "tiny-bert"}, "objective bico trains causal models; bert is a masked one"),
        ({"objective": "mlm", "scratch": "tiny-llama"}, "objective mlm trains masked models; llama is a causal one"),
        ({"docs": [_doc()], "objective": "jepa"}, "objective jepa: doc doc-7 has 0 entity spans, and a subject and an"),
        ({"docs": [_doc()], "objective": "reverse"}, "objective reverse, kind=entity: doc doc-7"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        toy_train(tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"presets"}


def test_no_document_at_all(tmp_path: Path) -> None:
    from suite.finetune import train

    with pytest.raises(UserError, match="no training document"):
        train([], output=tmp_path / "out", scratch="tiny-gpt2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "scratch config .*JSONDecodeError"),
        ('{"model": {}, "training": {"lr": 0.1, "batch_size": 1}}', 'needs a "model_type"'),
        ('{"model": {"model_type": "gpt9"}, "training": {"lr": 0.1, "batch_size": 1, "steps": 1}}', "gpt9"),
        ('{"model": {"model_type": "gpt2"}, "training": {"lr": -1, "batch_size": 1}}', "training.lr"),
        ('{"model": {"model_type": "gpt2"}, "training": {"lr": 0.1, "batch": 1}}', "training.batch"),
        ('{"model": {"model_type": "gpt2"}, "training": {"lr": 0.1, "batch_size": 1}}', "steps or epochs"),
        (
            '{"model": {"model_type": "gpt2", "n_embd": 10, "n_head": 3},'
            ' "training": {"lr": 0.1, "batch_size": 1, "steps": 1}}',
            "divisible",
        ),
    ],
)
def test_a_damaged_config_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        toy_train(tmp_path / "out", scratch=str(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_lora_targets_that_the_model_lacks(tmp_path: Path) -> None:
    base = tiny_llama(tmp_path / "base")
    with pytest.raises(UserError, match="LoRA targets 'q_porj'"):
        toy_train(tmp_path / "out", model=str(base), lora=LoraSettings(targets="q_porj"))


def test_only_local_models_can_be_trained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--model openai/gpt-5-mini: only hf/ID_OR_PATH and demo can be trained"):
        finetune_task("reversal_curse", output=tmp_path / "out", model="openai/gpt-5-mini", silent=True)


def test_an_output_of_another_configuration_is_not_overwritten(tmp_path: Path) -> None:
    toy_train(tmp_path / "out", steps=1)
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    for resume in (True, False):
        with pytest.raises(UserError, match=r"another configuration \(seed: 0 there, 1 asked\)"):
            toy_train(tmp_path / "out", steps=1, seed=1, resume=resume)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before


def test_an_unfinished_training_of_another_configuration_is_not_mixed_in(tmp_path: Path) -> None:
    def die(_step: int, _model: Any) -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toy_train(tmp_path / "out", eval_callback=die)
    with pytest.raises(UserError, match=r"out.partial: holds an unfinished training with another configuration"):
        toy_train(tmp_path / "out", lr=0.5)
    toy_train(tmp_path / "out", lr=0.5, resume=False)
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("make", ["file", "foreign folder", "damaged record"])
def test_an_output_that_is_something_else_is_left_alone(tmp_path: Path, make: str) -> None:
    out = tmp_path / "out"
    if make == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / ("training.json" if make == "damaged record" else "thesis.tex")).write_text("mine")
    with pytest.raises(UserError, match=r"is a file|holds files that no training wrote|damaged"):
        toy_train(out, steps=1)
    assert not (tmp_path / "out.partial").exists()


def test_an_empty_folder_is_a_fine_output(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert toy_train(tmp_path / "out", steps=1).steps == 1


def test_an_output_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    scratch = micro_preset(tmp_path)
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        toy_train(tmp_path / "file" / "out", scratch=scratch)


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    with (
        FileLock(tmp_path / "out.partial" / ".lock"),
        pytest.raises(UserError, match="another process is training into it"),
    ):
        toy_train(tmp_path / "out")


def test_a_full_disk_is_said_and_the_training_continues_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(UserError, match=r"cannot be written: checkpoint: .*the same command continues"):
            toy_train(tmp_path / "out", steps=4)
    assert not (tmp_path / "out").exists()
    assert toy_train(tmp_path / "out", steps=4).steps == 4


def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(tmp_path: Path) -> None:
    def poison(step: int, model: Any) -> dict[str, float]:
        if step == 8:
            # after the check of the weights, so that the next step's loss is the first to show it
            model.get_input_embeddings().weight.register_hook(lambda gradient: gradient * float("nan"))
        return {}

    with pytest.raises(UserError, match=r"no longer a finite number at step 1[0-2] \(lr 0.01\)") as caught:
        toy_train(tmp_path / "out", checkpoint_every=4, eval_callback=poison)
    assert "checkpoint-8" in str(caught.value) and "lower --lr" in str(caught.value)
    assert not (tmp_path / "out").exists()
    weights = (tmp_path / "out.partial" / "checkpoint-8" / "model.safetensors").read_bytes()
    from safetensors.torch import load

    assert all(torch.isfinite(tensor).all() for tensor in load(weights).values())


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path) -> None:
    docs = toy_docs()

    def poison(step: int, model: Any) -> dict[str, float]:
        if step == 4:
            model.get_input_embeddings().weight.register_hook(lambda gradient: gradient * float("nan"))
        return {}

    with pytest.raises(UserError, match=r"at step 5 .*checkpoint-4"):
        toy_train(tmp_path / "out", docs=docs, steps=5, checkpoint_every=4, eval_callback=poison)
    assert not (tmp_path / "out").exists()
    assert json.loads((tmp_path / "out.partial" / "checkpoint-4" / "whole.json").read_text())["step"] == 4
