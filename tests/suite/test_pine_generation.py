"""PINE with caches: generation is the uncached computation, whatever the search."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from pine_setup import causal, parts

from suite.errors import UserError
from suite.interventions import pine

NEW = 8
as_it_lies = partial(pine, canonical_order=False)


def generated(model: Any, ids: Any, **more: Any) -> list[list[int]]:
    more = {"max_new_tokens": NEW, "do_sample": False, "eos_token_id": None, "pad_token_id": 0, **more}
    return model.generate(ids, attention_mask=torch.ones_like(ids), **more)[:, ids.shape[1] :].tolist()


def uncached(model: Any, ids: Any) -> list[int]:
    """Greedy tokens, each from the whole text."""
    with torch.no_grad():
        for _ in range(NEW):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    return ids[0, -NEW:].tolist()


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize(
    "context", [pine, as_it_lies, partial(pine, reverse=True)], ids=["canonical", "plain", "reverse"]
)
def test_cached_generation_equals_the_uncached_loop(kind: str, context: Any) -> None:
    model, prompt = causal(kind), parts()
    order = (3, 1, 0, 2)
    with context(model, prompt.layout(order)):
        assert generated(model, prompt.ids(order)) == [uncached(model, prompt.ids(order))]


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}, {"num_beams": 4, "num_return_sequences": 2}], ids=str)
def test_generation_and_beam_search_do_not_depend_on_order(search: dict[str, int]) -> None:
    model, prompt = causal(), parts((5, 7, 6))
    found = []
    for order in prompt.orders():
        with as_it_lies(model, prompt.layout(order)):
            found.append(generated(model, prompt.ids(order), **search))
    assert all(texts == found[0] for texts in found)
    assert len({str(generated(model, prompt.ids(order))) for order in prompt.orders()}) > 1  # the stock model's do


def test_rows_of_one_layout_share_a_batch() -> None:
    model, a, b = causal(), parts(seed=1), parts(seed=2)
    ids = torch.cat([a.ids(), b.ids()])
    with as_it_lies(model, a.layout()):
        together = generated(model, ids)
        assert together == [*generated(model, a.ids()), *generated(model, b.ids())]


def test_a_suffix_may_come_in_parts_after_the_prompt() -> None:
    model, prompt = causal(), parts()
    ids, cut = prompt.ids((1, 0, 2, 3)), -4
    with torch.no_grad(), pine(model, prompt.layout((1, 0, 2, 3))):
        whole = model(ids).logits[:, cut:]
        first = model(ids[:, :cut], use_cache=True)
        rest = model(ids[:, cut:], past_key_values=first.past_key_values)
    assert float((rest.logits - whole).abs().max()) <= 1e-4


def test_two_prompts_are_continued_in_turns() -> None:
    """Each cache keeps its own canonical layout."""
    model, prompt, order = causal(), parts(), (2, 3, 0, 1)
    other = parts(seed=9)
    with torch.no_grad(), pine(model, prompt.layout(order)):
        texts = [prompt.ids(order), type(prompt)(other.prefix, [other.segments[i] for i in order], other.suffix).ids()]
        caches = [model(ids).past_key_values for ids in texts]
        for ids, cache in zip(texts, caches, strict=True):
            token = ids[:, -1:]
            later = model(token, past_key_values=cache).logits[:, -1]
            assert float((later - model(torch.cat([ids, token], 1)).logits[:, -1]).abs().max()) <= 1e-4


def test_a_cache_from_elsewhere_is_refused_until_it_is_vouched_for() -> None:
    model, prompt = causal(), parts()
    with torch.no_grad():
        stock = model(prompt.ids()).past_key_values
        with as_it_lies(model, prompt.layout()) as installation:
            with pytest.raises(UserError, match="filled outside of this context"):
                model(prompt.ids()[:, -1:], past_key_values=stock)
            own = model(prompt.ids()).past_key_values
            again = copy.deepcopy(own)
            with pytest.raises(UserError, match="adopt"):
                model(prompt.ids()[:, -1:], past_key_values=again)
            installation.adopt(again)
            a, b = (model(prompt.ids()[:, -1:], past_key_values=cache).logits for cache in (own, again))
    assert torch.equal(a, b)
