"""Training speed: tokens a second of the suite's loop against the plain Trainer of transformers, and what bico costs.

    python benchmarks/training.py [--steps 60] [--repeats 3] [MODEL ...]

Models: `tiny` (GPT-2 of two layers, width 64) and `small` (Llama of six layers, width 256), random weights, one
thread, fp32, the same documents, batch size and optimiser. Each measurement is a process of its own; times are CPU
seconds of the loop, the median of the repeats. Targets: ntp at least 0.95 of the plain Trainer, bico at most 1.3
times the cost of ntp.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

METHODS = ("plain Trainer", "ntp", "bico")
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {
        "model_type": "gpt2",
        **{"n_layer": 2, "n_head": 4, "n_embd": 64},
        **{"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    },
    "small": {
        "model_type": "llama",
        **{"num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 4},
        **{"hidden_size": 256, "intermediate_size": 768},
    },
}
BATCH = 32


def main() -> None:
    """Prints one table a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)} (default: all)")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "METHOD"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(*given.measure, given.steps)))
        return
    for model in given.models or MODELS:
        found = {method: [_apart(model, method, given.steps) for _ in range(given.repeats)] for method in METHODS}
        rate = {method: statistics.median(one["tokens_per_s"] for one in found[method]) for method in METHODS}
        print(f"\n{model}: {given.steps} steps of {BATCH} documents")
        print(f"{'method':16}{'tokens/CPU s':>14}{'x plain':>10}")
        for method in METHODS:
            print(f"{method:16}{rate[method]:14,.0f}{rate[method] / rate['plain Trainer']:10.2f}")
        print(f"cost of bico: {rate['ntp'] / rate['bico']:.2f} x ntp")


def measure(model: str, method: str, steps: int) -> dict[str, float]:
    """Trains once in this process, after a short run that warms up what is made once."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        _train(model, method, 3, Path(folder) / "warm")
        return _train(model, method, steps, Path(folder) / "timed")


def _train(model: str, method: str, steps: int, folder: Path) -> dict[str, float]:
    import torch
    import transformers

    from suite.finetune.loop import run_loop
    from suite.finetune.objectives import load_objective
    from suite.finetune.rows import Batches
    from suite.finetune.settings import Hyperparameters
    from suite.finetune.tokenizer import train_tokenizer
    from suite.progress import Silent
    from suite.registry import load_task

    transformers.utils.logging.set_verbosity_error()
    docs = list(load_task("reversal_curse", {"data": "generated", "style": "demo", "facts": 30}).training_docs())
    tokenizer = train_tokenizer(doc.text for doc in docs)
    settings = Hyperparameters(lr=1e-3, batch_size=BATCH, steps=steps)
    objective = load_objective("bico" if method == "bico" else "ntp")
    batches = Batches(objective, docs, tokenizer, settings=settings, seed=0, window=None)
    config = transformers.AutoConfig.for_model(**MODELS[model], vocab_size=len(tokenizer), max_position_embeddings=64)
    torch.manual_seed(0)
    made = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    tokens = sum(len(row.tokens) for step in range(steps) for row in batches[step]["rows"])
    objective.prepare(made, tokenizer)
    start = time.process_time()
    if method == "plain Trainer":
        _plain(made, batches, settings, folder)
    else:
        run_loop(
            made,
            batches,
            objective,
            settings,
            seed=0,
            folder=folder,
            checkpoint_every=steps,
            evaluate=None,
            reporter=Silent(),
        )
    return {"tokens_per_s": tokens / (time.process_time() - start)}


def _plain(model: Any, batches: Any, settings: Any, folder: Path) -> None:
    """The stock Trainer on the same padded batches, with its own AdamW, one checkpoint at the end."""
    import transformers

    class Ready(list):  # type: ignore[type-arg]
        """The batches as they are, made beforehand."""

    ready = Ready({key: value for key, value in batches[step].items() if key != "rows"} for step in range(len(batches)))
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=len(batches),
        per_device_train_batch_size=1,
        learning_rate=settings.lr,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps,
        max_grad_norm=settings.clip,
        weight_decay=0.0,
        save_steps=len(batches),
        report_to=[],
        disable_tqdm=True,
        log_level="error",
    )
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=ready, data_collator=lambda items: items[0]
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()


def _apart(model: str, method: str, steps: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--steps", str(steps), "--measure", model, method]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
