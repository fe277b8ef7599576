"""Scores of the second question: the name of each of the four groups, which are given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from suite.task import Outcome, Scores, Text
from tasks.only_connect_wall.clue_text import bare_connection
from tasks.only_connect_wall.humans import human_scores
from tasks.only_connect_wall.parsers import is_refusal, read_connections, visible_text
from tasks.only_connect_wall.parsers_paper import paper_connections
from tasks.only_connect_wall.similarity import Similarity, similarity
from tasks.only_connect_wall.walls import Group, Wall


def score_connections(wall: Wall, text: Text, measures: Sequence[Similarity] = (), model: str = "") -> Scores:
    """Means over the four groups; a name that is missing counts 0.

    Values: em (equal but for case and outer spaces), rouge1 (F1), alias_match (equal to the label or one of its
    aliases, without articles and punctuation), n_missing; paper_em and paper_rouge1 as the paper's parser reads it;
    whichever of `measures` were asked for (an unscored bertscore may lie below 0).
    """
    visible = visible_text(text.text)
    withheld = text.finish in ("refusal", "content_filter")
    names = [""] * 4 if withheld else read_connections(visible, [group.clues for group in wall.groups])
    labels = [group.label for group in wall.groups]
    paper = paper_connections(visible)
    values: dict[str, float | None] = {
        "em": _mean([exact(name, label) for name, label in zip(names, labels, strict=True)]),
        "rouge1": _mean([rouge1(name, label) for name, label in zip(names, labels, strict=True)]),
        "alias_match": _mean([alias_match(name, group) for name, group in zip(names, wall.groups, strict=True)]),
        "n_missing": float(sum(not name for name in names)),
        "paper_em": _mean([exact(name, label) for name, label in zip(paper, labels, strict=True)]),
        "paper_rouge1": _mean([rouge1(name, label) for name, label in zip(paper, labels, strict=True)]),
    }
    for measure in measures:
        values[measure] = _mean(similarity(measure, names, labels, model))
    values |= human_scores(wall)
    answer = json.dumps(names, ensure_ascii=False)
    return Scores(values, _outcome(names, values, text, visible, withheld), answer)


def exact(name: str, label: str) -> float:
    """Equality but for case and outer spaces."""
    return float(name.lower().strip() == label.lower().strip())


def rouge1(name: str, label: str) -> float:
    """ROUGE-1 F1 without stemming; letters outside ASCII are no words to it (so π and π share nothing)."""
    found: float = _rouge().score(label.lower().strip(), name.lower().strip())["rouge1"].fmeasure
    return found


def alias_match(name: str, group: Group) -> float:
    """Whether the name is the label or an alias, without articles and punctuation; a blank keeps its place."""
    bare = bare_connection(name)
    return float(bool(bare) and bare in {bare_connection(known) for known in (group.label, *group.aliases)})


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1"], use_stemmer=False)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _outcome(
    names: Sequence[str], values: dict[str, float | None], text: Text, visible: str, withheld: bool
) -> Outcome:
    if withheld or (not any(names) and is_refusal(visible)):
        return "refusal"
    if text.finish == "length" and not all(names):
        return "truncated"
    if not any(names):
        return "no_answer"
    return "correct" if values["em"] == 1 or values["alias_match"] == 1 else "wrong"
