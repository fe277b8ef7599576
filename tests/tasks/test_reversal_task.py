"""The task from options to figures, on models whose answers are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from reversal_setup import CELLS, LOCAL, SMALL, drafts, executed, oracle, task, values

from suite.errors import UserError
from suite.models.scripted import ScriptedModel, load
from suite.results import RunResult
from suite.store import Store
from suite.task import Loglikelihood, Request, Response

# -- whole runs ------------------------------------------------------------------------------------------------------


def test_a_model_that_knows_everything_scores_one(tmp_path: Path) -> None:
    made = task(**SMALL, controls="ctx,ctx_k")
    result = executed(made, oracle(made), tmp_path)
    for control in ("none", "ctx", "ctx_k"):
        for name in ("em", "em_original", "contains", "mrr", "hits1", "percentile", "mc_4"):
            assert set(values(result, name, control).values()) == {1.0}, (name, control)
    assert set(values(result, "mrr_pmi").values()) == {1.0}
    assert set(values(result, "delta").values()) == {29.0}
    assert values(result, "em")["both", "n2d"] == 1.0
    gap, rate = result.metric("gap", group="n2d_only"), result.metric("reversal_rate", group="n2d_only")
    assert (gap.value, rate.value, gap.note) == (0.0, 1.0, "every fact has the same gap: the interval has no width")


def test_a_model_that_knows_one_direction_shows_the_curse(tmp_path: Path) -> None:
    made = task(**SMALL, controls="none")
    result = executed(made, oracle(made, knows=("n2d",)), tmp_path)
    exact = values(result, "em")
    assert (exact["n2d_only", "n2d"], exact["n2d_only", "d2n"]) == (1.0, 0.0)
    assert result.metric("gap", group="n2d_only").value == 1.0
    assert result.metric("reversal_rate", group="n2d_only").value == 0.0
    flagged = result.metric("em", group="n2d_only", direction="d2n", seen="reverse", control="none")
    assert flagged.note == "uninterpretable: the both-control is 0.00, under 0.8"


@pytest.mark.parametrize("kind", ["name", "relation"])
def test_a_model_that_ignores_the_prompt_is_exactly_at_chance_6_5(kind: str, tmp_path: Path) -> None:
    made = task(data="generated", kind=kind, facts=30, test_templates=2, controls="fresh")
    result = executed(made, load("prompt_blind", text="Nobody Inparticular"), tmp_path)
    size, chance = (30, 0.1331662) if kind == "name" else (10, 0.2928968)  # or three relations of ten facts
    exact = {"mrr": chance, "delta": 0.0, "percentile": 0.5, "hits1": 1 / size, "mc_4": 0.25, "mrr_chance": chance}
    for control in ("none", "fresh"):
        for name, expected in exact.items():
            assert list(values(result, name, control).values()) == pytest.approx([expected] * CELLS[control], abs=1e-7)
    by_wording = [one.value for one in result.metrics if one.name == "mrr_by_template"]
    assert by_wording == pytest.approx([chance] * CELLS["none"] * 2, abs=1e-7)
    assert list(values(result, "mrr_shuffled").values()) == pytest.approx([chance] * CELLS["none"], abs=1e-7)
    assert not [one for one in result.metrics if "leak" in one.note]


def test_the_lettered_choice_is_at_chance_for_a_model_that_likes_one_letter(tmp_path: Path) -> None:
    made = task(**SMALL, controls="mc_letter")
    result = executed(made, load("prompt_blind", text="x"), tmp_path)
    assert set(values(result, "mc_letter", "mc_letter").values()) == {0.25}
    assert set(values(result, "mc_letter_all", "mc_letter").values()) == {0.0}


def test_every_letter_equally_likely_is_chance_too(tmp_path: Path) -> None:
    result = executed(task(**SMALL, controls="mc_letter"), load("uniform"), tmp_path, limit=6)
    assert set(values(result, "mc_letter", "mc_letter").values()) == {0.25}


def test_a_candidate_without_a_number_fails_its_item_and_no_other(tmp_path: Path) -> None:
    made = task(**SMALL, controls="none")
    first = next(iter(made.docs())).data
    broken = (first["prompt"], f" {first['candidates'][2]}")
    nan = float("nan")
    model = ScriptedModel("nan", logprob=lambda *asked: nan if asked == broken else -float(len(asked[1])))
    result = executed(made, model, tmp_path)
    assert result.failures == {"nan": 1}
    assert_one_item_is_left_out(result, first)


def test_a_context_that_does_not_fit_is_an_item_error(tmp_path: Path) -> None:
    class ShortWindow(ScriptedModel):
        """Has no room for one of the prompts."""

        def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
            for request in requests:
                if isinstance(request, Loglikelihood) and request.context == first["prompt"]:
                    yield Response(request.id, error="context_length", error_detail="40 tokens; the window is 18")
                else:
                    yield from super().answer([request])

    made = task(**SMALL, controls="none")
    first = next(iter(made.docs())).data
    result = executed(made, ShortWindow("short", logprob=lambda _, continuation: -float(len(continuation))), tmp_path)
    assert result.failures == {"context_length": 1}
    assert_one_item_is_left_out(result, first)


def assert_one_item_is_left_out(result: RunResult, doc: Mapping[str, Any]) -> None:
    cell = {"group": doc["group"], "direction": doc["direction"]}
    ranked = result.metric("mrr", **cell)
    assert ranked.n == 11
    assert "1 of 12 items failed, over 1 %" in ranked.note
    assert result.metric("failed").value == 1


# -- the other tracks ------------------------------------------------------------------------------------------------


def test_the_real_track_runs_on_the_historical_set(tmp_path: Path) -> None:
    result = executed(task(track="real", samples=3), load("constant", text="Lord Byron"), tmp_path, limit=3)
    forward = next(one for one in result.metrics if one.name == "mean" and one.headline)
    assert forward.condition["direction"] == "forward"
    assert forward.value == pytest.approx(1 / 3)
    with pytest.raises(UserError, match="no training data"):
        next(task(track="real").training_docs())


def test_held_out_instructions_stand_beside_the_majority_answer_6_13(public_data: Path, tmp_path: Path) -> None:
    made = task(track="ins", data=str(public_data / "reversal_curse"))
    result = executed(made, load("constant", text=" No\n\n<END GUIDANCE TEST>"), tmp_path)
    assert result.metric("em").value == pytest.approx(0.03)
    assert result.metric("em_majority").value == pytest.approx(0.03)
    assert result.n_samples == 100


def test_generated_instructions_are_asked_to_the_end_of_the_line() -> None:
    made = task(track="ins", realized=20, unrealized=5)
    asked = drafts(made, LOCAL)
    assert len(asked) == 5
    assert all(draft.mode == "generate" and draft.requests[0].stop == ("\n",) for _, draft in asked)  # type: ignore[union-attr]
    assert sum(doc.id.startswith("example") for doc in made.training_docs()) == 20


def test_figures_come_from_stored_samples_alone(tmp_path: Path) -> None:
    made = task(**SMALL)
    result = executed(made, load("random"), tmp_path)
    stored = list(Store(tmp_path).samples_for_metrics(result.run_id))
    assert tuple(made.metrics(stored)) == result.metrics
