"""The same work through `unreason run`, lm-evaluation-harness and inspect_ai: wall time, CPU time and peak memory.

    python benchmarks/harnesses.py                     both tables, about ten minutes on two cores
    python benchmarks/harnesses.py choices --docs 200
    python benchmarks/harnesses.py chat --requests 500

`choices`: questions with four options of several tokens on a local model, by log-likelihood; through the harness with
its own hf backend, the harness with ours, and `unreason run`. The model is a random Llama of 2 layers × 128 with the
tokenizer of SmolLM2 where that has been fetched (`unreason models fetch smollm2-135m`), else one of words.
`chat`: questions to a loopback server that takes 50 ms for an answer, 64 at once. Every client is a whole process of
its command line, from a cold start to its results on disk; CPU time and peak memory are those of the process and its
children, the server's are not counted. inspect_ai: `pip install 'unreason[bench]'`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from suite.pretrained import cache_folder

HERE = Path(__file__).parent / "side_by_side"
PROGRAMS = Path(sys.executable).parent
CONCURRENCY, MAX_TOKENS, LATENCY_MS, MODEL = 64, 32, 50, "stub"
MOST_CPU_SHARE = 0.5  # of the next client's CPU time for a chat request
WORDS = ["river", "lamp", "garden", "window", "letter", "winter", "teacher", "village", "story", "paper", "stone"]
OFFLINE = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds, seconds of CPU, MB of memory; and the score that it found."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    score: float


def measured(command: Sequence[str], folder: Path, more: Mapping[str, str]) -> tuple[float, float, float, str]:
    """Runs a command: wall and CPU seconds, peak MB of the largest of its processes, and what it printed."""
    folder.mkdir(exist_ok=True)
    began = time.perf_counter()
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as errors:
        process = subprocess.Popen(
            command, stdout=out, stderr=errors, cwd=folder, env={**os.environ, **OFFLINE, **more}
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'err.txt').read_text()[-2000:]}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    printed = (folder / "out.txt").read_text()
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, printed


def ours(folder: Path, data: Path, *words: str) -> Cost:
    """`unreason run`."""
    command = [str(PROGRAMS / "unreason"), "run", "side_by_side", "--tasks-dir", str(HERE / "tasks")]
    command += ["--data", str(data), "--results", str(folder / "results"), "--json", *words]
    wall_s, cpu_s, peak_mb, printed = measured(command, folder, {})
    return Cost(wall_s, cpu_s, peak_mb, json.loads(printed)["metrics"][0]["value"])


def harness(folder: Path, data: Path, task: str, metric: str, start: Sequence[str], *words: str) -> Cost:
    """lm-evaluation-harness, by the command that `start` begins."""
    tasks = Path(f"{folder}-tasks")
    tasks.mkdir()
    text = (HERE / f"{task}.yaml").read_text(encoding="utf-8")
    (tasks / "task.yaml").write_text(text.replace("DATA", str(data)).replace("TOKENS", str(MAX_TOKENS)))
    command = [*start, "run", "--tasks", f"side_by_side_{task}", "--include_path", str(tasks)]
    command += ["--output_path", str(folder / "results"), "--log_samples", *words]
    wall_s, cpu_s, peak_mb, _ = measured(command, folder, {"HF_DATASETS_CACHE": str(tasks), "OPENAI_API_KEY": "none"})
    (file,) = (folder / "results").rglob("results_*.json")
    found = json.loads(file.read_text(encoding="utf-8"))["results"][f"side_by_side_{task}"]
    return Cost(wall_s, cpu_s, peak_mb, found[metric])


def inspect(folder: Path, data: Path, url: str) -> Cost:
    """inspect_ai."""
    folder.mkdir()
    shutil.copy(HERE / "chat.py", folder)  # it finds tasks below the current folder only
    command = [str(PROGRAMS / "inspect"), "eval", "chat.py", "-T", f"data={data}"]
    command += ["--model", f"openai-api/loopback/{MODEL}", "--max-tokens", str(MAX_TOKENS), "--temperature", "0"]
    command += ["--max-connections", str(CONCURRENCY), "--max-samples", str(CONCURRENCY)]
    command += ["--log-dir", str(folder / "logs"), "--display", "none"]
    wall_s, cpu_s, peak_mb, _ = measured(command, folder, {"LOOPBACK_API_KEY": "none", "LOOPBACK_BASE_URL": url})
    (log,) = (folder / "logs").glob("*.eval")
    dump = [str(PROGRAMS / "inspect"), "log", "dump", "--header-only", str(log)]
    header = json.loads(subprocess.run(dump, capture_output=True, text=True, check=True).stdout)
    return Cost(wall_s, cpu_s, peak_mb, header["results"]["scores"][0]["metrics"]["accuracy"]["value"])


def choices(scratch: Path, docs: int, model: str | None) -> dict[str, Cost]:
    """The three ways of scoring the options of `docs` questions by a local model."""
    rng = random.Random("choices")
    rows = [
        {
            "number": number,
            "question": f"{' '.join(rng.choices(WORDS, k=80))}. Which words come next?\nAnswer:",
            "choices": [" ".join(rng.sample(WORDS, 4)) for _ in range(4)],
            "answer": rng.randrange(4),
        }
        for number in range(docs)
    ]
    data = _write(scratch / "choices.jsonl", rows)
    if model is None:
        model = str(scratch / "model")
        maker = multiprocessing.get_context("spawn").Process(target=make_model, args=(model,))
        maker.start()  # not in this process: its memory would be the start of its children's
        maker.join()
    arguments = ["--model_args", f"pretrained={model},dtype=float32", "--device", "cpu"]
    stock, wrapped = [str(PROGRAMS / "lm_eval")], [str(PROGRAMS / "unreason"), "lm-eval"]
    batch = ["--batch_size", "8"]  # on a CPU its best, see benchmarks/scoring.py
    return {
        "lm_eval, hf": harness(scratch / "hf", data, "choices", "acc,none", stock, "--model", "hf", *arguments, *batch),
        "lm_eval, ours": harness(
            scratch / "lm", data, "choices", "acc,none", wrapped, "--model", "unreason", *arguments
        ),
        "unreason run": ours(
            scratch / "us",
            data,
            "-m",
            f"hf/{model}",
            "--mode",
            "loglikelihood",
            "-M",
            "dtype=float32",
            "-M",
            "device=cpu",
        ),
    }


def chat(scratch: Path, requests: int) -> dict[str, Cost]:
    """The three clients of one server; every other question has the answer that the server gives."""
    rng = random.Random("chat")
    rows = []
    for number in range(requests):
        text = " ".join(rng.choices(WORDS, k=40))
        last = text.rpartition(" ")[2] if number % 2 else "nothing"
        rows.append({"number": number, "question": f"{number} {text}", "answer": last, "max_tokens": MAX_TOKENS})
    data = _write(scratch / "chat.jsonl", rows)
    with served() as url:
        target = f"model={MODEL},base_url={url}/chat/completions,num_concurrent={CONCURRENCY},tokenized_requests=False"
        words = ["--model", "local-chat-completions", "--apply_chat_template", "--model_args", target]
        start = [str(PROGRAMS / "lm_eval")]
        at_once = f"concurrency={CONCURRENCY}"
        return {
            "lm_eval": harness(scratch / "lm_chat", data, "chat", "exact_match,none", start, *words),
            "inspect_ai": inspect(scratch / "inspect", data, url),
            "unreason run": ours(
                scratch / "us_chat",
                data,
                "-m",
                f"openai/{MODEL}",
                "--base-url",
                url,
                "--mode",
                "generate",
                "-M",
                at_once,
            ),
        }


@contextmanager
def served() -> Iterator[str]:
    """The base URL of the server, in a process of its own."""
    command = [sys.executable, str(HERE / "server.py"), str(LATENCY_MS), MODEL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.kill()


def make_model(folder: str) -> None:
    """A random Llama with a real tokenizer, or with that of `benchmarks/scoring.py`."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    real = cache_folder() / "models" / "smollm2-135m"
    if not real.is_dir():
        import scoring

        scoring.make_model(Path(folder))
        return
    tokenizer = AutoTokenizer.from_pretrained(real)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=1024,
        initializer_range=0.1,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def report(title: str, results: Mapping[str, Cost], n: int, most_share: float) -> None:
    """Prints the table of one kind of work, ours last, and whether ours met its targets."""
    *others, mine = results.values()
    print(f"\n{title}")
    heads = ["wall s", "× ours", "CPU s", "CPU ms each", "× ours", "peak MB", "score"]
    print(f"{'client':<16}" + "".join(f"{head:>13}" for head in heads))
    for name, cost in results.items():
        ratios = cost.wall_s / mine.wall_s, cost.cpu_s / mine.cpu_s
        figures = [cost.wall_s, ratios[0], cost.cpu_s, 1000 * cost.cpu_s / n, ratios[1], cost.peak_mb, cost.score]
        print(f"{name:<16}" + "".join(f"{figure:>13.2f}" for figure in figures))
    share = mine.cpu_s / min(cost.cpu_s for cost in others)
    is_first = mine.wall_s < min(cost.wall_s for cost in others)
    print(f"fastest: {'met' if is_first else 'MISSED'}; CPU {share:.2f} of the next", end="")
    print(f" (target {most_share}: {'met' if share <= most_share else 'MISSED'})")
    if max(cost.score for cost in results.values()) - min(cost.score for cost in results.values()) > 1e-9:
        print("SCORES DIFFER: the clients did not do the same work")


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["choices", "chat", []], help="default: both")
    parser.add_argument("--docs", type=int, default=1000, help="multiple-choice docs")
    parser.add_argument("--requests", type=int, default=2000, help="chat requests")
    parser.add_argument("--model", help="folder of a local model for `choices`; default: a small random Llama")
    options = parser.parse_args()
    parts = options.parts or ["choices", "chat"]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if "choices" in parts:
            title = f"{options.docs:,} multiple-choice docs, a local model"
            report(title, choices(scratch, options.docs, options.model), options.docs, 1.0)
        if "chat" in parts:
            title = f"{options.requests:,} chat requests, {CONCURRENCY} at once, {LATENCY_MS} ms each"
            report(title, chat(scratch, options.requests), options.requests, MOST_CPU_SHARE)


if __name__ == "__main__":
    main()
