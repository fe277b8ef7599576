"""The words of the Only Connect Wall's page and of its part in the methods."""

from __future__ import annotations

MEASURES = (
    "Sixteen clues hide four groups of four, and some clues fit more than one group: red herrings. A model that is "
    "fixated takes the first fit and cannot let go of it. Public walls show how hard the puzzle is; our quads show "
    "what one herring costs, since their walls differ in a single word."
)
METHODS = (
    (
        "strict and paper mode",
        "Strict (the default): each clue belongs to the first group that holds it, missing clues stand alone, and no "
        "figure depends on the order of groups. Paper: as the official evaluator computes it, oddities included; its "
        "Wasserstein distance (WD) changes with the order in which groups are listed and is never ranked by.",
    ),
    (
        "solved, correct_groups, clue_acc",
        "All four groups right; groups returned exactly, 0 to 4; share of clues in the right group under the best "
        "matching of groups. A random grouping finds 4/455 of a group and solves one wall in 2,627,625.",
    ),
    (
        "quads",
        "Four walls that share all clues but those of two factors: the critical clue is a herring or its neutral twin, "
        "and the competing group is on the wall or a neutral one stands in for it. SUB − RH is the effect of the "
        "herring, BASE − ABS that of the ambiguous word alone, their difference (did) the interference.",
    ),
    (
        "lured",
        "The critical clue stands with more clues of the competitor than of its own group, in a group of at most four.",
    ),
    (
        "affinity, herring_pair, partition",
        "For models that give numbers: how much one clue raises the log-probability of another, or the cosine of two "
        "vectors, is turned into the best of all 2,627,625 groupings exactly; herring_pair asks whether three clues of "
        "the competitor are likelier to be continued by the herring than by the fourth.",
    ),
    (
        "orders of clues",
        "A wall is shown in several orders, which are averaged before anything else; shuffle_sd is the spread between "
        "orders and no part of an interval.",
    ),
    (
        "status_share",
        "What answers were like: ok, partial, duplicate, hallucinated, oversize, empty, refusal, truncated. The last "
        "three count as no groups and stay in the denominator.",
    ),
)
