"""Options of the task, the data that they name, and what is refused before anything is asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from reversal_setup import BOTH_MODES, CHAT, LOCAL, task

from suite.errors import UserError
from suite.task import ModelInfo


def test_the_shipped_data_is_the_default() -> None:
    made = task(controls="none")
    assert sum(1 for _ in made.docs()) == 1800
    assert sum(1 for _ in made.training_docs()) == 3600
    row = next(iter(made.training_docs()))
    assert row.text == row.prompt + row.completion
    assert len(row.entities) == 2
    assert set(row.meta) == {"group", "direction", "template"}


def test_the_public_files_are_read(public_data: Path) -> None:
    folder = public_data / "reversal_curse"
    made = task(data=str(folder), controls="none", facts=5, test_templates=2, train_templates=3)
    docs = list(made.docs())
    assert Counter(doc.data["group"] for doc in docs) == {"n2d_only": 20, "d2n_only": 20, "both": 20}
    assert all(len(doc.data["candidates"]) == 5 for doc in docs)
    assert sum(1 for _ in made.training_docs()) == 5 * 3 * 4
    cut = [doc.data for doc in docs if doc.data["group"] == "both" and doc.data["direction"] == "d2n"]
    assert all(len(data["target_original"].split()) == 2 for data in cut)
    whole = [doc.data for doc in docs if doc.data["group"] == "n2d_only" and doc.data["direction"] == "n2d"]
    assert all(data["target_original"] != data["target"] for data in whole)


def test_an_own_folder_is_read(tmp_path: Path) -> None:
    from tasks.reversal_curse.files import write_dataset
    from tasks.reversal_curse.generate import generate

    write_dataset(generate(5, n_facts_per_group=3, n_train_templates=8, n_test_templates=1), tmp_path)
    docs = list(task(data=str(tmp_path)).docs())
    assert sum(not doc.data["fresh"] for doc in docs) == 18


@pytest.mark.parametrize(
    ("given", "expected"), [({"style": "demo"}, "generated"), ({"data_seed": 3}, "generated"), ({}, "shipped")]
)
def test_what_only_the_generator_has_is_generated(given: dict[str, Any], expected: str) -> None:
    made = task(**given)
    assert made.options.data == expected  # type: ignore[attr-defined]
    again = task(**json.loads(made.options.model_dump_json()))
    assert again.options == made.options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"track": "nd", "celebrity_csv": "p.csv"}, "celebrity_csv belongs to track real"),
        ({"track": "real", "realized": "5"}, "realized belongs to track ins"),
        ({"data": "folder", "style": "demo"}, "style is for generated data"),
        ({"facts_file": "f.jsonl"}, "facts_file belongs to a folder"),
        ({"facts": "0"}, "option facts"),
        ({"controls": "ctx,ctxk"}, "option controls.1"),
        ({"contrls": "ctx"}, "did you mean controls"),
    ],
)
def test_options_that_do_not_fit_are_one_line(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        task(**options)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "nowhere"}, "no such folder"),
        ({"facts": 31}, "group n2d_only of this data has 30"),
        ({"test_templates": 11}, "this data has 10 of direction n2d"),
        ({"data": "generated", "facts": 10_000}, "capacity is 1 to"),
        ({"data": "generated", "train_templates": 99}, "99 train templates asked for"),
        ({"track": "ins", "realized": 100_000}, "capacity is"),
        ({"track": "real", "celebrity_csv": "nowhere.csv"}, "nowhere.csv"),
    ],
)
def test_data_that_cannot_be_had_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        next(iter(task(**options).docs()))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "info", "modes", "message"),
    [
        ({}, CHAT, ["loglikelihood"], "loglikelihood is not supported for this backend"),
        ({"track": "real"}, CHAT, ["loglikelihood"], "loglikelihood is not supported for this backend"),
        ({"track": "ins"}, CHAT, ["generate"], "track ins is not supported for this backend"),
        ({"controls": "none"}, CHAT, ["generate"], "nothing to ask"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_anything_is_asked(
    options: dict[str, str], info: ModelInfo, modes: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        task(**options).check(info, frozenset(modes))  # type: ignore[arg-type]


def test_what_a_model_can_do_passes() -> None:
    task().check(LOCAL, BOTH_MODES)
    task(controls="none", trained=True).check(CHAT, frozenset({"generate"}))
    task(track="real").check(CHAT, frozenset({"generate"}))
    task(track="ins").check(LOCAL, frozenset({"generate"}))
