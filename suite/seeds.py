"""Runs that differ in the seed of their training alone, put together: mean over seeds, with its interval.

Seeds differ far more than the questions of one run do, so a method is judged over trainings, not over one model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from suite.identity import canonical_json
from suite.stats import student_interval

READOUT = "readout"  # mode of what an objective reads off its model otherwise than by text


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training takes.

    Attributes:
        epochs: passes over the rows that the objective makes of the documents.
        cpu_seconds: processor seconds of the loop; seconds: the same by the clock.
    """

    tokens: float
    steps: float
    epochs: float
    seconds: float
    cpu_seconds: float
    device: str

    @classmethod
    def of(cls, trainings: Sequence[Mapping[str, Any]]) -> Cost:
        """Means over the records of `trainings`."""
        names = {"tokens": "tokens_seen", "steps": "steps", "epochs": "epochs", "seconds": "seconds"}
        means = {key: fmean(training[name] for training in trainings) for key, name in names.items()}
        cpu_seconds = fmean(training.get("cpu_seconds", training["seconds"]) for training in trainings)
        return cls(**means, cpu_seconds=cpu_seconds, device=str(trainings[0]["device"]))


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A metric under a condition, over the trainings of one recipe.

    Attributes:
        recipe: what the trainings have in common: objective, options, start, data, hyperparameters.
        values: one a seed, by seed.
        value: mean over seeds; ci_low, ci_high: 95 % interval of Student's t over seeds; None for one seed.
        lowest, highest: over the seeds.
        doubtful: seeds whose metric carries a note that it must not be read.
        cost: what one training took, on average.
        learned_before: the conditions of what was trained in an earlier stage; empty if there was none.
    """

    recipe: Mapping[str, Any]
    mode: str
    name: str
    condition: Mapping[str, Any]
    values: Sequence[float]
    value: float
    ci_low: float | None
    ci_high: float | None
    lowest: float
    highest: float
    n_seeds: int
    doubtful: int
    cost: Cost
    learned_before: Mapping[str, Any]

    @property
    def recipe_key(self) -> str:
        """Equal for equal recipes."""
        return canonical_json(self.recipe)


def labels(rows: Iterable[SeedRow]) -> dict[str, str]:
    """`SeedRow.recipe_key` -> the objective's name, with what tells it from the other recipes of that objective."""
    recipes = {row.recipe_key: row.recipe for row in rows}
    flat = {key: dict(_leaves(recipe)) for key, recipe in recipes.items()}
    names = {}
    for key, recipe in recipes.items():
        name = _name(recipe)
        rivals = [flat[other] for other in recipes if _name(recipes[other]) == name]
        told = {
            name.rpartition(".")[2]: value
            for name, value in flat[key].items()
            if any(rival.get(name, value) != value for rival in rivals)
        }
        said = ", ".join(f"{name}={str(value)[:12]}" for name, value in told.items())
        names[key] = f"{name} ({said})" if said else name
    return names


def _name(recipe: Mapping[str, Any]) -> str:
    return f"{recipe['objective']}, first stage" if "later" in recipe else str(recipe["objective"])


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def over_seeds(
    runs: Iterable[Mapping[str, Any]], metrics: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]
) -> list[SeedRow]:
    """One row a recipe, metric and condition, in the order of the runs.

    Args:
        runs: rows of the table runs; those of models without a training record are passed over.
        metrics: run id -> its rows of the table metrics.
        names: the metrics wanted; what objectives read off their models themselves (`training.readout`) comes with it.
    """
    found: dict[tuple[str, str, str, str], list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = defaultdict(list)
    for run in runs:
        training = run["training"]
        if not training or "settings" not in training:
            continue
        recipe = canonical_json(_recipe(training["settings"]))
        for metric in [*metrics.get(run["run_id"], ()), *map(_as_metric, training.get("readout", ()))]:
            if (metric["name"] in names or metric["mode"] == READOUT) and metric["value"] is not None:
                place = recipe, metric["mode"] or "", metric["name"], canonical_json(metric["condition"])
                found[place].append((training, metric))
    return [_row(place, measured) for place, measured in found.items()]


def _as_metric(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {**reading, "mode": READOUT, "ci_low": None, "note": ""}


def _recipe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A training's settings without its seed; a start that was trained here is told by its own settings."""
    recipe = {key: value for key, value in settings.items() if key != "seed"}
    earlier = recipe.get("start", {}).get("trained")
    if earlier is not None:
        recipe["start"] = {**recipe["start"], "model": None, "trained": _recipe(earlier)}
    return recipe


def _row(place: tuple[str, str, str, str], measured: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> SeedRow:
    _, mode, name, _ = place
    trainings, metrics = zip(*sorted(measured, key=lambda each: each[0]["seed"]), strict=True)
    values = [float(metric["value"]) for metric in metrics]
    mean, low, high = student_interval(values)
    bounded = all(0 <= value <= 1 for value in values) and all((metric["ci_low"] or 0) >= 0 for metric in metrics)
    if bounded and low is not None and high is not None:
        low, high = max(0.0, low), min(1.0, high)
    return SeedRow(
        recipe=_recipe(trainings[0]["settings"]),
        mode=mode,
        name=name,
        condition=metrics[0]["condition"],
        values=values,
        value=mean,
        ci_low=low,
        ci_high=high,
        lowest=min(values),
        highest=max(values),
        n_seeds=len({training["seed"] for training in trainings}),
        doubtful=sum(str(metric["note"]).startswith("uninterpretable") for metric in metrics),
        cost=Cost.of(trainings),
        learned_before=trainings[0]["settings"].get("notes", {}).get("learned_before", {}),
    )
