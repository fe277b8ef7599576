"""Rows of the prize from the Hugging Face hub, through `datasets`; imported only when a hub data set is asked for."""

from __future__ import annotations

from suite.errors import UserError
from tasks.inverse_scaling.files import UNKNOWN, Loaded, parse_rows

DEFAULT = (
    "pminervini/inverse-scaling"  # eleven configurations, named as our tasks; another licence tag than the release
)
# Rows of the first round, which the release replaced: one task each.
ROUND_1 = {
    "inverse-scaling/NeQA": "neqa",
    "inverse-scaling/hindsight-neglect-10shot": "hindsight-neglect",
    "inverse-scaling/redefine-math": "redefine",
    "inverse-scaling/quote-repetition": "resisting-correction",
}


def read_hub(source: str, subtask: str, *, skip_bad: bool = False, fix_spaces: bool = False) -> Loaded:
    """The rows of `subtask` in the hub data set `source`.

    Args:
        source: an id; its configuration named as the task is taken, or else the configuration it has by default.

    Raises:
        UserError: the hub or the data set cannot be reached, or a row is faulty.
    """
    import datasets

    try:
        configurations = datasets.get_dataset_config_names(source)  # type: ignore[attr-defined]
        found = datasets.load_dataset(source, subtask if subtask in configurations else None)  # type: ignore[attr-defined]
    except Exception as error:  # what the hub's client raises differs between its releases
        reason = str(error).split("\n")[0][:200]
        raise UserError(
            f"{source}, {subtask}: not to be had from the hub ({type(error).__name__}: {reason}); download the release "
            "(isp-data-release.zip of github.com/inverse-scaling/prize) and give its folder with --source"
        ) from None
    splits = list(found)
    split = next((name for name in ("data", "train", "test") if name in splits), splits[0])
    raw = ((number, dict(row)) for number, row in enumerate(found[split], 1))
    where = f"{source}, split {split}, row"
    rows, warnings = parse_rows(raw, subtask, where, None, skip_bad=skip_bad, fix_spaces=fix_spaces)
    if source in ROUND_1 and subtask in ("redefine", "resisting-correction"):
        warnings.append(f"{source}: the set of round 1, not the {subtask} of the paper's figures")
    return Loaded(tuple(rows), UNKNOWN, tuple(warnings))
