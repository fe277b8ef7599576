"""Scale axes: what a model, or a condition, is placed by; and the families that `models.yaml` knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import UserError

# axis -> (words for people, may be 0)
AXES: Mapping[str, tuple[str, bool]] = {
    "params_total": ("parameters", False),
    "params_non_embedding": ("parameters without embeddings", False),
    "train_flops": ("training FLOPs", False),
    "train_tokens": ("training tokens", False),
    "train_steps": ("training steps", False),
    "reasoning_budget": ("reasoning asked for, in tokens", True),
    "reasoning_tokens": ("measured tokens of an answer", True),
    "shots": ("examples in the prompt", True),
}
BY_CONDITION = ("shots",)  # axes along which one run has several points
# what the words of APIs for effort are recorded as (Gema et al. 2025, arXiv 2507.14417)
EFFORT: Mapping[str, float] = {"none": 0, "minimal": 0, "low": 1024, "medium": 4096, "high": 8192}
_FIELDS = (
    "model",
    "family",
    "stage",
    "params_total",
    "params_active",
    "train_tokens",
    "train_flops",
    "revision",
    "source",
)


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the registry of models."""

    family: str
    stage: str = ""
    params_total: float | None = None
    train_tokens: float | None = None
    train_flops: float | None = None


def registry(further: Path | None = None) -> dict[str, Known]:
    """Model name (without provider and revision) -> what is known of it; `further` adds rows or replaces them.

    Raises:
        UserError: `further` is no list of rows, or a row has an unknown field or no model and family.
    """
    import yaml

    known: dict[str, Known] = {}
    for file in [Path(__file__).with_name("models.yaml"), *([further] if further else [])]:
        try:
            rows = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UserError(f"{file}: cannot be read as YAML ({str(error).splitlines()[0]})") from None
        for number, row in enumerate(rows if isinstance(rows, list) else [None], start=1):
            if not isinstance(row, dict) or not {"model", "family"} <= set(row) or not set(row) <= set(_FIELDS):
                raise UserError(f"{file}: row {number}: expected model and family, and of {', '.join(_FIELDS)}")
            known[str(row["model"])] = Known(
                str(row["family"]),
                str(row.get("stage", "")),
                _number(row, "params_total", file),
                _number(row, "train_tokens", file),
                _number(row, "train_flops", file),
            )
    return known


def bare_name(model: str) -> str:
    """A model's name without provider and revision: ``hf/gpt2@main`` is ``gpt2``."""
    return model.partition("/")[2].partition("@")[0]


def place(axis: str, run: Mapping[str, Any], known: Known | None, tokens: float | None) -> tuple[float | None, str]:
    """Where a run stands on an axis, and how that is known or why it is not.

    Args:
        run: row of the table runs; known: of the registry; tokens: mean tokens of an answer.
    """
    card, training = run["model_info"] or {}, run["training"] or {}
    given = getattr(known, axis, None) if known else None
    if given is not None:
        return given, "models.yaml"
    if axis == "params_total":
        return _found(card.get("parameters"), "counted")
    if axis == "params_non_embedding":
        return _found(card.get("parameters_non_embedding"), "counted")
    if axis == "train_tokens":
        return _found(training.get("tokens_seen"), "training.json")
    if axis == "train_steps":
        return _found(training.get("steps"), "training.json")
    if axis == "reasoning_budget":
        effort = str((card.get("extra") or {}).get("reasoning_effort"))
        budget = EFFORT.get(effort, float(effort) if effort.isdigit() else None)
        return (budget, "asked for") if budget is not None else (None, "not asked for; -M reasoning_effort=low asks")
    if axis == "reasoning_tokens":
        return _found(tokens, "measured")
    if axis == "train_flops":
        size, seen = card.get("parameters"), (known.train_tokens if known else None) or training.get("tokens_seen")
        return _found(6.0 * size * seen if size and seen else None, "estimated as 6 N D")
    return None, f"axis {axis} is a condition of the samples"


def transformed(values: Sequence[float]) -> list[float | None]:
    """log10 of each scale; None for 0, which has no place on the axis and no part in the slope."""
    import math

    return [math.log10(value) if value > 0 else None for value in values]


def _found(value: float | None, how: str) -> tuple[float | None, str]:
    return (float(value), how) if value is not None else (None, "not known; add it to a models file (--models)")


def _number(row: Mapping[str, Any], name: str, file: Path) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not number > 0:
        raise UserError(f"{file}: model {row['model']}: {name} {value!r} is no number above 0")
    return number
