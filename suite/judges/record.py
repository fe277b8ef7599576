"""What judges read and write: the unit of text that is judged, its label, and what a judge is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

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

    @classmethod
    def of(cls, unit: Unit, judge: Judge, verdict: Verdict, **rest: Any) -> Label:
        """What `judge` says of `unit`; `rest` are further attributes."""
        return cls(unit.sample_id, unit.number, judge.name, judge.version, verdict, unit.text, **rest)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Label:
        """The inverse of `to_json`."""
        return cls(**{**value, "categories": tuple(value["categories"]), "flags": tuple(value["flags"])})


class Judge(Protocol):
    """Anything that labels units: one file in `suite/judges/kinds`, with ``load(name, **options) -> Judge``.

    Attributes:
        name: what labels are stored under, e.g. ``llm/gpt-5-mini``.
        version: changes with everything that decides the labels; labels of another version are made anew.
        reads_sentences: it judges any sentence against any evidence, so that canaries can be mixed in.

    A judge whose labels cost calls may also have ``remember(results, fresh)``; it is told before it labels.
    """

    name: str
    version: str
    reads_sentences: bool

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        """Labels the units of one response after the other, in any order; all units of a response together.

        A response that could not be judged (a server failed) is left out, and asked for again in the next sitting.

        Raises:
            UserError: units that this judge cannot judge (no evidence, say).
        """
        ...
