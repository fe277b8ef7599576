"""The model card, computed from what was loaded: sizes, precision, and a fingerprint of everything that scores hang on.

The fingerprint covers the content of config and weights (SHA-256), the adapter, the precision, the tokenizer and the
chat template. It does not cover the device or the library versions: they move scores by rounding only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from suite.identity import digest
from suite.interventions import Intervention
from suite.models.hf.loading import Loaded, read_json
from suite.models.hf.tokenization import special_tokens
from suite.pretrained import cache_folder
from suite.task import Capability, ModelInfo

_REMEMBER_BYTES = 256 * 2**20  # files from this size on are hashed once, and remembered by path, size and time


def model_info(
    name: str,
    loaded: Loaded,
    chat: bool,
    intervention: Intervention | None = None,
    masking: str | None = None,
) -> ModelInfo:
    """The card of a loaded model; `chat`: whether chat prompts are offered.

    A model under an intervention is another model, by name and by fingerprint; an encoder scored by another rule, by
    fingerprint.
    """
    model, tokenizer, source = loaded.model, loaded.tokenizer, loaded.source
    config = model.config.get_text_config()
    total, embedding = count_parameters(model)
    dtype = str(model.dtype).removeprefix("torch.")
    template = digest(tokenizer.chat_template) if tokenizer.chat_template else None
    quantisation = getattr(model.config, "quantization_config", None)
    facts = {
        "weights": files_digest([source.folder / "config.json", *sorted(source.folder.glob("*.safetensors"))]),
        "adapter": files_digest(adapter_files(source.adapter)) if source.adapter else None,
        "dtype": dtype,
        "quantisation": _plain(quantisation),
        "tokenizer": tokenizer_digest(tokenizer),
        "chat_template": template,
        "chat": chat,
    }
    if intervention is not None:
        name = f"{name}+{intervention.spec}"
        facts["intervention"] = intervention.to_json()
    training = _training(source.adapter or source.folder)
    rule = {}
    if source.kind == "masked":
        from suite.models.hf.encoder import masking_of

        rule = {"masking": masking_of(masking, training)}
    facts |= rule
    capabilities: set[Capability] = {"loglikelihood"}
    if source.kind == "causal":
        capabilities |= {"generate", "first_token"}
        if chat:
            capabilities.add("chat")
    return ModelInfo(
        name=f"hf/{name}",
        provider="hf",
        fingerprint=digest(facts),
        capabilities=frozenset(capabilities),
        parameters=total,
        parameters_non_embedding=total - embedding,
        context_length=context_length(config),
        revision=source.revision,
        dtype=dtype,
        tokenizer=f"{type(tokenizer).__name__}:{facts['tokenizer'][:12]}",
        training=training,
        extra={
            "kind": source.kind,
            "architecture": type(model).__name__,
            "device": str(model.device),
            "tie_word_embeddings": _tied(model),
            "bos_added": bool(special_tokens(tokenizer)[0]),
            "parameters_active": total - idle_parameters(model, config),
            **{key: facts[key] for key in ("weights", "adapter", "quantisation", "chat_template")},
            **rule,
            **({"intervention": facts["intervention"]} if intervention is not None else {}),
        },
    )


def count_parameters(model: Any) -> tuple[int, int]:
    """All parameters, and those of the embeddings (of tokens and positions, and the output's); tied ones count once.

    Packed 4-bit weights count as many parameters as they stand for.
    """
    from torch import nn

    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    ends = [layer for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None]
    embeddings = {id(parameter) for layer in (*tables, *ends) for parameter in layer.parameters()}
    sizes = {id(parameter): _size(parameter) for parameter in model.parameters()}
    return sum(sizes.values()), sum(size for key, size in sizes.items() if key in embeddings)


def idle_parameters(model: Any, config: Any) -> int:
    """Parameters of the experts that a token does not pass; 0 unless the model is a mixture of experts."""
    chosen = getattr(config, "num_experts_per_tok", None)
    names = ("num_local_experts", "num_experts", "n_routed_experts")
    experts = next((count for name in names if isinstance(count := getattr(config, name, None), int)), 0)
    if not isinstance(chosen, int) or experts < 1:
        return 0
    in_experts = sum(_size(parameter) for name, parameter in model.named_parameters() if ".experts." in name)
    return in_experts * (experts - chosen) // experts


def context_length(config: Any) -> int | None:
    """The longest text that the positions allow, in tokens; None where the architecture sets no bound."""
    for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length"):
        value = getattr(config, key, None)
        if isinstance(value, int) and value > 0:
            # RoBERTa's kin number positions from padding_idx + 1, so that the table has rows that no token reaches.
            offset = config.pad_token_id + 1 if config.model_type in _OFFSET_POSITIONS else 0
            return value - offset
    return None


_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "longformer", "mpnet", "roberta-prelayernorm"})


def files_digest(paths: Iterable[Path]) -> str:
    """One digest over names and contents of `paths`."""
    return digest([[path.name, file_digest(path)] for path in paths])


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content.

    The hub's cache names its blobs by their SHA-256, which is then taken as it stands. A large file's digest is
    remembered under its path, size and time of change, so that it is read once and not at every start.
    """
    real = path.resolve()
    if real.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", real.name):
        return real.name
    facts = real.stat()
    if facts.st_size < _REMEMBER_BYTES:
        return _sha256(real)
    note = cache_folder() / "digests" / digest([str(real), facts.st_size, facts.st_mtime_ns])
    try:
        return note.read_text(encoding="ascii")
    except OSError:
        found = _sha256(real)
        _remember(note, found)
        return found


def adapter_files(folder: Path) -> list[Path]:
    """The files that make an adapter what it is."""
    return sorted(path for path in folder.glob("adapter_*") if path.suffix in (".json", ".safetensors"))


def tokenizer_digest(tokenizer: Any) -> str:
    """Identity of a tokenizer: of its whole serialised pipeline, or of its vocabulary where it has no other."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    whole = backend.to_str() if backend is not None else tokenizer.get_vocab()
    return digest([whole, tokenizer.bos_token, tokenizer.eos_token])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remember(note: Path, text: str) -> None:
    temporary = note.with_name(f"{note.name}.{os.getpid()}")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="ascii")
        os.replace(temporary, note)
    except OSError:
        return  # a cache that cannot be written costs time and nothing else


def _size(parameter: Any) -> int:
    shape = getattr(getattr(parameter, "quant_state", None), "shape", None)  # bitsandbytes packs two weights a byte
    return int(shape.numel() if shape is not None else parameter.numel())


def _tied(model: Any) -> bool:
    head = model.get_output_embeddings()
    return head is not None and getattr(head, "weight", None) is getattr(model.get_input_embeddings(), "weight", None)


def _plain(config: Any) -> Any:
    """A quantisation config as JSON."""
    if config is None:
        return None
    as_dict = config if isinstance(config, dict) else config.to_dict()
    return json.loads(json.dumps(as_dict, default=str))


def _training(folder: Path) -> dict[str, Any] | None:
    """The content of `training.json`, which `unreason finetune` writes beside the weights."""
    path = folder / "training.json"
    if not path.is_file():
        return None
    return read_json(path)
