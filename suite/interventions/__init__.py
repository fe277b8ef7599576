"""Interventions at inference time: changes to how a model attends, for prompts with interchangeable segments.

A file ``interventions/NAME.py`` with a function ``NAME(model, layout, **flags)`` that gives a context manager is an
intervention; dropping it here registers it. Such functions refuse models that they cannot serve by
`segments.support`. Usable on any stock transformers model:

    with suite.interventions.pine(model, Layout(prefix=12, segments=(40, 38))):
        model.generate(input_ids)
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from suite.errors import UserError, unknown
from suite.interventions.pine import pine
from suite.interventions.rotor import rotor
from suite.interventions.segments.layout import Layout

__all__ = ["Intervention", "Layout", "load_intervention", "pine", "rotor"]


@dataclass(frozen=True)
class Intervention:
    """An intervention with its flags chosen.

    Attributes:
        spec: what the user wrote, e.g. ``pine`` or ``pine:reverse``.
        flags: every flag of the intervention, defaults included.
    """

    spec: str
    name: str
    flags: Mapping[str, bool] = field(default_factory=dict)

    def apply(self, model: Any, layout: Layout) -> AbstractContextManager[Any]:
        """The context in which `model` runs under this intervention."""
        manager: AbstractContextManager[Any] = _function(self.name)(model, layout, **self.flags)
        return manager

    @property
    def is_canonical(self) -> bool:
        """Whether segments are brought into canonical order before anything is computed."""
        return self.flags.get("canonical_order", True)

    def to_json(self) -> dict[str, Any]:
        """Name and flags, for fingerprints and model cards."""
        return {"name": self.name, **self.flags}


def load_intervention(spec: str) -> Intervention:
    """The intervention that ``NAME`` or ``NAME:FLAG,FLAG=false`` stands for.

    Raises:
        UserError: unknown intervention or flag (with the nearest right name), or a flag that is neither true nor false.
    """
    from suite.registry import interventions

    name, _, words = str(spec).partition(":")
    if name not in interventions():
        raise unknown("intervention", name, interventions())
    parameters = inspect.signature(_function(name)).parameters.values()
    flags = {flag.name: flag.default for flag in parameters if flag.kind is flag.KEYWORD_ONLY}
    for word in filter(None, words.split(",")):
        flag, equals, value = word.partition("=")
        if flag not in flags:
            raise unknown(f"flag of intervention {name}", flag, flags)
        if equals and value not in ("true", "false"):
            raise UserError(f"intervention {spec}: {flag}={value}; expected true or false")
        flags[flag] = value != "false"
    return Intervention(spec, name, flags)


def _function(name: str) -> Any:
    from suite.registry import interventions

    return getattr(importlib.import_module(interventions()[name]), name)
