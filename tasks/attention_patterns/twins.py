"""The seven tasks at two sizes: which cells of the pattern grid they fill, how they are built, trained and measured.

The grid is that of CAB (Zhang et al. 2023): eleven cells of pattern and task. Steps and learning rates are the same for
every mechanism. Tiny steps were chosen on softmax attention, so that each task is learned in about a quarter minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SizeName = Literal["tiny", "small"]
Form = Literal["decoder", "encoder", "translator", "filler"]
Measures = Mapping[str, bool]  # name -> whether higher is better; the first is the headline


@dataclass(frozen=True, slots=True)
class Width:
    """Of the shared backbone."""

    layers: int
    dim: int
    heads: int


WIDTHS: Mapping[SizeName, Width] = {"tiny": Width(2, 64, 4), "small": Width(6, 256, 4)}


@dataclass(frozen=True, slots=True)
class Training:
    """How long and on what a cell is trained and evaluated; the same for all mechanisms.

    Attributes:
        records: of the test, and half as many of the validation part.
    """

    steps: int
    batch: int
    lr: float
    records: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Twin:
    """A task.

    Attributes:
        cab: what CAB calls the task.
        form: "decoder" predicts each token from those before; "encoder" answers at each place; "translator" writes the
            target one by one from an encoded source; "filler" answers at all places of the target at once.
        patterns: its cells of the grid.
        generator: class in `generators`, by module.
        sizes: arguments of the generator.
        positions: how places are told: "none", "sinusoidal", or "learned", one encoding for source and target.
    """

    name: str
    cab: str
    form: Form
    patterns: tuple[str, ...]
    generator: str
    sizes: Mapping[SizeName, Mapping[str, int]]
    training: Mapping[SizeName, Training]
    measures: Measures
    positions: str = "sinusoidal"


TWINS: Mapping[str, Twin] = {
    twin.name: twin
    for twin in (
        Twin(
            "tts_expand",
            "TTS",
            "translator",
            ("NS", "CS", "CC"),
            "TtsExpand",
            {"tiny": {}, "small": {"length": 100, "frames": 560}},
            {"tiny": Training(150, 12, 3e-3, 16), "small": Training(20_000, 32, 5e-4, 128)},
            {"mcd": False, "msd": False},
            positions="learned",
        ),
        Twin(
            "sum_salient",
            "Sum",
            "translator",
            ("NS", "CS", "CC"),
            "SumSalient",
            {"tiny": {}, "small": {"length": 4096, "summary": 400}},
            {"tiny": Training(120, 8, 3e-3, 32), "small": Training(20_000, 16, 5e-4, 128)},
            {"rouge_1": True, "rouge_2": True, "rouge_l": True, "exact": True},
            positions="learned",
        ),
        Twin(
            "sr_texture",
            "SR",
            "encoder",
            ("NS",),
            "SrTexture",
            {"tiny": {}, "small": {"side": 128, "scale": 8}},
            {"tiny": Training(80, 4, 3e-3, 16), "small": Training(20_000, 4, 5e-4, 64)},
            {"psnr": True, "ssim": True},
        ),
        Twin(
            "mlm_copy",
            "MLM",
            "encoder",
            ("NS",),
            "MlmCopy",
            {"tiny": {}, "small": {"length": 2048, "block": 64}},
            {"tiny": Training(200, 12, 3e-3, 64), "small": Training(20_000, 32, 5e-4, 256)},
            {"ppl": False, "accuracy": True},
            positions="none",
        ),
        Twin(
            "lm_periodic",
            "LM",
            "decoder",
            ("CS",),
            "LmPeriodic",
            {"tiny": {}, "small": {"length": 1024}},
            {"tiny": Training(300, 16, 3e-3, 64), "small": Training(20_000, 32, 5e-4, 256)},
            {"ppl": False, "accuracy": True},
            positions="none",
        ),
        Twin(
            "pcc_shapes",
            "PCC",
            "filler",
            ("NC",),
            "PccShapes",
            {"tiny": {}, "small": {"given": 1536, "missing": 3584}},
            {"tiny": Training(160, 8, 3e-3, 64), "small": Training(20_000, 16, 5e-4, 128)},
            {"cd_l1": False, "cd_l2": False, "f_score": True},
            positions="none",
        ),
        Twin(
            "lstf_seasonal",
            "LSTF",
            "filler",
            ("NC",),
            "LstfSeasonal",
            {"tiny": {}, "small": {"past": 336, "future": 720}},
            {"tiny": Training(200, 8, 3e-3, 64), "small": Training(20_000, 32, 5e-4, 256)},
            {"mse": False, "mae": False, "skill": True},
        ),
    )
}
# Of generators, backbone and training: a training is known by its description, so what changes its result changes this.
REVISION = 1
PATTERNS = ("NS", "CS", "NC", "CC")
CELLS: tuple[tuple[str, str], ...] = tuple(
    (pattern, twin.name) for pattern in PATTERNS for twin in TWINS.values() if pattern in twin.patterns
)
EXTRAPOLATED = "lm_periodic"
FACTORS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0)  # of the training length
LOGITS = frozenset(
    {"vanilla", "sdpa", "local"}
)  # mechanisms that take a softmax of logits, to which a bias can be added
POSITIONS = ("none", "sinusoidal", "learned", "alibi", "rotary")
