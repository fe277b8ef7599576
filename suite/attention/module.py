"""What every attention mechanism shares: projections, the pattern fixed at construction, checks of the input, decoding.

A mechanism is a subclass with `name`, `patterns` and `attend`, the function of (B, H, N, d) queries, keys and values
after projection, so that all of them have the same q, k, v and output projections. The projections have no bias: where
nothing can be attended to, the output is zero.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from suite.attention.patterns import LengthError, Pattern, UnsupportedPattern
from suite.errors import UserError, unknown

State = Any  # of a mechanism


@dataclass(frozen=True, slots=True)
class Decoding:
    """Where a sequence of steps is: the mechanism's state, and which sequences (B,) have no key that is not padded."""

    state: State
    blind: Tensor | None = None


class Attention(nn.Module):
    """One mechanism in one pattern, between projections.

    Attributes:
        name: as `build` knows it, the name of its file.
        patterns: those that it declares.
        is_control: it is meant not to mix positions (see `none`).
        is_bounded: it refuses sequences longer than `max_len`.
        reach: how many keys beyond its own place (or the place aligned with it) an output sees; None: all.
    """

    name: ClassVar[str]
    patterns: ClassVar[frozenset[Pattern]]
    is_control: ClassVar[bool] = False
    is_bounded: ClassVar[bool] = False
    reach: int | None = None

    def __init__(self, dim: int, heads: int, pattern: Pattern | str, max_len: int) -> None:
        super().__init__()
        self.pattern = Pattern(pattern)
        if self.pattern not in self.patterns:
            raise UnsupportedPattern(self.name, self.pattern)
        at_least_one(dim=dim, heads=heads, max_len=max_len)
        if dim % heads:
            raise ValueError(f"dim={dim} is not a multiple of heads={heads}")
        self.dim, self.heads, self.head_dim, self.max_len = dim, heads, dim // heads, max_len
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(dim, dim, bias=False) for _ in range(4))

    @classmethod
    def make(cls, dim: int, heads: int, pattern: Pattern | str, max_len: int, cfg: Mapping[str, Any]) -> Self:
        """An instance with the settings `cfg`.

        Raises:
            UserError: a setting that the mechanism does not have.
        """
        taken = list(inspect.signature(cls.__init__).parameters)[5:]
        for key in cfg:
            if key not in taken:
                raise unknown(f"setting of {cls.name}", key, taken)
        return cls(dim, heads, pattern, max_len, **cfg)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        """The mechanism itself: (B, H, Nq, d), (B, H, Nk, d) twice -> (B, H, Nq, d).

        Args:
            padding: (B, Nk), True where a key is padded and must not be seen. Rows that could see nothing else may be
                anything finite: `forward` makes them zero.
        """
        raise NotImplementedError

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor | None:
        """The same function in its explicit form, O(N^2) or a loop; None where there is none."""

    def forward(self, x_q: Tensor, x_kv: Tensor | None = None, *, key_padding_mask: Tensor | None = None) -> Tensor:
        """(B, Nq, dim), and (B, Nk, dim) in cross patterns -> (B, Nq, dim).

        Args:
            key_padding_mask: (B, Nk), True = padded. Where all keys that could be seen are padded, the output is zero.

        Raises:
            ValueError: `x_kv` given to a self pattern or missing in a cross one, a wrong shape, values not finite.
            LengthError: longer than `max_len`, where the mechanism is bounded by it.
        """
        q, k, v, padding = self.project(x_q, x_kv, key_padding_mask)
        out = self.attend(q, k, v, padding)
        if padding is not None:
            seen = (~padding).cumsum(-1) if self.pattern is Pattern.CS else (~padding).sum(-1, keepdim=True)
            out = out.masked_fill((seen == 0)[:, None, :, None], 0.0)
        return self.out_proj(_merged(out))

    def project(
        self, x_q: Tensor, x_kv: Tensor | None = None, key_padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Queries, keys, values (B, H, N, d) and the padding (B, Nk) of checked inputs; as `forward`."""
        if self.pattern.is_cross and x_kv is None:
            raise ValueError(f"{self.name}: pattern {self.pattern} needs x_kv")
        if not self.pattern.is_cross and x_kv is not None:
            raise ValueError(f"{self.name}: pattern {self.pattern} attends to x_q itself; x_kv must not be given")
        x_q = self._checked("x_q", x_q)
        x_kv = x_q if x_kv is None else self._checked("x_kv", x_kv)
        if len(x_kv) != len(x_q):
            raise ValueError(f"{self.name}: x_q has {len(x_q)} sequences, x_kv {len(x_kv)}")
        if key_padding_mask is not None and (
            key_padding_mask.shape != x_kv.shape[:2] or key_padding_mask.dtype != torch.bool
        ):
            raise ValueError(f"{self.name}: key_padding_mask must be bool of shape {tuple(x_kv.shape[:2])}")
        q, k, v = self.split(self.q_proj(x_q)), self.split(self.k_proj(x_kv)), self.split(self.v_proj(x_kv))
        return q, k, v, key_padding_mask

    def split(self, x: Tensor) -> Tensor:
        """(B, N, dim) -> (B, H, N, d)."""
        return x.unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)

    # Decoding: mechanisms that have it define `advance`, with `begin` for CS and `begin_cross` for CC.

    @classmethod
    def has_step(cls) -> bool:
        """Whether outputs can be had one by one, without going over all queries again."""
        return cls.advance is not Attention.advance

    def init_state(self, batch: int, x_kv: Tensor | None = None, *, key_padding_mask: Tensor | None = None) -> Decoding:
        """The state before the first query.

        Args:
            batch: number of sequences.
            x_kv: (B, Nk, dim) in CC, all keys; not given in CS.
            key_padding_mask: (B, Nk) in CC.

        Raises:
            UserError: the mechanism has no steps, or the pattern is not causal.
        """
        if not self.has_step() or not self.pattern.is_causal:
            raise UserError(f"{self.name} in {self.pattern} has no incremental step")
        if self.pattern is Pattern.CC:
            empty = torch.zeros(batch, 0, self.dim, device=self.q_proj.weight.device, dtype=self.q_proj.weight.dtype)
            _, k, v, padding = self.project(empty, x_kv, key_padding_mask)
            return Decoding(self.begin_cross(k, v, padding), None if padding is None else padding.all(-1))
        if x_kv is not None:
            raise ValueError(f"{self.name}: pattern {self.pattern} attends to x_q itself; x_kv must not be given")
        return Decoding(self.begin(batch))

    def step(self, x_t: Tensor, decoding: Decoding) -> tuple[Tensor, Decoding]:
        """The next output (B, dim) for the next position (B, dim), and where the decoding is after it."""
        x_t = self._checked("x_t", x_t[:, None])
        k, v = (self.k_proj(x_t), self.v_proj(x_t)) if self.pattern is Pattern.CS else (x_t[:, :0], x_t[:, :0])
        out, state = self.advance(self.split(self.q_proj(x_t)), self.split(k), self.split(v), decoding.state)
        if decoding.blind is not None:
            out = out.masked_fill(decoding.blind[:, None, None, None], 0.0)
        return self.out_proj(_merged(out))[:, 0], Decoding(state, decoding.blind)

    def begin(self, batch: int) -> State:
        """The state before the first query in CS."""
        raise NotImplementedError

    def begin_cross(self, k: Tensor, v: Tensor, padding: Tensor | None) -> State:
        """The state before the first query in CC; all keys and values (B, H, Nk, d), padding (B, Nk)."""
        raise NotImplementedError

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """Output (B, H, 1, d) of query (B, H, 1, d); key and value of the same position in CS, (B, H, 0, d) in CC."""
        raise NotImplementedError

    def extra_parameters(self) -> int:
        """Trained numbers beyond the four projections."""
        return sum(parameter.numel() for parameter in self.parameters()) - 4 * self.dim * self.dim

    def check_length(self, length: int) -> None:
        """Raises `LengthError` where the mechanism is bounded and `length` exceeds `max_len`."""
        if self.is_bounded and length > self.max_len:
            raise LengthError(self.name, length, self.max_len)

    def extra_repr(self) -> str:
        return f"{self.name}, pattern={self.pattern}, dim={self.dim}, heads={self.heads}"

    def _checked(self, argument: str, x: Tensor) -> Tensor:
        if x.dim() != 3 or x.shape[-1] != self.dim:
            raise ValueError(
                f"{self.name}: {argument} has shape {tuple(x.shape)}; expected (batch, length, {self.dim})"
            )
        self.check_length(x.shape[1])
        if x.device.type == "cpu" and x.dtype in (torch.float16, torch.bfloat16):
            warnings.warn(f"{self.name}: {argument} is {x.dtype} on a CPU; computed in float32", stacklevel=3)
            x = x.float()
        # the sum costs no memory; only if it is not finite are the entries looked at
        if not torch.isfinite(x.detach().sum()) and not torch.isfinite(x).all():
            raise ValueError(f"{self.name}: {argument} has entries that are not finite")
        return x


def at_least_one(**sizes: int) -> None:
    """Raises ValueError for the first size under 1, by its name."""
    for size, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{size}={value}; expected a whole number of at least 1")


def _merged(out: Tensor) -> Tensor:
    """(B, H, N, d) -> (B, N, H d)."""
    return out.transpose(1, 2).flatten(2)
