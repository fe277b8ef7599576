"""Everything that the command line does can be done from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import suite


@pytest.mark.parametrize("name", suite.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(suite, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = suite.nonsense


def test_a_run_from_python_turns_into_frames(tmp_path: Path) -> None:
    result = suite.run(
        "reversal_curse",
        "scripted/prompt_blind",
        options={"data": "generated", "facts": 3, "test_templates": 1, "controls": "none"},
        results=tmp_path,
    )
    metrics = result.to_pandas()
    assert result.to_polars().shape == metrics.shape
    em = result.metric("em", group="n2d_only", direction="d2n", control="none")
    assert em.value == 0
    assert len(result.samples()) == result.n_samples
    rows = suite.compare_runs(result.run_id, result.run_id, results=tmp_path)
    assert {row["difference"] for row in rows} == {0.0}
