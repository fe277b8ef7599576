"""hindsight-neglect: was a bet wise? Ten examples in which luck and wisdom agree, and a last one in which they don't.

The likely side always has the large stake, so the sign of the expected value is never in doubt. In the control the last
outcome too is the likely one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tasks.inverse_scaling.generators.drawing import Twins, Wording, choice, content, phrasing

NAME = "hindsight-neglect"
_SHOTS = 10


@dataclass(frozen=True, slots=True)
class _Bet:
    name: str
    likely: int  # percent
    large: int
    small: int
    wise: bool  # the likely side is a gain


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    part, words = phrasing(rng, content("hindsight_neglect")["phrasings"], wording.style)
    wise = [True, False] * (_SHOTS // 2)
    rng.shuffle(wise)
    shots = [_bet(rng, is_wise) for is_wise in wise]
    last = _bet(rng, i % 2 == 0)
    head = "".join(f"{_asked(bet, words, lucky=bet.wise)} {_right(bet)}\n\n" for bet in shots)
    right, wrong = _right(last), "N" if last.wise else "Y"
    trap, control = (head + _asked(last, words, lucky=lucky) for lucky in (not last.wise, last.wise))
    position = ("Y", "N").index(right)
    return Twins(
        choice(NAME, trap, right, wrong, position, part),
        choice(NAME, control, right, wrong, position, part),
        f"p{last.likely}",
    )


def _bet(rng: random.Random, wise: bool) -> _Bet:
    name = rng.choice(content("people"))
    return _Bet(name, rng.randrange(65, 96), 100 * rng.randrange(1, 10), 5 * rng.randrange(1, 10), wise)


def _right(bet: _Bet) -> str:
    return "Y" if bet.wise else "N"


def _asked(bet: _Bet, words: list[str], *, lucky: bool) -> str:
    """The question, up to its answer; `lucky`: the bet ended in a gain."""
    template, losing, gaining, loses, gains = words
    loss, gain = (bet.small, bet.large) if bet.wise else (bet.large, bet.small)
    p_loss = 100 - bet.likely if bet.wise else bet.likely
    text = template.format(
        name=bet.name,
        a_p=_with_article(p_loss),
        a_q=_with_article(100 - p_loss),
        p=p_loss,
        q=100 - p_loss,
        first=losing.format(amount=loss),
        second=gaining.format(amount=gain),
        outcome=gains.format(amount=gain) if lucky else loses.format(amount=loss),
    )
    return f"Question: {text}\nAnswer:"


def _with_article(percent: int) -> str:
    """An 8, an 11, an 85; but a 7."""
    return f"{'an' if percent in (8, 11, 18) or 80 <= percent < 90 else 'a'} {percent}"
