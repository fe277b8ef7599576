"""The journal: what is written comes back, whatever moment the machine died at."""

from __future__ import annotations

import errno
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import UserError
from suite.store import journal as journal_module
from suite.store.journal import FILE_NAME, Journal, JournalIndex, row_of, sample_of, write_json
from suite.task import ContinuationScore, Generate, Loglikelihood, Response, Sample, Text

REQUESTS = (Generate((("user", "Who?\u2028"),), stop=("\n",)), Loglikelihood("2+2=", (" 4", " 5")))
RESPONSES = (
    Response(REQUESTS[0].id, texts=(Text("Zoë \U0001f600\n\0", "length"),), prompt_tokens=3, cost_usd=0.25),
    Response(REQUESTS[1].id, scores=(ContinuationScore(-0.5, 1, True), ContinuationScore(-3.0, 2, False))),
)


def sample(number: int = 0, **changes: object) -> Sample:
    plain = Sample(
        sample_id=f"sample-{number}",
        doc_id=f"doc-{number}",
        mode="generate",
        condition={"direction": "reverse", "k": 3, "share": 0.5, "flag": True, "none": None},
        cluster="fact",
        scores={"exact": 1.0, "margin": None},
        outcome="correct",
        answer="Zoë",
        target="Zoë",
        requests=REQUESTS,
        responses=RESPONSES,
        prompt_tokens=3,
        cost_usd=0.25,
        latency_s=0.125,
    )
    return replace(plain, **changes)


def written(folder: Path, *samples: Sample) -> Path:
    with Journal(folder) as journal:
        for one in samples:
            journal.append(one)
    return folder / FILE_NAME


def test_a_sample_comes_back_as_it_was_written(tmp_path: Path) -> None:
    line = written(tmp_path, sample()).read_text(encoding="utf-8")
    assert sample_of(json.loads(line)) == sample()


def test_a_line_holds_every_column_of_the_samples_table_but_the_run() -> None:
    schema = (Path(journal_module.__file__).parent / "schema.sql").read_text()
    table = schema.split("CREATE TABLE samples (")[1].split(");")[0]
    lines = [line.split("--")[0] for line in table.splitlines()]
    columns = {part.split()[0] for line in lines for part in line.split(",") if part.strip()}
    assert set(row_of(sample())) == columns - {"run_id"}


def test_the_last_line_of_a_sample_is_the_one_that_holds(tmp_path: Path) -> None:
    path = written(tmp_path, sample(0, error="timeout"), sample(1), sample(0, answer="second"))
    index = JournalIndex.scan(path)
    assert [row["answer"] for row in index.rows()] == ["Zoë", "second"]
    assert not index.failed


def test_only_good_answers_are_found_again(tmp_path: Path) -> None:
    bad = Response(REQUESTS[0].id, error="timeout", error_detail="30 s")
    path = written(tmp_path, sample(0, responses=(bad, RESPONSES[1]), error="timeout"))
    index = JournalIndex.scan(path)
    assert index.response(REQUESTS[0].id) is None
    assert index.response(REQUESTS[1].id) == RESPONSES[1]


@given(cut=st.integers(min_value=0))
def test_a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    path = written(folder, sample(0), sample(1), sample(2))
    whole = path.read_bytes()
    left = cut % (len(whole) + 1)
    path.write_bytes(whole[:left])
    kept = whole[:left].count(b"\n")
    with Journal(folder) as journal:
        assert list(journal.index.samples) == [f"sample-{number}" for number in range(kept)]
        assert (journal.index.torn > 0) == (not whole[:left].endswith(b"\n") and left > 0)
        for number in range(kept, 3):
            journal.append(sample(number))
    assert path.read_bytes() == whole


def test_a_last_line_of_zeros_as_a_power_cut_leaves_it_is_dropped(tmp_path: Path) -> None:
    path = written(tmp_path, sample(0))
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 512)
    Journal(tmp_path).close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("broken", [b"{not json", b"[1, 2]", b'{"sample_id": 3}', b"", b"\xff\xfe"])
def test_a_broken_line_before_the_last_is_named(tmp_path: Path, broken: bytes) -> None:
    path = written(tmp_path, sample(0))
    path.write_bytes(path.read_bytes() + broken + b"\n" + path.read_bytes())
    with pytest.raises(UserError, match=rf"{FILE_NAME}:2: not a sample"):
        Journal(tmp_path)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    Journal(tmp_path).close()  # the failed attempt has not kept the lock


def test_a_second_writer_of_one_run_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(UserError, match="another process is executing this run"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_lines_reach_the_file_at_once_and_the_disk_within_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(journal_module, "_SYNC_SECONDS", 0.02)
    monkeypatch.setattr(journal_module.os, "fsync", synced.append)
    with Journal(tmp_path) as journal:
        journal.append(sample(0))
        assert JournalIndex.scan(tmp_path / FILE_NAME).samples.keys() == {"sample-0"}
        deadline = time.monotonic() + 5
        while not synced and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(synced) == 1
        time.sleep(0.1)
        assert len(synced) == 1  # nothing new, nothing to sync


class FullDisk:
    """A file that takes so many bytes and then no more, as a full disk does: also part of a line."""

    def __init__(self, path: Path, room: int) -> None:
        self._file, self._room = path.open("ab", buffering=0), room

    def write(self, data: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(self._room, len(data))
        self._room -= taken
        return self._file.write(data[:taken])

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def test_a_full_disk_is_one_clear_line_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = written(tmp_path, sample(0))
    whole = path.read_bytes()
    journal = Journal(tmp_path)
    journal._file.close()
    journal._file = FullDisk(path, room=len(whole) + 40)
    journal.append(sample(1))
    with pytest.raises(UserError, match=f"cannot write to {tmp_path}: No space left on device") as caught:
        journal.append(sample(2))
    assert "\n" not in str(caught.value)
    journal.close()
    assert len(path.read_bytes().splitlines()) == 2
    with Journal(tmp_path) as continued:
        assert continued.index.torn == 0
        continued.append(sample(2))
    assert list(JournalIndex.scan(path).samples) == ["sample-0", "sample-1", "sample-2"]


def test_replacing_a_journal_leaves_readers_of_the_old_one_alone(tmp_path: Path) -> None:
    path = written(tmp_path, sample(0, answer="a longer answer than the new one has"), sample(1, answer="old"))
    reader = JournalIndex.scan(path)
    with Journal(tmp_path) as journal:
        journal.replace([sample(0), sample(1, answer="new")])
        journal.append(sample(2))
    assert [row["answer"] for row in reader.rows()][1] == "old"
    assert [row["answer"] for row in JournalIndex.scan(path).rows()] == ["Zoë", "new", "Zoë"]


def test_a_json_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"a": float("nan")})
    assert json.loads(file.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
