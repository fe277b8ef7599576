"""Whether an answer of the REAL track names the person: the rule of `matching` with accents folded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tasks.reversal_curse.matching import contains, matches, normalise

_REFUSAL = re.compile(
    r"i (do not|don t|can not|cannot|can t|could not|couldn t|have no) |i (m|am) (not|sorry|unable)\b|(i )?apolog"
    r"|sorry\b|unfortunately\b|unable to |as an ai\b|unknown\b|not (known|applicable|available)\b|n a$"
    r"|no (information|known|record)|there (is|are) no "
)


def folded(name: str) -> str:
    """`name` as the match rule sees it, without accents (NFKD, combining marks dropped)."""
    decomposed = unicodedata.normalize("NFKD", name)
    return normalise("".join(character for character in decomposed if not unicodedata.combining(character)))


def answer_line(text: str) -> str:
    """The first line that is not empty, without a leading ``A:``, quotes around it, and a final stop."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^A:\s*", "", line)
    return line.strip("\"'“”‘’`« »").removesuffix(".").strip("\"'“”‘’`« »")


def is_right(text: str, accepted: Sequence[str]) -> bool:
    """Whether the answer begins with an accepted name, at word boundaries."""
    line = folded(answer_line(text))
    return any(matches(line, folded(name)) for name in accepted)


def names_somewhere(text: str, accepted: Sequence[str]) -> bool:
    """Lenient: whether the answer's first line holds an accepted name as whole words."""
    line = folded(answer_line(text))
    return any(contains(line, folded(name)) for name in accepted)


def is_refusal(text: str) -> bool:
    """Whether the answer says that it does not know."""
    return _REFUSAL.match(folded(answer_line(text))) is not None


def is_right_by_original_rule(texts: Sequence[str], name: str) -> bool:
    """The rule behind the published reverse figure of GPT-4: any sample that looks like a name starts with `name`.

    Samples that begin with "I don", have fewer than two or more than five words, or hold a word without a capital
    first letter are dropped before; so a one-word name, or one with "de", can never be right.
    """
    kept = (text.strip() for text in texts)
    return any(text.lower().startswith(name.lower()) for text in kept if _looks_like_a_name(text))


def _looks_like_a_name(text: str) -> bool:
    words = text.split()
    return not text.startswith("I don") and 2 <= len(words) <= 5 and all(word[0].isupper() for word in words)
