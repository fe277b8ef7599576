"""Queries as docs of the evaluation: each with its candidates and with all that its controls show (track nd).

A doc is complete: requests and scores follow from it alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain, zip_longest
from typing import Any

from suite.task import Doc
from tasks.reversal_curse.controls import contexts, derangement, letter_options, random_candidate
from tasks.reversal_curse.records import Dataset, Query, TrainRow

Sentences = dict[str, dict[str, list[TrainRow]]]  # group -> fact id -> training documents


def fact_docs(data: Dataset, fresh: Dataset | None, ctx_k: int) -> Iterator[Doc]:
    """Docs of the queries of `data`, in turn with those of the one-way groups of `fresh`.

    The first wording of all facts comes first and groups and directions alternate, so that the first docs of a run
    with a limit are spread over facts and cells. A fresh doc is the very first: `metrics` takes the absence of fresh
    samples as the sign that this control does not apply to the model.

    Args:
        data: facts, training documents and queries.
        fresh: facts that nothing was trained on, for the control of that name.
        ctx_k: facts in the prompt of that control.
    """
    own = _docs(data, data.test, ctx_k, is_fresh=False)
    asked = [query for query in fresh.test if query.group != "both"] if fresh else []
    new = _docs(fresh, asked, ctx_k, is_fresh=True) if fresh else iter(())
    return (doc for doc in chain.from_iterable(zip_longest(new, own)) if doc is not None)


def _docs(data: Dataset, queries: Iterable[Query], ctx_k: int, is_fresh: bool) -> Iterator[Doc]:
    answers: dict[Hashable, dict[str, str]] = defaultdict(dict)
    for query in data.test:
        answers[_candidates_key(query)][query.fact_id] = query.target
    sentences: Sentences = defaultdict(lambda: defaultdict(list))
    for row in data.train:
        sentences[row.group][row.fact_id].append(row)
    kinds = {fact.fact_id: fact.kind for fact in data.facts}
    for query in _spread(queries):
        candidates = answers[_candidates_key(query)]
        content = _content(query, list(candidates), list(candidates.values())) | {"kind": kinds[query.fact_id]}
        found = contexts(query, sentences[query.group], ctx_k) if query.seen == "reverse" and not is_fresh else None
        content |= {"contexts": asdict(found) if found else None, "fresh": is_fresh}
        prefix = "fresh/" if is_fresh else ""
        yield Doc(prefix + query.item_id, content, cluster=prefix + query.fact_id)


def _candidates_key(query: Query) -> Hashable:
    """Items that share their candidates: the targets of all facts of a pool under one wording, each fact once."""
    return query.pool, query.direction, query.template_id


def _content(query: Query, facts: Sequence[str], candidates: Sequence[str]) -> dict[str, Any]:
    gold, n = facts.index(query.fact_id), len(facts)
    cut = query.group == "both" and query.direction == "d2n"  # the public targets there end in the wording's tail
    return {
        "group": query.group,
        "direction": query.direction,
        "seen": query.seen,
        "template": query.template_id,
        "prompt": query.prompt,
        "neutral_prompt": query.neutral_prompt,
        "target": query.target,
        "target_original": query.target if cut else query.target_original or query.target,
        "aliases": list(query.aliases),
        "candidates": list(candidates),
        "gold": gold,
        "shuffled": derangement(query.pool, n)[gold] if n > 1 else None,
        "random": random_candidate(query.item_id, n, gold),
        "letters": letter_options(query.item_id, n, gold),
    }


def _spread(queries: Iterable[Query]) -> list[Query]:
    """By wording, then fact, then group and direction."""
    wordings: dict[Hashable, dict[str, int]] = defaultdict(dict)
    facts: dict[str, dict[str, int]] = defaultdict(dict)
    places = []
    for query in queries:
        known = wordings[query.group, query.direction]
        wording = known.setdefault(query.template_id, len(known))
        fact = facts[query.group].setdefault(query.fact_id, len(facts[query.group]))
        places.append(((wording, fact, query.group, query.direction), query))
    return [query for _, query in sorted(places, key=lambda place: place[0])]
