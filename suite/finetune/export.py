"""Training data for fine-tuning services: the same documents in the layouts that such services take.

The layout changes the result (which tokens carry loss, which role speaks), so each file says in its name what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suite.jsonl import write_jsonl
from suite.task import TrainingDoc


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, and the number of documents in each."""

    prompt_completion: Path
    whole_text: Path
    plain: Path
    documents: int


def export_training(documents: Iterable[TrainingDoc], folder: Path) -> Exported:
    """Writes the training documents three times .

    - ``train.chat-prompt-completion.jsonl``: `messages` with the prompt as user and the completion as assistant turn;
      documents without a prompt are one assistant turn.
    - ``train.chat-whole-text.jsonl``: `messages` with the whole text as one assistant turn.
    - ``train.plain.jsonl``: `text`, for services that take plain documents.

    Args:
        documents: the `training_docs` of a task.
        folder: made if it does not exist; files of an earlier export are replaced.

    Raises:
        UserError: the folder cannot be written.
    """
    rows = list(documents)
    out = Exported(
        folder / "train.chat-prompt-completion.jsonl",
        folder / "train.chat-whole-text.jsonl",
        folder / "train.plain.jsonl",
        len(rows),
    )
    write_jsonl(out.prompt_completion, (_chat(row.prompt, row.completion) for row in rows))
    write_jsonl(out.whole_text, (_chat("", row.text) for row in rows))
    write_jsonl(out.plain, ({"text": row.text} for row in rows))
    return out


def _chat(prompt: str, answer: str) -> dict[str, list[dict[str, str]]]:
    user = [{"role": "user", "content": prompt.rstrip()}] if prompt else []
    return {"messages": [*user, {"role": "assistant", "content": answer.strip()}]}
