"""The leaderboard as a Markdown page: one table a board, families apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from suite.leaderboard.submission import Checked
from suite.report.boards import Board, Place
from suite.report.rendering import number, title_of, words

_HEAD = """# Leaderboard

Made by `unreason leaderboard` from the runs in [runs](runs); do not edit. Each table holds models that answered the
same docs with the same options in the same mode. A rank is given with the first and the last one that the model may
have: one more than the number of models that are significantly better, up to the number that it does not significantly
beat (all pairs at the 5 % level, Holm's correction). Values stand with their 95 % interval.

✓ metrics were computed again from the scores, and answers to docs drawn at random scored again: they agree; ○ metrics
were computed again, the docs are not at hand.
"""

_AVERAGE = """## Over families

In a family a model leaves behind (n − rank) / (n − 1) of its n − 1 rivals, on the family's first table with rivals;
this is the mean of those shares over the {n} families that have such a table, for models that stand in all of them.
It weighs a family of two models like one of twenty, and says nothing of how far apart models are.
"""


def leaderboard_text(
    by_task: Mapping[str, Sequence[Board]],
    checked: Mapping[str, Checked],
    average: Sequence[tuple[str, float, int]] | None,
) -> str:
    """The page.

    Args:
        checked: run id -> what was checked of it.
        average: rows of `suite.report.boards.mean_rank_shares`; None: not asked for.
    """
    parts = [_HEAD]
    for task, own in by_task.items():
        parts.append(f"## {title_of(task)}\n")
        if not own:
            parts.append("No complete run with a metric that this family is ranked by.\n")
        parts += [_board(board, checked) for board in own]
    if average is not None:
        parts.append(_AVERAGE.format(n=average[0][2] if average else 0))
        rows = [[str(at), _cell(model), number(share)] for at, (model, share, _) in enumerate(average, start=1)]
        parts.append(_table(["", "model", "mean share left behind"], rows) if rows else "No model stands in all.\n")
    return "\n".join(parts)


def _board(board: Board, checked: Mapping[str, Checked]) -> str:
    direction = "higher is better" if board.higher_is_better else "lower is better"
    condition = f" ({_cell(words(board.condition))})" if board.condition else ""
    mode = f", {board.mode}" if board.mode else ""
    head = f"### {_cell(board.metric)}{condition}{mode}\n\n"
    head += f"{board.n_docs:,} docs, setting `{board.setting}`, version {_cell(board.version)}; {direction}.\n\n"
    return head + _table(
        ["rank", "from–to", "model", "value", "95 % interval", "n", "checked"],
        [_row(place, checked) for place in board.places],
    )


def _row(place: Place, checked: Mapping[str, Checked]) -> list[str]:
    metric, run = place.metric, place.run
    interval = "" if metric["ci_low"] is None else f"{number(metric['ci_low'])} to {number(metric['ci_high'])}"
    mark = {"answers": "✓", "scores": "○"}[checked[run.run_id].depth] if run.run_id in checked else ""
    return [
        str(place.rank),
        f"{place.rank_low}–{place.rank_high}",
        _cell(str(run.row["model"])),
        number(metric["value"]),
        interval,
        number(metric["n"]),
        mark,
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    """Text of a stranger as text: nothing of it is markup, a link, a cell or a line of its own."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", " ".join(text.split()))[:200]
