"""What PINE costs beside stock attention: prefill, and decoding per token.

    python benchmarks/pine.py                    n = 512, 1024, 2048 tokens, k = 2, 20 segments; about two minutes
    python benchmarks/pine.py --n 1024 --k 2 --intervention rotor

A random Llama of 3.4M parameters (4 layers of 256, 4 heads, 2 key heads), fp32, one thread. Stock is transformers'
sdpa. Runs of both are interleaved, and times are CPU seconds, so that other work on the machine stretches neither;
medians. 32 tokens of prefix, 24 of suffix, the rest segments of nearly equal length. Target: prefill at n = 1024 and
k = 2 within 2.5 times sdpa's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

PREFIX, SUFFIX, DECODED = 32, 24, 16
TARGET, TARGET_AT = 2.5, (1024, 2)


def small_llama() -> Any:
    """The model that is timed."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2000,
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config).eval()


def layout_of(n: int, k: int) -> Any:
    """A layout of `n` tokens, suffix included, with `k` segments."""
    from suite.interventions import Layout

    room = n - PREFIX - SUFFIX
    return Layout(PREFIX, tuple(room * (i + 1) // k - room * i // k for i in range(k)))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of `work`, and what it gives."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def one_round(model: Any, ids: Any) -> tuple[float, float]:
    """CPU seconds of a prefill, and of decoding one token."""
    seconds, output = timed(lambda: model(input_ids=ids, logits_to_keep=1))

    def decode() -> None:
        cache, token = output.past_key_values, ids[:, -1:]
        for _ in range(DECODED):
            step = model(input_ids=token, past_key_values=cache)
            token = step.logits[:, -1:].argmax(-1)

    return seconds, timed(decode)[0] / DECODED


def measure(model: Any, n: int, k: int, intervention: str, repeats: int) -> dict[str, float]:
    """Medians in milliseconds, and their ratios."""
    import torch

    from suite.interventions import load_intervention

    ids = torch.randint(0, model.config.vocab_size, (1, n), generator=torch.Generator().manual_seed(n))
    change, layout = load_intervention(intervention), layout_of(n, k)
    stock, changed = [], []
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first round warms up
            stock.append(one_round(model, ids))
            with change.apply(model, layout):
                changed.append(one_round(model, ids))
    row: dict[str, float] = {"n": n, "k": k}
    for column, name in enumerate(("prefill", "decode")):
        a, b = (1000 * statistics.median(times[column] for times in rounds[1:]) for rounds in (stock, changed))
        row |= {f"{name} sdpa ms": a, f"{name} {intervention} ms": b, f"{name} ratio": b / a}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--k", type=int, nargs="+", default=[2, 20])
    parser.add_argument("--intervention", default="pine")
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    model = small_llama()
    for n in asked.n:
        for k in asked.k:
            row = measure(model, n, k, asked.intervention, asked.repeats)
            print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
            if (n, k) == TARGET_AT and asked.intervention == "pine":
                verdict = "met" if row["prefill ratio"] <= TARGET else "MISSED"
                print(f"    target, prefill at most {TARGET} times sdpa's: {verdict} ({row['prefill ratio']:.2f})")


if __name__ == "__main__":
    main()
