"""Relations between two made-up people: inverse pairs (mentor, pupil) and symmetric ones (rival, its own inverse).

"The mentor of A is B" and "The pupil of B is A" state the same fact in both orders.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.reversal_curse.lexicon import lexicon

# Candidates of an item share its relation, since mixed labels give the type of the asked person away;
# with fewer than about ten of them the chance line is too high to see anything against.
FACTS_PER_RELATION = 10


@dataclass(frozen=True, slots=True)
class Relation:
    """``the {relation} of a is b`` if and only if ``the {inverse} of b is a``."""

    relation: str
    inverse: str

    @property
    def fields(self) -> dict[str, str | bool]:
        """The fields of a fact that tell its relation."""
        return {"relation": self.relation, "inverse": self.inverse, "symmetric": self.relation == self.inverse}


def all_relations() -> list[Relation]:
    """The bundled relations, inverse pairs and symmetric ones in turn."""
    return [Relation(**row) for row in lexicon()["relations"]]


def spread(n_facts: int) -> list[Relation]:
    """The relation of each of the `n_facts` facts of a group: as many relations as leave each about ten facts."""
    kinds = all_relations()[: max(1, n_facts // FACTS_PER_RELATION)]
    return [kinds[number % len(kinds)] for number in range(n_facts)]


def labels() -> frozenset[str]:
    """Every word that names a relation."""
    return frozenset(label for each in all_relations() for label in (each.relation, each.inverse))
