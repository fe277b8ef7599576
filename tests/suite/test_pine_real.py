"""PINE on real pretrained weights: thirty layers still do not mind the order of segments."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pine_setup import Parts, spread

from suite.interventions import pine, rotor
from suite.pretrained import located

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2() -> tuple[Any, Parts]:
    """The model in fp32, and a question with four options."""
    folder = located("smollm2-135m")
    if folder is None:
        pytest.skip("SmolLM2 is not in the cache; run: unreason models fetch smollm2-135m")
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    texts = ("Question: Which animal lays eggs?\nOptions:", "\n- a dog", "\n- a hen", "\n- the blue whale", "\nAnswer:")
    prefix, *segments, suffix = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
    return model, Parts(prefix, segments, suffix)


def test_orders_do_not_matter_on_pretrained_weights(smollm2: tuple[Any, Parts]) -> None:
    model, prompt = smollm2
    assert spread(model, prompt) > 1
    assert spread(model, prompt, partial(pine, canonical_order=False)) <= 1e-3
    assert spread(model, prompt, pine) == 0.0
    assert spread(model, prompt, rotor) == 0.0


def test_the_example_shows_one_answer_under_pine_and_several_without(smollm2: tuple[Any, Parts]) -> None:
    example = Path(__file__).parents[2] / "examples" / "position_bias_pine.py"
    said = subprocess.run([sys.executable, str(example)], check=True, capture_output=True, text=True).stdout
    stock, pined = zip(*(line.split("   ")[1:] for line in said.splitlines()), strict=True)
    assert len(stock) == 6 and len(set(stock)) > 1 and len(set(pined)) == 1
