"""Rules that decide whether a word belongs to a category of form: spelling outright, sound by a closed list.

A rule is a name and, after a colon, its arguments between commas: ``letters:abcdefg``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Rule = Callable[[str, Sequence[str]], bool]


def matches(rule: str, word: str) -> bool:
    """Whether `word` obeys `rule`; case, spaces and punctuation do not count.

    ``palindrome``; ``letters:X`` has no other letters than those of X; ``without:X`` has none of them;
    ``starts:A,B`` begins with one of these words and goes on; ``holds:A,B`` has one of them inside or at an end, and
    more; ``anagram:A,B`` has the letters of one of them in another order; ``listed:A,B`` is one of them.

    Raises:
        ValueError: there is no such rule.
    """
    name, _, arguments = rule.partition(":")
    if name not in _RULES or bool(arguments) != (name != "palindrome"):
        raise ValueError(f"rule {rule!r}: expected {', '.join(_RULES)}, with arguments after a colon")
    letters = "".join(filter(str.isalpha, word.casefold()))
    return len(letters) > 1 and _RULES[name](letters, arguments.casefold().split(","))


def _palindrome(letters: str, _: Sequence[str]) -> bool:
    return letters == letters[::-1]


def _letters(letters: str, given: Sequence[str]) -> bool:
    return set(letters) <= set("".join(given))


def _without(letters: str, given: Sequence[str]) -> bool:
    return set(letters).isdisjoint("".join(given))


def _starts(letters: str, given: Sequence[str]) -> bool:
    return any(letters.startswith(start) and letters != start for start in given)


def _holds(letters: str, given: Sequence[str]) -> bool:
    return any(inner in letters and letters != inner for inner in given)


def _anagram(letters: str, given: Sequence[str]) -> bool:
    return any(sorted(letters) == sorted(other) and letters != other for other in given)


def _listed(letters: str, given: Sequence[str]) -> bool:
    return letters in given


_RULES: Mapping[str, Rule] = {
    "palindrome": _palindrome,
    "letters": _letters,
    "without": _without,
    "starts": _starts,
    "holds": _holds,
    "anagram": _anagram,
    "listed": _listed,
}
