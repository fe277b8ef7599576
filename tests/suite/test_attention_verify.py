"""Verification of attention mechanisms: what is declared holds, and each fault is caught by the check meant for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suite.attention import Pattern, declared, names
from suite.attention.verify import Verdict, support_matrix, verify, verify_all
from suite.commands.attention import app
from suite.errors import UserError

BROKEN = Path(__file__).with_name("broken_attentions")
DECLARED = sorted((name, pattern) for name, patterns in declared().items() for pattern in patterns)


@pytest.mark.parametrize(("name", "pattern"), DECLARED)
def test_what_is_declared_holds(name: str, pattern: Pattern) -> None:
    verdict = verify(name, pattern)
    assert not verdict.failures
    assert verdict.status == ("control" if name == "none" else "pass")


@pytest.mark.parametrize("name", names())
def test_what_is_not_declared_is_refused(name: str) -> None:
    verdicts = [verify(name, pattern) for pattern in Pattern if pattern not in declared()[name]]
    assert all(verdict.status == "-" for verdict in verdicts)


@pytest.mark.parametrize(
    ("name", "pattern", "check", "finding"),
    [
        ("causal_leak", "CS", "causal", "a change at 90 changes earlier outputs"),
        ("padding_leak", "NS", "padding", "padded keys are not as if cut off"),
        ("ignores_the_past", "CS", "uses the past", "the value at 85 does not reach output 90"),
        ("causal_as_noncausal", "NS", "looks ahead", "output 0 does not depend on key 1"),
        ("unregistered_features", "NC", "stored whole", "the stored weights do not give the same outputs"),
        ("cc_leak", "CC", "all keys, one query after the other", "cutting later queries changes outputs"),
        ("built_for_all", "NS", "refuses what it does not declare", "built for NS"),
        ("raises", "NC", "padding", "NotImplementedError: no padding here"),
        ("wrong_steps", "CS", "steps", "steps differ from the whole pass"),
        ("in_forward", "CS", "core", "forward is not the core between the projections"),
    ],
)
def test_a_broken_mechanism_is_caught(name: str, pattern: str, check: str, finding: str) -> None:
    verdict = verify(name, pattern, BROKEN)
    assert verdict.status == "FAIL"
    assert finding in {failure.name: failure.message for failure in verdict.failures}[check]


def test_a_leak_of_padding_is_the_only_fault_of_a_mechanism_that_has_no_other() -> None:
    assert {failure.name for failure in verify("padding_leak", "NS", BROKEN).failures} == {"padding"}


def test_every_declared_mechanism_of_the_published_table_has_at_least_its_patterns() -> None:
    from suite.attention.published import published_support

    ours = declared()
    for name, patterns in published_support().items():
        assert patterns <= ours[name]


def test_the_matrix_shows_verdicts_beside_the_published_patterns() -> None:
    rows = support_matrix([verify("performer", pattern) for pattern in Pattern])
    shown = {"mechanism": "performer", "NS": "pass", "CS": "pass", "NC": "pass", "CC": "pass"}
    assert rows == [{**shown, "CAB": "NS NC CC", "failed": ""}]


def test_the_matrix_tells_what_failed() -> None:
    (row,) = support_matrix(verify_all(["raises"], BROKEN))
    assert (row["NC"], row["NS"], row["CAB"]) == ("FAIL", "-", "")
    assert row["failed"].startswith("NC padding: NotImplementedError: no padding here; NC gradients")


def test_the_command_prints_json_and_fails_on_a_broken_mechanism() -> None:
    result = CliRunner().invoke(app, ["verify", "none", "raises", "--mechanisms-dir", str(BROKEN), "--json"])
    found = json.loads(result.stdout)
    assert {row["status"] for row in found if row["mechanism"] == "none"} == {"control"}
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "1 of 8 fail: raises NC"


def test_the_command_shows_a_table() -> None:
    result = CliRunner().invoke(app, ["verify", "none"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "mechanism\tNS\tCS\tNC\tCC\tCAB\tnote",
        "none\tcontrol\tcontrol\tcontrol\tcontrol\t\t",
    ]


def test_a_window_across_sequences_is_told() -> None:
    verdict = verify("aligned_local", "CC")
    assert verdict.reach == 16
    assert support_matrix([verdict])[0]["note"] == "CC within a window of 16 keys"


def test_an_unknown_mechanism_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="unknown attention 'perfomer'; did you mean performer"):
        verify_all(["perfomer"])


def test_a_verdict_is_plain_json() -> None:
    verdict = verify("none", "NC")
    assert isinstance(verdict, Verdict)
    assert json.loads(json.dumps(verdict.to_json()))["checks"]["steps"] == {"ok": None, "message": ""}
