"""The language-model judge against a real OpenAI-compatible server on loopback, with a real small model.

SmolLM2-135M is far too small to judge; what counts is that every step works, and that its figures are printed as they
are. The sentences and hand labels are of those that the rule judge is measured on.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from judge_toys import TASKS, finished_run, free_vectors

from suite.judges.kinds.llm import load
from suite.judges.quality import quality
from suite.judges.record import Label, Unit
from suite.judges.run import judge_run
from suite.progress import Silent
from suite.store import Store

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "serve_smollm2.py"
LEVELS = {"json_schema", "json_object", "plain", "extracted"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    from suite.pretrained import gguf

    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", "0", "--gguf", str(gguf("smollm2-135m"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def grouped(units: list[Unit]) -> list[list[Unit]]:
    """Sentences about the same item as one response, at most four in each."""
    by_context: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        by_context[unit.context].append(unit)
    return [
        [Unit(f"g{number}", place, *rest) for place, rest in enumerate(parts, start=1)]
        for number, parts in enumerate(
            [(one.text, one.context, one.evidence, one.item) for one in found[start : start + 4]]
            for found in by_context.values()
            for start in range(0, len(found), 4)
        )
    ]


@pytest.mark.timeout(900)
def test_a_small_models_agreement_with_hand_labels_is_measured(
    base_url: str, public_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units, truth = free_vectors(public_data / "hilt_hvi")
    true_of = {(unit.text, unit.context): label.verdict for unit, label in zip(units, truth, strict=True)}
    groups = grouped(units)[:5]  # all 40 sentences take several minutes on two cores, and say the same
    judge = load("smollm2-135m", base_url=base_url, concurrency=2, timeout_s=300)
    said = [label for labels in judge.label(groups) for label in labels]
    assert len(said) == sum(map(len, groups)) == 18
    hand = [
        Label(unit.sample_id, unit.number, "hand", "1", true_of[unit.text, unit.context])
        for group in groups
        for unit in group
    ]
    found = quality(said, hand)
    kappa = "not defined" if found.agreement.value is None else f"{found.agreement.value:.3f}"
    with capsys.disabled():
        print(
            f"\nllm/smollm2-135m on {len(said)} sentences: {found.n} resolved, kappa {kappa}, "
            f"sensitivity {found.sensitivity.value}, specificity {found.specificity.value}, "
            f"JSON by {sorted({flag for label in said for flag in label.flags})}"
        )
    assert found.agreement.value is None or found.agreement.value < 0.6  # else somebody mixed up the labels
    assert {flag for label in said for flag in label.flags} <= LEVELS


@pytest.mark.timeout(900)
def test_a_stored_run_is_judged_over_the_wire(base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.judges.canaries.LEAST", 5)  # one response
    run_id = finished_run(tmp_path, n=2)
    options = {"base_url": base_url, "concurrency": 2, "timeout_s": 300}
    result = judge_run(
        run_id, "llm/smollm2-135m", options=options, results=tmp_path, tasks_dir=TASKS, reporter=Silent()
    )
    labels = Store(tmp_path).labels(run_id, "llm/smollm2-135m")
    assert len(labels) == result.n_units == 4
    assert sum(result.verdicts.values()) == 4
    assert {metric.condition["judge"] for metric in result.metrics} == {"llm/smollm2-135m"}
