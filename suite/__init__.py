"""unreason: measure where language models fail to reason, why, and whether a fix works.

Everything that the command line does is here too: ``suite.run``, ``suite.finetune_task``, ``suite.compare_runs``,
``suite.build_report``.
Names are resolved on first use, so that importing this package stays cheap.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# public name -> module that defines it
_PUBLIC = {
    "run": "suite.runner",
    "rescore": "suite.runner",
    "RunResult": "suite.runner",
    "Store": "suite.store",
    "Task": "suite.task",
    "Doc": "suite.task",
    "Draft": "suite.task",
    "Sample": "suite.task",
    "Metric": "suite.task",
    "Loglikelihood": "suite.task",
    "Generate": "suite.task",
    "Segmented": "suite.task",
    "Embed": "suite.task",
    "Response": "suite.task",
    "ModelInfo": "suite.task",
    "UserError": "suite.errors",
    "load_task": "suite.registry",
    "load_model": "suite.registry",
    "train": "suite.finetune",
    "finetune_task": "suite.finetune",
    "compare_objectives": "suite.finetune.comparison",
    "compare_runs": "suite.compare",
    "build_report": "suite.report",
}

_PACKAGES = ("interventions",)  # public as a whole

__all__ = ["__version__", *_PACKAGES, *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"suite.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module 'suite' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
