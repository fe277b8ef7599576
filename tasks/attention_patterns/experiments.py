"""The experiments that a mechanism is put through: each takes a description and returns numbers.

A description says everything that decides the numbers but for the seed. It is the prompt of a request, so that a run
keeps each experiment as soon as it is done, and no later run repeats it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from suite.attention import Attention, LengthError, build, mechanism
from suite.finetune.training import threads_of
from tasks.attention_patterns.backbone import Backbone
from tasks.attention_patterns.evaluation import measured
from tasks.attention_patterns.positions import positioned
from tasks.attention_patterns.records import Source
from tasks.attention_patterns.sources import source_of
from tasks.attention_patterns.training import Clock, TimeIsUp, batches, make_model, parameters, train
from tasks.attention_patterns.twins import EXTRAPOLATED, FACTORS, TWINS, WIDTHS, Training, Twin

Described = Mapping[str, Any]
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is put through them: a mechanism with its settings, on a device; `folder` is where a user's own lies."""

    name: str
    cfg: Mapping[str, Any]
    device: str
    folder: Path | None = None


def support(subject: Subject, described: Described, seed: int) -> Found:  # noqa: ARG001
    """The checks of a pattern: its status, and what each check found."""
    from suite.attention.verify import verify

    verdict = verify(subject.name, described["pattern"], subject.folder)
    return {"status": verdict.status, "checks": [asdict(check) for check in verdict.checks]}


def cost(subject: Subject, described: Described, seed: int) -> Found:  # noqa: ARG001
    """Time, memory and FLOPs of one forward pass, by length; lengths that the mechanism refuses are left out."""
    from suite.attention.costs import SETTINGS, measure

    settings = {**SETTINGS.get(subject.name, {}), **subject.cfg}
    rows = []
    for length in described["lengths"]:
        with suppress(LengthError), threads_of(nn.Module()):  # one thread
            found = measure(
                subject.name,
                described["pattern"],
                length,
                device=subject.device,
                settings=settings,
                folder=subject.folder,
            )
            rows.append(found.to_json())
    return {"status": "done", "costs": rows}


def training(subject: Subject, described: Described, seed: int) -> Found:
    """A training cell: the task's measures on its test, and what the training took.

    A language model on generated text, or on books, is also measured at other lengths than that of its training.

    Raises:
        UserError: the mechanism refuses its settings, or real data is faulty or missing.
    """
    task, size, place = described["task"], described["size"], described["data"]
    twin, settings = TWINS[task], Training(**described["training"])
    source, scheme = source_of(task, size, place), described["positions"]
    model = _model(subject, described, twin, source, seed)
    clock = Clock(subject.device, described["budget_s"])
    with threads_of(model) as threads, _seeded(seed):
        try:
            trained = train(model, source, settings, seed=seed, device=subject.device, clock=clock)
        except TimeIsUp as late:
            reason = f"after {late.steps} of {settings.steps} steps"
            return {"status": "timeout", "reason": reason, "seconds": round(clock.seconds, 3)}
        except FloatingPointError as error:
            return {"status": "diverged", "reason": str(error), "seconds": round(clock.seconds, 3)}

        def reached(at: Source) -> dict[str, float]:
            return measured(task, model, batches(at, "test", seed, settings.records, subject.device))

        found: Found = {"status": "done", "measures": reached(source)}
        if task == EXTRAPOLATED:
            found["lengths"] = []
            for factor in FACTORS:
                length = round(factor * source.longest[0])
                is_known = factor <= 1 or scheme != "learned"
                there = reached(source_of(task, size, place, length)) if is_known else {}
                found["lengths"].append({"factor": factor, "length": length, "ppl": there.get("ppl")})
    return found | {
        "validation_loss": trained.loss,
        "best_step": trained.best,
        "parameters": parameters(model),
        "extra_parameters": _extra(model),
        "train_s": round(trained.seconds, 3),
        "seconds": round(clock.seconds, 3),
        "tokens_per_s": round(trained.tokens / max(trained.seconds, 1e-9), 1),
        "threads": threads,
    }


EXPERIMENTS: Mapping[str, Callable[[Subject, Described, int], Found]] = {
    "support": support,
    "cost": cost,
    "training": training,
}


def _model(subject: Subject, described: Described, twin: Twin, source: Source, seed: int) -> Backbone:
    """The backbone with the mechanism in the cell's pattern, and softmax by the fused kernel in all others."""
    width, scheme, (_, queries) = WIDTHS[described["size"]], described["positions"], source.longest
    longest = math.ceil(max(source.longest) * (max(FACTORS) if twin.name == EXTRAPOLATED else 1))
    takes = inspect.signature(mechanism(subject.name, subject.folder).__init__).parameters
    cfg = {"queries": queries, **subject.cfg} if "queries" in takes else subject.cfg

    def attention(pattern: str) -> nn.Module:
        if pattern != described["pattern"]:
            return build("sdpa", width.dim, width.heads, pattern, longest)
        tested = build(subject.name, width.dim, width.heads, pattern, longest, folder=subject.folder, **cfg)
        return positioned(tested, scheme)

    with _seeded(seed):
        return make_model(twin, width, source, attention, positions=scheme, longest=longest)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers that depend on the seed alone, not on what was trained before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def _extra(model: Backbone) -> int:
    """Trained numbers that attentions have beyond their projections."""
    return sum(module.extra_parameters() for module in model.modules() if isinstance(module, Attention))
