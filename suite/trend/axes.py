"""Scale axes: what a model, or a condition, is placed by; and the families that `models.yaml` knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suite.errors import UserError

# axis -> (words for people, may be 0)
AXES: Mapping[str, tuple[str, bool]] = {
    "params_total": ("parameters", False),
    "params_active": ("parameters that a token passes", False),
    "params_non_embedding": ("parameters without embeddings", False),
    "train_flops": ("training FLOPs", False),
    "train_tokens": ("training tokens", False),
    "train_steps": ("training steps", False),
    "reasoning_budget": ("reasoning asked for, in tokens", True),
    "reasoning_tokens": ("measured tokens of an answer", True),
    "shots": ("examples in the prompt", True),
}
BY_CONDITION: tuple[str, ...] = ("shots",)  # axes along which one run has several points
# what the words of APIs for effort are recorded as (Gema et al. 2025, arXiv 2507.14417)
EFFORT: Mapping[str, float] = {"none": 0, "minimal": 0, "low": 1024, "medium": 4096, "high": 8192}
ESTIMATED, INFERRED = "estimated as 6 N D", "inferred from the name"  # ways to know a scale that a curve is flagged for
_IN_NAME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([mb])(?![a-z0-9])", re.IGNORECASE)
_UNITS = {"m": 1e6, "b": 1e9}
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
    params_active: float | None = None
    train_tokens: float | None = None
    train_flops: float | None = None


def registry(further: Path | None = None) -> dict[str, Known]:
    """Model name (without provider; with @revision where a row has one) -> what is known of it.

    Args:
        further: adds rows or replaces them.

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
            name = f"{row['model']}@{row['revision']}" if row.get("revision") else str(row["model"])
            known[name] = Known(
                str(row["family"]),
                str(row.get("stage", "")),
                _number(row, "params_total", file),
                _number(row, "params_active", file),
                _number(row, "train_tokens", file),
                _number(row, "train_flops", file),
            )
    return known


def known_of(known: Mapping[str, Known], model: str) -> Known | None:
    """What the registry says of a run's model, such as ``hf/gpt2@main``.

    Of a revision without a row of its own, that is all but its training: a checkpoint has seen less.
    """
    name, _, revision = model.partition("/")[2].partition("@")
    if revision in ("", "main"):
        return known.get(name)
    whole = known.get(name)
    return known.get(f"{name}@{revision}") or (replace(whole, train_tokens=None, train_flops=None) if whole else None)


def place(
    axis: str, run: Mapping[str, Any], known: Known | None, tokens: float | None, *, infer_from_name: bool = False
) -> tuple[float | None, str]:
    """Where a run stands on an axis, and how that is known or why it is not.

    The registry goes first, then what was counted or measured; a size in the name only if asked for.

    Args:
        run: row of the table runs; known: of the registry; tokens: mean tokens of an answer.
    """
    card, training = run["model_info"] or {}, run["training"] or {}
    further = card.get("extra") or {}
    given = getattr(known, axis, None) if known else None
    if given is not None:
        return given, "models.yaml"
    if axis == "params_total":
        counted = card.get("parameters")
        guess = inferred_size(str(run["model"])) if infer_from_name and counted is None else None
        return _found(counted, "counted") if guess is None else (guess, INFERRED)
    if axis == "params_active":
        return _found(further.get("parameters_active"), "counted")
    if axis == "params_non_embedding":
        return _found(card.get("parameters_non_embedding"), "counted")
    if axis == "train_tokens":
        return _found(training.get("tokens_seen"), "training.json")
    if axis == "train_steps":
        return _found(training.get("steps"), "training.json")
    if axis == "reasoning_budget":
        budget = asked_reasoning(further)
        return (budget, "asked for") if budget is not None else (None, "not asked for; -M reasoning_effort=low asks")
    if axis == "reasoning_tokens":
        budget = asked_reasoning(further)
        return _found(tokens, "measured" if budget is None else f"measured; {budget:g} asked for")
    if axis == "train_flops":
        size = (known.params_total if known else None) or card.get("parameters")
        seen = (known.train_tokens if known else None) or training.get("tokens_seen")
        return _found(6.0 * size * seen if size and seen else None, ESTIMATED)
    return None, f"axis {axis} is a condition of the samples"


def inferred_size(model: str) -> float | None:
    """The size in a model's name, in parameters: ``hf/x/pythia-70m`` says 70e6; None without one, or with several."""
    found = {float(number) * _UNITS[unit.lower()] for number, unit in _IN_NAME.findall(model.rpartition("/")[2])}
    return found.pop() if len(found) == 1 else None


def asked_reasoning(extra: Mapping[str, Any]) -> float | None:
    """Tokens of reasoning that a model was asked for, from the `extra` of its card; words of effort as in `EFFORT`."""
    effort = str(extra.get("reasoning_effort"))
    return EFFORT.get(effort, float(effort) if effort.isdigit() else None)


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
