"""The commands judge, agreement and annotate, from a finished run to corrected figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer.main
from judge_toys import TASKS, fill, finished_run, truth
from typer.testing import CliRunner

from suite.commands.judge import app
from suite.errors import UserError


def unreason(*words: str) -> str:
    """Standard output; an error of the program is raised as it is."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    finished_run(tmp_path)
    return ["--results", str(tmp_path)]


def test_from_a_run_to_corrected_figures(tmp_path: Path, place: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.judges.agreement.RESAMPLES", 50)
    tasks = [*place, "--tasks-dir", str(TASKS)]
    sheet, page = tmp_path / "sheet.csv", tmp_path / "sheet.html"
    assert "12 units" in unreason("judge", "latest", "--judge", "rules_free", *tasks)
    assert "12 units in 12 rows" in unreason("annotate", "export", "latest", "--out", str(sheet), *tasks)
    assert str(page) in unreason("annotate", "page", str(sheet), *place)
    assert page.read_text().startswith("<!doctype html>")
    assert "12 rows blank" in unreason("annotate", "import", str(sheet), *tasks)
    fill(sheet, lambda row: truth(row) if row["unit_text"].startswith("The") else {})
    assert "human/a1 6; 6 units joined, 6 rows blank" in unreason("annotate", "import", str(sheet), *tasks)
    text = unreason("agreement", "latest", *place)
    assert "rules_free\thuman\t1.000" in text
    assert "share hallucinated, PPI++" in text
    value = json.loads(unreason("agreement", "latest", "--json", *place))
    assert value["judges"][0]["binary"] == {"tp": 3, "fn": 0, "fp": 0, "tn": 3}


def test_results_come_as_json_too(place: list[str], tmp_path: Path) -> None:
    tasks = [*place, "--tasks-dir", str(TASKS)]
    value = json.loads(unreason("judge", "latest", "-j", "rules_free", "--json", *tasks))
    assert value["verdicts"] == {"hallucinated": 3, "supported": 9}
    sheet = str(tmp_path / "s.jsonl")
    assert json.loads(unreason("annotate", "export", "latest", "-o", sheet, "--json", *tasks))["units"] == 12
    assert json.loads(unreason("annotate", "import", sheet, "--json", *tasks))["blank"] == 12


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["judge", "latest", "-j", "rule_free"], "did you mean rules_free"),
        (["judge", "nope", "-j", "rules_free"], "unknown run 'nope'"),
        (["judge", "latest", "-j", "llm/x", "-J", "votes=2"], "odd number"),
        (["judge", "latest", "-j", "nli"], "write nli/FOLDER"),
        (["judge", "latest", "-j", "llm/x", "-J", "vote=3"], "did you mean votes"),
        (["annotate", "export", "latest", "--wording", "occurence"], "did you mean occurrence"),
    ],
)
def test_wrong_input_is_one_clear_line(place: list[str], words: list[str], match: str) -> None:
    with pytest.raises(UserError, match=match):
        unreason(*words, *place, "--tasks-dir", str(TASKS))


def test_every_help_has_examples() -> None:
    def leaves(command: Any) -> Any:
        for one in getattr(command, "commands", {}).values():
            yield from leaves(one) if hasattr(one, "commands") else [one]

    for command in leaves(typer.main.get_command(app)):
        assert "Examples:" in command.help, command.name
