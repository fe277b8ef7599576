"""The loss curve as an SVG picture, beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def draw_loss(curve: Sequence[tuple[int, float]], path: Path, title: str) -> None:
    """Draws (step, loss in nats) into the SVG file `path`; the same curve gives the same bytes."""
    import altair as alt

    rows = [{"step": step, "loss": loss} for step, loss in curve]
    chart = (
        alt.Chart(alt.Data(values=rows), title=title, width=480, height=240)
        .mark_line(point=len(rows) < 3)
        .encode(
            x=alt.X("step:Q", title="optimiser step", scale=alt.Scale(domainMin=0)),
            y=alt.Y("loss:Q", title="loss, nats a token", scale=alt.Scale(zero=True)),
        )
    )
    chart.save(str(path), format="svg")
