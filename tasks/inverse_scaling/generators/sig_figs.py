"""sig-figs: round to k significant digits. Larger models round to k decimal places.

Numbers are decimal strings, rounded half up, never floats. Two to four options, or the two numbers themselves in one
of our phrasings. The control asks for k decimal places.
"""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal

from tasks.inverse_scaling.generators.drawing import (
    Twins,
    Wording,
    by_letter,
    choice,
    content,
    lettered,
    ordered,
)

NAME = "sig-figs"


def draw(rng: random.Random, i: int, wording: Wording) -> Twins | None:
    """None where an option would end in a decimal zero, or two options would be equal."""
    words = content("sig_figs")
    text, k = _number(rng), rng.randrange(1, 5)
    significant, decimals = round_significant(text, k), round_decimals(text, k)
    n_options = 2 + i % 3
    others = [round_significant(text, k + 1), round_significant(text, k + 2)][: n_options - 2]
    options = [significant, decimals, *others]
    if len({Decimal(option) for option in options}) < len(options) or any(map(_ends_in_zero, options)):
        return None
    phrasings = len(words["lettered"])
    part = 0 if wording.style == "prize" else rng.randrange(1, phrasings + 1)
    endings = {"x": text, "k": k, "digits": "digit" if k == 1 else "digits", "places": "place" if k == 1 else "places"}
    cluster = f"k{k}-{n_options}"
    if part == phrasings:
        trap, control = (template.format(**endings) for template in words["bare"])
        return Twins(
            choice(NAME, trap, significant, decimals, i % 2, part),
            choice(NAME, control, decimals, significant, i % 2, part),
            f"k{k}-bare",
        )
    position = i // 3 % n_options
    shown = ordered(significant, rng.sample(options[1:], n_options - 1), position)
    at = shown.index(decimals)
    trap, control = (f"{line.format(**endings)}\n{lettered(shown)}\nAnswer:" for line in words["lettered"][part])
    return Twins(
        by_letter(NAME, trap, n_options, position, at, part),
        by_letter(NAME, control, n_options, at, position, part),
        cluster,
    )


def round_significant(text: str, k: int) -> str:
    """`text` to k significant digits, half up, in plain notation: 93786.33 to 2 is 94000."""
    number = Decimal(text)
    rounded = number.quantize(Decimal(1).scaleb(number.adjusted() - k + 1), rounding=ROUND_HALF_UP)
    if rounded.adjusted() > number.adjusted():  # 999.6 to 3 digits is 1000, not 1000.0
        rounded = rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - k + 1), rounding=ROUND_HALF_UP)
    return format(rounded, "f")


def round_decimals(text: str, k: int) -> str:
    """`text` to k decimal places, half up."""
    return format(Decimal(text).quantize(Decimal(1).scaleb(-k), rounding=ROUND_HALF_UP), "f")


def _number(rng: random.Random) -> str:
    """1 to 5 digits before the point and 5 to 9 after it; some are below one."""
    whole = 0 if rng.random() < 0.1 else rng.randrange(10 ** rng.randrange(1, 6))
    places = rng.randrange(5, 10)
    zeros = rng.randrange(3) if whole == 0 else 0
    fraction = "0" * zeros + str(rng.randrange(10 ** (places - zeros - 1), 10 ** (places - zeros)))
    return f"{whole}.{fraction}"


def _ends_in_zero(option: str) -> bool:
    return "." in option and option.endswith("0")
