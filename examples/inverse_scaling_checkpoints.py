"""Inverse scaling along training: three from-scratch models of one recipe, stopped after more and more steps, asked the
public NeQA and Memo Trap files, and judged by `unreason trend`.

    python examples/inverse_scaling_checkpoints.py FOLDER [OUT]

FOLDER holds neqa_classification.jsonl and memo-trap_classification.jsonl of the Inverse Scaling Prize. The models are
tiny and learn nothing but generated questions of the two kinds, with the answers of their controls; what comes
out is a curve and a verdict, no statement about language models. A few CPU minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import suite
from suite.task import TrainingDoc
from suite.trend.engine import trend
from tasks.inverse_scaling.generators import generate
from tasks.inverse_scaling.generators.drawing import Wording

STEPS = (10, 60, 360)
SUBTASKS = ("neqa", "memo-trap")
TOGETHER = 5


def training_docs(n: int = 400) -> Iterator[TrainingDoc]:
    """Generated questions without a trap, with their right answers; several a text, so that long questions fit too."""
    for subtask in SUBTASKS:
        rows = [pair.rows["control"] for pair in generate(subtask, n, 1, Wording())]
        for at in range(0, n, TOGETHER):
            text = "\n\n".join(row.prompt + row.gold for row in rows[at : at + TOGETHER])
            yield TrainingDoc(f"{subtask}/{at}", f"{subtask}/{at}", text, text, "")


def main() -> None:
    """Trains, asks, judges, reports."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "checkpoints")
    docs = list(training_docs())
    for steps in STEPS:
        folder = out / f"steps-{steps}"
        suite.train(docs, output=folder, scratch="tiny-llama", steps=steps, batch_size=16)
        options = {"subtask": list(SUBTASKS), "source": str(data)}
        result = suite.run(
            "inverse_scaling", f"hf/{folder}", options=options, modes=["loglikelihood"], results=out / "results"
        )
        print(result.summary())
    for metric in ("acc", "loss"):
        found = trend("inverse_scaling", f"hf/{out}/steps-*", "train_steps", metric=metric, results=out / "results")
        for curve in found.curves:
            values = " -> ".join(f"{point.value:.3f}" for point in curve.points)
            print(curve.condition["subtask"], metric, values, curve.verdict.shape, curve.note)
    print("report:", suite.build_report(out / "results"))


if __name__ == "__main__":
    main()
