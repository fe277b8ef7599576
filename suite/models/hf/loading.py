"""From a name to a loaded model: finds the folder, checks it, then loads weights, tokenizer and adapter.

Everything that can be wrong with a folder is said in one line before any weight is read. Weights come from
safetensors alone: pickled weights can run code.
"""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from suite.errors import UserError

Kind = Literal["causal", "masked"]
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tokenizer_config.json",
)


@dataclass(frozen=True, slots=True)
class Source:
    """What to load, found and checked.

    Attributes:
        folder: weights and config; adapter: a PEFT adapter's folder, or None.
        tokenizer: the folder that holds the tokenizer, the adapter's own if it has one.
        kind: causal, or masked (an encoder).
        revision: commit hash on the hub, None for a local folder.
    """

    folder: Path
    adapter: Path | None
    tokenizer: Path
    kind: Kind
    revision: str | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready for inference, on its device, with its tokenizer."""

    model: Any
    tokenizer: Any
    source: Source


def find(name: str, adapter: str | None = None, remote_code: bool = False) -> Source:
    """Finds and checks what ``hf/NAME`` stands for.

    Args:
        name: a folder, a hub id with or without ``@revision``, or a model of `suite.pretrained`.
        adapter: folder of a PEFT adapter to put on top; a folder that is itself an adapter brings its own base.
        remote_code: fetch the repository's Python files too.

    Raises:
        UserError: the folder is missing or incomplete, or the hub cannot be reached.
    """
    folder, revision = _locate(name, remote_code)
    adapter_folder = Path(str(adapter)).expanduser() if adapter is not None else None
    if adapter_folder is not None and not (adapter_folder / "adapter_config.json").is_file():
        raise UserError(f"adapter {adapter}: no such folder with an adapter_config.json; save it with save_pretrained")
    if adapter_folder is None and (folder / "adapter_config.json").is_file():
        adapter_folder = folder
        base = str(read_json(folder / "adapter_config.json").get("base_model_name_or_path") or "")
        if not base:
            raise UserError(f"{folder}/adapter_config.json: names no base_model_name_or_path")
        folder, revision = _locate(base, remote_code)
    kind = _check(folder, remote_code)
    has_own = adapter_folder is not None and _has_tokenizer(adapter_folder)
    tokenizer = adapter_folder if has_own and adapter_folder is not None else folder
    if not _has_tokenizer(tokenizer):
        raise UserError(f"{folder}: has no tokenizer (tokenizer.json); save it there with tokenizer.save_pretrained")
    return Source(folder, adapter_folder, tokenizer, kind, revision)


def load_weights(
    source: Source, device: str | None = None, dtype: str | None = None, remote_code: bool = False
) -> Loaded:
    """Loads what `find` found.

    Args:
        device: "cuda", "mps", "cpu", or None for the first of these that is there.
        dtype: "float32", "bfloat16", "float16", or None: bfloat16 on a GPU that has it, else float32.

    Raises:
        UserError: unknown or absent device, unknown dtype, or files that are damaged or incomplete.
    """
    import transformers

    place = _device(device)
    precision = _dtype(dtype, place)
    classes = {"causal": transformers.AutoModelForCausalLM, "masked": transformers.AutoModelForMaskedLM}
    options = {"trust_remote_code": remote_code, "local_files_only": True}
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.tokenizer, **options)
    except Exception as error:  # damaged files fail in many ways, and all of them are the folder's fault
        raise UserError(f"{source.tokenizer}: the tokenizer cannot be loaded: {_first_line(error)}") from error
    try:
        model, report = classes[source.kind].from_pretrained(
            source.folder, dtype=precision, use_safetensors=True, output_loading_info=True, **options
        )
    except Exception as error:
        raise UserError(f"{source.folder}: the model cannot be loaded: {_first_line(error)}") from error
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise UserError(f"{source.folder}: the weights lack {missing}; they would be random, so the model is not used")
    if source.adapter is not None:
        model = _with_adapter(model, source.adapter)
    if not getattr(model, "hf_device_map", None) and not getattr(model, "is_quantized", False):
        model.to(place)
    return Loaded(model.eval().requires_grad_(False), tokenizer, source)


def _locate(name: str, remote_code: bool) -> tuple[Path, str | None]:
    from suite import pretrained

    path = Path(name).expanduser()
    if path.is_dir():
        return path, None
    if name in pretrained.PRETRAINED:
        folder = pretrained.located(name)
        if folder is None:
            raise UserError(f"model {name} has not been fetched; run: unreason models fetch {name}")
        return folder, None
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or (os.sep != "/" and os.sep in name):
        raise UserError(
            f"model folder {name}: no such folder; hf/ takes a folder or a hub id with or without @revision"
        )
    return _snapshot(name, remote_code)


def _snapshot(name: str, remote_code: bool) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = name.partition("@")
    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", *(["*.py"] if remote_code else [])]
    try:
        folder = Path(
            snapshot_download(repository, revision=revision or None, allow_patterns=wanted, ignore_patterns=["*/*"])
        )
    except GatedRepoError:
        raise UserError(f"model {name}: access must be granted on the hub first; then set HF_TOKEN") from None
    except RevisionNotFoundError:
        raise UserError(f"model {repository}: the hub has no revision {revision!r}") from None
    except (RepositoryNotFoundError, HFValidationError):
        raise UserError(
            f"model {name}: no such folder, and no such model on the hub (or HF_TOKEN lacks access)"
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError, OSError) as error:
        raise UserError(
            f"model {name}: no such folder, not in the local cache, and the hub cannot be reached "
            f"({type(error).__name__}); give a local folder or check the network"
        ) from None
    return folder, folder.name


def _check(folder: Path, remote_code: bool) -> Kind:
    """What kind of model the folder holds, having checked that config and weights are there and of a known kind."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder}: has no config.json, so it holds no model; name the folder that save_pretrained wrote"
        )
    config = read_json(folder / "config.json")
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin"))
        why = (
            "only pickled weights, which can run code; convert them" if pickled else "no weights; save the model there"
        )
        raise UserError(f"{folder}: has {why} with save_pretrained (model.safetensors)")
    _check_shards(folder)
    if config.get("auto_map") and not remote_code and "model_type" not in config:
        raise UserError(f"{folder}: needs its own code; read it, then allow it with trust_remote_code")
    names = config.get("architectures") or []
    if any(name.endswith("ForMaskedLM") for name in names):
        return "masked"
    if not names or any(name.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for name in names):
        return "causal"
    raise UserError(
        f"{folder}: holds {', '.join(names)}, which has no language-model head; needed: a causal or masked LM"
    )


def _check_shards(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    absent = sorted({name for name in read_json(index).get("weight_map", {}).values() if not (folder / name).is_file()})
    if absent:
        raise UserError(f"{folder}: {len(absent)} of its weight files are missing (first: {absent[0]}); copy it again")


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TOKENIZER_FILES)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model folder.

    Raises:
        UserError: the file is damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); copy the model again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object; copy the model again")
    return value


def _device(name: str | None) -> torch.device:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name in (None, "auto"):
        return torch.device(next(kind for kind, present in there.items() if present))
    try:
        device = torch.device(str(name))
    except RuntimeError:
        raise UserError(f"device {name!r}: expected cuda, cuda:N, mps, cpu or auto") from None
    if not there.get(device.type, False):
        present = ", ".join(kind for kind, here in there.items() if here)
        raise UserError(f"device {name!r} is not available here; available: {present}")
    return device


def _dtype(name: str | None, device: torch.device) -> torch.dtype:
    if name in (None, "auto"):
        fits = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fits else torch.float32
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if str(name) not in known:
        raise UserError(f"dtype {name!r}: expected {', '.join(known)} or auto")
    return known[str(name)]


def _with_adapter(model: Any, folder: Path) -> Any:
    """`model` with the adapter merged into its weights, so that scoring costs nothing more."""
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft warns of things that training needs
            adapted = PeftModel.from_pretrained(model, folder)
            if not hasattr(adapted.base_model, "merge_and_unload"):
                raise UserError(f"adapter {folder}: only adapters that can be merged (LoRA and its kin) are supported")
            return adapted.merge_and_unload()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"adapter {folder}: does not fit {type(model).__name__}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
