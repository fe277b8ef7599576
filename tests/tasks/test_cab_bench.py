"""`unreason attention bench`: a small slice, a mechanism from a file, bad input, and a stop that keeps what is done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from suite.commands.attention import app
from suite.errors import UserError
from tasks.attention_patterns.bench import bench
from tasks.attention_patterns.twins import TWINS, Training

torch.set_num_threads(1)
MINE = '''
"""Mean of all values: what a third party may bring, in one file."""
import torch
from suite.attention import Attention, Pattern

class Mean(Attention):
    name = "mean"
    patterns = frozenset({Pattern.NC})

    def attend(self, q, k, v, padding):
        seen = torch.ones(v.shape[0], v.shape[2]) if padding is None else (~padding).float()
        weights = seen / seen.sum(-1, keepdim=True).clamp(min=1)
        return torch.einsum("bn,bhnd->bhd", weights, v)[:, :, None].expand(q.shape)
'''


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a few steps."""
    for name, twin in TWINS.items():
        monkeypatch.setitem(TWINS, name, replace(twin, training={"tiny": Training(4, 2, 3e-3, 2)}))


def shown(results: Path, *words: str) -> dict[str, Any]:
    """What the command prints as JSON."""
    called = ["bench", "--results", str(results), "--jobs", "1", "--json", *words]
    done = CliRunner().invoke(app, called, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.usefixtures("short")
def test_a_slice_is_trained_measured_and_compared(tmp_path: Path) -> None:
    """Two mechanisms, two cells, every experiment."""
    words = ["--mechanisms", "vanilla,cosformer", "--cells", "CS/lm_periodic,NC/lstf_seasonal"]
    found = shown(tmp_path, *words, "--lengths", "64,128,256", "--positions", "none,rotary")
    assert set(found["runs"]) == {"vanilla", "cosformer"}
    for row in found["quality"]:
        assert row["CS LM ppl"] > 1 and row["NC LSTF mse"] > 0
    assert {(row["mechanism"], row["pattern"]) for row in found["lengths"]} == {
        ("cosformer", pattern) for pattern in ("NS", "CS", "NC", "CC")
    }
    assert found["index"] == []  # two mechanisms, and tasks are missing
    again = shown(tmp_path, *words, "--lengths", "64,128,256", "--positions", "none,rotary")
    assert again == found


@pytest.mark.usefixtures("short")
def test_a_mechanism_of_a_users_file_is_benched_like_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "mechanisms"
    folder.mkdir()
    (folder / "mean.py").write_text(MINE, encoding="utf-8")
    words = ["--mechanisms", "vanilla,mean", "--mechanisms-dir", str(folder), "--cells", "NC/lstf_seasonal"]
    found = shown(tmp_path / "results", *words, "--experiments", "support,quality")
    by_name = {row["mechanism"]: row["NC LSTF mse"] for row in found["quality"]}
    assert by_name["mean"] > 0 and by_name["mean"] != by_name["vanilla"]


def test_data_that_is_missing_skips_its_cell_and_leaves_the_index_without_value(tmp_path: Path) -> None:
    words = ["--mechanisms", "vanilla", "--cells", "lstf_seasonal", "--experiments", "quality"]
    found = shown(tmp_path, *words, "--data", f"lstf_seasonal={tmp_path}/ETTh1.csv")
    assert found["quality"] == [{"mechanism": "vanilla", "NC LSTF mse": "skipped"}]
    assert found["index"] == []
    (lost,) = found["missing"]
    assert (lost["cell"], lost["mechanisms"]) == ("NC/lstf_seasonal", "vanilla")
    assert f"skipped: {tmp_path}/ETTh1.csv" in lost["why"]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": "NC/lm_periodic"}, "no cell 'NC/lm_periodic'"),
        ({"lengths": "128,256"}, "at least 3 rising lengths"),
        ({"data": "lstf=x.csv"}, "no task 'lstf'"),
    ],
)
def test_wrong_options_are_said_before_anything_is_run(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        bench(["vanilla"], options, results=tmp_path / "results")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("mechanisms", "further", "message"),
    [
        (["preformer"], {}, "unknown mechanism 'preformer'; did you mean performer"),
        (["vanilla"], {"device": "cuda:99"}, "device cuda:99: .*use auto or cpu"),
        (["vanilla"], {"jobs": 0}, "--jobs 0: expected at least 1"),
        (["vanilla"], {"mechanisms_dir": Path("nowhere")}, "folder of attentions nowhere: no such folder"),
    ],
)
def test_a_wrong_name_device_or_folder_is_named(
    mechanisms: list[str], further: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        bench(mechanisms, {"experiments": "support"}, results=tmp_path, silent=True, **{"jobs": 1} | further)


def test_a_faulty_file_of_data_is_named_by_row(tmp_path: Path) -> None:
    (tmp_path / "WTH.csv").write_text("date,OT\n1,2\n2,NaN\n", encoding="utf-8")
    options = {"experiments": "quality", "cells": "lstf_seasonal", "data": f"lstf_seasonal={tmp_path}/WTH.csv"}
    with pytest.raises(UserError, match=r"WTH.csv: row 3, column OT: 'NaN' is no number"):
        bench(["vanilla"], options, results=tmp_path / "results", jobs=1, silent=True)


def test_on_the_command_line_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "cli", "attention", "bench", "--cells", "XX"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.strip().splitlines()
    assert "no cell 'XX'" in line


# ---------------------------------------------------------------- stopped


@pytest.mark.slow
def test_a_stop_reaches_every_process_and_keeps_what_is_done(tmp_path: Path) -> None:
    """SIGINT to the first process alone, as a scheduler sends it."""
    words = [
        "--mechanisms",
        "vanilla,abc,none",
        "--jobs",
        "2",
        "--cells",
        "lm_periodic",
        "--experiments",
        "cost,quality",
    ]
    command = [sys.executable, "-m", "cli", "attention", "bench", "--results", str(tmp_path), *words]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not _lines(tmp_path) and time.monotonic() < until:
        time.sleep(0.2)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 3 and "run the same command again to continue" in said.splitlines()[-1]
    kept = _lines(tmp_path)
    assert kept
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=300, check=True)
    assert len(json.loads(done.stdout)["quality"]) == 3
    assert set(kept) <= set(_lines(tmp_path))  # as they were, times included


def _lines(results: Path) -> list[str]:
    return [line for file in results.glob("runs/*/journal.jsonl") for line in file.read_text().splitlines()]
