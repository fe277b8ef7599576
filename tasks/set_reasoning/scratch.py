"""Models from scratch, about to be trained: the network, its batches, its stop rule, and the folder that is left.

The stop rule is two-set exact match of 0.99 on 500 held-out problems; a model that misses it at the end of its steps is
`not_converged`. All masks of a seed are given the same steps, weights and batches, which the record says in digests.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from suite.finetune.output import write_json
from suite.finetune.own import Started
from suite.finetune.settings import Hyperparameters
from tasks.set_reasoning.answering import chosen, written
from tasks.set_reasoning.batches import Batches, Labelled, weights_sha256
from tasks.set_reasoning.curricula import LEAST_EM, Example, held_out, training_batch
from tasks.set_reasoning.facts import LENGTH, VOCABULARY, Share, fact_batch, facts
from tasks.set_reasoning.network import Network
from tasks.set_reasoning.parametric import LEAST_ACCURACY, NAMES, parametric_batch, remembered
from tasks.set_reasoning.problems import NAMES as LISTED_NAMES
from tasks.set_reasoning.problems import words
from tasks.set_reasoning.sequences import Encoded, Layout
from tasks.set_reasoning.shape import Mask, NetworkConfig

_WATCHED = 100  # of the held-out problems, while the training goes on
WEIGHTS, CONFIG = "model.safetensors", "set_model.json"


def start_sets(seed: int, *, mask: Mask, identity: Mapping[str, Any], settings: Hyperparameters) -> Started:
    """A model of set operations, with sets in the prompt or in the weights."""
    is_param = identity["data"] == "set_ops_param"
    layout = layout_of(identity)
    model = Network(layout.network(mask))

    def batch(step: int) -> list[Encoded]:
        rng = random.Random(f"slots:{seed}:{step}")  # noqa: S311  (data, not secrets)
        size = settings.batch_size
        if is_param:
            examples = parametric_batch(size, seed=seed, step=step)
        else:
            examples = training_batch(identity["train"], size, seed=seed, step=step)
        return [layout.encode(one.record, one.answer, rng) for one in examples]

    unseen = remembered() if is_param else held_out(identity["train"], seed=seed)
    rule = _memory if is_param else _two_sets

    def evaluate(_step: int, trained: Any) -> Mapping[str, float]:
        return {"checked": rule(trained, layout, unseen[:_WATCHED])}

    def finish(trained: Network, folder: Path) -> Mapping[str, Any]:
        _save(trained, {"kind": "sets", "layout": layout.to_json()}, folder)
        value = rule(trained, layout, unseen)
        least, name = (LEAST_ACCURACY, "not_memorised") if is_param else (LEAST_EM, "not_converged")
        what = "accuracy on single sets" if is_param else "two-set exact match"
        verdict = {"what": what, "value": value, "least": least, "problems": len(unseen), "met": value >= least}
        return {"stop_rule": verdict, "status": "converged" if value >= least else name}

    assert settings.steps is not None
    batches = Batches(batch, settings.steps, seed)
    record = {"initial_weights_sha256": weights_sha256(model), "batches_sha256": batches.sha256()}
    return Started(model, batches, Labelled(None), record, finish, evaluate)  # type: ignore[arg-type]


def start_facts(seed: int, *, mask: Mask, share: Share, settings: Hyperparameters) -> Started:
    """A model of facts that are told in one order, or in both."""
    told = facts(share)
    size = len(VOCABULARY)
    model = Network(NetworkConfig(mask=mask, vocabulary=size, positions=LENGTH, outputs=size, layers=2))

    def batch(step: int) -> Sequence[Encoded]:
        return fact_batch(told, mask == "encoder", settings.batch_size, seed=seed, step=step)

    def finish(trained: Network, folder: Path) -> Mapping[str, Any]:
        _save(trained, {"kind": "facts"}, folder)
        return {"status": "converged"}

    assert settings.steps is not None
    record = {"initial_weights_sha256": weights_sha256(model), "both_fraction": share}
    return Started(model, Batches(batch, settings.steps, seed), Labelled(None), record, finish)  # type: ignore[arg-type]


def layout_of(identity: Mapping[str, Any]) -> Layout:
    """Where everything stands in the sequences of a training."""
    if identity["data"] == "set_ops_param":
        return Layout(NAMES, words("tokens"), identity["readout"], listed=0)
    return Layout(tuple(LISTED_NAMES), words("tokens"), identity["readout"], identity["expr_position"] == "last")


def _two_sets(model: Network, layout: Layout, examples: Sequence[Example]) -> float:
    """Exact match."""
    found = _answers(model, layout, examples)
    return sum(own == one.answer for own, one in zip(found, examples, strict=True)) / len(examples)


def _memory(model: Network, layout: Layout, examples: Sequence[Example]) -> float:
    """Accuracy over candidates."""
    pairs = list(zip(_answers(model, layout, examples), examples, strict=True))
    right = sum((item in own) == (item in one.answer) for own, one in pairs for item in one.record.candidates)
    return right / sum(len(one.record.candidates) for one in examples)


def _answers(model: Network, layout: Layout, examples: Sequence[Example]) -> Sequence[Collection[str]]:
    records = [one.record for one in examples]
    if layout.readout == "membership":
        return chosen(model, layout, records)
    return [frozenset(items) for items in written(model, layout, records)]


def _save(model: Network, config: Mapping[str, Any], folder: Path) -> None:
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / WEIGHTS)
    write_json(folder / CONFIG, {**config, "network": model.shape.to_json()})


def load(folder: Path, config: Mapping[str, Any]) -> Network:
    """The network that `_save` wrote."""
    from safetensors.torch import load_file

    model = Network(NetworkConfig.from_json(config["network"]))
    model.load_state_dict(load_file(folder / WEIGHTS))
    return model.eval()
