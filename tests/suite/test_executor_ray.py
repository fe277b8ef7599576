"""A run spread over the workers of a real Ray: the same samples, whatever happens to a worker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import suite
from suite.errors import RunIncomplete, UserError
from suite.executors import choose
from suite.progress import Progress, Silent
from suite.results import RunResult

ray = pytest.importorskip("ray")
TOY = Path(__file__).parent / "toy_tasks"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def run(results: Path, **options: Any) -> RunResult:
    options = {"limit": 60, "modes": ["generate"], "reporter": Silent(), **options}
    model = options.pop("model", "scripted/random")
    return suite.run(options.pop("task", "set_reasoning"), model, results=results, **options)


def samples(result: RunResult) -> dict[str, Any]:
    """Everything but how long an answer took; each sample must stand in the journal once."""
    rows = [json.loads(line) for line in (result.folder / "journal.jsonl").read_text().splitlines()]
    for row in rows:
        row["latency_s"] = 0
        for response in row["responses"]:
            response.pop("latency_s", None)
    assert len({row["sample_id"] for row in rows}) == len(rows)
    return {row["sample_id"]: row for row in rows}


def test_three_workers_give_the_samples_and_metrics_of_one_process(cluster: None, tmp_path: Path) -> None:
    alone = run(tmp_path / "local")
    spread = run(tmp_path / "ray", executor=choose("ray", workers=3))
    assert samples(spread) == samples(alone)
    assert spread.run_id == alone.run_id
    assert spread.metrics == alone.metrics
    assert sorted(file.name for file in spread.folder.iterdir()) == sorted(file.name for file in alone.folder.iterdir())


def test_what_an_earlier_run_has_paid_for_is_not_asked_again(cluster: None, tmp_path: Path) -> None:
    run(tmp_path, limit=30)
    spread = run(tmp_path, limit=60, executor=choose("ray", workers=2))
    assert spread.n_answers_reused == len(samples(run(tmp_path, limit=30)))


class Killer(Silent):
    """Kills a worker process by SIGKILL at every look, once they have done something, until one was lost at work."""

    def __init__(self) -> None:
        self.notes = list[str]()

    @property
    def has_hit(self) -> bool:
        return any("lost in shard" in line for line in self.notes)

    def update(self, progress: Progress) -> None:
        if not self.has_hit and progress.done > progress.kept:
            os.kill(worker_processes()[0], signal.SIGKILL)

    def note(self, line: str) -> None:
        self.notes.append(line)


def worker_processes() -> list[int]:
    import psutil

    found = psutil.Process().children(recursive=True)
    return [process.pid for process in found if " ".join(process.cmdline()).startswith("ray::Worker")]


def test_a_worker_killed_in_mid_shard_loses_nothing_and_doubles_nothing(cluster: None, tmp_path: Path) -> None:
    killer = Killer()
    slow = {"model": "scripted/slow", "model_options": {"delay_s": 0.02}}
    spread = run(tmp_path / "ray", executor=choose("ray", workers=3), reporter=killer, **slow)
    assert killer.has_hit
    alone = run(tmp_path / "local", **(slow | {"model_options": {"delay_s": 0.0001}}))
    assert {key: row["scores"] for key, row in samples(spread).items()} == {
        key: row["scores"] for key, row in samples(alone).items()
    }
    assert spread.status == "complete"


class Interrupter(Silent):
    """What Ctrl-C does, once a first sample is done."""

    def update(self, progress: Progress) -> None:
        if progress.done > progress.kept:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_what_its_workers_have_done(cluster: None, tmp_path: Path) -> None:
    slow: dict[str, Any] = {"model": "scripted/slow", "model_options": {"delay_s": 0.02}}
    with pytest.raises(RunIncomplete, match="run the same command again"):
        run(tmp_path, executor=choose("ray", workers=2), reporter=Interrupter(), **slow)
    (journal,) = tmp_path.glob("runs/*/journal.jsonl")
    finished = len(journal.read_text().splitlines())
    assert finished > 0
    result = run(tmp_path, executor=choose("ray", workers=2), **slow)
    assert result.status == "complete"
    assert len(samples(result)) > finished


def test_workers_that_see_other_docs_refuse(cluster: None, tmp_path: Path) -> None:
    """A task folder that changes between the driver's look and the workers'."""
    tasks = Path(shutil.copytree(TOY, tmp_path / "tasks"))
    task = suite.registry.load_task("toy", {}, tasks)
    file = tasks / "toy" / "task.py"
    file.write_text(file.read_text().replace("doc-", "dok-", 1))
    with pytest.raises(UserError, match="other docs"):
        run(tmp_path, task=task, limit=4, modes=None, tasks_dir=tasks, executor=choose("ray", workers=2))


def test_a_worker_says_what_is_wrong_in_one_line(cluster: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown scripted model 'nobody'") as caught:
        run(tmp_path, model="scripted/nobody", executor=choose("ray", workers=1))
    assert "\n" not in str(caught.value)


def test_journals_may_lie_on_a_server(cluster: None, tmp_path: Path) -> None:
    """A real FTP server stands for an object store."""
    servers = pytest.importorskip("pyftpdlib.servers")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler

    store = tmp_path / "store"
    store.mkdir()
    users = DummyAuthorizer()
    users.add_user("user", "secret", str(store), perm="elradfmwMT")

    class Handler(FTPHandler):  # type: ignore[misc]
        authorizer = users

    server = servers.FTPServer(("127.0.0.1", 0), Handler)
    seen: list[Path] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            seen.extend(store.rglob("journal.jsonl"))

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    try:
        home = f"ftp://user:secret@127.0.0.1:{server.address[1]}/runs"
        spread = run(tmp_path / "ray", executor=choose("ray", workers=2, journal_home=home))
    finally:
        stop.set()
        server.close_all()
        for thread in threads:
            thread.join(timeout=10)
    assert seen
    assert not list(store.rglob("journal.jsonl"))
    assert samples(spread) == samples(run(tmp_path / "local"))


def test_a_home_that_cannot_be_written_is_refused_before_work_begins(cluster: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        run(tmp_path, executor=choose("ray", workers=1, journal_home=str(tmp_path / "file" / "below")))
    with pytest.raises(UserError, match="nowhere://x"):
        run(tmp_path, executor=choose("ray", workers=1, journal_home="nowhere://x"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "spark"}, "unknown executor 'spark'"),
        ({"name": "local", "workers": 2}, "--workers 2: only with --executor ray"),
        ({"name": "ray", "workers": 0}, "--workers 0: expected at least 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        choose(**given)
