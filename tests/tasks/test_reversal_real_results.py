"""Published result files give the published figures through our own scorer, to the printed digit."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from suite.errors import UserError
from tasks.reversal_curse.names_match import is_right_by_original_rule
from tasks.reversal_curse.real_results import score_result_csv


@pytest.fixture
def results(public_data: Path) -> Path:
    return public_data / "reversal_curse" / "celebrity_relations"


FIGURES = [
    ("gpt-3.5-turbo", "forward mean", "34.84", 1513),
    ("gpt-3.5-turbo", "reverse mean", "11.91", 1513),
    ("gpt-3.5-turbo", "forward any", "53.14", 1513),
    ("gpt-3.5-turbo", "reverse any", "17.65", 1513),
    ("gpt-3.5-turbo", "forward majority", "33.91", 1513),
    ("gpt-3.5-turbo", "reverse majority", "11.50", 1513),
    ("gpt-3.5-turbo", "cond_reverse half", "21.87", 563),
    ("davinci", "forward prob", "9.86", 1513),
    ("davinci", "reverse prob", "4.45", 1513),
    ("llama-7b", "forward prob", "8.04", 1513),
    ("llama-7b", "reverse prob", "0.87", 1513),
    ("llama-30b", "forward prob", "7.76", 1513),
    ("llama-30b", "reverse prob", "0.26", 1513),
    ("llama-65b", "forward prob", "8.10", 1513),
    ("llama-65b", "reverse prob", "1.68", 1513),
]


@pytest.mark.parametrize(("model", "figure", "printed", "n"), FIGURES, ids=[f"5 {f[0]} {f[1]}" for f in FIGURES])
def test_published_figures_to_the_printed_digit(results: Path, model: str, figure: str, printed: str, n: int) -> None:
    metric = score_result_csv(results / f"{model}_reversal_test_results.csv")[figure]
    assert f"{100 * metric.value:.2f}" == printed
    assert metric.n == n
    assert metric.ci_low < metric.value < metric.ci_high


def test_gpt_4_reverse_figure_from_its_verdicts(results: Path) -> None:
    figures = score_result_csv(results / "parent_child_pairs.csv")
    assert list(figures) == ["reverse any_original"]
    assert f"{100 * figures['reverse any_original'].value:.2f}" == "32.72"


def test_our_version_of_the_original_rule_gives_every_verdict_of_the_file(results: Path) -> None:
    with (results / "parent_child_pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ours = [is_right_by_original_rule([row["child_prediction"]], row["child"]) for row in rows]
    assert ours == [row["can_reverse"] == "True" for row in rows]
    never = [row["child"] for row in rows if not is_right_by_original_rule([row["child"]], row["child"])]
    assert len(never) == 10  # 8 rows with one-word children, 2 with a lower-case particle


def test_the_majority_condition_is_stricter_than_half(results: Path) -> None:
    figures = score_result_csv(results / "gpt-3.5-turbo_reversal_test_results.csv")
    assert figures["cond_reverse majority"].n == 513 < figures["cond_reverse half"].n


@pytest.mark.parametrize(
    ("columns", "values", "message"),
    [
        ("m_can_find_parent,m_can_find_child", "0.5,1.5", "row 1: m_can_find_child is '1.5'; expected a share"),
        ("m_can_find_parent,m_can_find_child", ",0.1", "row 1: m_can_find_parent is ''; expected a share"),
        ("m_can_find_parent,m_can_find_child", "nan,0.1", "row 1: m_can_find_parent is 'nan'"),
        ("m_parent_logprob,m_child_logprob", "-1,-inf", "row 1: m_child_logprob is '-inf'; expected a log-probability"),
        ("m_parent_logprob,m_child_logprob", "0.1,-1", "row 1: m_parent_logprob is '0.1'"),
        ("m_parent_logprob,other", "-1,-1", "no results in it; expected columns"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(tmp_path: Path, columns: str, values: str, message: str) -> None:
    file = tmp_path / "results.csv"
    file.write_text(f"child,parent,parent_type,{columns}\nA B,C D,mother,{values}\n")
    with pytest.raises(UserError, match=message):
        score_result_csv(file)
