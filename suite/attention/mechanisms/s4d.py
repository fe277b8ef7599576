"""S4D: a diagonal state space model over the values; no attention, but a rival of it. Queries and keys are not read.

Gu et al., "On the Parameterization and Initialization of Diagonal State Space Models", NeurIPS 2022, equations 3 to 7
with S4D-Lin or S4D-Inv. NS is bidirectional: a second kernel runs backwards. The kernel is formed as products of powers
e^(dt A C a) and e^(dt A b) of position C a + b, so that no table of modes by positions is kept.
"""

# ruff: noqa: ARG002

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from suite.attention.module import Attention, at_least_one
from suite.attention.patterns import Pattern

_DT_RANGE = (0.001, 0.1)


class S4D(Attention):
    """y = K * v + D v, K_l = 2 Re sum_n C_n (e^(dt A_n) - 1) / A_n e^(dt A_n l), for each channel.

    Args:
        states: modes n, each standing for itself and its conjugate.
        init: of A: ``lin`` is -1/2 + i pi n, ``inv`` is -1/2 + i N/pi (N / (2n + 1) - 1).
    """

    name = "s4d"
    patterns = frozenset({Pattern.NS, Pattern.CS})

    def __init__(
        self,
        dim: int,
        heads: int,
        pattern: Pattern | str,
        max_len: int,
        states: int = 16,
        init: Literal["lin", "inv"] = "lin",
    ) -> None:
        super().__init__(dim, heads, pattern, max_len)
        at_least_one(states=states)
        if init not in ("lin", "inv"):
            raise ValueError(f"init={init!r}; expected lin or inv")
        n = torch.arange(states)
        imaginary = math.pi * n if init == "lin" else states / math.pi * (states / (2 * n + 1) - 1)
        shape = (heads, self.head_dim, states)
        low, high = map(math.log, _DT_RANGE)
        self.log_dt = nn.Parameter(low + (high - low) * torch.rand(*shape[:2], 1))
        # A is shared by the channels of a head, which differ in dt and C
        self.log_decay = nn.Parameter(torch.full((heads, 1, states), math.log(0.5)))
        self.frequency = nn.Parameter(imaginary.expand(heads, 1, states).clone())
        # one set of coefficients for each direction, real and imaginary parts last
        directions = 2 if self.pattern is Pattern.NS else 1
        self.coefficients = nn.Parameter(torch.randn(directions, *shape, 2) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(heads, self.head_dim))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        v = _unpadded(v, padding)
        n, size = v.shape[2], 2 * v.shape[2]
        kernel = self.kernels(n)  # (directions, H, d, N)
        circular = nn.functional.pad(kernel[0], (0, n))
        if len(kernel) == 2:  # place -l of the circle, for l = 0 too
            circular = circular + nn.functional.pad(kernel[1].flip(-1), (n, 0)).roll(1, -1)
        spectrum = torch.fft.rfft(v.mT, n=size) * torch.fft.rfft(circular, n=size)
        return torch.fft.irfft(spectrum, n=size)[..., :n].mT + v * self.skip[:, None]

    def reference(self, q: Tensor, k: Tensor, v: Tensor, padding: Tensor | None) -> Tensor:
        """The recurrence, forwards and backwards."""
        v = _unpadded(v, padding)
        out = v * self.skip[:, None]
        decay, gains = self._modes()
        for gain, order in zip(gains, (range(v.shape[2]), range(v.shape[2] - 1, -1, -1)), strict=False):
            state, found = self.begin(len(v)), {}
            for t in order:
                state = state * decay + v[:, :, t, :, None]
                found[t] = 2 * (state * gain).sum(-1).real
            out = out + torch.stack([found[t] for t in range(v.shape[2])], 2)
        return out

    def kernels(self, n: int) -> Tensor:
        """(directions, H, d, n): weight of the value l positions away."""
        exponent, gains = self._exponent(), self._modes()[1]
        stride = max(1, math.isqrt(n))
        near = torch.arange(stride, device=gains.device)
        far = torch.arange(-(-n // stride), device=gains.device) * stride
        inner = (exponent[..., None] * near).exp()  # (H, d, states, C)
        outer = gains[..., None, :] * (exponent[..., None, :] * far[:, None]).exp()  # (directions, H, d, n / C, states)
        # the real part of a complex product, in real products
        product = outer.real @ inner.real - outer.imag @ inner.imag
        return 2 * product.flatten(-2)[..., :n]

    def begin(self, batch: int) -> Tensor:
        gain = self._modes()[1][0]
        return gain.new_zeros(batch, *gain.shape)

    def advance(self, q: Tensor, k: Tensor, v: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        decay, gains = self._modes()
        state = state * decay + v[:, :, 0, :, None]
        out = 2 * (state * gains[0]).sum(-1).real + v[:, :, 0] * self.skip
        return out[:, :, None], state

    def _exponent(self) -> Tensor:
        """dt A, (H, d, states), complex."""
        return torch.complex(-self.log_decay.exp(), self.frequency) * self.log_dt.exp()

    def _modes(self) -> tuple[Tensor, Tensor]:
        """e^(dt A), and C (e^(dt A) - 1) / A for each direction."""
        decay = self._exponent().exp()
        a = torch.complex(-self.log_decay.exp(), self.frequency)
        return decay, torch.view_as_complex(self.coefficients) * (decay - 1) / a


def _unpadded(v: Tensor, padding: Tensor | None) -> Tensor:
    return v if padding is None else v.masked_fill(padding[:, None, :, None], 0.0)
