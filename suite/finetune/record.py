"""What a training leaves behind: weights, tokenizer, `training.json` and the picture of the loss curve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from suite.finetune.curve import draw_loss
from suite.finetune.loop import Trained
from suite.finetune.output import RECORD, write_json
from suite.finetune.rows import Batches
from suite.finetune.settings import Hyperparameters, LoraSettings
from suite.finetune.start import Start, is_tied, parameter_counts
from suite.provenance import libraries, now


def training_record(
    identity: Mapping[str, Any],
    start: Start,
    settings: Hyperparameters,
    batches: Batches,
    model: Any,
    trained: Trained,
    threads: int,
) -> dict[str, Any]:
    """The content of `training.json`.

    Keys that need a word: `settings` is what makes this training itself, and tells whether the same command was
    given again; `epochs` are passes over the objective's rows; `budget` says which of steps and epochs was set, the
    other follows from it; `tokens_seen` counts start and end tokens, and no padding; `cpu_seconds` are this process's
    in the loop, `seconds` the clock's; `word_level`: its words are those of training texts, of an earlier stage maybe.
    """
    steps = len(batches)
    return {
        "objective": identity["objective"],
        "objective_options": identity["objective_options"],
        "data_sha256": identity["data"],
        "documents": batches.documents,
        "rows_per_epoch": batches.rows_per_epoch,
        "seed": identity["seed"],
        "steps": steps,
        "epochs": round(steps * settings.batch_size / batches.rows_per_epoch, 4),
        "budget": "steps" if settings.steps is not None else "epochs",
        "tokens_seen": trained.tokens,
        "seconds": round(trained.seconds, 3),
        "cpu_seconds": round(trained.cpu_seconds, 3),
        "loss_curve": [list(point) for point in trained.curve],
        "evaluations": trained.evaluations,
        "loss_mask": "none: every token of a document counts, its end token too; padding does not",
        "packing": False,
        "optimizer": {"name": "AdamW", "schedule": "linear warm-up, cosine", **settings.model_dump(mode="json")},
        "base_model": start.name,
        "revision": start.source.revision if start.source else None,
        "scratch": start.preset is not None,
        "tie_word_embeddings": is_tied(model),
        "lora": identity["start"].get("lora"),
        "word_level": start.preset is not None or start.is_word_level,
        "tokenizer": "word level, from the data" if start.preset else "of the base model",
        "parameters": parameter_counts(model),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "threads": threads,
        "created": now(),
        "libraries": libraries(),
        "settings": dict(identity),
    }


def save(model: Any, tokenizer: Any, record: Mapping[str, Any], lora: LoraSettings | None, folder: Path) -> None:
    """Writes a folder that AutoModelForCausalLM and AutoTokenizer load, or an adapter's folder for peft.

    Raises:
        OSError: no room, or no right to write.
    """
    if lora is not None and lora.merge:
        model = model.merge_and_unload()
    try:
        if lora is not None and not lora.merge:
            # "auto" would ask the hub for the base model's vocabulary
            model.save_pretrained(folder, save_embedding_layers=False)
            (folder / "README.md").unlink(missing_ok=True)  # an empty form
        else:
            model.save_pretrained(folder)
    except SafetensorError as error:
        raise OSError(f"weights: {error}") from error
    tokenizer.save_pretrained(folder)
    title = f"{record['objective']}, {record['parameters']['trained']:,} trained parameters"
    draw_loss(record["loss_curve"], folder / "loss.svg", title)
    write_json(folder / RECORD, record)
