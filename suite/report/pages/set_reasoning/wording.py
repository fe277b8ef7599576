"""The words of set reasoning's page and of its part in the methods."""

from __future__ import annotations

MEASURES = (
    "Who can intersect and unite two sets: can they compose the two over three sets, and does the attention mask "
    "matter? Small models are trained from scratch on two sets, with encoder, decoder or prefix attention and "
    "nothing else changed; pretrained models are asked as they come, or trained on the same problems as text."
)
METHODS = (
    (
        "em, jaccard, match80, precision, recall, f1",
        "em: the answered set is the right one. An unreadable answer is wrong everywhere and stays in the denominator "
        "(parse_failure). match80: Jaccard index of 0.8 or more, a rule of ours.",
    ),
    (
        "precision_in, precision_out, base_rate_in",
        "Precision with only the other listed elements as negatives, and with only the elements of no set. "
        "base_rate_in is what saying yes to every listed element scores on the first.",
    ),
    (
        "element_accuracy, majority",
        "Share of candidates decided rightly; majority is what the better of yes and no to everything scores. With "
        "many candidates outside, both are high without any skill.",
    ),
    (
        "composition_gap, em_over_expected, macro_em",
        "The harder of the two operations alone, minus the composed form, on problems of equal size and vocabulary. "
        "Expected is the product of the operations alone, as if their errors were independent. macro_em is the mean "
        "over the five composed forms; A ∪ B ∪ C is copying and is left out. None of the three is given for a model "
        "that missed its stop rule.",
    ),
    (
        "shortcut_agreement",
        "Share of answers that are exactly a wrong rule’s, among the problems on which that rule is wrong.",
    ),
    (
        "consistency",
        "Share of problems answered with the same set when the expression is written otherwise, by commutation or "
        "distribution.",
    ),
    (
        "stop rule of trainings",
        "Two-set exact match of 0.99 on 500 held-out problems (accuracy of 0.98 on single sets, where sets are in the "
        "weights) at the end of training. All masks of a seed have the same first weights, batches, steps and number "
        "of parameters. Intervals over seeds are from the lowest to the highest.",
    ),
    (
        "same_order_fill, reversed_order",
        "Filling a blank in the word order that was told is one thing, producing it in the reversed order another. "
        "Verdicts say yes from 0.95, no up to 0.05, partly between.",
    ),
)
