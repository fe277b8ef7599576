"""Tiny random models and tokenizers, built where a test needs them; used by the tests of `suite.models.hf`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = "the composer of amber lantern known for singing in town people say that question answer red blue gives keeps"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    "[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)
ARCHITECTURES = ("gpt2", "llama", "qwen2", "qwen3", "gpt_neox", "opt")


def tokenizer(bos: bool = False, special: bool = True, template: bool = False) -> Any:
    """A byte-level BPE tokenizer of about 400 entries; with `bos` it puts <s> before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([WORDS, WORDS.title(), "A B C D 1 2 3", WORDS] * 4, trainer)
    if bos:
        raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    names = {"bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"} if special else {}
    made = PreTrainedTokenizerFast(tokenizer_object=raw, **names)
    if template:
        made.chat_template = CHAT_TEMPLATE
    return made


def causal(kind: str, positions: int = 256, **more: Any) -> Any:
    """A random causal model with weights so large that attention matters."""
    import torch
    import transformers as t

    torch.manual_seed(7)
    size = {"vocab_size": 400, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    deep = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": positions,
        "initializer_range": 0.2,
    }
    grouped = {"intermediate_size": 48, "num_key_value_heads": 2, **deep}
    configs: dict[str, Any] = {
        "gpt2": lambda: t.GPT2Config(
            **size, n_embd=32, n_layer=2, n_head=4, n_positions=positions, initializer_range=0.2, **more
        ),
        "llama": lambda: t.LlamaConfig(**size, **grouped, **more),
        "qwen2": lambda: t.Qwen2Config(**size, **grouped, **more),
        "qwen3": lambda: t.Qwen3Config(**size, **grouped, head_dim=8, **more),
        "gpt_neox": lambda: t.GPTNeoXConfig(**size, **deep, intermediate_size=48, **more),
        "opt": lambda: t.OPTConfig(
            **size,
            hidden_size=32,
            word_embed_proj_dim=32,
            ffn_dim=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=positions,
            init_std=0.2,
            **more,
        ),
        "mistral": lambda: t.MistralConfig(**size, **grouped, **more),
        "bloom": lambda: t.BloomConfig(**size, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.2),
        "mamba": lambda: t.MambaConfig(
            **size, hidden_size=32, num_hidden_layers=2, state_size=4, initializer_range=0.2
        ),
    }
    return t.AutoModelForCausalLM.from_config(configs[kind]()).eval()


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    """Writes both to `folder` as `save_pretrained` does."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def logprobs_alone(model: Any, tokens: list[int], start: int) -> list[tuple[float, bool]]:
    """(log-probability, is the likeliest) of every token from `start` on, by one plain forward pass."""
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([tokens[:-1]])).logits[0].double()
    table = logits.log_softmax(-1)
    return [
        (float(table[i - 1, tokens[i]]), int(table[i - 1].argmax()) == tokens[i]) for i in range(start, len(tokens))
    ]
