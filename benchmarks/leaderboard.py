"""Seconds and peak memory of `unreason leaderboard` on many submissions: 50 runs with a million samples in all.

    python benchmarks/leaderboard.py                        about five minutes, most of it to make the submissions
    python benchmarks/leaderboard.py --runs 10 --keep FOLDER

A few models of random answers are really run on set reasoning; the other submissions are their runs under other names
and fingerprints, exported like any run, so that each passes every check. The build is a whole process from a cold
start: every metric is computed again from all samples, answers of drawn docs are scored again; ranks, the page, and the
site with some samples of each run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from suite.identity import digest
from suite.progress import Silent
from suite.results import read_run, write_run
from suite.runner import run
from suite.store import Store

MOST_SECONDS, MOST_MB = 60.0, 2048.0
REAL = 3  # runs whose answers differ
TASK = "set_reasoning"
SAMPLES_EACH = 28  # of a problem of each form


def make_submissions(runs: Path, count: int, per_cell: int) -> int:
    """Writes `count` exported runs; returns the number of their samples."""
    total = 0
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch)
        made = [
            run(
                TASK,
                "scripted/random",
                options={"data": "set_ops_tokens", "per_cell": per_cell},
                model_options={"seed": seed},
                modes=["generate"],
                results=results,
                reporter=Silent(),
            )
            for seed in range(REAL)
        ]
        for number in range(count):
            source = made[number % REAL]
            derived = results / "derived" / "runs" / f"{TASK}-model-{number:02d}-{digest(number, 10)}"
            shutil.copytree(source.folder, derived)
            row: dict[str, Any] = read_run(derived) or {}
            row |= {"run_id": derived.name, "model": f"example/model-{number:02d}", "model_fingerprint": digest(number)}
            write_run(derived, row)
            store = Store(results / "derived")
            store.ingest(derived)
            store.export([derived.name], runs)
            shutil.rmtree(results / "derived")
            total += source.n_samples
    return total


def build(reports: Path, *words: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of the largest process of `unreason leaderboard`."""
    command = [
        str(Path(sys.executable).parent / "unreason"),
        "leaderboard",
        "--reports",
        str(reports),
        "--json",
        *words,
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pages = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) or not all(Path(page).exists() for page in pages):
        sys.exit("the build failed")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--samples", type=int, default=20_020, help="of a run, about")
    parser.add_argument("--keep", help="folder for the submissions; used again if it has them")
    options = parser.parse_args()
    with nullcontext(options.keep) if options.keep else _folder() as folder:
        reports = Path(folder)
        if not list(reports.glob("runs/*.parquet")):
            (reports / "runs").mkdir(parents=True, exist_ok=True)
            began = time.perf_counter()
            total = make_submissions(reports / "runs", options.runs, max(1, options.samples // SAMPLES_EACH))
            print(
                f"made {options.runs} submissions of {total:,} samples in {time.perf_counter() - began:.0f} s",
                flush=True,
            )
        size = sum(file.stat().st_size for file in reports.glob("runs/*.parquet")) / 2**20
        wall_s, cpu_s, peak_mb = build(reports)
        site = sum(file.stat().st_size for file in reports.rglob("site/**/*") if file.is_file()) / 2**20
        met = wall_s <= MOST_SECONDS and peak_mb <= MOST_MB
        target = f"target {MOST_SECONDS:.0f} s, {MOST_MB:.0f} MB: {'met' if met else 'MISSED'}"
        print(f"wall {wall_s:.1f} s, CPU {cpu_s:.1f} s, peak of the largest process {peak_mb:.0f} MB ({target})")
        print(f"{size:.0f} MB of submissions, {site:.0f} MB of pages")


if __name__ == "__main__":
    main()
