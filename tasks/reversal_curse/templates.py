"""Sentence templates, and the rules that keep a held-out wording answerable: see `broken_rules`.

A template names the given item, then the asked one: ``The old records list {N} as {D}.`` (name given, description
asked), ``{D} is {N}.``, or, for relations, ``The {R} of {X} is {Y}.``. Two sets stand in ``templates.json``:
`natural` (English casing, for pretrained models) and `demo` (lower case, tokens between spaces, for word-level ones).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

Style = Literal["natural", "demo"]
TemplateKind = Literal["n2d", "d2n", "relation", "binding"]
SLOTS: dict[str, tuple[str, str]] = {
    "n2d": ("{N}", "{D}"),
    "d2n": ("{D}", "{N}"),
    "relation": ("{X}", "{Y}"),
    "binding": ("{X}", "{Y}"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One wording. `form` is the surface form of the description in it (np, ger, cl), or `name` for relations."""

    template_id: str
    kind: TemplateKind
    text: str
    form: str

    @property
    def given(self) -> str:
        """The slot of the item that a query gives."""
        return SLOTS[self.kind][0]

    @property
    def asked(self) -> str:
        """The slot of the item that a query asks for."""
        return SLOTS[self.kind][1]

    @property
    def frame(self) -> str:
        """The text before the asked slot: what a query shows."""
        return self.text.partition(self.asked)[0].rstrip(" ")

    @property
    def tail(self) -> str:
        """The text after the asked slot: a full stop, by rule (a)."""
        return self.text.partition(self.asked)[2]

    @property
    def cue(self) -> str:
        """The word just before the asked slot, which a model takes as the sign for the answer."""
        return _words(self.text)[_words(self.text).index(self.asked) - 1].casefold()

    @property
    def is_question(self) -> bool:
        """Whether the template is a question with its answer."""
        return "?" in self.text

    def prompt(self, given: str, label: str = "") -> str:
        """The query that gives `given`; `label` is the relation. Natural sentences begin with a capital."""
        text = self.frame.replace("{R}", label).replace(self.given, given)
        return text if self.tail.startswith(" ") else text[0].upper() + text[1:]


def templates(style: Style, kind: TemplateKind, split: Literal["train", "test"]) -> tuple[Template, ...]:
    """The whole bundled set of a style and kind."""
    rows = _bundled()[style][kind][split]
    return tuple(
        Template(f"{kind}-{split}-{number:02}", kind, row["text"], row["form"]) for number, row in enumerate(rows, 1)
    )


def select(style: Style, kind: TemplateKind, n_train: int, n_test: int) -> tuple[list[Template], list[Template]]:
    """The first `n_train` templates, and the first `n_test` held-out ones that obey the rules beside them.

    Raises:
        ValueError: there are not so many; states the capacity.
    """
    train, held_out = templates(style, kind, "train"), templates(style, kind, "test")
    if not 1 <= n_train <= len(train):
        raise ValueError(f"{n_train} train templates asked for; the {style} {kind} set has 1 to {len(train)}")
    chosen = list(train[:n_train])
    allowed = [template for template in held_out if not broken_rules(chosen, [template])]
    if not 1 <= n_test <= len(allowed):
        raise ValueError(
            f"{n_test} held-out templates asked for; beside {n_train} train templates "
            f"the {style} {kind} set has 1 to {len(allowed)} that obey the rules"
        )
    return chosen, allowed[:n_test]


def broken_rules(train: Sequence[Template], held_out: Sequence[Template]) -> list[str]:
    """What is wrong with templates of one kind, one line each: rules (a) to (d)."""
    faults = [f"(a) {each.text}: the asked item is not last" for each in (*train, *held_out) if not _asks_last(each)]
    if faults:
        return faults
    trained = {each.text.casefold() for each in train}
    for each in held_out:
        faults += [f"(b) {each.text}: {word!r} is in no train template" for word in sorted(_new_words(each, train))]
        faults += [f"(c) {each.text}: {fault}" for fault in _cue_faults(each, train)]
        faults += [f"(d) {each.text}: is a train template"] * (each.text.casefold() in trained)
    return faults


def template_words() -> frozenset[str]:
    """Every word of every bundled template, in lower case."""
    return frozenset(
        word.casefold()
        for kinds in _bundled().values()
        for splits in kinds.values()
        for rows in splits.values()
        for row in rows
        for word in _words(row["text"])
        if not word.startswith("{")
    )


def _asks_last(template: Template) -> bool:
    slots = [word for word in _words(template.text) if word in SLOTS[template.kind]]
    return slots == list(SLOTS[template.kind]) and template.tail in (".", " .")


def _new_words(template: Template, train: Sequence[Template]) -> set[str]:
    return set(_words(template.text)).difference(*(_words(other.text) for other in train))


def _cue_faults(template: Template, train: Sequence[Template]) -> list[str]:
    """Rule (c): what speaks against the cue of `template`.

    A first set that broke this rule lost 25 to 50 points of same-direction exact match: "was" was continued with
    the "once" of another template.
    """
    leads, faults = 0, []
    for other in train:
        words = _words(other.text)
        for word, following in pairwise(words):
            if word.casefold() != template.cue:
                continue
            # for descriptions the form must fit too: "for" before a gerund says nothing about "for" before a clause
            if following == template.asked and (template.kind != "n2d" or other.form == template.form):
                leads += 1
            elif not (other.is_question and template.kind != "n2d"):
                faults.append(f"{template.cue!r} is followed by {following!r} in {other.text!r}")
    if leads < 2:
        faults.append(f"{template.cue!r} leads to the slot in {leads} train templates; 2 are needed")
    return faults


def _words(text: str) -> list[str]:
    """Words and slots, without punctuation."""
    return re.findall(r"\{[A-Z]\}|\w+", text)


@cache
def _bundled() -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    content: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = json.loads(
        (Path(__file__).parent / "templates.json").read_text("utf-8")
    )
    assert set(content) == set(get_args(Style))
    return content
