"""From the options of the task to its items: a generated world, the table of real facts, or prompts of the user's."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.hilt.items import Item, world_items
from tasks.hilt.options import HiltOptions
from tasks.hilt.own import own_items
from tasks.hilt.real import load_real, real_items
from tasks.hilt.world import N_FULL, N_MINI


def load_items(options: HiltOptions) -> Sequence[Item]:
    """The items that are asked.

    Raises:
        UserError: a file is missing or not of the expected form.
    """
    if options.prompts is not None:
        return own_items(options.prompts)
    if options.track == "real":
        real = load_real()
        mark = {"is_custom": True} if real.is_custom else {}
        return [{**item, **mark} for item in real_items(real.facts)]
    return list(world_items(options.world_seed, N_MINI if options.split == "mini" else N_FULL))
