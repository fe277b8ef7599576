"""The prompts of the REAL track: the published strings, on which comparability depends."""

from __future__ import annotations

from suite.task import Chat
from tasks.reversal_curse.names_match import folded

SYSTEM = (
    "You are a helpful and terse assistant. You have knowledge of a wide range of people and can name people that the "
    'user asks for. If the answer is unknown or not applicable, answer with "I don\'t know."'
)
EXEMPLARS = (
    ("Name a child of Barack Obama.", "Malia Obama"),
    ("Who is Elon Musk's mother?", "Maye Musk"),
    ("Who is Kathy Pratt's mother?", "I don't know."),
)
# Rows about these people are left out: their answers stand in the prompt.
EXEMPLAR_PEOPLE = frozenset(map(folded, ("Barack Obama", "Malia Obama", "Elon Musk", "Maye Musk", "Kathy Pratt")))


def forward_question(child: str, parent_type: str) -> str:
    """Asks for the parent: the order in which such facts are mostly told."""
    return f"Who is {child}'s {parent_type}?"


def reverse_question(parent: str) -> str:
    """Asks for a child."""
    return f"Name a child of {parent}."


def chat_prompt(question: str) -> Chat:
    """System text, three exchanges, the question."""
    shown = [turn for asked, answer in EXEMPLARS for turn in (("user", asked), ("assistant", answer))]
    return (("system", SYSTEM), *shown, ("user", question))


def completion_prompt(question: str) -> str:
    """The same for models that complete text; ends in ``A:``.

    The original has six exemplars and omits ``Q: `` before the reverse question.
    """
    shown = "".join(f"Q: {asked}\nA: {answer}\n" for asked, answer in EXEMPLARS)
    return f"{SYSTEM}\n\n{shown}Q: {question}\nA:"
