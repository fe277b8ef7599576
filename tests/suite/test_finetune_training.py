"""The training loop: what it leaves behind, and that the same input gives the same weights, killed or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_toys import micro_preset, tiny_llama, toy_docs, toy_train
from transformers import AutoModelForCausalLM, AutoTokenizer

from suite.errors import UserError
from suite.finetune import LoraSettings, finetune_task, train
from suite.finetune.loop import last_checkpoint
from suite.finetune.progress import TrainingProgress
from suite.progress import Silent
from suite.task import TrainingDoc


def _weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_model_from_scratch_loads_anywhere_and_says_how_it_was_made(tmp_path: Path) -> None:
    result = toy_train(tmp_path / "out", seed=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "presets"]  # nothing half-done stays
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert model.config.n_positions == max(len(tokenizer(doc.text)["input_ids"]) + 1 for doc in toy_docs())
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record == result.record
    assert {
        "objective": "ntp",
        "seed": 3,
        "steps": 12,
        "budget": "steps",
        "epochs": 8.0,  # 12 steps of 8 rows, 12 documents
        "documents": 12,
        "rows_per_epoch": 12,
        "scratch": True,
        "base_model": None,
        "tie_word_embeddings": False,
        "packing": False,
        "threads": 1,
    }.items() <= record.items()
    assert record["tokens_seen"] == 8 * sum(len(tokenizer(doc.text)["input_ids"]) + 1 for doc in toy_docs())
    assert record["parameters"]["all"] == sum(parameter.numel() for parameter in model.parameters())
    assert [step for step, _ in record["loss_curve"]] == list(range(2, 13, 2))
    assert record["loss_curve"][-1][1] < record["loss_curve"][0][1]
    assert record["libraries"]["torch"] == torch.__version__.partition("+")[0] or record["libraries"]["torch"]
    assert (tmp_path / "out" / "loss.svg").read_text().startswith("<svg")


def test_the_preset_of_the_demo_is_the_spec_s(tmp_path: Path) -> None:
    result = toy_train(tmp_path / "out", scratch="tiny-gpt2", steps=1)
    config = AutoModelForCausalLM.from_pretrained(tmp_path / "out").config
    assert (config.n_layer, config.n_head, config.n_embd, config.resid_pdrop) == (2, 4, 64, 0)
    optimizer = result.record["optimizer"]
    assert (optimizer["lr"], optimizer["betas"], optimizer["weight_decay"]) == (2e-3, [0.9, 0.98], 0)
    assert (optimizer["clip"], optimizer["warmup_steps"], optimizer["batch_size"]) == (1, 50, 64)


def test_learning_rate_follows_the_spec() -> None:
    from suite.finetune.settings import load_preset

    factor = load_preset("tiny-gpt2").training.lr_factor
    assert factor(0, 500) == pytest.approx(1 / 50)
    assert factor(250, 500) == pytest.approx(0.1 + 0.9 * 0.5)
    assert factor(499, 500) == pytest.approx(0.1, abs=1e-4)


def test_same_seed_same_bytes_and_the_order_of_documents_does_not_matter(tmp_path: Path) -> None:
    toy_train(tmp_path / "a")
    toy_train(tmp_path / "b", docs=list(reversed(toy_docs())))
    toy_train(tmp_path / "c", seed=1)
    assert _weights(tmp_path / "a") == _weights(tmp_path / "b") != _weights(tmp_path / "c")


def test_training_leaves_the_caller_s_randomness_and_threads_alone(tmp_path: Path) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    threads = torch.get_num_threads()
    toy_train(tmp_path / "out", steps=1)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_tied_embeddings_are_an_option_from_scratch(tmp_path: Path) -> None:
    result = toy_train(tmp_path / "out", steps=1, tie_embeddings=True)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert result.record["tie_word_embeddings"] is True
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_reverse_has_twice_the_rows_and_both_budgets_are_on_record(tmp_path: Path) -> None:
    ntp = toy_train(tmp_path / "ntp", epochs=2).record
    by_epochs = toy_train(tmp_path / "epochs", objective="reverse", epochs=2).record
    by_steps = toy_train(tmp_path / "steps", objective="reverse", steps=ntp["steps"]).record
    assert (ntp["rows_per_epoch"], by_epochs["rows_per_epoch"]) == (12, 24)
    assert (ntp["steps"], by_epochs["steps"], by_epochs["budget"]) == (3, 6, "epochs")
    assert by_epochs["tokens_seen"] == 2 * ntp["tokens_seen"]
    assert (by_steps["epochs"], by_steps["budget"]) == (1.0, "steps")


class _Killed(BaseException):
    """As sudden as a kill, for a test within one process."""


def _dies_at(step: int) -> Any:
    def callback(at: int, _model: Any) -> Mapping[str, float]:
        if at == step:
            raise _Killed
        return {"seen": float(at)}

    return callback


@pytest.mark.parametrize("objective", ["ntp", "reverse"])
def test_a_killed_training_continues_to_the_same_weights_and_curve(tmp_path: Path, objective: str) -> None:
    options: dict[str, Any] = {
        "objective": objective,
        "scratch": micro_preset(tmp_path / "presets", dropout=0.2),
        "checkpoint_every": 4,
    }
    whole = toy_train(tmp_path / "whole", eval_callback=_dies_at(-1), **options)
    with pytest.raises(_Killed):
        toy_train(tmp_path / "killed", eval_callback=_dies_at(8), **options)
    assert not (tmp_path / "killed").exists()
    checkpoint = last_checkpoint(tmp_path / "killed.partial")
    assert checkpoint is not None and checkpoint.name == "checkpoint-4"
    continued = toy_train(tmp_path / "killed", eval_callback=_dies_at(-1), **options)
    assert _weights(tmp_path / "killed") == _weights(tmp_path / "whole")
    for key in ("loss_curve", "tokens_seen", "steps", "evaluations"):
        assert continued.record[key] == whole.record[key]
    assert [entry["seen"] for entry in whole.record["evaluations"]] == [4, 8, 12]
    assert not (tmp_path / "killed.partial").exists()


def test_a_checkpoint_torn_by_a_kill_is_passed_over(tmp_path: Path) -> None:
    toy_train(tmp_path / "whole", checkpoint_every=4)
    with pytest.raises(_Killed):
        toy_train(tmp_path / "out", checkpoint_every=4, eval_callback=_dies_at(12))
    torn = tmp_path / "out.partial" / "checkpoint-8"
    (torn / "whole.json").unlink()
    (torn / "model.safetensors").write_bytes(b"half")
    assert last_checkpoint(tmp_path / "out.partial") == tmp_path / "out.partial" / "checkpoint-4"
    toy_train(tmp_path / "out", checkpoint_every=4)
    assert _weights(tmp_path / "out") == _weights(tmp_path / "whole")


def test_kill_9_and_the_same_command_again(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from finetune_toys import toy_train\n"
        "def die(step, model):\n"
        "    if step == 9: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return {}\n"
        f"toy_train(Path({str(tmp_path / 'out')!r}), checkpoint_every=3, eval_callback=die)\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    toy_train(tmp_path / "out", checkpoint_every=3)
    toy_train(tmp_path / "whole", checkpoint_every=3)
    assert _weights(tmp_path / "out") == _weights(tmp_path / "whole")


def test_a_finished_training_is_not_done_twice_unless_asked(tmp_path: Path) -> None:
    first = toy_train(tmp_path / "out", steps=2)
    inode = (tmp_path / "out" / "model.safetensors").stat().st_ino
    assert toy_train(tmp_path / "out", steps=2).record == first.record
    assert (tmp_path / "out" / "model.safetensors").stat().st_ino == inode
    again = toy_train(tmp_path / "out", steps=2, resume=False)
    assert again.record["loss_curve"] == first.record["loss_curve"]
    assert (tmp_path / "out" / "model.safetensors").stat().st_ino != inode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "presets"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama") / "base")


def test_full_training_of_a_pretrained_model(tmp_path: Path, llama: Path) -> None:
    result = toy_train(tmp_path / "out", model=str(llama), epochs=2, lr=0.01)
    assert result.record["base_model"] == str(llama)
    assert result.record["scratch"] is False
    assert result.record["parameters"]["trained"] == result.record["parameters"]["all"]
    assert result.record["epochs"] == 2
    model, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"] and model.dtype == torch.float32


def test_lora_saves_an_adapter_and_merging_gives_the_same_model(tmp_path: Path, llama: Path) -> None:
    options: dict[str, Any] = {"model": str(llama), "steps": 4, "lr": 0.05}
    adapter = toy_train(tmp_path / "adapter", lora=LoraSettings(r=4), **options)
    toy_train(tmp_path / "merged", lora=LoraSettings(r=4, merge=True), **options)
    counts = adapter.record["parameters"]
    assert 0 < counts["trained"] < counts["all"] / 2
    assert adapter.record["lora"]["r"] == 4
    assert not (tmp_path / "adapter" / "model.safetensors").exists()
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(llama)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "adapter")
    batch = tokenizer(toy_docs()[0].text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        base, adapted, merged = (
            AutoModelForCausalLM.from_pretrained(path)(batch).logits
            for path in (llama, tmp_path / "adapter", tmp_path / "merged")
        )
    assert torch.allclose(adapted, merged, atol=1e-4)
    assert not torch.allclose(adapted, base, atol=1e-2)


def test_the_engine_loads_an_adapter_with_its_training_record(tmp_path: Path, llama: Path) -> None:
    from suite.registry import load_model

    result = toy_train(tmp_path / "adapter", model=str(llama), lora=LoraSettings(), steps=1)
    info = load_model(f"hf/{tmp_path / 'adapter'}").info
    assert info.training is not None
    assert info.training["settings"] == result.record["settings"]


def test_a_killed_lora_training_continues_to_the_same_weights(tmp_path: Path, llama: Path) -> None:
    options: dict[str, Any] = {"model": str(llama), "lora": LoraSettings(dropout=0.1), "steps": 6}
    toy_train(tmp_path / "whole", checkpoint_every=2, **options)
    with pytest.raises(_Killed):
        toy_train(tmp_path / "killed", checkpoint_every=2, eval_callback=_dies_at(4), **options)
    toy_train(tmp_path / "killed", checkpoint_every=2, **options)
    whole, killed = (tmp_path / name / "adapter_model.safetensors" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()


def test_a_row_longer_than_the_model_s_window_is_refused_not_cut(tmp_path: Path, llama: Path) -> None:
    long = TrainingDoc("d", "f", "mara" + " mara" * 39, "mara", " mara" * 39)
    with pytest.raises(UserError, match=r"a training row has 42 tokens and the model's window is 32"):
        train([long], output=tmp_path / "out", model=str(llama), progress=Silent())


def test_progress_says_loss_rate_and_remaining_time() -> None:
    progress = TrainingProgress(done=30, total=100, kept=10, failed=0, tokens=5, seconds=10.0, loss=1.25)
    assert progress.line() == "30/100 steps (30 %), loss 1.250, 2.0 steps/s, 0:35 left"


def test_a_task_is_trained_on_by_name(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks" / "toy"
    tasks.mkdir(parents=True)
    (tasks / "task.py").write_text(
        "from pydantic import BaseModel\n"
        "from suite.task import Task, TrainingDoc\n"
        "class Options(BaseModel):\n"
        "    n: int = 4\n"
        "class Toy(Task):\n"
        "    name, version, title, citation, modes = 'toy', '1', 'toy', 'none', ('generate',)\n"
        "    @classmethod\n"
        "    def options_model(cls): return Options\n"
        "    def training_docs(self):\n"
        "        for i in range(self.options.n):\n"
        "            yield TrainingDoc(str(i), str(i), f'doc number {i}', 'doc number', f' {i}')\n"
    )
    result = finetune_task(
        "toy",
        {"n": "6"},
        output=tmp_path / "out",
        scratch=micro_preset(tmp_path),
        steps=1,
        tasks_dir=tmp_path / "tasks",
        silent=True,
    )
    assert result.record["documents"] == 6
    assert set(result.to_json()) >= {"output", "final_loss", "steps", "objective"}
