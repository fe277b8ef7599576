"""The checks of `verify`: what an attention in one pattern must and must not depend on, and what makes it usable.

Each takes a `Subject` and gives "" when it holds, the finding when it does not, None where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suite.attention.module import Attention
from suite.attention.patterns import Pattern

BATCH, HEADS, HEAD_DIM, MAX_LEN = 2, 3, 16, 256
N, N_KEYS = 150, 110  # queries; keys of the other sequence
AT = 90  # the place that is changed
STILL, MOVED = 1e-5, 1e-3  # at most, at least, of what must stay and what must change
SHIFT = 7.0 * torch.tensor([1.0, 1.0, 1.0, -1.0]).repeat(HEAD_DIM // 4)  # no constant: a layer norm would undo it


@dataclass(frozen=True, slots=True)
class Subject:
    """A mechanism in evaluation mode with random inputs, the same for every mechanism.

    Attributes:
        x: (B, N, dim), and `other` (B, Nk, dim) in cross patterns.
        q: (B, H, N, d), `k` and `v` (B, H, N or Nk, d): input of the mechanism's core.
    """

    kind: type[Attention]
    module: Attention
    x: Tensor
    other: Tensor | None
    q: Tensor
    k: Tensor
    v: Tensor

    @classmethod
    def of(cls, kind: type[Attention], pattern: Pattern) -> Subject:
        """The subject of every check, made anew for each."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = made(kind, pattern)
            n_keys = N_KEYS if pattern.is_cross else N
            x, other = torch.randn(BATCH, N, HEADS * HEAD_DIM), torch.randn(BATCH, n_keys, HEADS * HEAD_DIM)
            q = torch.randn(BATCH, HEADS, N, HEAD_DIM)
            k, v = torch.randn(2, BATCH, HEADS, n_keys, HEAD_DIM)
        return cls(kind, module, x, other if pattern.is_cross else None, q, k, v)

    @property
    def pattern(self) -> Pattern:
        """The pattern under test."""
        return self.module.pattern

    @torch.no_grad()
    def core(self, q: Tensor | None = None, k: Tensor | None = None, v: Tensor | None = None) -> Tensor:
        """Output (B, H, N, d) of the core; the subject's own inputs where none is given."""
        q, k, v = (own if given is None else given for own, given in ((self.q, q), (self.k, k), (self.v, v)))
        return self.module.attend(q, k, v, None)

    @torch.no_grad()
    def whole(self, x: Tensor | None = None, other: Tensor | None = None, padding: Tensor | None = None) -> Tensor:
        """Output (B, N, dim) with projections."""
        return self.module(self.x if x is None else x, self.other if other is None else other, key_padding_mask=padding)


def made(kind: type[Attention], pattern: Pattern) -> Attention:
    """An instance of the size that the checks use."""
    return kind.make(HEADS * HEAD_DIM, HEADS, pattern, MAX_LEN, {}).eval()


def core_is_whole(it: Subject) -> str:
    """What is checked of the core holds for the module: it is the core between its projections, nothing else."""
    with torch.no_grad():
        q, k, v, padding = it.module.project(it.x, it.other)
        between = it.module.out_proj(it.module.attend(q, k, v, padding).transpose(1, 2).flatten(2))
    return _still(between, it.whole(), "forward is not the core between the projections")


def causal(it: Subject) -> str | None:
    """CS: a changed place changes nothing before it, and something from there on; a prefix is computed alike."""
    if it.pattern is not Pattern.CS:
        return None
    before = it.core()
    after = it.core(*(_shifted(x, AT) for x in (it.q, it.k, it.v)))
    return (
        _still(before[:, :, :AT], after[:, :, :AT], f"a change at {AT} changes earlier outputs")
        or _moved(before[:, :, AT:], after[:, :, AT:], f"a change at {AT} changes no later output")
        or _still(before[:, :, :AT], it.core(*(x[:, :, :AT] for x in (it.q, it.k, it.v))), "a prefix is not alike")
    )


def uses_the_past(it: Subject) -> str | None:
    """CS: an earlier value changes the output, and not only along the output's own value."""
    if it.pattern is not Pattern.CS or it.kind.is_control:
        return None
    change = (it.core(v=_shifted(it.v, AT - 5)) - it.core())[:, :, AT]  # (B, H, d)
    own = it.v[:, :, AT] / it.v[:, :, AT].norm(dim=-1, keepdim=True)
    beside = change - (change * own).sum(-1, keepdim=True) * own
    size = beside.norm(dim=-1).amin().item()
    return "" if size > MOVED else f"the value at {AT - 5} does not reach output {AT} ({size:.1e} beside its own value)"


def looks_ahead(it: Subject) -> str | None:
    """NS, NC: the next key and value change the output."""
    if it.pattern.is_causal or it.kind.is_control:
        return None
    before = it.core()
    ratio = it.k.shape[2] / N
    for t in (0, 40, AT, N - 2):
        key = min(round(t * ratio) + 1, it.k.shape[2] - 1)
        after = it.core(k=_shifted(it.k, key), v=_shifted(it.v, key))
        if finding := _moved(before[:, :, t], after[:, :, t], f"output {t} does not depend on key {key}"):
            return finding
    return ""


def all_keys_one_by_one(it: Subject) -> str | None:
    """CC: later queries change nothing, the last key (that the window reaches) changes the first output."""
    if it.pattern is not Pattern.CC:
        return None
    before = it.core()
    finding = _still(before[:, :, :AT], it.core(q=it.q[:, :, :AT]), "cutting later queries changes outputs") or _still(
        before[:, :, :AT], it.core(q=_shifted(it.q, AT))[:, :, :AT], "a later query changes outputs"
    )
    if finding or it.kind.is_control:
        return finding
    last = it.k.shape[2] - 1 if it.module.reach is None else min(it.k.shape[2] - 1, it.module.reach)
    after = it.core(k=_shifted(it.k, last), v=_shifted(it.v, last))
    return _moved(before[:, :, 0], after[:, :, 0], f"the first output does not depend on key {last}")


def reads_nothing_else(it: Subject) -> str | None:
    """A control: no other position changes an output."""
    if not it.kind.is_control:
        return None
    k, v = it.k + SHIFT, it.v + SHIFT
    if not it.pattern.is_cross:
        k[:, :, AT], v[:, :, AT] = it.k[:, :, AT], it.v[:, :, AT]
    return _still(it.core()[:, :, AT], it.core(k=k, v=v)[:, :, AT], "a control reads other positions")


def padding(it: Subject) -> str:
    """Padded keys are as if cut off, whatever they hold; no padding is no mask; nothing but padding gives zeros."""
    n_keys = it.k.shape[2]
    lengths = (n_keys, n_keys - 41)
    mask = torch.arange(n_keys) >= torch.tensor(lengths)[:, None]
    x, other = it.x.clone(), it.other
    filled = x if other is None else (other := other.clone())
    filled[mask] = 10 * torch.randn(int(mask.sum()), x.shape[-1], generator=torch.Generator().manual_seed(1))
    padded, nothing = it.whole(x, other, mask), it.whole(padding=torch.ones_like(mask))
    for row, length in enumerate(lengths):
        rows = slice(row, row + 1)
        if other is None:
            cut, valid = it.whole(x[rows, :length]), padded[rows, :length]
        else:
            cut, valid = it.whole(x[rows], other[rows, :length]), padded[rows]
        if finding := _still(cut, valid, "padded keys are not as if cut off"):
            return finding
    if finding := _still(it.whole(), it.whole(padding=torch.zeros_like(mask)), "a mask of nothing changes outputs"):
        return finding
    if it.kind.is_control and it.pattern.is_cross:
        return ""  # it has no keys
    return _still(torch.zeros_like(nothing), nothing, "with all keys padded the output is not zero")


def stored_whole(it: Subject) -> str:
    """Two passes agree, and so does a new instance with the stored weights: nothing random is left out of them."""
    first = it.whole()
    if finding := _still(first, it.whole(), "two passes differ"):
        return finding
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        again = made(it.kind, it.pattern)
    again.load_state_dict(it.module.state_dict())
    with torch.no_grad():
        return _still(first, again(it.x, it.other), "the stored weights do not give the same outputs")


def steps(it: Subject) -> str | None:
    """Outputs had one by one are those of the whole pass."""
    if not it.pattern.is_causal or not it.kind.has_step():
        return None
    out = []
    with torch.no_grad():
        state = it.module.init_state(BATCH, it.other)
        for t in range(N):
            one, state = it.module.step(it.x[:, t], state)
            out.append(one)
    return _still(it.whole(), torch.stack(out, 1), "steps differ from the whole pass")


def gradients(it: Subject) -> str:
    """Gradients are finite, padding or not, and reach the input."""
    x = it.x.clone().requires_grad_()
    mask = torch.zeros(BATCH, it.k.shape[2], dtype=torch.bool)
    mask[1] = True
    for given in (None, mask):
        it.module(x, it.other, key_padding_mask=given).square().sum().backward()
    found = [x.grad, *(parameter.grad for parameter in it.module.parameters())]
    if not all(torch.isfinite(grad).all() for grad in found if grad is not None):
        return "gradients are not finite"
    return "" if x.grad is not None and x.grad.abs().max() > 0 else "no gradient reaches the input"


def precision(it: Subject) -> str:
    """Single precision is within 1e-4 of double."""
    single = it.whole()
    it.module.double()
    double = it.whole(it.x.double(), None if it.other is None else it.other.double())
    return _still(single.double(), double, "single and double precision differ", limit=1e-4)


def explicit_form(it: Subject) -> str | None:
    """The fast form is the explicit one, with padding and without."""
    mask = torch.arange(it.k.shape[2]) >= torch.tensor([it.k.shape[2], it.k.shape[2] - 41])[:, None]
    for given in (None, mask):
        with torch.no_grad():
            fast, explicit = it.module.attend(it.q, it.k, it.v, given), it.module.reference(it.q, it.k, it.v, given)
        if explicit is None:
            return None
        if finding := _still(fast, explicit, "the fast form is not the explicit one", limit=1e-4):
            return finding
    return ""


CHECKS: Mapping[str, Callable[[Subject], Any]] = {
    "core": core_is_whole,
    "causal": causal,
    "uses the past": uses_the_past,
    "looks ahead": looks_ahead,
    "all keys, one query after the other": all_keys_one_by_one,
    "reads nothing else": reads_nothing_else,
    "padding": padding,
    "stored whole": stored_whole,
    "steps": steps,
    "gradients": gradients,
    "precision": precision,
    "explicit form": explicit_form,
}


def _shifted(x: Tensor, at: int) -> Tensor:
    changed = x.clone()
    changed[:, :, at] += SHIFT
    return changed


def _still(before: Tensor, after: Tensor, finding: str, limit: float = STILL) -> str:
    if before.shape != after.shape:
        return f"{finding} (shapes {tuple(before.shape)} and {tuple(after.shape)})"
    size = (before - after).abs().max().item()
    return "" if size <= limit else f"{finding} ({size:.1e})"  # NaN is not <= either


def _moved(before: Tensor, after: Tensor, finding: str) -> str:
    size = (before - after).abs().max().item()
    return "" if size > MOVED else f"{finding} ({size:.1e})"
