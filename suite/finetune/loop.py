"""The one training loop: the Trainer of transformers around an objective, with checkpoints that are whole or absent.

Every step's batch and randomness depend on seed and step alone (`rows`), so a training that was killed and continued
ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from suite.finetune.objectives import Objective
from suite.finetune.progress import TrainingProgress
from suite.finetune.rows import Batches, as_batch
from suite.finetune.settings import Hyperparameters
from suite.progress import Reporter

Evaluate = Callable[[int, Any], Mapping[str, float]]  # (step, model) -> numbers that go into training.json

_ADDED = "added.safetensors"  # what the objective put into the model
_WHOLE = "whole.json"  # written last into a checkpoint: without it, the checkpoint is a torn one


class NonFiniteLoss(Exception):
    """The loss of `step` is not a number, or its weights are not."""

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of the loop.

    Attributes:
        curve: (step, mean loss since the point before, in nats).
        evaluations: what `evaluate` returned, with the step.
        tokens: tokens with a loss; seconds: of the loop; cpu_seconds: of this process in it; of all sittings.
    """

    curve: list[tuple[int, float]]
    evaluations: list[dict[str, float]]
    tokens: int
    seconds: float
    cpu_seconds: float


def last_checkpoint(folder: Path) -> Path | None:
    """The latest whole checkpoint in `folder`."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=_step_of, default=None)


def run_loop(
    model: Any,
    batches: Batches,
    objective: Objective,
    settings: Hyperparameters,
    *,
    seed: int,
    folder: Path,
    checkpoint_every: int | None,
    evaluate: Evaluate | None,
    reporter: Reporter,
) -> Trained:
    """Trains `model` in place, from the latest whole checkpoint in `folder` if there is one.

    Args:
        folder: for checkpoints; the last two are kept.
        checkpoint_every: steps between checkpoints; a tenth of the training by default.

    Raises:
        NonFiniteLoss: the loss, or a weight, is no longer a number; checkpoints hold finite weights only.
    """
    transformers.utils.logging.disable_progress_bar()
    steps = len(batches)
    every = checkpoint_every or max(1, math.ceil(steps / 10))
    checkpoint = last_checkpoint(folder)
    watch = _Watch(steps, _whole_record(checkpoint), evaluate, reporter)
    trainer = _Trainer(
        model=model,
        args=_arguments(folder, settings, steps, every, seed),
        train_dataset=batches,
        optimizers=_optimizer(model, settings, steps),
        callbacks=[watch],
    )
    trainer.objective, trainer.batches, trainer.watch = objective, batches, watch
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    _check_weights(model, steps)
    history = trainer.state.log_history
    return Trained(
        curve=[(entry["step"], round(entry["loss"], 6)) for entry in history if "loss" in entry],
        evaluations=[entry["evaluation"] for entry in history if "evaluation" in entry],
        tokens=watch.tokens,
        seconds=watch.seconds,
        cpu_seconds=watch.cpu_seconds,
    )


class _Trainer(transformers.Trainer):
    """The loop of transformers with our batches and the objective's loss."""

    objective: Objective
    batches: Batches
    watch: _Watch

    def get_train_dataloader(self) -> torch.utils.data.DataLoader[dict[str, Any]]:
        # One item is one batch already, in its fixed order.
        return torch.utils.data.DataLoader(self.batches, batch_size=1, collate_fn=_only)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        batch = as_batch(inputs)
        self.watch.tokens += sum(len(row.tokens) for row in batch.rows)
        loss = self.objective.loss(model, batch, self.batches.rng(self.state.global_step))
        return (loss, None) if return_outputs else loss

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = super().training_step(model, inputs, *args, **kwargs)
        if not torch.isfinite(loss):
            raise NonFiniteLoss(self.state.global_step + 1)
        return loss

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._save_checkpoint(*args, **kwargs)
            if (added := self.objective.added(self.model)) is not None:  # an adapter's checkpoint leaves it out
                folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
                save_file(added.state_dict(), folder / _ADDED)
        except (RuntimeError, SafetensorError) as error:  # what torch and safetensors make of a full disk
            raise OSError(f"checkpoint: {str(error).splitlines()[0]}") from error

    def _load_from_checkpoint(self, checkpoint: str, *args: Any, **kwargs: Any) -> None:
        super()._load_from_checkpoint(checkpoint, *args, **kwargs)
        if (added := self.objective.added(self.model)) is not None:
            added.load_state_dict(load_file(Path(checkpoint) / _ADDED))

    def floating_point_ops(self, _inputs: dict[str, Any]) -> int:
        return 0  # nobody reads it, and counting costs as much as a small model's backward pass


class _Watch(transformers.TrainerCallback):
    """Progress, time, evaluations, and the last word on whether a checkpoint counts."""

    def __init__(self, steps: int, before: Mapping[str, float], evaluate: Evaluate | None, reporter: Reporter) -> None:
        self._steps, self._evaluate, self._reporter = steps, evaluate, reporter
        self._seconds_before, self._cpu_before = before.get("seconds", 0.0), before.get("cpu_seconds", 0.0)
        self._kept = int(before.get("step", 0))
        self._began, self._cpu_began = time.monotonic(), time.process_time()
        self._loss: float | None = None
        self.tokens = int(before.get("tokens", 0))

    @property
    def seconds(self) -> float:
        """Seconds of the loop, earlier sittings included."""
        return self._seconds_before + time.monotonic() - self._began

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of this process in the loop, earlier sittings included."""
        return self._cpu_before + time.process_time() - self._cpu_began

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._began, self._cpu_began = time.monotonic(), time.process_time()

    def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
        self._loss = logs.get("loss", self._loss)

    def on_step_end(self, _args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        now = time.monotonic() - self._began
        self._reporter.update(
            TrainingProgress(state.global_step, self._steps, self._kept, 0, self.tokens, now, self._loss)
        )
        if not control.should_save:
            return
        _check_weights(model, state.global_step)
        if self._evaluate is not None:
            numbers = dict(self._evaluate(state.global_step, model))
            state.log_history.append({"step": state.global_step, "evaluation": {"step": state.global_step, **numbers}})

    def on_save(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
        record = {
            "step": state.global_step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "tokens": self.tokens,
        }
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (checkpoint / _WHOLE).write_text(json.dumps(record), encoding="utf-8")


def _arguments(folder: Path, settings: Hyperparameters, steps: int, every: int, seed: int) -> Any:
    return transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=1,  # of items, and an item is a whole batch
        max_grad_norm=settings.clip,
        seed=seed,
        # a checkpoint falls on a logged step, so that a continued loss curve has no seam
        logging_steps=max(n for n in range(1, 11) if every % n == 0),
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
        log_level="error",
        dataloader_num_workers=0,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        label_names=["labels"],
    )


def _optimizer(model: Any, settings: Hyperparameters, steps: int) -> tuple[Any, Any]:
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,  # a fifth faster on small models
    )
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: settings.lr_factor(step, steps))


def _check_weights(model: Any, step: int) -> None:
    for parameter in model.parameters():
        if parameter.requires_grad and not torch.isfinite(parameter).all():
            raise NonFiniteLoss(step)


def _only(items: list[dict[str, Any]]) -> dict[str, Any]:
    (item,) = items
    return item


def _step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _whole_record(checkpoint: Path | None) -> dict[str, float]:
    record: dict[str, float] = json.loads((checkpoint / _WHOLE).read_text(encoding="utf-8")) if checkpoint else {}
    return record
