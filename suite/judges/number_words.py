"""Number words in running English text as digits: "three hundred and thirty-three people" -> "333 people"."""

from __future__ import annotations

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: number for number, word in enumerate(_ONES.split())} | {
    word: number for number, word in zip(range(20, 100, 10), _TENS.split(), strict=True)
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORD = "|".join(sorted([*_SMALL, *_LARGE], key=len, reverse=True))
_RUN = re.compile(rf"\b(?:{_WORD})(?:(?:[\s-]+and[\s-]+|[\s-]+)(?:{_WORD}))*\b", re.IGNORECASE)


def with_digits(text: str) -> str:
    """`text` with every run of number words written in digits."""
    return _RUN.sub(lambda run: " ".join(str(number) for number in _read(run.group())), text)


def _read(run: str) -> list[int]:
    """The numbers of a run; "nineteen eighty-four" is a year in two halves, not a sum."""
    total = current = 0
    last = 0  # the smallest unit that the present number has got
    done: list[int] = []
    for word in re.split(r"[\s-]+", run.lower()):
        if word == "and":
            continue
        if word in _LARGE:
            scale = _LARGE[word]
            if scale == 100:
                current = max(current, 1) * 100
            else:
                total, current = total + max(current, 1) * scale, 0
            last = scale
            continue
        value = _SMALL[word]
        fits = not last or value < last
        if not fits:
            done.append(total + current)
            total = current = 0
        current += value
        last = 10 if value >= 20 else 1
    done.append(total + current)
    if len(done) == 2 and 10 <= done[0] <= 20 and 10 <= done[1] <= 99:
        return [done[0] * 100 + done[1]]
    return done
