"""Runs the work in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.errors import UserError
from suite.executors import Work
from suite.registry import load_model
from suite.session import Session
from suite.task import Model, ModelInfo


class LocalExecutor:
    """One model, one session."""

    _model: Model

    def load(self, model: str | Model, options: Mapping[str, Any]) -> ModelInfo:
        """See `Executor.load`; a loaded model is taken as it is."""
        if isinstance(model, str):
            self._model = load_model(model, **options)
        elif options:
            raise UserError("options go into the Model object when one is given; leave out `model_options`")
        else:
            self._model = model
        return self._model.info

    def execute(self, work: Work) -> int:
        """See `Executor.execute`."""
        plan = work.plan
        modes, docs = frozenset(plan.modes), range(plan.docs.n)
        session = Session(plan.task, self._model, modes, docs, work.journal, work.stored, work.reporter)
        session.execute()
        return session.n_reused
