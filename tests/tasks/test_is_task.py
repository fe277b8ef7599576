"""The task as a whole: options, docs and drafts, runs on scripted models, and the same ones scored again."""

from __future__ import annotations

import json
import warnings

import pytest

from suite.errors import UserError
from suite.models.scripted import ScriptedModel, load
from suite.progress import Silent
from suite.registry import describe_options, load_task
from suite.runner import rescore, run
from suite.task import Generate, Loglikelihood, ModelInfo
from tasks.inverse_scaling.prompts import swapped
from tasks.inverse_scaling.rows import Row
from tasks.inverse_scaling.subtasks import NAMES

ALL_MODES = frozenset({"loglikelihood", "generate", "first_token"})
LOCAL = ModelInfo("hf/base", "hf", "f", ALL_MODES)
CHAT = ModelInfo("openai/chat", "openai", "f", ALL_MODES | {"chat"})


@pytest.fixture(autouse=True)
def few_items_are_fine():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "under 300 items")
        yield


def task(**options):
    return load_task("inverse_scaling", {"n": 4, **options})


def drafts(task, info=LOCAL, modes=("loglikelihood",)):
    return [draft for doc in task.docs() for draft in task.requests(doc, info, frozenset(modes))]


def run_silently(tmp_path, model, **options):
    return run(task(**options), model, results=tmp_path, reporter=Silent())


def test_all_eleven_tasks_in_both_variants_by_default():
    found = drafts(task())
    assert {draft.condition["subtask"] for draft in found} == set(NAMES)
    assert len(found) == 11 * 4 * 2
    assert {draft.condition["variant"] for draft in found} == {"trap", "control"}
    assert all(draft.condition["revision"] == "generator-1-seed-0" for draft in found)


def test_twins_share_a_doc_and_all_classes_go_in_one_request():
    by_doc = {}
    for draft in drafts(task(subtask="sig-figs")):
        by_doc.setdefault(draft.doc_id, []).append(draft)
        (request,) = draft.requests
        assert isinstance(request, Loglikelihood) and len(request.continuations) in (2, 3, 4)
    assert all([d.condition["variant"] for d in pair] == ["trap", "control"] for pair in by_doc.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subtask": "neqqa"}, "neqqa"),
        ({"shots": 21}, "0 to 20"),
        ({"source": "hub", "style": "own"}, "style is for generated rows"),
        ({"parts": [1]}, "parts is for public rows"),
        ({"source": "hub", "variant": "control"}, "no control"),
        ({"n": 0}, "n"),
        ({"variants": "trap"}, "variant"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        load_task("inverse_scaling", options)


def test_lists_come_from_the_command_line_too():
    options = load_task("inverse_scaling", {"subtask": "neqa,redefine", "shots": "0,1,5", "forms": "mt"}).options
    assert (options.subtask, options.shots, options.forms) == (["neqa", "redefine"], [0, 1, 5], ["mt"])
    assert load_task("inverse_scaling", {"subtask": "all"}).options.subtask == list(NAMES)
    assert "modus-tollens" in next(
        row["values"] for row in describe_options("inverse_scaling") if row["option"] == "--subtask"
    )


def test_under_300_items_are_warned_of():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(task(subtask="neqa").docs())
    assert any("under 300 items in neqa" in str(one.message) for one in caught)


def test_shots_are_other_rows_with_their_answers_and_do_not_depend_on_n():
    few = drafts(task(subtask="neqa", shots=[0, 5]))
    many = drafts(task(subtask="neqa", shots=[0, 5], n=120))
    assert [draft.requests[0].context for draft in few] == [d.requests[0].context for d in many[: len(few)]]
    for bare, shot in zip(few[::2], few[1::2], strict=True):
        *examples, question = shot.requests[0].context.split("\n\n\n")
        assert len(examples) == 5 and question == bare.requests[0].context
        assert all(example[-2:] in (" A", " B") for example in examples)
        assert question not in {example[:-2] for example in examples}
        assert len(set(examples)) == 5


def test_more_shots_than_rows_are_refused(tmp_path):
    row = {"prompt": "p", "classes": [" A", " B"], "answer_index": 0}
    path = tmp_path / "neqa.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="only 1 rows"):
        list(load_task("inverse_scaling", {"source": str(path), "shots": 1}).docs())


def test_chat_models_get_one_message_with_a_last_line_by_the_kind_of_answer():
    last = {}
    for draft in drafts(task(n=9, style="own"), CHAT, ("generate",)):
        (request,) = draft.requests
        ((role, content),) = request.prompt
        assert role == "user" and request.temperature == 0.0 and request.stop == ()
        last.setdefault(draft.condition["subtask"], set()).add(content.rpartition("\n\n")[2])
    assert last["neqa"] == {"Answer with the letter only."}
    assert last["modus-tollens"] == {"Answer with Yes or No only."}
    assert last["hindsight-neglect"] == {"Answer with Y or N only."}
    assert last["repetitive-algebra"] == {"Answer with the number only."}
    assert last["memo-trap"] == {"Answer with the missing word only."}
    assert last["resisting-correction"] == {"Answer with the single next word only."}
    assert last["pattern-matching-suppression"] == {"Answer with the single next symbol only."}
    assert last["prompt-injection"] == {"Answer with the output line only."}
    assert last["sig-figs"] == {"Answer with the letter only.", "Answer with the number only."}


def test_base_models_complete_the_bare_prompt_up_to_a_line_break():
    (draft, *_) = drafts(task(subtask="neqa"), LOCAL, ("generate",))
    (request,) = draft.requests
    assert isinstance(request, Generate) and isinstance(request.prompt, str)
    assert (request.stop, request.max_tokens) == (("\n",), 16)


def test_sequences_have_no_first_token_and_such_a_run_is_refused_beforehand():
    assert drafts(task(subtask="prompt-injection"), LOCAL, ("first_token",)) == []
    with pytest.raises(UserError, match="use mode loglikelihood"):
        task(subtask="prompt-injection").check(LOCAL, frozenset({"first_token"}))


def test_log_odds_ask_after_both_prompts(tmp_path):
    row = {"prompt": "He is a", "other_prompt": "She is a", "classes": [" x", " y"], "answer_index": 0}
    path = tmp_path / "own_logodds.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    own = load_task("inverse_scaling", {"source": str(path)})
    (draft,) = drafts(own)
    assert draft.condition["subtask"] == "own"
    assert [request.context for request in draft.requests] == ["He is a", "She is a"]
    with pytest.raises(UserError, match="logodds rows are not scored in mode generate"):
        own.check(LOCAL, frozenset({"generate"}))


def test_swapped_rows_exchange_the_contents_of_their_options():
    prompt = "Question: x\nA. one\nB. two\nC. three\nAnswer:"
    row = Row("neqa", "classification", prompt, (" A", " B", " C"), answer_index=0, trap_index=1)
    other = swapped(row)
    assert other is not None and "A. three\nB. two\nC. one" in other.prompt
    assert (other.answer_index, other.trap_index) == (2, 1)
    assert swapped(Row("memo-trap", "classification", "p", (" x.", " y."))) is None


def test_swap_cancels_a_model_that_always_says_a(tmp_path):
    always_a = ScriptedModel("always-a", 1, logprob=lambda _, text: -0.1 if text == " A" else -3.0)
    result = run_silently(tmp_path, always_a, subtask=["neqa", "modus-tollens"], swap=True, n=6)
    acc = result.metric("acc", mode="loglikelihood", subtask="neqa", variant="trap")
    assert acc.value == 0.5 and acc.condition["swap"] is True
    assert "swap" not in result.metric("acc", mode="loglikelihood", subtask="modus-tollens", variant="trap").condition


def test_a_model_that_falls_for_every_trap_pays_the_whole_cost(tmp_path):
    def recites(context, continuation):
        """Knows the proverbs, and never heeds the instruction."""
        from tasks.inverse_scaling.generators.drawing import content

        stem = context.rpartition(": ")[2]
        own = next(last for known, last, _ in content("memo_trap")["proverbs"] if known == stem)
        return -0.1 if continuation == f" {own}." else -5.0

    model, modes = ScriptedModel("reciter", 1, logprob=recites), ["loglikelihood"]
    result = run(task(subtask="memo-trap", n=30), model, modes=modes, results=tmp_path, reporter=Silent())
    assert result.metric("acc", mode="loglikelihood", variant="trap").value == 0.0
    assert result.metric("acc", mode="loglikelihood", variant="trap").note == "below chance"
    assert result.metric("acc", mode="loglikelihood", variant="control").value == 1.0
    assert result.metric("trap_cost", mode="loglikelihood").value == 1.0
    assert result.metric("trap", mode="loglikelihood", variant="trap").value == 1.0


def test_an_oracle_is_right_everywhere_in_writing(tmp_path):
    asked = task(n=6, style="own")
    answers = {}
    for doc in asked.docs():
        for draft in asked.requests(doc, CHAT, frozenset({"generate"})):
            row = doc.data["rows"][draft.condition["variant"]]
            answers[draft.requests[0].id] = row["meta"].get("faithful") or draft.target
    model = ScriptedModel("oracle", 1, text=lambda request, _: answers[request.id])
    result = run(asked, model, results=tmp_path, reporter=Silent())
    assert {m.value for m in result.metrics if m.name == "acc"} == {1.0}
    assert {m.value for m in result.metrics if m.name == "trap_cost"} == {0.0}


def test_random_answers_are_near_chance_in_every_task(tmp_path):
    result = run(task(n=300), load("random"), modes=["loglikelihood"], results=tmp_path, reporter=Silent())
    for metric in result.metrics:
        if metric.name == "acc" and metric.value is not None:
            chance = result.metric("chance", **metric.condition).value
            # classes of different tokens are drawn alike by this model, so only real leaks would show
            assert abs(metric.value - chance) < 0.11, metric.condition["subtask"]


def test_failures_count_as_wrong_and_make_a_note(tmp_path):
    result = run_silently(tmp_path, load("faulty", every=5), subtask="neqa", n=40)
    assert result.status == "incomplete"
    acc = result.metric("acc", mode="loglikelihood", variant="trap")
    assert acc.n == 40 and "items failed" in acc.note


def test_scoring_again_gives_the_same_figures(tmp_path):
    result = run_silently(tmp_path, load("random"), subtask=["neqa", "prompt-injection"], swap=True, shots=[0, 1], n=5)
    assert rescore(result.run_id, tmp_path).metrics == result.metrics


@pytest.mark.slow
def test_a_real_model_reads_the_released_neqa(tmp_path, public_data):
    """SmolLM2-135M says A to everything: .4567, the constant-label line, not chance."""
    options = {"source": str(public_data / "inverse_scaling"), "subtask": "neqa"}
    result = run(
        "inverse_scaling", "hf/smollm2-135m", options=options, modes=["loglikelihood"], limit=60, results=tmp_path
    )
    assert result.metric("label_entropy").value < 0.5
    assert result.metric("acc").condition["revision"] == "isp-2023-03"
    assert 0.02 < result.metric("coverage").value < 0.9
