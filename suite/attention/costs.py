"""What a mechanism costs at each length: time, peak memory of live tensors, and floating-point operations.

Forward pass without gradients of the core on (1, H, N, d). Memory is counted, not sampled: every storage that the call
creates is followed until nothing refers to it, so that figures repeat exactly; buffers inside a fused kernel are not
seen. The same code serves CPU and GPU, where the clock waits for the device and its own peak is recorded too.
"""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from suite.attention import build
from suite.attention.lengths import QUANTITIES, Crossing, Quantity, crossing, fitted_length
from suite.attention.patterns import Pattern

LENGTHS = tuple(2**power for power in range(7, 14))  # 128 to 8,192
BASELINES = ("vanilla", "sdpa")
HEADS, HEAD_DIM = 2, 64
# sizes at which mechanisms are compared; the others have none
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "local": {"window": 128},
    "aligned_local": {"window": 128},
    "longshort": {"window": 128},
    "performer": {"features": 64},
    "abc": {"slots": 16},
    "s4d": {"states": 16},
    "nystrom": {"landmarks": 32},
    "lara": {"landmarks": 32},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one forward pass of one mechanism at one length.

    Attributes:
        time_s: median; on a CPU of process time, which other work does not stretch, on a GPU of elapsed time.
        time_low_s: 25th percentile of the repeats, and `time_high_s` the 75th.
        peak_bytes: largest sum of live tensors that the call created.
        device_peak_bytes: the allocator's own peak on a GPU, else None.
        flops: None where they cannot be counted (Fourier transforms); of causal fused attention those of the full one.
    """

    mechanism: str
    pattern: Pattern
    length: int
    device: str
    time_s: float
    time_low_s: float
    time_high_s: float
    peak_bytes: int
    device_peak_bytes: int | None
    flops: int | None

    def to_json(self) -> dict[str, Any]:
        """A row for storage."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class EfficiencyLength:
    """From which length a mechanism is cheaper than a baseline.

    Attributes:
        quantity: time or memory.
        crossing: primary; `low` and `high` are crossings on the quartiles of the repeats (time only).
        fit: CAB's efficiency length, None where its curves do not meet.
    """

    mechanism: str
    pattern: Pattern
    quantity: Quantity
    baseline: str
    crossing: Crossing
    low: Crossing
    high: Crossing
    fit: float | None


def measure(
    name: str,
    pattern: Pattern | str,
    length: int,
    *,
    repeats: int = 3,
    device: str | None = None,
    settings: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Cost:
    """Costs of the mechanism `name` with as many keys as queries.

    Args:
        repeats: timed runs after one that is not.
        device: by default the GPU where there is one, else the CPU.
        settings: of the mechanism; by default `SETTINGS`.

    Raises:
        UserError: unknown mechanism or setting, or a pattern that it does not declare.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    cfg = SETTINGS.get(name, {}) if settings is None else settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build(name, HEADS * HEAD_DIM, HEADS, pattern, length, folder=folder, **cfg).eval().to(place)
        q, k, v = (torch.randn(1, HEADS, length, HEAD_DIM).to(place) for _ in range(3))

    def run() -> Tensor:
        with torch.no_grad():
            return module.attend(q, k, v, None)

    low, median, high = _timed(run, repeats, place)
    peak, device_peak = _peaks(run, place)
    return Cost(name, module.pattern, length, place.type, median, low, high, peak, device_peak, flops_of(run))


def efficiency_lengths(costs: Sequence[Cost]) -> list[EfficiencyLength]:
    """Every mechanism against every baseline, in time and in memory.

    Raises:
        ValueError: a mechanism or baseline was measured at fewer than three lengths.
    """
    series: dict[tuple[str, Pattern], list[Cost]] = {}
    for cost in sorted(costs, key=lambda cost: cost.length):
        series.setdefault((cost.mechanism, cost.pattern), []).append(cost)
    found = []
    for (name, pattern), own in series.items():
        for baseline in BASELINES:
            others = {cost.length: cost for cost in series.get((baseline, pattern), ())}
            pairs = [(cost, others[cost.length]) for cost in own if cost.length in others]
            if name in BASELINES or not pairs:
                continue
            for quantity in QUANTITIES:
                found.append(_efficiency(name, pattern, quantity, baseline, pairs))
    return found


def peak_bytes(run: Callable[[], Any]) -> int:
    """The largest sum of bytes of tensors that `run` creates and that are alive at once."""
    with _LiveBytes() as live:
        result = run()
    del result
    return live.peak


def flops_of(run: Callable[[], Any]) -> int | None:
    """Floating-point operations of `run`, None where it uses Fourier transforms, which are not counted."""
    with _Operations() as operations, FlopCounterMode(display=False, custom_mapping=_FUSED) as counter:
        run()
    return None if any("fft" in name for name in operations.names) else counter.get_total_flops()


class _LiveBytes(TorchDispatchMode):
    """Follows storages that operations create until the last tensor on them is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._tensors: dict[int, int] = {}  # storage -> number of tensors on it

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {_storage(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        for out in tree_leaves(result):
            if not isinstance(out, Tensor):
                continue
            storage = _storage(out)
            if storage in before and storage not in self._tensors:
                continue  # a view of what was there before the call
            if storage not in self._tensors:
                self.now += out.untyped_storage().nbytes()
                self._tensors[storage] = 0
            self._tensors[storage] += 1
            weakref.finalize(out, self._gone, storage, out.untyped_storage().nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _gone(self, storage: int, size: int) -> None:
        self._tensors[storage] -= 1
        if not self._tensors[storage]:
            del self._tensors[storage]
            self.now -= size


class _Operations(TorchDispatchMode):
    """Names of the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(func))
        return func(*args, **(kwargs or {}))


def _fused_flops(q: Any, k: Any, v: Any, *_args: Any, **_kwargs: Any) -> int:
    """Of shapes; torch counts its kernels for GPUs alone."""
    return int(sdpa_flop_count(q, k, v))


_FUSED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _fused_flops}


def _storage(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)


def _timed(run: Callable[[], Any], repeats: int, place: torch.device) -> tuple[float, float, float]:
    """25th percentile, median and 75th percentile of seconds a run, after one that is not timed."""
    clock = time.process_time if place.type == "cpu" else time.perf_counter
    _finished(run, place)
    seconds = []
    for _ in range(repeats):
        start = clock()
        _finished(run, place)
        seconds.append(max(clock() - start, 1e-7))  # a clock may stand still
    if repeats < 2:
        return seconds[0], seconds[0], seconds[0]
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, median, high


def _peaks(run: Callable[[], Any], place: torch.device) -> tuple[int, int | None]:
    """Counted peak, and the allocator's on a GPU beyond what was there."""
    if place.type != "cuda":
        return peak_bytes(run), None
    torch.cuda.reset_peak_memory_stats(place)
    before = torch.cuda.memory_allocated(place)
    _finished(run, place)
    device_peak = torch.cuda.max_memory_allocated(place) - before
    return peak_bytes(run), device_peak


def _finished(run: Callable[[], Any], place: torch.device) -> None:
    """Runs to the end: a GPU answers before it has computed."""
    run()
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def _efficiency(
    name: str, pattern: Pattern, quantity: Quantity, baseline: str, pairs: Sequence[tuple[Cost, Cost]]
) -> EfficiencyLength:
    lengths = [own.length for own, _ in pairs]
    columns = ("time_s", "time_low_s", "time_high_s") if quantity == "time" else ("peak_bytes",) * 3
    middle, low, high = (
        crossing(lengths, [getattr(own, column) for own, _ in pairs], [getattr(other, column) for _, other in pairs])
        for column in columns
    )
    own_costs, other_costs = ([float(getattr(cost, columns[0])) for cost in side] for side in zip(*pairs, strict=True))
    try:
        fit = fitted_length(lengths, own_costs, other_costs, quantity)
    except ValueError:  # too few long lengths for CAB's fit; the crossing stands without it
        fit = None
    return EfficiencyLength(name, pattern, quantity, baseline, middle, low, high, fit)
