"""PINE on any stock transformers model: the same three facts in every order, read with and without it.

    unreason models fetch smollm2-135m
    python examples/position_bias_pine.py [MODEL_FOLDER]

Each part is tokenised alone, so that a segment's tokens do not depend on its neighbours; the layout says how many
tokens each part has. For every order the answer is printed with its log-probability: stock attention gives several,
PINE one, which need not be the right one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import permutations
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import suite
from suite.interventions import Layout
from suite.pretrained import located

PREFIX = "Facts:"
FACTS = ("\nThe red box holds a pear.", "\nThe blue box holds a coin.", "\nThe green box holds a key.")
SUFFIX = "\nQuestion: What does the blue box hold?\nAnswer: The blue box holds a"


def prompt(tokenizer: Any, segments: Sequence[str]) -> tuple[torch.Tensor, Layout]:
    """(1, n) token ids of prefix, segments and suffix, and where the segments lie."""
    before, *middle, after = (
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in (PREFIX, *segments, SUFFIX)
    )
    ids = [*before, *(token for segment in middle for token in segment), *after]
    return torch.tensor([ids]), Layout(len(before), tuple(map(len, middle)))


def best(model: Any, ids: torch.Tensor) -> tuple[int, float]:
    """The likeliest next token, and its log-probability in nats."""
    value, token = model(ids).logits[0, -1].log_softmax(-1).max(-1)
    return int(token), float(value)


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else located("smollm2-135m")
    if folder is None:
        sys.exit("SmolLM2 is not in the cache; run: unreason models fetch smollm2-135m")
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for facts in permutations(FACTS):
        ids, layout = prompt(tokenizer, facts)
        line = [", ".join(fact.split()[1] for fact in facts)]
        for name, context in (("stock", nullcontext()), ("PINE", suite.interventions.pine(model, layout))):
            with torch.inference_mode(), context:
                token, nats = best(model, ids)
            line.append(f"{name}:{tokenizer.decode(token)} ({nats:.4f})")
        print("   ".join(line))


if __name__ == "__main__":
    main()
