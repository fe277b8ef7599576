"""What a model is asked: the wording of the published runs, credited, and ours.

`paper` quotes Alavi Naeini et al. 2023 (arXiv 2306.11167) word for word, since the wording decides comparability; its
quirks are kept: without examples it still speaks of them, and the examples show connections that it forbids to guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from suite.task import Chat, Prompt
from tasks.only_connect_wall.walls import Wall

Style = Literal["paper", "clean"]
Question = Literal["grouping", "connections"]

_PAPER_GROUPING = (
    "You are currently competing in Round 3: Connecting Wall on the quiz show Only Connect. Your task: given 16 "
    '"clues" (words or phrases), solve the wall by grouping the clues into four groups of four. You will be given the '
    "clues as a list. You are also given examples of solved walls, which include the connections. Provide your answer "
    "as a list of four groups of four clues; separate groups by newlines and clues by commas. Do not try to guess the "
    "connection; only use the clues given and don't make up your own.\n\n"
    "Be careful! Connecting Wall is deliberately difficult. The puzzles are designed to include red herrings and to "
    "suggest more connections than actually exist. Some clues appear to fit into more than one category. Still, there "
    "is only one perfect solution for each wall."
)
_PAPER_CONNECTIONS = (
    "You are currently competing in Round 3: Connecting Wall on the quiz show Only Connect. Your task: given 4 groups "
    'of 4 "clues" (words or phrases), determine the connection for each group. You will be given the groups as four '
    "lists of four. You are also given examples of solved walls, which include the connections. Provide your answer "
    'by repeating the four groups and adding it after "Connection:"\n\n'
    "Note: Connections might be thematic, linguistic, factual, mathematical and rely on both arcane subject areas and "
    "popular culture."
)
_CLEAN_GROUPING = (
    "Sort the {clues} (words or phrases) of a puzzle into four groups of four. The clues of a group have something in "
    "common, and {use}.{examples}\n\n"
    "Answer with exactly four lines and nothing else. Each line is one group: four clues, copied exactly as given and "
    'separated by " | ".'
)
_CLEAN_CONNECTIONS = (
    "Below are four groups of four clues (words or phrases). Say for each group what connects its clues.{examples}\n\n"
    'Answer with exactly four lines and nothing else. Each line repeats one group, its clues separated by " | ", '
    'and then says "Connection:" and the connection in a few words.'
)
_CLEAN_EXAMPLES = " Solved examples come first."
_ALL_USED = {"clues": "16 clues", "use": "every clue is used exactly once"}
_SOME_USED = {"clues": "clues", "use": "clues that belong to no group, if there are any, are left out"}
_CLEAN_WARNING = (
    "\n\nTake care: the puzzle is made to mislead. Some clues seem to fit more than one group, and more connections "
    "are suggested than there are groups, but only one solution works for all of them."
)


def grouping_prompt(
    words: Sequence[str],
    examples: Sequence[Wall],
    style: Style,
    *,
    warn: bool = False,
    surplus: bool = False,
    as_chat: bool = True,
) -> Prompt:
    """Asks for the groups of a wall.

    Args:
        words: the clues in the order of display.
        examples: solved walls.
        warn: adds a warning that the wall misleads; `paper` always has one.
        surplus: says that clues may belong to no group, instead of how many there are; for `clean`.
        as_chat: system and user turns; else one text for models that complete text.
    """
    if style == "paper":
        return _turns(_PAPER_GROUPING, _paper_user(examples, f"Clues: {', '.join(words)}"), as_chat)
    used = _SOME_USED if surplus else _ALL_USED
    system = _CLEAN_GROUPING.format(examples=_CLEAN_EXAMPLES if examples else "", **used)
    if warn:
        system += _CLEAN_WARNING
    shown = [
        f"Clues:\n{_listed(example.words)}\n\nSolved wall:\n{_solved(example, names=False)}" for example in examples
    ]
    return _turns(system, _blocks([*shown, f"Clues:\n{_listed(words)}\n\nSolved wall:"]), as_chat)


def connections_prompt(
    groups: Sequence[Sequence[str]], examples: Sequence[Wall], style: Style, *, as_chat: bool = True
) -> Prompt:
    """Asks what connects each of four groups; arguments as for `grouping_prompt`."""
    if style == "paper":
        lines = "\n".join(f"{', '.join(group)}. Connection:" for group in groups)
        return _turns(_PAPER_CONNECTIONS, _paper_user(examples, f"Groups:\n{lines}"), as_chat)
    system = _CLEAN_CONNECTIONS.format(examples=_CLEAN_EXAMPLES if examples else "")
    shown = [
        f"Groups:\n{_grouped(group.clues for group in example.groups)}\n\nSolved wall:\n{_solved(example, names=True)}"
        for example in examples
    ]
    return _turns(system, _blocks([*shown, f"Groups:\n{_grouped(groups)}\n\nSolved wall:"]), as_chat)


def _paper_user(examples: Sequence[Wall], question: str) -> str:
    blocks = []
    for number, wall in enumerate(examples, start=1):
        lines = [f"{', '.join(group.clues)}. Connection: {group.label}" for group in wall.groups]
        blocks.append("\n".join([f"Example {number}", *lines]))
    return f"Example solved wall(s):\n\n{_blocks(blocks)}\n\n{question}\n\nSolved wall:"


def _turns(system: str, user: str, as_chat: bool) -> Prompt:
    if not as_chat:
        return f"{system}\n\n{user}\n"
    chat: Chat = (("system", system), ("user", user))
    return chat


def _blocks(parts: Sequence[str]) -> str:
    return "\n\n".join(parts)


def _listed(clues: Sequence[str]) -> str:
    return " | ".join(clues)


def _grouped(groups: Iterable[Sequence[str]]) -> str:
    return "\n".join(_listed(group) for group in groups)


def _solved(wall: Wall, *, names: bool) -> str:
    return "\n".join(_listed(group.clues) + (f" Connection: {group.label}" if names else "") for group in wall.groups)
