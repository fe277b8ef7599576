"""What judges read and write: the unit of text that is judged, and its label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["supported", "hallucinated", "abstain", "no_claim", "unverifiable", "unresolved"]
Split = Literal["intrinsic", "extrinsic"]
Degree = Literal["mild", "moderate", "alarming"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One judged piece of a response: a requested line or a sentence.

    Attributes:
        sample_id: the sample whose response it is from; `number` counts the sample's units from 1.
        context: the text that the model was shown beside its instructions (statement included).
        evidence: what judges compare with (dossier or reference text); "" where there is none.
        item: the doc's data, for judges that know its truth.
    """

    sample_id: str
    number: int
    text: str
    context: str
    evidence: str
    item: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """A judge's verdict on one unit; keyed by (run_id, sample_id, unit, judge), so several judges may label one unit.

    Attributes:
        primary: the category that counts where categories must add up; "" without one.
        split: only for hallucinated units.
        degree_source: "category" where a rule filled in the category's default, else "judge".
        confidence: in [0, 1]; None where the judge gives none.
        raw: what the judge said, verbatim.
    """

    sample_id: str
    unit: int
    judge: str
    judge_version: str
    verdict: Verdict
    text: str = ""
    primary: str = ""
    categories: tuple[str, ...] = ()
    split: Split | None = None
    degree: Degree | None = None
    degree_source: str = ""
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    raw: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Label:
        """The inverse of `to_json`."""
        return cls(**{**value, "categories": tuple(value["categories"]), "flags": tuple(value["flags"])})
