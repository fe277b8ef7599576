"""Public data sets as items: ARC, MMLU, CommonsenseQA, RewardBench, Lost in the Middle; the form is told by the keys.

Multiple choice whose options lean on their order (they refer to each other, or are sorted numbers) or are not distinct
is left out and counted. From the oracle file of Lost in the Middle comes our own variant `docqa_nq_random`: its
distractors are gold passages of other questions that hold none of the answers, which is easier than retrieved ones.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from suite.errors import UserError
from tasks.position_bias.docqa_synth import search_item
from tasks.position_bias.items import Item
from tasks.position_bias.judge_synth import in_drawn_order, pair_item
from tasks.position_bias.kv_synth import retrieval_item
from tasks.position_bias.mcq_synth import LETTERS, choice_item
from tasks.position_bias.parsing import normalised
from tasks.position_bias.public_files import Row, rows

RANDOM_K = 20  # documents of docqa_nq_random, if not asked for more
_FORMS = (
    ({"family", "segments"}, "own"),
    ({"ordered_kv_records", "key", "value"}, "kv"),
    ({"question", "answers", "ctxs"}, "docqa"),
    ({"prompt", "chosen", "rejected"}, "judge"),
    ({"question", "choices", "answer"}, "mmlu"),
    ({"question", "answerKey"}, "arc"),
)
_REFERS = re.compile(
    r"\b(?:all|none|both|neither|either|any|two|some) of (?:these|those|them)\W*$"
    r"|\bof the (?:above|below|others?|options|answers|choices)\b"
    r"|\b(?:above|below) (?:options?|answers?|choices?|statements?)\b",
    re.IGNORECASE,
)
_REFERS_TO_LETTERS = re.compile(r"(?<!\w)[A-E](?:,| and| or| &) (?:and |or )?[A-E](?!\w)|^\W*both\W*$")


def public_items(source: str, k: int = 0) -> Iterator[tuple[str, Item]]:
    """The items of a file or hub id, each with its place for messages.

    Args:
        k: documents of an item of `docqa_nq_random`, at least 20.

    Raises:
        UserError: the source cannot be read, or has none of the known forms.
    """
    found = rows(source)
    first = next(found, None)
    if first is None:
        raise UserError(f"data {source}: no rows")
    form = _form(first[1], first[0])
    every = chain([first], found)
    name = Path(source).name.split(".")[0]
    if form == "docqa" and len(first[1]["ctxs"]) == 1:
        yield from _random_documents(list(every), max(k, RANDOM_K))
        return
    left_out = 0
    for number, (where, row) in enumerate(every, 1):
        try:
            item = _item(form, row, name, number, where)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{where}: not a row like the first of {source} ({error!r})") from None
        if item is None:
            left_out += 1
        else:
            yield where, item
    if left_out:
        warnings.warn(
            f"{source}: left out {left_out} of {number} questions, whose options refer to each other, are sorted "
            "numbers, or are not distinct: moving them would change what they mean",
            stacklevel=2,
        )


def leans_on_order(options: Sequence[str]) -> bool:
    """Whether options must not be moved: one refers to others, they are sorted numbers, or two are the same."""
    if any(_REFERS.search(text) or _REFERS_TO_LETTERS.search(text) for text in options):
        return True
    if len({" ".join(text.split()) for text in options}) < len(options):
        return True
    numbers = [_number(text) for text in options]
    if len(options) < 3 or any(number is None for number in numbers):
        return False
    plain = [number for number in numbers if number is not None]
    return plain in (sorted(plain), sorted(plain, reverse=True))


def _form(row: Row, where: str) -> str:
    for keys, form in _FORMS:
        if keys <= set(row):
            return form
    raise UserError(
        f"{where}: keys {', '.join(sorted(row))} are of none of the known forms (ARC, MMLU, CommonsenseQA, "
        "RewardBench, Lost in the Middle, our own rows)"
    )


def _item(form: str, row: Row, name: str, number: int, where: str) -> Item | None:
    match form:
        case "own":
            from tasks.position_bias.files import read_item

            return read_item(row, where)
        case "kv":
            pairs = [(str(key), str(value)) for key, value in row["ordered_kv_records"]]
            return retrieval_item(f"{name}-{number}", f"{len(pairs)}_keys", 0, pairs, row["key"], "lost_in_the_middle")
        case "docqa":
            documents = [(one["title"], one["text"]) for one in row["ctxs"]]
            gold = [place for place, one in enumerate(row["ctxs"]) if one["isgold"]]
            if len(gold) != 1:
                raise UserError(f"{where}: {len(gold)} gold documents; expected one")
            id, subset = f"{name}-{number}", f"{len(documents)}_documents"
            answers = row["answers"]
            return search_item(id, subset, 0, row["question"], documents, gold[0], answers, "lost_in_the_middle")
        case "judge":
            id = f"rewardbench-{row.get('id', number)}"
            shown, better = in_drawn_order(id, row["chosen"], row["rejected"])
            return pair_item(id, row.get("subset", "all"), 0, row["prompt"], shown, better, "rewardbench")
        case "mmlu":
            return _choice(f"mmlu-{number}", row["subject"], row["question"], row["choices"], row["answer"], "mmlu")
        case _:
            return _arc(row, name)


def _arc(row: Row, name: str) -> Item | None:
    """ARC's own files nest the question; those of the hub, and CommonsenseQA, do not."""
    question = row["question"]
    if isinstance(question, dict):
        labels = [one["label"] for one in question["choices"]]
        options = [one["text"] for one in question["choices"]]
        question = question["stem"]
    else:
        labels, options = row["choices"]["label"], row["choices"]["text"]
    gold = labels.index(row["answerKey"]) if row["answerKey"] in labels else -1
    source = "commonsense_qa" if "question_concept" in row else "arc"
    return _choice(row["id"], name.lower(), question, options, gold, source)


def _choice(id: str, subset: str, question: str, options: Sequence[str], gold: int, source: str) -> Item | None:
    if len(options) > len(LETTERS):
        raise UserError(f"item {id!r}: {len(options)} options, but {len(LETTERS)} letters")
    if leans_on_order(options):
        return None
    return choice_item(id, subset, 0, question, options, gold, source)


def _random_documents(found: Sequence[tuple[str, Row]], k: int) -> Iterator[tuple[str, Item]]:
    """The gold passage first, then k - 1 passages of other questions, drawn by the question's number."""
    passages = [(one["title"], one["text"]) for _, row in found for one in row["ctxs"][:1]]
    texts = [normalised(f"{title} {text}") for title, text in passages]
    n = len(set(texts))
    if n < k:
        raise UserError(f"{n} different passages; {k} documents cannot be made of them, give a larger file")
    for number, (where, row) in enumerate(found):
        answers = [normalised(answer) for answer in row["answers"]]
        rng = random.Random(f"docqa_nq_random/{number}")  # noqa: S311
        chosen = {texts[number]: passages[number]}
        for other in _drawn(rng, len(passages)):
            if not any(answer and answer in texts[other] for answer in answers):
                chosen.setdefault(texts[other], passages[other])
            if len(chosen) == k:
                break
        id = f"nq-random-{number + 1}"
        documents, subset = list(chosen.values()), f"{k}_documents"
        yield where, search_item(id, subset, 0, row["question"], documents, 0, row["answers"], "docqa_nq_random")


def _drawn(rng: random.Random, n: int) -> Iterator[int]:
    """Numbers under `n` in random order, each once; drawn as they are needed."""
    seen: set[int] = set()
    while len(seen) < n:
        number = rng.randrange(n)
        if number not in seen:
            seen.add(number)
            yield number


def _number(text: Any) -> float | None:
    try:
        return float(str(text).replace(",", "").strip().rstrip("%"))
    except ValueError:
        return None
