"""Options of the task, checked alike for the command line, files and Python."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.attention_patterns.twins import CELLS, TWINS, SizeName

Experiment = Literal["support", "cost", "quality", "extrapolation"]
Scheme = Literal["none", "sinusoidal", "learned", "alibi", "rotary"]
NAMES = tuple(f"{pattern}/{task}" for pattern, task in CELLS)
_LEAST_LENGTHS = 3  # of a cost curve
_BUDGETS: dict[SizeName, float] = {"tiny": 180.0, "small": 4 * 3600.0}


class AttentionOptions(BaseModel):
    """Which experiments are made with a mechanism."""

    model_config = ConfigDict(extra="forbid")

    experiments: list[Experiment] = Field(
        ["support", "cost", "quality", "extrapolation"],
        min_length=1,
        description="support: checks of each pattern; cost: time, memory and FLOPs by length; quality: the eleven "
        "training cells; extrapolation: perplexity beyond the training length",
    )
    cells: list[str] = Field(
        list(NAMES),
        min_length=1,
        description="PATTERN/TASK of quality, or parts of it: NS, lm_periodic, CS/lm_periodic",
    )
    seeds: list[int] = Field([0], min_length=1, description="of each training cell")
    size: SizeName = Field("tiny", description="of tasks and backbone: tiny for a CPU, small for a GPU")
    lengths: list[int] = Field(
        [128, 256, 512, 1024, 2048, 4096, 8192], description="of the cost curves; rising, at least three"
    )
    positions: list[Scheme] = Field(
        ["none", "sinusoidal", "learned", "alibi", "rotary"],
        min_length=1,
        description="position schemes of extrapolation",
    )
    data: dict[str, str] = Field(
        default_factory=dict,
        description="TASK=PATH,...: real data for a task, a path or a hub id",
    )
    budget_s: float | None = Field(
        None, gt=0, description="seconds of processor (of a GPU: of the clock) a cell; default 180 tiny, 4 h small"
    )

    @property
    def budget(self) -> float:
        """Seconds that a cell may take."""
        return self.budget_s or _BUDGETS[self.size]

    @field_validator("data", mode="before")
    @classmethod
    def _places(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if any(not place for _, _, place in pairs):
            raise ValueError("expected TASK=PATH, e.g. lstf_seasonal=ETTh1.csv")
        return {task.strip(): place.strip() for task, _, place in pairs}

    @field_validator("data")
    @classmethod
    def _of_tasks(cls, value: dict[str, str]) -> dict[str, str]:
        for task in value:
            if task not in TWINS:
                raise ValueError(f"no task {task!r}; there are {', '.join(TWINS)}")
        return value

    @field_validator("cells")
    @classmethod
    def _whole_cells(cls, value: list[str]) -> list[str]:
        found = [name for name in NAMES if any(_is_part(part, name) for part in value)]
        for part in value:
            if not any(_is_part(part, name) for name in NAMES):
                raise ValueError(f"no cell {part!r}; there are {', '.join(NAMES)}")
        return found

    @field_validator("lengths")
    @classmethod
    def _rising(cls, value: list[int]) -> list[int]:
        if len(value) < _LEAST_LENGTHS or value != sorted(set(value)) or value[0] < 1:
            raise ValueError(f"a cost curve needs at least {_LEAST_LENGTHS} rising lengths")
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: list[int]) -> list[int]:
        if len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("seeds must differ, and not be negative")
        return value


def _is_part(part: str, name: str) -> bool:
    return part == name or part in name.split("/")
