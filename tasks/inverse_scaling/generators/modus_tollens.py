"""modus-tollens: if P then Q; not Q; therefore not P. Larger models deny the conclusion, as people do.

The public set is all Yes. Two fallacies balance it: denying the antecedent and affirming the consequent, where the
answer is No. The control of each is modus ponens, with the conclusion Q (Yes) or its denial (No).
"""

from __future__ import annotations

import random

from tasks.inverse_scaling.generators.drawing import Form, Twins, Wording, choice, content, phrasing

NAME = "modus-tollens"


def draw(rng: random.Random, i: int, wording: Wording) -> Twins:
    words = content("modus_tollens")
    part, template = phrasing(rng, words["phrasings"], wording.style)
    name = rng.choice(content("people"))
    p_index, q_index = rng.sample(range(len(words["predicates"])), 2)
    (p, not_p), (q, not_q) = words["predicates"][p_index], words["predicates"][q_index]
    form = _form(i, wording.forms)
    fact, claim = {"mt": (not_q, not_p), "da": (not_p, not_q), "ac": (q, p)}[form]
    right, wrong = ("Yes", "No") if form == "mt" else ("No", "Yes")
    position = 0 if right == "Yes" else 1
    trap = template.format(name=name, p=p, q=q, fact=fact, claim=claim)
    control = template.format(name=name, p=p, q=q, fact=p, claim=q if form == "mt" else not_q)
    return Twins(
        choice(NAME, trap, right, wrong, position, part, {"form": form}),
        choice(NAME, control, right, wrong, position, part, {"form": "mp"}),
        f"p{p_index}",
    )


def _form(i: int, forms: tuple[Form, ...]) -> Form:
    """Yes and No take turns where both are asked for."""
    fallacies = [form for form in forms if form != "mt"]
    if "mt" not in forms or not fallacies:
        return forms[i % len(forms)]
    return "mt" if i % 2 == 0 else fallacies[i // 2 % len(fallacies)]
