"""Identities of attention mechanisms: a fast form against its explicit one, limits in which two mechanisms agree."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.attention import Attention, Pattern, build, declared
from suite.attention.dense import dense, hidden_keys
from suite.attention.mechanisms.nystrom import pseudo_inverse
from suite.attention.scan import causal_product

N, D = 150, 16
ROUNDING = 2e-6


def inputs(n_queries: int = N, n_keys: int = N, d: int = D) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randn(2, 3, n, d, generator=generator) for n in (n_queries, n_keys, n_keys))


def core(name: str, pattern: str, heads: int = 3, d: int = D, **cfg: object) -> Attention:
    torch.manual_seed(5)
    return build(name, heads * d, heads, pattern, 256, **cfg).eval().requires_grad_(False)


def softmax(q: Tensor, k: Tensor, v: Tensor, pattern: str) -> Tensor:
    return dense(q, k, v, hidden_keys(pattern == "CS", q.shape[2], None, q.device))


def gap(first: Tensor, second: Tensor) -> float:
    return (first - second).abs().max().item()


@pytest.mark.parametrize("pattern", list(Pattern))
def test_dense_attention_is_torchs_own(pattern: Pattern) -> None:
    q, k, v = inputs(n_keys=70 if pattern.is_cross else N)
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=pattern == "CS")
    assert gap(core("vanilla", pattern).attend(q, k, v, None), theirs) <= ROUNDING


@pytest.mark.parametrize("pattern", list(Pattern))
def test_the_fused_kernel_is_dense_attention_with_padding_too(pattern: Pattern) -> None:
    q, k, v = inputs(n_keys=70 if pattern.is_cross else N)
    padding = torch.arange(k.shape[2]) >= torch.tensor([[40], [k.shape[2]]])
    for given in (None, padding):
        expected = dense(q, k, v, hidden_keys(pattern == "CS", N, given, q.device))
        assert gap(core("sdpa", pattern).attend(q, k, v, given), expected) <= ROUNDING


@pytest.mark.parametrize(("pattern", "window"), [("NS", N), ("NS", N - 1), ("CS", N)])
def test_a_window_over_everything_is_dense_attention(pattern: str, window: int) -> None:
    q, k, v = inputs()
    assert gap(core("local", pattern, window=window).attend(q, k, v, None), softmax(q, k, v, pattern)) <= ROUNDING


def test_a_causal_window_one_short_cuts_a_single_pair() -> None:
    q, k, v = inputs()
    out, expected = core("local", "CS", window=N - 1).attend(q, k, v, None), softmax(q, k, v, "CS")
    assert gap(out[:, :, :-1], expected[:, :, :-1]) <= ROUNDING
    assert gap(out[:, :, -1], expected[:, :, -1]) > 1e-3


@pytest.mark.parametrize("pattern", ["NS", "CS"])
@pytest.mark.parametrize("window", [1, 7, 16, 64])
def test_local_attention_is_dense_attention_with_a_band(pattern: str, window: int) -> None:
    q, k, v = inputs()
    distance = torch.arange(N)[:, None] - torch.arange(N)
    seen = distance.abs() <= window if pattern == "NS" else (distance >= 0) & (distance < window)
    assert gap(core("local", pattern, window=window).attend(q, k, v, None), dense(q, k, v, ~seen)) <= ROUNDING


@pytest.mark.parametrize("n_keys", [37, 150, 333])
def test_aligned_windows_follow_the_keys(n_keys: int) -> None:
    q, k, v = inputs(n_keys=n_keys)
    centres = torch.tensor([min(int(i * n_keys / N + 0.5), n_keys - 1) for i in range(N)])
    seen = (torch.arange(n_keys) - centres[:, None]).abs() <= 5
    for pattern, cfg in (("NC", {}), ("CC", {"queries": N})):
        out = core("aligned_local", pattern, window=5, **cfg).attend(q, k, v, None)
        assert gap(out, dense(q, k, v, ~seen)) <= ROUNDING


def test_aligned_windows_count_only_keys_that_are_not_padded() -> None:
    q, k, v = inputs(n_keys=100)
    padding = torch.arange(100) >= torch.tensor([[100], [60]])
    module = core("aligned_local", "NC", window=5)
    assert (
        gap(module.attend(q, k, v, padding)[1:], module.attend(q[1:], k[1:, :, :60], v[1:, :, :60], None)) <= ROUNDING
    )


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("vanilla", 0.0),
        ("sdpa", 0.0),
        ("local", 0.0),
        ("performer", 0.0),
        ("cosformer", 0.0),
        ("longshort", 0.0),
        ("lightning", 0.0),
        ("aaren", 0.0),
        ("abc", 1e-6),
        ("s4d", 1e-5),
    ],
)
def test_later_input_moves_earlier_output_by_rounding_at_most(name: str, limit: float) -> None:
    q, k, v = inputs()
    changed = tuple(torch.cat([x[:, :, :90], x[:, :, 90:] + 7], 2) for x in (q, k, v))
    module = core(name, "CS")
    assert gap(module.attend(q, k, v, None)[:, :, :90], module.attend(*changed, None)[:, :, :90]) <= limit


@pytest.mark.parametrize("name", sorted(name for name, patterns in declared().items() if Pattern.CC in patterns))
def test_queries_cut_off_leave_the_others_as_they_were(name: str) -> None:
    q, k, v = inputs(n_keys=70)
    module = core(name, "CC")
    assert gap(module.attend(q, k, v, None)[:, :, :90], module.attend(q[:, :, :90], k, v, None)) <= 1e-6


@pytest.mark.parametrize(
    ("name", "pattern"), sorted((name, pattern) for name, patterns in declared().items() for pattern in patterns)
)
def test_padding_is_truncation(name: str, pattern: Pattern) -> None:
    torch.manual_seed(1)
    x, other = torch.randn(2, N, 48), torch.randn(2, N, 48) if pattern.is_cross else None
    padding = torch.arange(N) >= torch.tensor([[N], [101]])
    module = core(name, pattern)
    padded = module(x, other, key_padding_mask=padding)[1:]
    cut = module(x[1:], other[1:, :101]) if other is not None else module(x[1:, :101])
    assert gap(padded[:, : cut.shape[1]], cut) <= 1.3e-6


@pytest.mark.parametrize("pattern", ["NS", "CS"])
def test_cosformer_is_its_kernel(pattern: str) -> None:
    q, k, v = inputs()
    i = torch.arange(N)
    weights = q.relu() @ k.relu().mT * torch.cos(torch.pi / 2 * (i[:, None] - i) / 256)
    weights = weights.tril() if pattern == "CS" else weights
    expected = weights @ v / weights.sum(-1, keepdim=True).clamp_min(1e-6)
    assert gap(core("cosformer", pattern).attend(q, k, v, None), expected) <= ROUNDING


def test_performer_in_chunks_is_a_cumulative_sum() -> None:
    q, k, v = inputs()
    module = core("performer", "CS")
    phi_q, phi_k = module.features(q, 0, is_query=True), module.features(k, 0, is_query=False)
    sums = (phi_k[..., None] * v[..., None, :]).cumsum(2)
    expected = (phi_q[..., None, :] @ sums)[..., 0, :] / (phi_q * phi_k.cumsum(2)).sum(-1, keepdim=True)
    assert gap(module.attend(q, k, v, None), expected) <= ROUNDING


@pytest.mark.parametrize("n", [1, 63, 64, 65, 150, 256])
def test_a_causal_product_in_chunks_is_one_with_a_triangle(n: int) -> None:
    a, b, c = (x.double() for x in inputs(n, n))
    assert gap(causal_product(a, b, c), (a @ b.mT).tril() @ c) <= 1e-11


def test_orthogonal_features_are_orthogonal_and_as_long_as_gaussian_vectors() -> None:
    rows = core("performer", "NS", features=64).get_buffer("rows")
    blocks = rows.unflatten(0, (-1, D))
    products = blocks @ blocks.mT
    assert (products - torch.diag_embed(products.diagonal(dim1=-2, dim2=-1))).abs().max() < 1e-4
    assert rows.square().sum(-1).mean().item() == pytest.approx(D, rel=0.2)


@pytest.mark.parametrize("pattern", ["NS", "CS"])
def test_performers_error_falls_with_features_at_a_small_scale(pattern: str) -> None:
    q, k, v = inputs()
    q, k = q / 2, k / 2
    expected = softmax(q, k, v, pattern)
    errors = [
        (core("performer", pattern, features=m).attend(q, k, v, None) - expected).norm() / expected.norm()
        for m in (16, 64, 256, 1024)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.15


@pytest.mark.parametrize("is_separate", [False, True])
def test_abc_with_a_slot_for_each_token_is_dense_attention(is_separate: bool) -> None:
    q, _, v = inputs(n_queries=40, n_keys=D)
    k = torch.eye(D).expand(2, 3, D, D).contiguous()
    module = core("abc", "NC", slots=D, separate_value_control=is_separate)
    module.control[:] = 1e4 * torch.eye(D)
    assert gap(module.attend(q, k, v, None), softmax(q, k, v, "NC")) == 0


@pytest.mark.parametrize("is_separate", [False, True])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_causal_abc_is_noncausal_abc_on_each_prefix(scale: float, is_separate: bool) -> None:
    """At the larger scale exp(alpha) leaves the range of the fast form, and the slow one takes over."""
    q, k, v = inputs(80, 80)
    causal, noncausal = (core("abc", pattern, separate_value_control=is_separate) for pattern in ("CS", "NS"))
    noncausal.load_state_dict(causal.state_dict())
    for module in (causal, noncausal):
        module.control *= scale
    out = causal.attend(q, k, v, None)
    for n in (1, 2, 40, 80):
        prefix = noncausal.attend(q[:, :, n - 1 : n], k[:, :, :n], v[:, :, :n], None)
        assert gap(out[:, :, n - 1 : n], prefix) <= ROUNDING * scale  # that of alpha


def test_nystrom_with_a_landmark_for_each_token_is_dense_attention() -> None:
    q, k, v = inputs()
    assert gap(core("nystrom", "NS", landmarks=N).attend(q, k, v, None), softmax(q, k, v, "NS")) <= ROUNDING


def test_nystroms_error_falls_with_landmarks() -> None:
    q, k, v = inputs()
    expected = softmax(q, k, v, "NS")
    errors = [
        (core("nystrom", "NS", landmarks=m).attend(q, k, v, None) - expected).norm() / expected.norm()
        for m in (8, 32, 75, 149)
    ]
    assert errors == sorted(errors, reverse=True)


def test_nystrom_treats_short_sequences_of_a_batch_exactly_and_the_others_not() -> None:
    q, k, v = inputs()
    padding = torch.arange(N) >= torch.tensor([[N], [20]])
    out = core("nystrom", "NS", landmarks=32).attend(q, k, v, padding)
    expected = dense(q, k, v, padding[:, None, None])
    assert gap(out[1, :, :20], expected[1, :, :20]) <= ROUNDING
    assert gap(out[0], expected[0]) > 0.01


def test_the_pseudo_inverse_inverts_a_matrix_of_softmax_rows() -> None:
    torch.manual_seed(0)
    a = (4 * torch.eye(8) + torch.randn(3, 8, 8) / 4).softmax(-1)
    assert gap(a @ pseudo_inverse(a), torch.eye(8)) < 1e-4


@pytest.mark.parametrize("pattern", ["NS", "CS"])
@pytest.mark.parametrize("init", ["lin", "inv"])
def test_s4d_by_fourier_transform_is_its_recurrence(pattern: str, init: str) -> None:
    q, k, v = inputs(200, 200)
    module = core("s4d", pattern, init=init)
    out, expected = module.attend(q, k, v, None), module.reference(q, k, v, None)
    assert gap(out, expected) <= 1.7e-6 * expected.abs().max().item()


def test_s4ds_kernel_is_the_sum_over_its_modes() -> None:
    module = core("s4d", "CS").double()
    decay, gains = module._modes()
    powers = decay[..., None] ** torch.arange(33)
    assert gap(module.kernels(33)[0], 2 * (gains[0][..., None] * powers).sum(-2).real) < 1e-10


@pytest.mark.parametrize("name", ["lara", "performer"])
def test_random_methods_do_not_change_from_pass_to_pass(name: str) -> None:
    q, k, v = inputs()
    module = core(name, "NS")
    assert gap(module.attend(q, k, v, None), module.attend(q, k, v, None)) == 0


def test_lara_comes_nearer_to_softmax_with_more_proposals() -> None:
    q, k, v = inputs()
    q, k = q / 2, k / 2
    expected = softmax(q, k, v, "NS")
    errors = [(core("lara", "NS", landmarks=m).attend(q, k, v, None) - expected).norm() for m in (8, 32, 150)]
    assert errors == sorted(errors, reverse=True)


def test_probsparse_gives_chosen_queries_softmax_and_the_others_the_mean() -> None:
    q, k, v = inputs()
    out, expected = core("probsparse", "NS", factor=5).attend(q, k, v, None), softmax(q, k, v, "NS")
    is_mean = (out - v.mean(2, keepdim=True)).abs().amax(-1) <= ROUNDING
    is_softmax = (out - expected).abs().amax(-1) <= ROUNDING
    assert bool((is_mean ^ is_softmax).all())
    assert is_softmax.sum(-1).unique().tolist() == [26]  # 5 ln 150


def test_probsparse_with_every_query_active_is_dense_attention() -> None:
    q, k, v = inputs()
    assert gap(core("probsparse", "NS", factor=30).attend(q, k, v, None), softmax(q, k, v, "NS")) <= ROUNDING


def test_probsparse_chooses_the_query_that_stands_out() -> None:
    q, k, v = inputs()
    q = q / 100
    q[:, :, 77] *= 2000
    out = core("probsparse", "NS", factor=1).attend(q, k, v, None)
    assert gap(out[:, :, 77], softmax(q, k, v, "NS")[:, :, 77]) <= ROUNDING


def test_lightning_with_a_block_of_any_size_is_one_function() -> None:
    q, k, v = inputs()
    first, second = (core("lightning", "CS", block=size).attend(q, k, v, None) for size in (7, 256))
    assert gap(first, second) <= 5e-6


def test_aaren_at_the_end_is_softmax_attention_of_its_query() -> None:
    q, k, v = inputs()
    module = core("aaren", "CS")
    expected = dense(module.query.mT.expand(2, -1, -1, -1), k, v)
    assert gap(module.attend(q, k, v, None)[:, :, -1:], expected) <= ROUNDING


def test_without_attention_a_position_has_its_own_value() -> None:
    q, k, v = inputs()
    assert torch.equal(core("none", "CS").attend(q, k, v, None), v)
    assert torch.equal(core("none", "CC").attend(q, k, v, None), q)


@pytest.mark.parametrize("slots", [1, 3])
def test_longshort_sees_a_stretch_only_when_it_is_over(slots: int) -> None:
    q, k, v = inputs(64, 64)
    module = core("longshort", "CS", window=16, stretch=8, slots=slots)
    before = module.attend(q, k, v, None)
    v[:, :, 3] += 7 * torch.tensor([1.0, -1.0]).repeat(D // 2)
    moved = (before - module.attend(q, k, v, None)).abs().amax((0, 1, 3)) > 1e-4
    assert not moved[:3].any()
    assert moved[3:].all()
