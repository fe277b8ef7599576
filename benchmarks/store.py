"""Cost of storing results, and how it grows: synthetic journals of 10k, 100k and 1M samples into one database each.

    python benchmarks/store.py [SAMPLES ...]

A sample is as a run leaves it: one request with its response, five condition keys, five scores. Printed per size: the
journal, seconds of `Store.ingest` and rows a second, the database, a summary query through the task's view (mean of one
score by two condition keys; median of five, each with a connection of its own), and peak memory of the process.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from suite.identity import digest

SIZES = (10_000, 100_000, 1_000_000)
MOST_SECONDS = 60.0  # for a million samples on two cores
MOST_QUERY_SECONDS = 1.0
QUERY = "SELECT c_direction, c_group, avg(s_em) AS em, count(*) AS n FROM samples_synthetic GROUP BY ALL ORDER BY ALL"
WORDS = ("composer", "of", "the", "abyssal", "melody", "known", "for", "being", "first", "person", "to", "walk", "city")


def sample_row(number: int, rng: random.Random) -> dict[str, Any]:
    """A journal line of the size and variety of a reversal-curse sample."""
    prompt = " ".join(rng.choices(WORDS, k=40))
    request = {"type": "generate", "prompt": prompt, "stop": ["\n"], "max_tokens": 64, "temperature": 0.0, "seed": 0}
    request |= {"n": 1, "json_schema": None, "top_logprobs": 0}
    request_id, answer = digest([number, prompt]), " ".join(rng.choices(WORDS, k=4))
    scores = {"em": float(rng.random() < 0.4), "em_original": float(rng.random() < 0.3), "logprob": -9 * rng.random()}
    return {
        "sample_id": digest([number], 24),
        "doc_id": f"doc-{number}",
        "mode": "generate",
        "condition": {
            "direction": rng.choice(("n2d", "d2n")),
            "group": rng.choice(("n2d_only", "d2n_only", "both")),
            "seen": rng.choice(("same", "reverse")),
            "template": f"t{rng.randrange(30)}",
            "shots": rng.randrange(4),
        },
        "cluster": f"fact-{number // 20}",
        "target": " ".join(rng.choices(WORDS, k=3)),
        "request_ids": [request_id],
        "requests": [request],
        "responses": [
            {"request_id": request_id, "texts": [[answer, "stop"]], "prompt_tokens": 52, "latency_s": rng.random()}
        ],
        "scores": {**scores, "rank": float(rng.randrange(1, 300)), "mrr": rng.random()},
        "outcome": rng.choice(("correct", "wrong", "refusal")),
        "answer": answer,
        "error": None,
        "prompt_tokens": 52,
        "completion_tokens": 6,
        "cost_usd": 0.0,
        "latency_s": rng.random(),
    }


def write_run(results: Path, n: int) -> Path:
    """A run folder with `n` samples."""
    folder = results / "runs" / f"synthetic-{n}"
    folder.mkdir(parents=True)
    run: dict[str, Any] = {"run_id": folder.name, "task": "synthetic", "task_version": "1", "dataset_hash": ""}
    run |= {"model": "none", "model_fingerprint": "none", "model_info": {}, "options": {}}
    run |= {"mode": "generate", "status": "complete"}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    rng = random.Random(n)
    with (folder / "journal.jsonl").open("w", encoding="utf-8") as journal:
        for number in range(n):
            journal.write(json.dumps(sample_row(number, rng), separators=(",", ":")) + "\n")
    return folder


def measure(folder: Path, sender: Any) -> None:
    """Ingests and queries in a process of its own, so that peak memory is this size's."""
    import resource

    from suite.store import Store

    store = Store(folder.parents[1])
    start = time.perf_counter()
    store.ingest(folder)
    ingest_s = time.perf_counter() - start
    query_s = []
    for _ in range(5):
        start = time.perf_counter()
        rows = store.sql(QUERY)
        query_s.append(time.perf_counter() - start)
        assert len(rows) == 6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sender.send((ingest_s, statistics.median(query_s), peak))


def main() -> None:
    """Prints a row a size, and whether the targets are met."""
    sizes = [int(word.replace("_", "")) for word in sys.argv[1:]] or list(SIZES)
    print(f"{'samples':>9}  {'journal':>8}  {'ingest':>8}  {'rows/s':>8}  {'database':>9}  {'query':>8}  {'memory':>8}")
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            run = write_run(Path(folder), n)
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(run, sender))
            process.start()
            ingest_s, query_s, peak = receiver.recv()
            process.join()
            sizes_mb = [
                (path.stat().st_size) / 1e6 for path in (run / "journal.jsonl", Path(folder) / "unreason.duckdb")
            ]
        print(
            f"{n:>9,}  {sizes_mb[0]:>5.0f} MB  {ingest_s:>6.2f} s  {n / ingest_s:>8,.0f}  {sizes_mb[1]:>6.0f} MB  "
            f"{query_s:>6.3f} s  {peak / 1e6:>5.0f} MB"
        )
        if n >= 1_000_000:
            met = ingest_s < MOST_SECONDS * n / 1e6 and query_s < MOST_QUERY_SECONDS * n / 1e6
            targets = f"ingest {MOST_SECONDS:.0f} s and query {MOST_QUERY_SECONDS:.0f} s a million"
            print(f"targets ({targets}): {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
