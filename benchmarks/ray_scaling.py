"""How a run gets faster with Ray workers: a model that waits, as an API does, and one that computes.

    OMP_NUM_THREADS=1 python benchmarks/ray_scaling.py [WORKERS ...]

Each line is a whole run through the engine (plan, shards, journals, folding, metrics, database), beside the same run in
one process. Workers start before the clock does, as they would serve many runs. The model that waits takes 50 ms a
request, one request at a time; the model that computes is a small random Llama, one thread a worker, so that it
cannot gain beyond the number of processors.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.executors import Executor, choose
from suite.progress import Silent
from suite.runner import run

TASK, LIMIT = "set_reasoning", 96


def small_model(folder: Path) -> str:
    """A random Llama with a tokenizer of single characters, in a local folder."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    characters = ["<unk>", "</s>", *map(chr, range(32, 127)), "\n"]
    tokenizer = Tokenizer(models.WordLevel({text: number for number, text in enumerate(characters)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(characters),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=1024,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return f"hf/{folder}"


def seconds(executor: Executor, model: str, options: Mapping[str, Any], modes: list[str]) -> tuple[float, int]:
    """Wall seconds of a run after its model is loaded, and its samples."""
    with tempfile.TemporaryDirectory() as results:
        loaded = _Loaded(executor)
        result = run(
            TASK,
            model,
            model_options=options,
            modes=modes,
            limit=LIMIT,
            results=Path(results),
            executor=loaded,
            reporter=Silent(),
        )
        return time.perf_counter() - loaded.since, result.n_samples


class _Loaded:
    """An executor whose clock starts once all workers have their model."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self.since = executor, 0.0

    def load(self, model: Any, options: Mapping[str, Any]) -> Any:
        info = self._executor.load(model, options)
        self.since = time.perf_counter()
        return info

    def execute(self, work: Any) -> int:
        return self._executor.execute(work)


def main(counts: list[int]) -> None:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    ray.init(num_cpus=max(counts), include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "waits 50 ms a request": ("scripted/slow", {}, ["generate"]),
            "computes (small Llama)": (small_model(Path(folder)), {}, ["loglikelihood"]),
        }
        print(f"{'model':24} {'executor':12} {'samples':>8} {'seconds':>8} {'speed-up':>9}")
        for kind, (model, options, modes) in kinds.items():
            alone, n = seconds(choose(), model, options, modes)
            print(f"{kind:24} {'local':12} {n:8} {alone:8.1f} {1:9.2f}", flush=True)
            for count in counts:
                spread, n = seconds(choose("ray", workers=count), model, options, modes)
                print(f"{kind:24} {f'ray {count}':12} {n:8} {spread:8.1f} {alone / spread:9.2f}", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 2, 4])
