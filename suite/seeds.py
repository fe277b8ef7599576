"""Runs that differ in the seed of their training alone, put together: mean over seeds, with its interval.

Seeds differ far more than the questions of one run do, so a method is judged over trainings, not over one model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suite.identity import canonical_json
from suite.stats import student_interval

READOUT = "readout"  # mode of what an objective reads off its model otherwise than by text


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A metric under a condition, over the trainings of one recipe.

    Attributes:
        recipe: what the trainings have in common: objective, options, start, data, hyperparameters.
        value: mean over seeds; ci_low, ci_high: 95 % interval of Student's t over seeds; None for one seed.
        lowest, highest: over the seeds.
        doubtful: seeds whose metric carries a note that it must not be read.
        tokens, seconds: means of one training.
    """

    recipe: Mapping[str, Any]
    mode: str
    name: str
    condition: Mapping[str, Any]
    value: float
    ci_low: float | None
    ci_high: float | None
    lowest: float
    highest: float
    n_seeds: int
    doubtful: int
    tokens: float
    seconds: float

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
        rivals = [flat[other] for other in recipes if recipes[other]["objective"] == recipe["objective"]]
        told = {
            name.rpartition(".")[2]: value
            for name, value in flat[key].items()
            if any(rival.get(name, value) != value for rival in rivals)
        }
        said = ", ".join(f"{name}={str(value)[:12]}" for name, value in told.items())
        names[key] = f"{recipe['objective']} ({said})" if said else str(recipe["objective"])
    return names


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
        recipe = canonical_json({key: value for key, value in training["settings"].items() if key != "seed"})
        for metric in [*metrics.get(run["run_id"], ()), *map(_as_metric, training.get("readout", ()))]:
            if (metric["name"] in names or metric["mode"] == READOUT) and metric["value"] is not None:
                place = recipe, metric["mode"] or "", metric["name"], canonical_json(metric["condition"])
                found[place].append((training, metric))
    return [_row(place, measured) for place, measured in found.items()]


def _as_metric(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {**reading, "mode": READOUT, "ci_low": None, "note": ""}


def _row(place: tuple[str, str, str, str], measured: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> SeedRow:
    _, mode, name, _ = place
    trainings, metrics = zip(*measured, strict=True)
    values = [float(metric["value"]) for metric in metrics]
    mean, low, high = student_interval(values)
    bounded = all(0 <= value <= 1 for value in values) and all((metric["ci_low"] or 0) >= 0 for metric in metrics)
    if bounded and low is not None and high is not None:
        low, high = max(0.0, low), min(1.0, high)
    return SeedRow(
        recipe={key: value for key, value in trainings[0]["settings"].items() if key != "seed"},
        mode=mode,
        name=name,
        condition=metrics[0]["condition"],
        value=mean,
        ci_low=low,
        ci_high=high,
        lowest=min(values),
        highest=max(values),
        n_seeds=len({training["seed"] for training in trainings}),
        doubtful=sum(str(metric["note"]).startswith("uninterpretable") for metric in metrics),
        tokens=sum(training["tokens_seen"] for training in trainings) / len(trainings),
        seconds=sum(training["seconds"] for training in trainings) / len(trainings),
    )
