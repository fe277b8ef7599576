"""What a training starts from: a pretrained model, with or without LoRA, or a config with fresh weights.

`find_start` looks and checks without reading a weight; `load` then makes model and tokenizer.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import transformers

from suite.errors import UserError
from suite.finetune.objectives import Objective, all_words
from suite.finetune.output import RECORD, read_record
from suite.finetune.settings import FULL, LORA, Hyperparameters, LoraSettings, Preset, check_lora, load_preset
from suite.finetune.tokenizer import END, PAD, START, train_tokenizer
from suite.models.hf.card import context_length, files_digest
from suite.models.hf.loading import Kind, Source, find, load_weights
from suite.task import TrainingDoc

_CLASSES = {"causal": transformers.AutoModelForCausalLM, "masked": transformers.AutoModelForMaskedLM}


@dataclass(frozen=True, slots=True)
class Start:
    """What to start from, found and checked.

    Attributes:
        config: the transformers config; a preset's still lacks the sizes that the data decide.
        source: where a pretrained model lies; None from scratch.
        name: how others find the pretrained model: the hub id, or the folder's absolute path.
        preset: what to make from scratch; None for a pretrained model.
        kind: causal, or masked (an encoder).
        base: the training defaults that go with it.
        identity: JSON that tells this start from every other.
        is_word_level: a pretrained model with the vocabulary of its own training texts.
    """

    config: Any
    source: Source | None
    name: str | None
    preset: Preset | None
    kind: Kind
    lora: LoraSettings | None
    tie_embeddings: bool
    base: Hyperparameters
    identity: dict[str, Any]
    is_word_level: bool = False


def find_start(model: str | None, scratch: str | None, lora: LoraSettings | None, tie_embeddings: bool) -> Start:
    """Finds and checks what to start from.

    Raises:
        UserError: not exactly one of `model` and `scratch`; an option that goes with the other only; a model or
            preset that is not there or damaged.
    """
    if (model is None) == (scratch is None):
        raise UserError("say what to train: --model hf/ID_OR_PATH or --scratch PRESET, and not both")
    if scratch is not None:
        if lora is not None:
            raise UserError("--lora needs a pretrained model (--model); a model from scratch is trained whole")
        preset = load_preset(scratch)
        identity = {"scratch": preset.model, "tie_embeddings": tie_embeddings}
        config = _config(preset, tie_embeddings)
        encoders = transformers.models.auto.modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
        kind: Kind = "masked" if config.model_type in encoders and not config.is_decoder else "causal"
        return Start(config, None, None, preset, kind, None, tie_embeddings, preset.training, identity)
    if tie_embeddings:
        raise UserError("--tie-embeddings is for models from scratch; a pretrained model is what it is")
    if lora is not None:
        check_lora(lora)
    source = find(str(model))
    if lora is not None and source.adapter is not None and not lora.merge:
        raise UserError(f"model {model} is an adapter itself; a second one is saved with merge=True only")
    config = transformers.AutoConfig.from_pretrained(source.folder, local_files_only=True)
    weights = [source.folder / "config.json", *sorted(source.folder.glob("*.safetensors"))]
    adapter = sorted(source.adapter.glob("adapter_*")) if source.adapter else []
    identity = {"model": files_digest([*weights, *adapter]), "lora": asdict(lora) if lora else None}
    earlier = _earlier_stage(source)
    if earlier:
        identity["trained"] = earlier["settings"]
    name = str(model).partition("@")[0] if source.revision else str(source.folder.resolve())
    base = LORA if lora else FULL
    is_word_level = bool(earlier.get("word_level"))
    return Start(config, source, name, None, source.kind, lora, False, base, identity, is_word_level)


def _earlier_stage(source: Source) -> dict[str, Any]:
    """The `training.json` of a model that was trained here; else empty."""
    folder = source.adapter or source.folder
    if not (folder / RECORD).is_file():
        return {}
    try:
        record = read_record(folder)
        return record if isinstance(record["settings"], dict) else {}
    except (ValueError, KeyError, TypeError):
        return {}  # somebody else's file of that name


def load_tokenizer(
    start: Start, docs: Sequence[TrainingDoc], objective: Objective, later: Sequence[TrainingDoc] = ()
) -> Any:
    """The pretrained model's own tokenizer, or a word-level one made from the data, a later stage's included."""
    if start.source is None:
        texts = [text for doc in [*docs, *later] for text in (doc.text, doc.mirror)]
        words = all_words() if later else objective.words()
        return train_tokenizer([*texts, *words], for_encoder=start.kind == "masked")
    return transformers.AutoTokenizer.from_pretrained(start.source.tokenizer, local_files_only=True)


def load_model(start: Start, tokenizer: Any, longest: int) -> Any:
    """The model, ready to train; fresh weights and adapters come from torch's generator.

    Args:
        longest: tokens of the longest row of this or a later stage; a model from scratch gets as many positions.

    Raises:
        UserError: files that are damaged, or an adapter that does not fit.
    """
    if start.source is None:
        return _fresh(start, tokenizer, longest)
    # A frozen base may be in half precision; weights that are trained may not: small updates would round to nothing.
    loaded = load_weights(start.source, dtype=None if start.lora else "float32")
    if start.lora is None:
        return loaded.model.requires_grad_(True)
    loaded.model.name_or_path = start.name  # peft writes it into the adapter's config
    return _with_lora(loaded.model, start.lora, start.source.revision)


def window(start: Start) -> int | None:
    """The longest row that the model can take; None from scratch, where the data decide."""
    return None if start.source is None else context_length(start.config.get_text_config())


def parameter_counts(model: Any) -> dict[str, int]:
    """All parameters, and those that are trained; tied ones count once."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return {"all": sum(size for size, _ in sizes), "trained": sum(size for size, trained in sizes if trained)}


def is_tied(model: Any) -> bool:
    """Whether input and output embeddings are one matrix."""
    head = model.get_output_embeddings()
    return head is not None and getattr(head, "weight", None) is model.get_input_embeddings().weight


def _config(preset: Preset, tie_embeddings: bool, **sizes: Any) -> Any:
    fields = {**preset.model, "tie_word_embeddings": tie_embeddings, **sizes}
    try:
        return transformers.AutoConfig.for_model(**fields)
    except Exception as error:  # a config class may refuse its fields in any way; all of them are the file's fault
        raise UserError(f"scratch config: {type(error).__name__}: {str(error).splitlines()[0]}") from None


def _fresh(start: Start, tokenizer: Any, longest: int) -> Any:
    assert start.preset is not None
    ids = dict(zip(("bos", "eos", "pad"), tokenizer.convert_tokens_to_ids([START, END, PAD]), strict=True))
    config = _config(
        start.preset,
        start.tie_embeddings,
        vocab_size=len(tokenizer),
        max_position_embeddings=longest,
        **{f"{name}_token_id": number for name, number in ids.items()},
    )
    try:
        return _CLASSES[start.kind].from_config(config, dtype=torch.float32)
    except ValueError as error:
        raise UserError(f"scratch config: {str(error).splitlines()[0]}") from None


def _with_lora(model: Any, lora: LoraSettings, revision: str | None) -> Any:
    import peft

    targets: str | list[str] = lora.targets
    if lora.targets != "all-linear":
        targets = [name.strip() for name in lora.targets.split(",")]
    settings = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        revision=revision,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers, none of the user's affair
            return peft.get_peft_model(model, settings)
    except ValueError as error:
        raise UserError(f"LoRA targets {lora.targets!r}: {str(error).splitlines()[0]}") from None
