"""What set reasoning's small models must show, at full size: two sets mastered and three not; facts in one order.

Each training takes half a minute to two minutes of one core.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from set_models import trained

from suite.progress import Silent
from suite.runner import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def _asked(folder: Path, **options: Any) -> Any:
    return run("set_reasoning", f"set_reasoning/{folder}", options=options, results=folder.parent, reporter=Silent())


@pytest.mark.parametrize("mask", ["encoder", "decoder", "prefix"], ids=lambda mask: f"6.3 {mask}")
def test_two_sets_are_mastered_and_three_are_not(mask: str, tmp_path: Path) -> None:
    record = trained(tmp_path / mask, masks=mask, train="T2D")
    assert record["status"] == "converged"
    found = _asked(tmp_path / mask, data="set_ops_tokens", per_cell=300)
    assert min(found.metric("em", form=form).value for form in ("i2", "u2")) >= 0.98
    assert sum(found.metric("em", form=form).value for form in ("ui", "iu", "i3")) / 3 <= 0.5
    # which mask is better is not asserted: seeds differ more than masks do


@pytest.mark.parametrize("share", ["0", "1/3"], ids=lambda share: f"6.4 {share}")
def test_a_decoder_does_not_reverse_and_an_encoder_fills_blanks_in_the_order_told(share: str, tmp_path: Path) -> None:
    for mask in ("encoder", "decoder"):
        trained(tmp_path / mask, data="mask_reversal", masks=mask, both_fraction=share)
    asked = {"data": "mask_reversal", "both_fraction": share}
    decoder, encoder = _asked(tmp_path / "decoder", **asked), _asked(tmp_path / "encoder", **asked)
    assert decoder.metric("accuracy_by_order", order="trained_order").value >= 0.95
    assert decoder.metric("accuracy_by_order", order="reversed_order").value <= 0.05
    assert encoder.metric("accuracy_by_order", order="same_order_fill").value >= 0.95
    reverse = encoder.metric("accuracy_by_order", order="reversed_order").value
    assert reverse >= 0.4 if share == "1/3" else reverse <= 0.1
