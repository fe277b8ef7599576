"""The words of position bias's page and of its part in the methods."""

from __future__ import annotations

MEASURES = (
    "The same question is asked with its options, answers, documents or premises in other places. An answer that "
    "changes with them was not decided by what they say. Two biases are kept apart: of the place in the sequence, and "
    "of the label (the letter, number or name) beside it. Labels therefore stay at places, travel with content, or "
    "are left out."
)
METHODS = (
    (
        "accuracy, accuracy_valid, invalid, missing",
        "Share of right answers over all orders; unreadable answers and failed calls are wrong. accuracy_valid is of "
        "the readable ones only, invalid the share of unreadable ones (also by place: invalid_at), missing the number "
        "of failed calls. Figures that compare orders leave out items that lack one.",
    ),
    (
        "accuracy_at, RStd, position_p",
        "Accuracy with the right part in each place; rstd is the population standard deviation of these recalls in "
        "percentage points. position_p asks whether they differ: Cochran’s Q, with each item’s answers permuted "
        "(all arrangements up to 100,000, else 10,000 draws). The finding at the head of the page takes Holm’s "
        "correction over all cells, and the p of interventions over all pairs of runs.",
    ),
    (
        "slot_share, preference_tv, preference_kl; recall, letter_share",
        "How often each place is chosen, and how far these shares are from where the right option stands (total "
        "variation; Kullback-Leibler in nats). recall and letter_share are the same by letter, which tells letters "
        "from places where letters travel.",
    ),
    (
        "consistency, fluctuation, best, worst, gap",
        "Items with one answer in all orders; pairs of orders with different answers; items right in at least one "
        "order, in all, and the difference, which grows with the number of orders. An unreadable answer differs from "
        "everything. Nothing is ranked by consistency: a constant answer is consistent.",
    ),
    (
        "quadrant, conflict, signed_bias, swap_p, beta, delta",
        "Pairs judged in both orders: right twice, wrong twice, first place twice (AA), second place twice (BB). "
        "signed_bias = AA − BB; swap_p is the exact McNemar test of AA against BB. In log-odds z of the first place "
        "in the two orders, beta = (z₁ + z₂)/2 is bias and delta = (z₁ − z₂)/2 preference for the better answer; the "
        "average of both orders is right exactly if delta > 0. Identical pairs measure bias alone.",
    ),
    (
        "section_accuracy",
        "RewardBench’s sections: means of subsets weighted by their pairs, math-prm by 984. official counts an "
        "unreadable verdict as half right, strict as wrong.",
    ),
    (
        "primacy, recency, dip_mean, dip_min, range, asym, curvature",
        "Shape of accuracy over places: first, last, and both ends against the mean or the lowest between; best less "
        "worst; first less last; coefficient of (x − 0.5)² of a least-squares parabola. below_closed_book flags places "
        "whose interval lies under accuracy without any document.",
    ),
    (
        "drop, tau_slope, answer_agreement",
        "Premises: accuracy in the order of the proof less that at another Kendall tau, paired by item with exact "
        "McNemar and Holm’s correction; slope of accuracy on the actual tau; orders that agree on the answer.",
    ),
    (
        "mitigated_accuracy, mitigation_gain, passes_per_item, tokens_per_item",
        "What a remedy makes of the stored answers, and its gain over the mean of all orders, never over one shuffle. "
        "Averages over orders use probabilities where the mode has them, else votes; ties share their credit. PriDe "
        "estimates a prior over places on 5 % of items in all cyclic orders (five seeds) and divides it out of the "
        "others, which mitigated_accuracy_others scores alone.",
    ),
    (
        "consistent by construction",
        "A fixed order, an average over a complete group of orders, and interventions with canonical order give the "
        "same answer in every order whatever the model does. Their accuracy is the only news.",
    ),
    (
        "intervals of position bias",
        "Items with all their orders are resampled together, 10,000 times; single rates have Wilson’s interval. A "
        "figure that is undefined in over 5 % of resamples has no interval.",
    ),
)
