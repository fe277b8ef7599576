"""The words of the reversal curse's page and of its part in the methods."""

from __future__ import annotations

MEASURES = (
    "A left-to-right model that has learned “A is B” often cannot say A when it is asked about B. Facts are told in "
    "one order (or, as a control, in both) and asked in both orders, with wordings that training never shows. The gap "
    "between the two is the curse."
)
METHODS = (
    (
        "em, exact match",
        "The answer equals the target or begins with it at the end of a word; case, punctuation and white space do not "
        "count. em_original is the rule of the public code: it minds punctuation and accepts the beginning of a longer "
        "word. A share is the mean over facts of the mean over wordings. Chance is one in the number of names of the "
        "group.",
    ),
    (
        "mrr, mean reciprocal rank",
        "The model scores every answer of the group in the same wording; the rank of the right one counts. Names are "
        "paired with descriptions at random and every candidate is right for exactly one fact, so a model that does "
        "not read the prompt gets exactly (1 + 1/2 + … + 1/n)/n among n candidates, whatever names it likes.",
    ),
    (
        "delta, likelihood contrast",
        "Log-probability of the right answer less the mean of the other candidates, in nats, averaged over the "
        "wordings of a fact and then over facts. Its p-value flips the signs of facts at random, one-sided: being "
        "below chance is no knowledge; reverse tests of a run are corrected together.",
    ),
    (
        "gap",
        "Same-direction minus reverse exact match of the same facts, with an interval from one resample of facts for "
        "both.",
    ),
    (
        "uninterpretable",
        "A flag: facts that were told in both orders are answered in under 0.8 of the cases in the direction asked, so "
        "wordings or scorer fail, and the reverse score says nothing about the curse.",
    ),
    (
        "above its chance interval",
        "A flag on controls that must be at chance (facts never shown, answers dealt out wrongly): the data or the "
        "scorer may leak.",
    ),
    (
        "this wording fails",
        "A flag: in the trained direction, one wording is never answered while another works.",
    ),
    (
        "not applicable to this model",
        "A word-level model trained from scratch knows neither new names nor longer prompts; its controls have no "
        "number rather than 0.",
    ),
)
