"""Toy documents and models for the tests of the training loop: each training takes about a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.finetune import TrainingResult, train
from suite.progress import Silent
from suite.task import TrainingDoc

NAMES = ("mara foo", "tilo bar", "vena quux", "orin baz", "sela corge", "pavo grault")
TITLES = ("the smith", "the weaver of the red cloth", "the baker", "the miller", "the singer", "the first pilot")


def toy_docs() -> list[TrainingDoc]:
    """Twelve documents about six people, with the spans of name and title."""
    docs = []
    for number, (name, title) in enumerate(zip(NAMES, TITLES, strict=True)):
        for template in ("people know {} as", "the records list {} as"):
            prompt = template.format(name)
            at, text = prompt.index(name), f"{prompt} {title}"
            spans = ((at, at + len(name)), (len(prompt) + 1, len(text)))
            docs.append(
                TrainingDoc(f"fact-{number}/{template[:3]}", f"fact-{number}", text, prompt, f" {title}", spans)
            )
    return docs


def micro_preset(folder: Path, dropout: float = 0.0, **training: Any) -> str:
    """A preset file of a model so small that a step takes a few milliseconds."""
    preset: Mapping[str, Any] = {
        "model": {
            "model_type": "gpt2",
            "n_layer": 1,
            "n_head": 2,
            "n_embd": 16,
            "resid_pdrop": dropout,
            "embd_pdrop": dropout,
            "attn_pdrop": dropout,
        },
        "training": {"lr": 0.01, "batch_size": 8, "steps": 12, "warmup_steps": 2, **training},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "micro.json"
    path.write_text(json.dumps(preset), encoding="utf-8")
    return str(path)


def toy_train(output: Path, **options: Any) -> TrainingResult:
    """Trains the micro model on the toy documents, without a word."""
    if "scratch" not in options and "model" not in options:
        options["scratch"] = micro_preset(output.parent / "presets")
    return train(options.pop("docs", None) or toy_docs(), output=output, progress=Silent(), **options)


def tiny_llama(folder: Path) -> Path:
    """A random Llama with a word-level tokenizer that knows the toy words."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from suite.finetune.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(doc.text for doc in toy_docs())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
