"""Docs a second and peak memory of log-likelihood scoring: one by one, lm-eval's hf backend, and ours.

    python benchmarks/scoring.py                       every row, about ten minutes on one core
    python benchmarks/scoring.py context header --docs 40

Rows: `context` (four continuations of six tokens share a context of 200), `header` (three quarters of the context is
common to all docs), `single` (continuations of one token), `nothing` (one continuation a doc, no shared token), and
`smollm2` (a few docs on the real model). The model of the others is a random Llama of 4 layers × 256, vocabulary
4,096. Every measurement is a process of its own, so that its peak memory is its own; one thread, fp32; times are CPU
seconds, which other work on the machine does not stretch. Scores are compared in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROWS = ("context", "header", "single", "nothing", "smollm2")
METHODS = ("one by one", "lm-eval batch 1", "lm-eval batch 8", "lm-eval batch 32", "lm-eval batch auto", "ours")
TOLERANCE_NATS = 1e-4
CONTEXT, SHARED, CONTINUATION = 200, 150, 6  # tokens


def docs(row: str, count: int) -> list[tuple[str, list[str]]]:
    """(context, continuations) of each doc; the text of a row is the same in every process."""
    rng = random.Random(f"scoring:{row}")

    def words(n: int) -> str:
        return " ".join(f"w{rng.randrange(4000)}" for _ in range(n))

    if row == "smollm2":
        nouns = ["river", "lamp", "garden", "window", "letter", "mountain", "winter", "teacher", "village", "story"]
        return [
            (" ".join(rng.choice(nouns) for _ in range(CONTEXT)), [f" {a} {b} {c}" for a, b, c in _triples(rng, nouns)])
            for _ in range(count)
        ]
    header = words(SHARED) if row == "header" else ""
    own = CONTEXT - SHARED if header else CONTEXT
    n, length = (1 if row == "nothing" else 4), (1 if row == "single" else CONTINUATION)
    return [(f"{header} {words(own)}".strip(), [f" {words(length)}" for _ in range(n)]) for _ in range(count)]


def _triples(rng: random.Random, nouns: list[str]) -> list[tuple[str, ...]]:
    return [tuple(rng.sample(nouns, 3)) for _ in range(4)]


def measure(row: str, method: str, folder: str, count: int, repeats: int) -> dict[str, Any]:
    """Scores all docs by one method: CPU seconds (the best of `repeats`), the process's peak memory, and the scores."""
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    items = docs(row, count)
    score = {"one": _one_by_one, "lm-eval": _lm_eval, "ours": _ours}[method.split()[0]](folder, method)
    score(docs(row, 1))  # kernels and lazy parts warm up outside the clock
    before = _peak_mb()
    cpu, wall = [], []
    for _ in range(repeats):
        cpu_0, wall_0 = time.process_time(), time.perf_counter()
        scores = score(items)
        cpu.append(time.process_time() - cpu_0)
        wall.append(time.perf_counter() - wall_0)
    return {"cpu": min(cpu), "wall": min(wall), "peak_mb": _peak_mb(), "before_mb": before, "scores": scores}


def _peak_mb() -> float:
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _one_by_one(folder: str, _method: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def score(items: list[tuple[str, list[str]]]) -> list[list[float]]:
        out = []
        for context, continuations in items:
            start = len(tokenizer(context)["input_ids"])
            wholes = [tokenizer(context + continuation)["input_ids"] for continuation in continuations]
            found = []
            for whole in wholes:
                table = model(torch.tensor([whole[:-1]])).logits[0].log_softmax(-1)
                found.append(sum(float(table[i - 1, whole[i]]) for i in range(start, len(whole))))
            out.append(found)
        return out

    return score


def _lm_eval(folder: str, method: str) -> Any:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    size: Any = method.split()[-1]
    model = HFLM(folder, device="cpu", dtype="float32", batch_size=size if size == "auto" else int(size))

    def score(items: list[tuple[str, list[str]]]) -> list[list[float]]:
        instances = [
            Instance("loglikelihood", {}, (context, continuation), 0)
            for context, continuations in items
            for continuation in continuations
        ]
        flat = iter(model.loglikelihood(instances, disable_tqdm=True))
        return [[next(flat)[0] for _ in continuations] for _, continuations in items]

    return score


def _ours(folder: str, _method: str) -> Any:
    from suite.models.hf import load
    from suite.task import Loglikelihood

    model = load(folder, device="cpu", dtype="float32")

    def score(items: list[tuple[str, list[str]]]) -> list[list[float]]:
        requests = [Loglikelihood(context, tuple(continuations)) for context, continuations in items]
        found = {response.request_id: response.scores for response in model.answer(requests)}
        return [[score.logprob for score in found[request.id]] for request in requests]

    return score


def make_model(folder: Path) -> None:
    """The random Llama, and a tokenizer in which every word is a token."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        initializer_range=0.1,
        bos_token_id=4095,
        eos_token_id=4094,
    )
    vocabulary = {f"w{i}": i for i in range(4093)} | {"<unk>": 4093, "</s>": 4094, "<s>": 4095}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>").save_pretrained(folder)


@contextmanager
def folders(rows: list[str]) -> Iterator[dict[str, str]]:
    """The model folder of each row."""
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch))
        found = dict.fromkeys(rows, scratch)
        if "smollm2" in rows:
            from suite.pretrained import fetch

            found["smollm2"] = str(fetch("smollm2-135m", print))
        yield found


def report(row: str, results: dict[str, dict[str, Any]], count: int) -> None:
    """Prints one row's table: each method against lm-eval's best."""
    stock = [results[name] for name in results if name.startswith("lm-eval")]
    best = min((result["cpu"] for result in stock), default=None)
    least = min((result["peak_mb"] for result in stock), default=None)
    print(f"\n{row}: {count} docs")
    print(f"{'method':<20}{'docs/s':>9}{'CPU s':>9}{'wall s':>9}{'× lm-eval best':>16}{'peak MB':>9}{'added MB':>10}")
    for name, result in results.items():
        ratio = f"{best / result['cpu']:.2f}" if best else "-"
        print(
            f"{name:<20}{count / result['cpu']:>9.2f}{result['cpu']:>9.2f}{result['wall']:>9.2f}{ratio:>16}"
            f"{result['peak_mb']:>9.0f}{result['peak_mb'] - result['before_mb']:>10.0f}"
        )
    reference = next(iter(results.values()))["scores"]
    worst = max(
        abs(a - b)
        for result in results.values()
        for mine, theirs in zip(result["scores"], reference, strict=True)
        for a, b in zip(mine, theirs, strict=True)
    )
    verdict = "equal" if worst <= TOLERANCE_NATS else "NOT EQUAL"
    print(f"scores of all methods: {verdict} (largest difference {worst:.1e} nats)")
    if least and "ours" in results:
        print(f"peak memory of ours / least of lm-eval: {results['ours']['peak_mb'] / least:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--docs", type=int, default=200, help="docs a row (smollm2: a twentieth of it)")
    parser.add_argument("--repeats", type=int, default=1, help="the best of so many is taken")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--one", nargs=3, metavar=("ROW", "METHOD", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("RESULT" + json.dumps(measure(*options.one, options.docs, options.repeats)))
        return
    rows = options.rows or list(ROWS)
    if unknown := set(rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; rows: {', '.join(ROWS)}")
    with folders(rows) as found:
        for row in rows:
            count = max(4, options.docs // 20) if row == "smollm2" else options.docs
            results = {}
            for method in options.methods:
                if row == "smollm2" and method.endswith("auto"):
                    continue  # its search for a batch size takes minutes and gigabytes on this model
                size = ["--docs", str(count), "--repeats", str(options.repeats)]
                command = [sys.executable, __file__, *size, "--one", row, method, found[row]]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
                if not lines:
                    sys.exit(f"{row}, {method} failed:\n{done.stderr[-2000:]}")
                results[method] = json.loads(lines[-1].removeprefix("RESULT"))
            report(row, results, count)


if __name__ == "__main__":
    main()
