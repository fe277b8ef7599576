"""Our mechanisms beside maintained libraries, where both define the same function."""

from __future__ import annotations

import pytest
import torch

from suite.attention import build


@pytest.mark.parametrize("window", [1, 4, 16])
@pytest.mark.parametrize("is_causal", [False, True])
def test_local_attention_is_that_of_local_attention(window: int, is_causal: bool) -> None:
    """Its exact causal window w lets a query see 0 <= i - j <= w, which are w + 1 keys."""
    theirs = pytest.importorskip("local_attention").LocalAttention(
        window, causal=is_causal, exact_windowsize=True, autopad=True, use_rotary_pos_emb=False
    )
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 150, 16)
    mask = torch.ones(2, 150, dtype=torch.bool)
    ours = build("local", 48, 3, "CS" if is_causal else "NS", 256, window=window + is_causal)
    # their own padding of the last block is seen unless a mask says otherwise
    assert (ours.attend(q, k, v, None) - theirs(q, k, v, mask=mask)).abs().max() <= 2e-6


def test_nystrom_is_that_of_nystrom_attention() -> None:
    """One sequence and one head, whose length its landmarks divide: it starts the inverse from one norm for all."""
    library = pytest.importorskip("nystrom_attention")
    torch.manual_seed(0)
    theirs = library.NystromAttention(16, dim_head=16, heads=1, num_landmarks=8, residual=False).eval()
    ours = build("nystrom", 16, 1, "NS", 256, landmarks=8)
    with torch.no_grad():
        for layer, weight in zip((ours.q_proj, ours.k_proj, ours.v_proj), theirs.to_qkv.weight.chunk(3), strict=True):
            layer.weight.copy_(weight)
        ours.out_proj.weight.copy_(theirs.to_out[0].weight)
        x = torch.randn(1, 152, 16)
        assert (ours(x) - (theirs(x) - theirs.to_out[0].bias)).abs().max() <= 2e-6


@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.parametrize("is_causal", [False, True])
def test_local_attention_is_torchs_flexible_attention_with_a_band(is_causal: bool) -> None:
    flexible = pytest.importorskip("torch.nn.attention.flex_attention")
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 150, 16)

    def band(_batch: torch.Tensor, _head: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return (i - j < 16) & (i - j >= 0 if is_causal else j - i <= 15)

    blocks = flexible.create_block_mask(band, None, None, 150, 150, device="cpu")
    ours = build("local", 48, 3, "CS" if is_causal else "NS", 256, window=15 + is_causal)
    assert (ours.attend(q, k, v, None) - flexible.flex_attention(q, k, v, block_mask=blocks)).abs().max() <= 2e-6
