"""Our own walls, made from the category bank: the same arguments give the same walls on every platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from suite.errors import unknown
from tasks.only_connect_wall import generate_arms, generate_dose, generate_phantom, generate_quads
from tasks.only_connect_wall.bank import Bank, shipped_bank
from tasks.only_connect_wall.walls import Wall

SETS = ("quads", "dose", "phantom", "priming", "extra", "examples")


def generated_walls(set: str, *, seed: int, n: int, bank: Bank | None = None) -> Iterator[Wall]:
    """The walls of `n` items, the arms of an item together; each is proven to have one solution.

    Args:
        set: "quads" (BASE, ABS, SUB, RH), "dose" (r0 to r3), "phantom" (twin, phantom), "priming" (primed_SUB,
            primed_RH, unrelated_SUB, unrelated_RH; `wall_rows.prime_walls` has their examples), "extra" (x0 to x4), or
            "examples" (solved walls for prompts, of categories that no other set draws from).
        seed: any integer; the shipped files are seed 0.
        bank: another bank than the shipped one.

    Raises:
        UserError: an unknown set, more items than the bank has material for, or no walls with one solution.
    """
    if set not in SETS:
        raise unknown("set of walls", set, SETS)
    return _MAKERS[set](bank or shipped_bank(), seed, n)


_MAKERS: dict[str, Callable[[Bank, int, int], Iterator[Wall]]] = {
    "quads": generate_quads.quads,
    "dose": generate_dose.doses,
    "phantom": generate_phantom.phantoms,
    "priming": generate_arms.primings,
    "extra": generate_arms.extras,
    "examples": generate_arms.examples,
}
