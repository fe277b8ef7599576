"""Set reasoning's page: trained models over seeds, published figures apart, models as they come, names as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from set_models import small_check

from suite.finetune.own import train_own
from suite.progress import Silent
from suite.report import build_report
from suite.runner import run
from suite.task import Capability, ModelInfo

SLICE = {"per_cell": 1, "sizes": ["4"], "overlaps": ["uniform"], "vocabularies": ["animals"]}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sets-report")
    settings = {"steps": 2, "batch_size": 2, "masks": "encoder"}
    places: Any = {"output": folder / "m", "results": folder, "silent": True}
    with small_check():
        train_own("set_reasoning", {**settings, "per_cell": 3}, seeds=range(2), **places)
        train_own("set_reasoning", {**settings, "data": "mask_reversal", "both_fraction": "0"}, **places)
    run("set_reasoning", "scripted/random", options=SLICE, results=folder, reporter=Silent())
    run("set_reasoning", _Mute("<b>mute</b>"), options=SLICE, results=folder, reporter=Silent())
    built = build_report(folder, out=folder / "report")
    return (built.parent / "task-set_reasoning.html").read_text(encoding="utf-8")


class _Mute:
    """A chat model without log-probabilities, whose name is markup."""

    def __init__(self, name: str) -> None:
        capabilities = frozenset[Capability](["generate", "chat"])
        self.info = ModelInfo(f"toy/{name}", "toy", "mute", capabilities)

    def answer(self, requests):  # type: ignore[no-untyped-def]
        from suite.task import Response, Text

        for request in requests:
            yield Response(request.id, texts=(Text("Answer: {</script><i>}"),))


def test_the_page_has_what_the_issue_names(page: str) -> None:
    for title in (
        "Exact match by form and mask",
        "Which rule was learned instead",
        "Recall and the two precisions",
        "Does an encoder escape the reversal curse?",
        "Written at once",
        "Yes or no on each candidate",
    ):
        assert title in page


def test_published_figures_are_called_published(page: str) -> None:
    assert "published: BERT, table 3" in page
    assert "Not ours: BERT as published" in page


def test_a_model_that_cannot_be_asked_is_skipped_and_not_zero(page: str) -> None:
    assert "skipped: no_loglikelihood" in page


def test_a_missed_stop_rule_is_said(page: str) -> None:
    assert "not_converged: stop rule missed" in page
    assert "A hollow mark has a seed that missed the stop rule" in page
    assert "What composition costs" not in page  # no model has a figure


def test_names_and_answers_stay_text(page: str) -> None:
    assert "<b>mute" not in page
    assert "</script><i>" not in page


def test_the_finding_tells_the_two_verdicts_apart(page: str) -> None:
    assert "in the order told and" in page
    assert "in reverse with all facts in one order" in page


def test_a_page_of_prompted_runs_alone_has_no_trained_figures(tmp_path: Path) -> None:
    run("set_reasoning", "scripted/random", options=SLICE, results=tmp_path, reporter=Silent())
    built = build_report(tmp_path, out=tmp_path / "report")
    text = (built.parent / "task-set_reasoning.html").read_text(encoding="utf-8")
    assert "Written at once" in text
    assert "Exact match by form and mask" not in text
