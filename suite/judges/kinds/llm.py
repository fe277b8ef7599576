"""A language model as judge: ``llm/NAME`` at OpenAI or any compatible server. One call a response, all units numbered.

The judge sees the evidence and the units, never who wrote them nor whether the statement was true. Whatever a server
promises, replies are checked; units that a reply misses are asked for once more, and then stay unresolved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from suite.errors import UserError
from suite.identity import digest
from suite.judges.llm import PROMPT_VERSION, Opinion, opinions_in, question
from suite.judges.record import Label, Unit
from suite.judges.taxonomy import ordered

if TYPE_CHECKING:
    from pathlib import Path

    from suite.task import Generate, Model

TOKENS_PER_UNIT = 120


def load(
    name: str,
    *,
    base_url: str | None = None,
    votes: int = 1,
    concurrency: int = 8,
    timeout_s: float = 60.0,
    max_retries: int = 6,
    reasoning_effort: str | None = None,
    price: str | None = None,
) -> LLMJudge:
    """The judge ``llm/NAME``.

    Args:
        base_url: an OpenAI-compatible server; by default ``OPENAI_BASE_URL``, else OpenAI's own.
        votes: times that every response is judged; odd. More than one asks at temperature 0.7 with different seeds.
        concurrency, timeout_s, max_retries, reasoning_effort, price: see `suite.models.openai.load`.

    Raises:
        UserError: no name, an even number of votes, or what the provider raises.
    """
    from suite.models.openai import load as load_model

    if not name:
        raise UserError("judge llm: a model is missing; write llm/NAME, e.g. llm/gpt-5-mini")
    _check_votes(votes)
    model = load_model(
        name,
        base_url=base_url,
        concurrency=concurrency,
        timeout_s=timeout_s,
        max_retries=max_retries,
        reasoning_effort=reasoning_effort,
        price=price,
    )
    return LLMJudge(f"llm/{name}", model, votes)


def _check_votes(votes: object) -> None:
    if not isinstance(votes, int) or votes < 1 or votes % 2 == 0:
        raise UserError(f"judge llm: votes={votes}; expected an odd number, so that a majority exists")


@dataclass(eq=False)
class _Ballot:
    """The votes on one response: by vote, then by unit number."""

    units: Sequence[Unit]
    waiting: set[int]
    votes: dict[int, dict[int, Opinion]] = field(default_factory=dict)
    failed: bool = False
    is_repair: bool = False

    def open_units(self, vote: int) -> list[Unit]:
        """Units on which this vote says nothing yet."""
        return [unit for unit in self.units if unit.number not in self.votes.get(vote, {})]


class LLMJudge:
    """A judge that asks a model.

    Args:
        name: as labels are stored.
        model: anything that answers `Generate` requests.
    """

    reads_sentences = True

    def __init__(self, name: str, model: Model, votes: int = 1) -> None:
        _check_votes(votes)
        self.name, self._model, self._votes = name, model, votes
        self.version = digest([PROMPT_VERSION, model.info.fingerprint, votes], 12)

    def remember(self, results: Path, fresh: bool = False) -> None:
        """Keeps what the model answers in the results folder, and asks nothing twice that was answered there."""
        from suite.judges.answers import KeptAnswers

        self._model = KeptAnswers(self._model, results / "judge_answers", fresh)

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        """See `suite.judges.record.Judge`; a response whose calls fail is left out."""
        unfinished: list[_Ballot] = []
        for ballot in self._ask(_Ballot(units, set(range(self._votes))) for units in responses):
            ballot.waiting = {vote for vote in range(self._votes) if ballot.open_units(vote)}
            if ballot.waiting:
                ballot.is_repair = True
                unfinished.append(ballot)
            else:
                yield self._labels(ballot)
        for ballot in self._ask(unfinished):
            yield self._labels(ballot)

    def _ask(self, ballots: Iterable[_Ballot]) -> Iterator[_Ballot]:
        """Asks every waiting vote of every ballot; yields ballots that are all answered, and drops failed ones."""
        asked: dict[str, list[tuple[_Ballot, int]]] = {}  # responses that are alike make the same request
        questions: dict[str, Generate] = {}

        def requests() -> Iterator[Generate]:
            for ballot in ballots:
                for vote in sorted(ballot.waiting):
                    request = self._request(ballot, vote)
                    asked.setdefault(request.id, []).append((ballot, vote))
                    if request.id not in questions:
                        questions[request.id] = request
                        yield request

        for response in self._model.answer(requests()):
            request = questions.pop(response.request_id)
            for ballot, vote in asked.pop(response.request_id):
                ballot.waiting.discard(vote)
                if response.error:
                    ballot.failed = True
                else:
                    found = opinions_in(response.texts[0].text, ballot.open_units(vote), self._level(request))
                    ballot.votes.setdefault(vote, {}).update(found)
                if not ballot.waiting and not ballot.failed:
                    yield ballot

    def _request(self, ballot: _Ballot, vote: int) -> Generate:
        units = ballot.open_units(vote)
        seed = vote + self._votes if ballot.is_repair else vote  # else it would be the same question again
        temperature = 0.7 if self._votes > 1 else 0.0
        return question(units, TOKENS_PER_UNIT * len(units) + 64, temperature, seed)

    def _level(self, request: Generate) -> str:
        """How JSON was asked for, if the provider can tell."""
        level = getattr(self._model, "structure_level", None)
        return str((level(request) if level else None) or "json_schema")

    def _labels(self, ballot: _Ballot) -> list[Label]:
        return [
            self._label(unit, [said[unit.number] for said in ballot.votes.values() if unit.number in said])
            for unit in ballot.units
        ]

    def _label(self, unit: Unit, opinions: Sequence[Opinion]) -> Label:
        """The majority of all votes; a vote that said nothing readable counts for nobody."""
        flags = tuple(sorted({opinion.level for opinion in opinions}))
        if not unit.evidence:
            flags += ("unreferenced",)
        counts: Mapping[str, int] = Counter(opinion.verdict for opinion in opinions)
        best = max(counts.values(), default=0)
        winners = [verdict for verdict in counts if counts[verdict] == best]
        raw = "\n".join(opinion.raw for opinion in opinions)
        if len(winners) != 1:
            return Label.of(unit, self, "unresolved", flags=flags, raw=raw)
        agreeing = [opinion for opinion in opinions if opinion.verdict == winners[0]]
        confidence = best / self._votes if self._votes > 1 else None
        if winners[0] != "hallucinated":
            return Label.of(unit, self, agreeing[0].verdict, flags=flags, confidence=confidence, raw=raw)
        named = Counter(name for opinion in agreeing for name in opinion.categories)
        most = [name for name in named if 2 * named[name] > len(agreeing)] or list(agreeing[0].categories)
        categories = ordered(most)
        return Label.of(
            *(unit, self, "hallucinated"),
            primary=categories[0],
            categories=categories,
            split=Counter(opinion.split for opinion in agreeing).most_common(1)[0][0],
            degree=Counter(opinion.degree for opinion in agreeing).most_common(1)[0][0],
            degree_source="judge",
            flags=flags,
            confidence=confidence,
            raw=raw,
        )
