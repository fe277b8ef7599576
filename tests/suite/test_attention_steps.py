"""Decoding one position at a time gives what the whole pass gives, for any sizes and settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.attention import Pattern, build, declared, mechanism

SETTINGS: dict[str, dict[str, tuple[int, int]]] = {
    "local": {"window": (1, 12)},
    "aligned_local": {"window": (1, 12)},
    "performer": {"features": (1, 40)},
    "abc": {"slots": (1, 12)},
    "lightning": {"block": (1, 20)},
    "s4d": {"states": (1, 8)},
    "longshort": {"slots": (1, 3), "stretch": (1, 5)},
}
CASES = sorted(
    (name, pattern)
    for name, patterns in declared().items()
    for pattern in patterns
    if pattern.is_causal and mechanism(name).has_step()
)


def test_every_mechanism_that_is_causal_has_steps() -> None:
    causal = {(name, pattern) for name, patterns in declared().items() for pattern in patterns if pattern.is_causal}
    assert set(CASES) == causal


@pytest.mark.parametrize(("name", "pattern"), CASES)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_steps_are_the_whole_pass(name: str, pattern: Pattern, data: st.DataObject) -> None:
    heads, d = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([2, 4, 8]))
    n, n_keys = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    cfg: dict[str, Any] = {key: data.draw(st.integers(*ends)) for key, ends in SETTINGS.get(name, {}).items()}
    torch.manual_seed(data.draw(st.integers(0, 99)))
    module = build(name, heads * d, heads, pattern, 40, **cfg).eval()
    x = torch.randn(2, n, heads * d)
    other = torch.randn(2, n_keys, heads * d) if pattern.is_cross else None
    valid = data.draw(st.integers(0, n_keys)), data.draw(st.integers(0, n_keys))
    padding = None if other is None else torch.arange(n_keys) >= torch.tensor(valid)[:, None]
    out = []
    with torch.no_grad():
        state = module.init_state(2, other, key_padding_mask=padding)
        for t in range(n):
            one, state = module.step(x[:, t], state)
            out.append(one)
        whole = module(x, other, key_padding_mask=padding)
    torch.testing.assert_close(torch.stack(out, 1), whole, atol=2e-5, rtol=1e-4)
