"""Scores of one answer: what was read from it, how right it is in both modes, and where the critical clue went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from suite.task import Outcome, Scores, Text
from tasks.only_connect_wall.humans import human_scores
from tasks.only_connect_wall.parsers import is_refusal, read_groups, visible_text
from tasks.only_connect_wall.parsers_paper import paper_groups
from tasks.only_connect_wall.scoring import GroupingScores, grouping_scores
from tasks.only_connect_wall.scoring_fixation import PLACES, fixation, largest_gathering
from tasks.only_connect_wall.scoring_paper import paper_scores
from tasks.only_connect_wall.walls import Wall

STATUSES = ("ok", "partial", "duplicate", "hallucinated", "oversize", "empty", "refusal", "truncated")
_OUTCOMES: Mapping[str, Outcome] = {"empty": "no_answer", "refusal": "refusal", "truncated": "truncated"}
_WITHHELD = ("refusal", "content_filter")
Rows = Sequence[Sequence[str]]


def score_text(wall: Wall, text: Text) -> Scores:
    """Scores of a written grouping; the robust parser feeds the strict scores, the paper's parser the paper's.

    An empty, refused or truncated answer has no groups, hence 0 in all scores but the distances, which are 1.
    """
    visible = visible_text(text.text)
    groups = read_groups(visible, wall.words)
    strict = grouping_scores([group.clues for group in wall.groups], groups, surplus(wall))
    status = _status(text, visible, groups, strict)
    if status in _OUTCOMES:
        groups = []
    return score_groups(wall, groups, paper_rows=paper_groups(visible), status=status)


def score_groups(wall: Wall, groups: Rows, *, paper_rows: Rows | None = None, status: str = "ok") -> Scores:
    """Scores of a grouping.

    Values: correct_groups (0 to 4), solved, clue_acc, misplaced, ari, ami, fms, valid, n_groups, n_missing,
    n_duplicate, n_hallucinated, n_oversize, n_surplus; with ``paper_`` in the official evaluator's mode, paper_wd and
    paper_fails (that evaluator raises); ``status_NAME`` 1 for the status; for walls with a critical clue host_correct,
    lured, and ``to_PLACE`` 1 for where it went; gathering for phantom walls, group1_found and human figures for public
    ones.

    Args:
        paper_rows: as the paper's parser reads the answer; by default the groups themselves.
    """
    gold = [group.clues for group in wall.groups]
    strict = grouping_scores(gold, groups, surplus(wall))
    paper = paper_scores(gold, _padded(groups) if paper_rows is None else paper_rows)
    values: dict[str, float | None] = {
        "correct_groups": strict.correct_groups,
        "solved": strict.solved,
        "clue_acc": strict.clue_acc,
        "misplaced": strict.misplaced,
        "ari": strict.ari,
        "ami": strict.ami,
        "fms": strict.fms,
        "valid": strict.valid,
        "n_groups": len(groups),
        "n_missing": strict.n_missing,
        "n_duplicate": strict.n_duplicate,
        "n_hallucinated": strict.n_hallucinated,
        "n_oversize": strict.n_oversize,
        "n_surplus": strict.n_surplus,
        "paper_correct_groups": paper.correct_groups,
        "paper_solved": paper.solved,
        "paper_wd": paper.wd,
        "paper_ari": paper.ari,
        "paper_ami": paper.ami,
        "paper_fms": paper.fms,
        "paper_fails": paper.official_fails,
        f"status_{status}": 1.0,
    }
    values |= _critical_scores(wall, gold, groups) | _special_scores(wall, gold, groups) | human_scores(wall)
    outcome = _OUTCOMES.get(status, "correct" if strict.solved else "wrong")
    answer = json.dumps([list(row) for row in groups], ensure_ascii=False)
    return Scores({name: _number(value) for name, value in values.items()}, outcome, answer)


def surplus(wall: Wall) -> list[str]:
    """Clues on the wall that belong to no group."""
    wanted = {clue for group in wall.groups for clue in group.clues}
    return [clue for clue in wall.words if clue not in wanted]


def target(wall: Wall, words: Sequence[str]) -> str:
    """The right answer as JSON, with the clues in the order in which they were shown."""
    groups = [{"label": group.label, "clues": group.clues} for group in wall.groups]
    right = {"groups": groups, "words": words}
    if wall.critical and wall.host is not None:
        right |= {"critical": wall.critical, "lure": wall.competitor_clues}
    return json.dumps(right, ensure_ascii=False)


def _status(text: Text, visible: str, groups: Rows, scores: GroupingScores) -> str:
    """One word for an answer; the first that applies of those that leave no answer, then the worst fault."""
    if text.finish in _WITHHELD:
        return "refusal"
    if text.finish == "length" and scores.n_missing:
        return "truncated"
    if not groups:
        return "refusal" if is_refusal(visible) else "empty"
    faults = (
        ("oversize", scores.n_oversize),
        ("hallucinated", scores.n_hallucinated + scores.n_surplus),
        ("duplicate", scores.n_duplicate),
        ("partial", scores.n_missing),
    )
    return next((name for name, count in faults if count), "ok")


def _critical_scores(wall: Wall, gold: Rows, groups: Rows) -> dict[str, float | None]:
    if not wall.critical or wall.host is None:
        return {}
    found = fixation(gold, groups, critical=wall.critical, host=wall.host, competitor=wall.competitor_clues)
    places = {f"to_{place}": float(place == found.place) for place in PLACES}
    return {"host_correct": found.host_correct, "lured": found.lured, **places}


def _special_scores(wall: Wall, gold: Rows, groups: Rows) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    if wall.set == "phantom":
        values["gathering"] = largest_gathering(groups, wall.competitor_clues)
    if wall.set == "public":
        values["group1_found"] = any(sorted(row) == sorted(gold[0]) for row in groups)
    return values


def _padded(groups: Rows) -> list[list[str]]:
    rows = [[*row[:4], *[""] * (4 - len(row))] for row in groups[:4]]
    return rows + [[""] * 4 for _ in range(4 - len(rows))]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
