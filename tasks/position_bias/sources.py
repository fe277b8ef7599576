"""Where items come from: shipped files, generators, public files; read as streams, families in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

from suite.errors import UserError
from tasks.position_bias.arms import arms
from tasks.position_bias.docqa_synth import docqa_items
from tasks.position_bias.items import Family, Item, checked
from tasks.position_bias.judge_synth import judge_items
from tasks.position_bias.kv_synth import kv_items
from tasks.position_bias.mcq_synth import mcq_items
from tasks.position_bias.needle import needle_items
from tasks.position_bias.premise_synth import premise_items

if TYPE_CHECKING:
    from tasks.position_bias.options import PositionBiasOptions

GENERATORS: Mapping[Family, Callable[..., Iterator[Item]]] = {
    "mcq": mcq_items,
    "judge": judge_items,
    "docqa": docqa_items,
    "kv": kv_items,
    "needle": needle_items,
    "premise": premise_items,
}


def items(options: PositionBiasOptions) -> Iterator[Item]:
    """The items that `options` ask for; one of each family in turn, so that the first ones are spread over them.

    Raises:
        UserError: faulty data, or an arm that an item cannot be asked in; said before any model is loaded.
    """
    streams = [islice(_checked(one, options), options.items) for one in _streams(options)]
    return (item for item in chain.from_iterable(zip_longest(*streams)) if item is not None)


def _streams(options: PositionBiasOptions) -> list[Iterator[tuple[str, Item]]]:
    """One stream a family, of items with the place where they stand."""
    if options.data == "shipped":
        from tasks.position_bias.files import shipped_items

        return [shipped_items(family) for family in options.families]
    if options.data == "generated":
        return [_generated(family, options) for family in options.families]
    from tasks.position_bias.public import public_items

    return [_of_family(public_items(options.data, max(options.k, default=0)), options)]


def _generated(family: Family, options: PositionBiasOptions) -> Iterator[tuple[str, Item]]:
    """As many as are asked for; by default as many as the shipped file has."""
    made = GENERATORS[family](options.data_seed, **({"n": options.items} if options.items else {}))
    return ((f"seed {options.data_seed}", item) for item in made)


def _of_family(found: Iterator[tuple[str, Item]], options: PositionBiasOptions) -> Iterator[tuple[str, Item]]:
    for where, item in found:
        if options.family and [item.family] != options.family:
            raise UserError(
                f"{options.data} holds items of family {item.family}, not {', '.join(options.family)}; "
                "leave out --family"
            )
        try:
            options.check_families([item.family])
        except ValueError as error:
            raise UserError(f"task position_bias: {error}") from None
        yield where, item


def _checked(found: Iterator[tuple[str, Item]], options: PositionBiasOptions) -> Iterator[Item]:
    choices, wording = options.choices, options.wording
    for where, item in found:
        checked(item, where)
        for _ in arms(item, choices, wording):  # an arm that cannot be asked is an error of the options
            pass
        yield item
