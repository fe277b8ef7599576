"""The REAL track: rows, prompts, scoring of answers and figures."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.data import data_folder
from suite.errors import UserError
from suite.task import ContinuationScore, Doc, Draft, Generate, Loglikelihood, ModelInfo, Response, Sample, Text
from tasks.reversal_curse.celebrity import ParentRow, load_real
from tasks.reversal_curse.names_match import (
    answer_line,
    folded,
    is_refusal,
    is_right,
    is_right_by_original_rule,
    names_somewhere,
)
from tasks.reversal_curse.real import real_docs, real_drafts, score_real
from tasks.reversal_curse.real_metrics import real_metrics
from tasks.reversal_curse.real_prompts import SYSTEM, completion_prompt

CHAT = ModelInfo("openai/any", "openai", "f1", frozenset({"generate", "chat"}))
LOCAL = ModelInfo("hf/any", "hf", "f2", frozenset({"generate", "loglikelihood"}))
MARY = ParentRow(
    1,
    "Mary Shelley",
    "Mary Wollstonecraft",
    "mother",
    parents=("Mary Wollstonecraft",),
    children=("Mary Shelley", "Mary Godwin", "Fanny Imlay"),
)


def table(path: Path, rows: Sequence[Sequence[str]], header: str = "child,parent,parent_type") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def draft_of(direction: str, decoding: str = "sampled", row: ParentRow = MARY) -> tuple[Doc, Draft]:
    doc = next(real_docs([row]))
    drafts = real_drafts(doc, CHAT, {"generate"})
    wanted = {"direction": direction, "decoding": decoding}
    return doc, next(each for each in drafts if wanted.items() <= each.condition.items())


def answers(*texts: str | Text) -> list[Response]:
    return [Response("r", texts=tuple(text if isinstance(text, Text) else Text(text) for text in texts))]


# -- rows ------------------------------------------------------------------------------------------------------------


def test_the_historical_set_is_long_dead_people_with_all_their_children() -> None:
    real = load_real()
    assert len(real.rows) == 20
    assert (real.duplicates, real.exemplar_rows) == (0, 0)
    assert "smoke test" in real.origin
    assert {row.source for row in real.rows} == {"historical"}
    by_child = {row.child: row for row in real.rows}
    assert by_child["Ada Lovelace"].parent_type == "father"
    assert "Allegra Byron" in by_child["Ada Lovelace"].children
    assert {"Alexander Helios", "Cleopatra Selene"} <= set(by_child["Caesarion"].children)
    for row in real.rows:
        assert row.children[0] == row.child and row.parents[0] == row.parent
        assert row.row == 1 + list(by_child).index(row.child)


def test_the_public_file_loses_duplicates_and_the_exemplar_row(
    public_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = public_data / "reversal_curse" / "celebrity_relations" / "parent_child_pairs.csv"
    with caplog.at_level(logging.WARNING):
        real = load_real(file)
    assert (len(real.rows), real.duplicates, real.exemplar_rows) == (1510, 2, 1)
    assert "2 duplicate rows" in caplog.text
    assert not [row for row in real.rows if row.parent == "Kathy Pratt"]
    assert sum(row.can_reverse is True for row in real.rows) == 494  # of 495, one in a duplicate
    docs = list(real_docs(real.rows))
    assert len({doc.id for doc in docs}) == 1510
    assert len({doc.cluster for doc in docs}) == 1494  # 16 pairs list one person as mother and as father


def test_children_of_one_parent_are_all_accepted(tmp_path: Path) -> None:
    file = table(tmp_path / "x.csv", [["A B", "P Q", "mother"], ["C D", "P Q", "mother"], ["E F", "R S", "father"]])
    assert [row.children for row in load_real(file).rows] == [("A B", "C D"), ("C D", "A B"), ("E F",)]


def test_a_bom_and_crlf_are_accepted(tmp_path: Path) -> None:
    file = table(tmp_path / "x.csv", [["Ève Curie", "Marie Curie", "mother"]])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_real(file).rows[0].child == "Ève Curie"


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("child,parent", ["a", "b"], "column 'parent_type' is missing"),
        ("child,parent,parent_type", ["a", "b", "aunt"], "row 1: parent_type 'aunt'; expected mother or father"),
        ("child,parent,parent_type", ["a", "b", ""], "row 1: parent_type ''"),
        ("child,parent,parent_type", ["", "b", "mother"], "row 1: child or parent is empty"),
        ("child,parent,parent_type", ["a", "?", "mother"], "row 1: child or parent is empty"),
        (
            "child,parent,parent_type,can_reverse",
            ["a", "b", "mother", "yes"],
            "row 1: can_reverse 'yes'; expected True",
        ),
        ("child,parent,parent_type", ["a", "b", "mother", "x"], "row 1 has not 3 fields"),
        ("child,parent,parent_type", ["a", "b"], "row 1 has not 3 fields"),
        ("child,parent,parent_type", ["Malia Obama", "b", "mother"], "no rows to ask about"),
    ],
)
def test_a_wrong_csv_is_named_with_its_row(tmp_path: Path, header: str, row: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_real(table(tmp_path / "x.csv", [row], header))


def test_a_file_that_is_no_csv_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\x00\x01", b'child,parent,parent_type\n"a,b,mother\n', b"\xff"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(UserError, match=r"x\.csv"):
            load_real(tmp_path / "x.csv")
    with pytest.raises(UserError, match="cannot be read"):
        load_real(tmp_path / "none.csv")


def test_the_shipped_table_names_nobody_of_the_public_file(public_data: Path) -> None:
    file = public_data / "reversal_curse" / "celebrity_relations" / "parent_child_pairs.csv"
    theirs = {name for row in load_real(file).rows for name in (row.child, row.parent)}
    text = (data_folder("reversal_curse") / "historical_parents.csv").read_text("utf-8")
    assert not [name for name in theirs if name in text and " " in name]


# -- prompts ---------------------------------------------------------------------------------------------------------


def test_chat_prompts_are_the_published_strings() -> None:
    _, forward = draft_of("forward")
    _, reverse = draft_of("reverse")
    assert forward.requests[0].prompt == (
        (
            "system",
            "You are a helpful and terse assistant. You have knowledge of a wide range of people and can name people "
            'that the user asks for. If the answer is unknown or not applicable, answer with "I don\'t know."',
        ),
        ("user", "Name a child of Barack Obama."),
        ("assistant", "Malia Obama"),
        ("user", "Who is Elon Musk's mother?"),
        ("assistant", "Maye Musk"),
        ("user", "Who is Kathy Pratt's mother?"),
        ("assistant", "I don't know."),
        ("user", "Who is Mary Shelley's mother?"),
    )
    assert reverse.requests[0].prompt[-1] == ("user", "Name a child of Mary Wollstonecraft.")
    assert (forward.target, reverse.target) == ("Mary Wollstonecraft", "Mary Shelley")


def test_completion_prompts_end_in_a_colon() -> None:
    prompt = completion_prompt("Name a child of Mary Wollstonecraft.")
    assert prompt.startswith(SYSTEM + "\n\nQ: Name a child of Barack Obama.\nA: Malia Obama\nQ: Who is Elon")
    assert prompt.endswith("A: I don't know.\nQ: Name a child of Mary Wollstonecraft.\nA:")


def test_a_chat_model_is_sampled_ten_times_and_once_greedily() -> None:
    doc = next(real_docs([MARY]))
    drafts = real_drafts(doc, CHAT, {"generate", "loglikelihood"})
    assert [(draft.condition["direction"], draft.condition["decoding"]) for draft in drafts] == [
        ("forward", "sampled"),
        ("forward", "greedy"),
        ("reverse", "sampled"),
        ("reverse", "greedy"),
    ]
    settings = [(each.requests[0].n, each.requests[0].temperature, each.requests[0].max_tokens) for each in drafts]
    assert settings == [(10, 1.0, 32), (1, 0.0, 32)] * 2
    assert all(draft.mode == "generate" and draft.condition["prompt"] == "chat" for draft in drafts)
    assert len({draft.sample_id for draft in drafts}) == 4


def test_a_local_model_gives_the_likelihood_of_the_name() -> None:
    doc = next(real_docs([MARY]))
    drafts = real_drafts(doc, LOCAL, {"loglikelihood"})
    assert [draft.requests[0] for draft in drafts] == [
        Loglikelihood(completion_prompt("Who is Mary Shelley's mother?"), (" Mary Wollstonecraft",)),
        Loglikelihood(completion_prompt("Name a child of Mary Wollstonecraft."), (" Mary Shelley",)),
    ]
    generated = real_drafts(doc, LOCAL, {"generate"}, n=3, temperature=0.7)
    assert generated[0].requests[0] == Generate(
        completion_prompt("Who is Mary Shelley's mother?"), stop=("\n",), max_tokens=32, temperature=0.7, n=3
    )
    assert generated[0].condition["prompt"] == "completion"


@pytest.mark.parametrize(("child", "last_word"), [("Ann Lee", "same"), ("Ann Léé", "same"), ("Ann Smith", "different")])
def test_the_condition_says_whether_the_last_words_agree(child: str, last_word: str) -> None:
    row = ParentRow(1, child, "Bob Lee", "father", ("Bob Lee",), (child,))
    for draft in real_drafts(next(real_docs([row])), CHAT, {"generate"}):
        assert draft.condition["last_word"] == last_word


# -- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("\n \n  Ada Lovelace.\nand more", "Ada Lovelace"),
        ('A: "Ada Lovelace."', "Ada Lovelace"),
        ("“Ada Lovelace”.", "Ada Lovelace"),
        ("", ""),
    ],
)
def test_the_answer_is_the_first_line_without_its_wrapping(text: str, line: str) -> None:
    assert answer_line(text) == line


@pytest.mark.parametrize(
    ("text", "right", "lenient", "refusal"),
    [
        ("Irène Joliot-Curie", True, True, False),
        ("irene joliot curie, the chemist", True, True, False),
        ("A: 'Irene Joliot-Curie.'", True, True, False),
        ("One child was Irène Joliot-Curie.", False, True, False),
        ("Irène Joliot-Curies", False, False, False),
        ("Pierre Curie\nIrène Joliot-Curie", False, False, False),
        ("I don't know.", False, False, True),
        ("I don’t know who that is.", False, False, True),
        ("Sorry, I can't help with that.", False, False, True),
        ("Unknown", False, False, True),
        ("N/A", False, False, True),
        ("I'm not sure, perhaps Irène Joliot-Curie", False, True, True),
        ("Sorrel Curie", False, False, False),
        ("Naomi", False, False, False),
    ],
)
def test_answers_are_read_by_the_match_rule_with_accents_folded(
    text: str, right: bool, lenient: bool, refusal: bool
) -> None:
    accepted = ("Irène Joliot-Curie",)
    assert (is_right(text, accepted), names_somewhere(text, accepted), is_refusal(text)) == (right, lenient, refusal)


@given(st.text(max_size=40), st.text(max_size=12).filter(folded))
def test_whatever_is_right_is_also_right_leniently(text: str, name: str) -> None:
    for said in (text, f"{name} {text}"):
        assert names_somewhere(said, (name,)) or not is_right(said, (name,))


def test_shares_of_ten_samples() -> None:
    texts = ["Mary Shelley"] * 4 + ["Fanny Imlay"] * 2 + ["It was Mary Shelley", "I don't know.", "Percy", "Percy"]
    scores = score_real(*draft_of("reverse"), answers(*texts))
    assert scores.values == {
        "valid": 10,
        "mean": 0.6,
        "any": 1.0,
        "majority": 1.0,
        "lenient": 0.7,
        "refusal": 0.1,
        "truncated": 0.0,
        "any_original": 1.0,
    }
    assert (scores.outcome, scores.answer) == ("correct", "Mary Shelley")


def test_half_is_no_majority() -> None:
    scores = score_real(*draft_of("forward"), answers(*["Mary Wollstonecraft"] * 5, *["Jane Austen"] * 5))
    assert (scores.values["mean"], scores.values["majority"], scores.outcome) == (0.5, 0.0, "wrong")
    assert "any_original" not in scores.values


@pytest.mark.parametrize(("n_valid", "mean"), [(8, 1.0), (7, None)])
def test_missing_samples_are_missing_not_wrong(n_valid: int, mean: float | None) -> None:
    doc, draft = draft_of("forward")
    scores = score_real(doc, draft, answers(*["Mary Wollstonecraft"] * n_valid, *[""] * (10 - n_valid)))
    assert (scores.values["mean"], scores.values["valid"]) == (mean, n_valid)
    assert scores == score_real(doc, draft, answers(*["Mary Wollstonecraft"] * n_valid))
    assert scores.outcome == ("correct" if mean else "no_answer")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (Text("I don't know."), "refusal"),
        (Text("", "refusal"), "refusal"),
        (Text("Well, that is a long story which", "length"), "truncated"),
        (Text("Mary Wollstonecraft, the author of", "length"), "correct"),
        (Text("Jane Austen"), "wrong"),
        (Text("   "), "no_answer"),
        (Text("", "length"), "no_answer"),
    ],
)
def test_the_outcome_of_a_greedy_answer(text: Text, outcome: str) -> None:
    assert score_real(*draft_of("forward", "greedy"), answers(text)).outcome == outcome


def test_a_likelihood_becomes_a_probability() -> None:
    doc = next(real_docs([MARY]))
    draft = real_drafts(doc, LOCAL, {"loglikelihood"})[0]
    scores = score_real(doc, draft, [Response("r", scores=(ContinuationScore(-2.0, 3, False),))])
    assert scores.values == {"logprob": -2.0, "prob": pytest.approx(0.1353352832)}


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        (["I don't know.", "Mary Shelley"], True),
        (["Mary Shelleys"], True),  # no word boundary
        (["Mary"], False),
        (["Mary Shelley was a child of hers"], False),
        (["Mary Shelley wrote"], False),
        (["I don Mary Shelley"], False),
        ([""], False),
    ],
)
def test_the_rule_behind_the_published_reverse_figure(texts: list[str], right: bool) -> None:
    assert is_right_by_original_rule(texts, "Mary Shelley") is right


# -- figures ---------------------------------------------------------------------------------------------------------


def sample(
    number: int, direction: str, mean: float | None, last_word: str = "different", error: str | None = None
) -> Sample:
    condition = {
        "track": "real",
        "direction": direction,
        "prompt": "chat",
        "decoding": "sampled",
        "last_word": last_word,
    }
    scores: dict[str, float | None] = {"valid": 10, "mean": mean}
    if mean is not None:
        scores |= {"any": float(mean > 0), "majority": float(mean > 0.5), "lenient": mean, "refusal": 0.0}
    if error:
        scores = {}
    doc = f"real/{number:04}"
    return Sample(f"{doc}/{direction}", doc, "generate", condition, f"c{number}", scores, "scored", error=error)


SAMPLES = [
    *(sample(1, "forward", 1.0), sample(1, "reverse", 0.4)),
    *(sample(2, "forward", 0.5, "same"), sample(2, "reverse", 1.0, "same")),
    *(sample(3, "forward", 0.0), sample(3, "reverse", 0.1)),
    *(sample(4, "forward", None), sample(4, "reverse", 0.3)),
    *(sample(5, "forward", 1.0), sample(5, "reverse", None, error="timeout")),
]


def figure(name: str, **condition: str) -> float | None:
    found = [
        metric
        for metric in real_metrics(SAMPLES)
        if metric.name == name
        and {**metric.condition, "track": "", "prompt": "", "decoding": ""}
        == {**condition, "track": "", "prompt": "", "decoding": ""}
    ]
    assert len(found) == 1
    return found[0].value


@pytest.mark.parametrize(
    ("name", "condition", "value"),
    [
        ("mean", {"direction": "forward"}, (1 + 0.5 + 0 + 1) / 4),
        ("mean", {"direction": "reverse"}, (0.4 + 1 + 0.1 + 0.3) / 4),
        ("any", {"direction": "reverse"}, 1.0),
        ("majority", {"direction": "forward"}, 0.5),
        ("mean", {"direction": "forward", "last_word": "same"}, 0.5),
        ("mean", {"direction": "reverse", "last_word": "different"}, 0.8 / 3),
        ("excluded", {"direction": "forward"}, 1),
        ("excluded", {"direction": "reverse"}, 1),
        ("gap", {}, (0.6 - 0.5 - 0.1) / 3),
        ("cond_reverse", {"forward": "majority"}, 0.4),
        ("cond_reverse", {"forward": "half"}, 0.7),
    ],
)
def test_figures_leave_out_what_is_missing(name: str, condition: dict[str, str], value: float) -> None:
    assert figure(name, **condition) == pytest.approx(value)


def test_only_the_mean_of_sampled_answers_is_a_headline() -> None:
    greedy = [
        Sample(s.sample_id, s.doc_id, s.mode, {**s.condition, "decoding": "greedy"}, s.cluster, s.scores, s.outcome)
        for s in SAMPLES
    ]
    headlines = [metric for metric in real_metrics([*SAMPLES, *greedy]) if metric.headline]
    assert [(metric.name, metric.condition["direction"]) for metric in headlines] == [
        ("mean", "forward"),
        ("mean", "reverse"),
    ]


def test_figures_do_not_depend_on_the_order_of_samples() -> None:
    assert real_metrics(SAMPLES) == real_metrics(SAMPLES[::-1])


def test_figures_of_the_historical_set_say_that_it_is_a_smoke_test() -> None:
    shown = [
        Sample(s.sample_id, s.doc_id, s.mode, {**s.condition, "rows": "historical"}, s.cluster, s.scores, s.outcome)
        for s in SAMPLES[:4]
    ]
    figures = [metric for metric in real_metrics(shown) if metric.name in ("mean", "gap")]
    assert figures and all(metric.note.startswith("smoke test") for metric in figures)
    assert not [metric for metric in real_metrics(SAMPLES) if metric.note.startswith("smoke test")]


def test_no_forward_success_leaves_the_conditional_undefined() -> None:
    metrics = real_metrics([sample(1, "forward", 0.0), sample(1, "reverse", 0.2)])
    conditional = [metric for metric in metrics if metric.name == "cond_reverse"]
    assert [(metric.value, metric.note) for metric in conditional] == [
        (None, "no pair is right in the forward direction")
    ] * 2


def test_samples_of_other_tracks_are_passed_over() -> None:
    other = Sample("s", "d", "generate", {"group": "both"}, "c", {"mean": 1.0}, "correct")
    assert real_metrics([other]) == []
    assert real_metrics([*SAMPLES, other]) == real_metrics(SAMPLES)
