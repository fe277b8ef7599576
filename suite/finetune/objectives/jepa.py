"""JEPA for causal models: predict the representation of the next entity, not its tokens.

Idea: Wang and Sun, "Is the Reversal Curse a Binding Problem?", arXiv 2504.01928. A concept vector is read off an entity
by the model's lower layers, alone and the same way wherever the entity stands; the sentence with that one vector in
place of the subject is read by the whole model, whose state at a query predicts the concept vector of the object,
against all others of the batch. So an entity is one thing as subject and as object. This is our form for pretrained
and fresh models of the library; plain next-token training runs beside it, so that the model still writes.

What was learned can be read in two ways, which must not be confused: by retrieval (`readout`: the concept vector
nearest to the prediction), and by generation, from the stock model, like every other objective.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from suite.errors import UserError
from suite.finetune.objectives import Batch, Encode, Objective, Passage, Row, Span
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch


_OTHER = {"n2d": "d2n", "d2n": "n2d", "forward": "backward", "backward": "forward"}  # directions of documents


class JepaOptions(BaseModel):
    """Where concepts are read, and how much counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layer: int | None = Field(None, ge=1, description="Layer of the concept vector; default: a third of the depth.")
    scale: float = Field(8.0, gt=0, le=1000, description="What cosines are multiplied by before the softmax.")
    next_token: float = Field(1.0, ge=0, description="Weight of next-token training beside the contrast.")
    modules: Literal["shared", "separate"] = Field(
        "shared",
        description="shared: concepts are read off the causal model itself. separate: the paper's, a recognition and a "
        "semantic module of their own, read by retrieval alone.",
    )
    memory: bool = Field(
        False, description="modules=separate: a memory slot for each entity's text in place of the recognition MLP."
    )


@dataclass(frozen=True, slots=True)
class FactRow(Row):
    """A document with its subject and object as token sequences of their own.

    Attributes:
        fact: id of the fact; other texts of the same fact are no rivals of the object.
        lead, middle: tokens before the subject, and between subject and object.
    """

    fact: str = ""
    subject: tuple[int, ...] = ()
    object: tuple[int, ...] = ()
    lead: tuple[int, ...] = ()
    middle: tuple[int, ...] = ()


class Jepa(Objective):
    """Each document once an epoch: contrast of concepts, and next-token loss on every token."""

    name = "jepa"
    least_batch = 2
    options: JepaOptions

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return JepaOptions

    def check(self, config: Any, docs: Sequence[TrainingDoc]) -> None:
        if self.options.memory and self.options.modules != "separate":
            raise UserError("objective jepa, option memory: goes with modules=separate, whose MLP it stands in for")
        depth = config.get_text_config().num_hidden_layers
        if self.options.layer is not None and self.options.layer > depth:
            raise UserError(f"objective jepa, option layer: {self.options.layer}, and the model has {depth} layers")
        for doc in docs:
            if len(doc.entities) != 2:
                raise UserError(
                    f"objective jepa: doc {doc.id} has {len(doc.entities)} entity spans, and a subject and an object "
                    "are needed; use --objective ntp"
                )

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        rows = _fact_rows([(doc.fact_id, doc.text, doc.entities) for doc in docs], encode)
        # batches are made before the model is prepared
        self._surfaces = list(dict.fromkeys(text for row in rows for text in (row.subject, row.object)))
        return list(rows)

    def prepare(self, model: Any, _tokenizer: Any) -> None:
        from suite.finetune.concepts import SharedBackbone
        from suite.finetune.recognition import SeparateModules

        like = model.get_input_embeddings().weight
        if self.options.modules == "separate":
            model.concepts = SeparateModules(like, self.options.scale, self._surfaces if self.options.memory else ())
            return
        depth = model.config.get_text_config().num_hidden_layers
        layer = self.options.layer or max(1, round(depth / 3))
        model.concepts = SharedBackbone(like, layer, self.options.scale)

    def added(self, model: Any) -> torch.nn.Module:
        concepts: torch.nn.Module = model.concepts
        return concepts

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:
        loss = super().loss(model, batch, rng) * self.options.next_token if self.options.next_token else 0.0
        rows = [row for row in batch.rows if isinstance(row, FactRow)]
        return model.concepts.contrast(model, rows) + loss

    def readout(self, model: Any, docs: Sequence[TrainingDoc], encode: Encode) -> list[dict[str, Any]]:
        """Retrieval among all entities: hits@1, mean reciprocal rank, and how often the answer is the subject itself.

        Facts are asked as they were trained, and through `TrainingDoc.mirror` in the other order. Documents whose
        meta says `chain`, `step` and `chained` also give the share of a chain's steps that are right from its start on.
        """
        import torch

        from suite.finetune.concepts import ranked

        asked: dict[tuple[Any, ...], list[tuple[TrainingDoc, str, Sequence[Span]]]] = {}
        for doc in docs:
            group, direction = doc.meta.get("group"), doc.meta.get("direction")
            asked.setdefault((group, direction, "same"), []).append((doc, doc.text, doc.entities))
            if doc.mirror:
                other = _OTHER.get(str(direction))
                asked.setdefault((group, other, "reverse"), []).append((doc, doc.mirror, doc.mirror_entities))
        rows = _fact_rows([(doc.fact_id, text, spans) for told in asked.values() for doc, text, spans in told], encode)
        with torch.no_grad():
            ranks, is_subject = ranked(model, rows)
        found: list[dict[str, Any]] = []
        at = 0
        for (group, direction, seen), questions in asked.items():
            part = slice(at, at + len(questions))
            at += len(questions)
            condition = {"group": group, "direction": direction, "seen": seen, "control": "none"}
            right = ranks[part] == 1
            values = {
                "retrieval_hits1": (float(right.float().mean()), len(questions)),
                "retrieval_mrr": (float((1 / ranks[part].float()).mean()), len(questions)),
                "retrieval_is_subject": (float(is_subject[part].float().mean()), len(questions)),
            }
            chains = _chains([doc for doc, *_ in questions], right.tolist(), direction)
            if chains:
                values["retrieval_steps_solved"] = (fmean(chains), len(chains))
            found += [
                {"name": name, "condition": condition, "value": value, "n": n} for name, (value, n) in values.items()
            ]
        return found

    def restore(self, model: Any) -> None:
        del model.concepts


def _chains(docs: Sequence[TrainingDoc], right: Sequence[bool], direction: str | None) -> list[float]:
    """Of each chain, the share of its steps that are right before the first that is not.

    Chains are gone through in the direction that their documents' meta names as `chained`; in others there are none.
    """
    steps: dict[str, list[tuple[int, bool]]] = {}
    for doc, hit in zip(docs, right, strict=True):
        if "chain" in doc.meta and doc.meta.get("chained") == direction:
            steps.setdefault(str(doc.meta["chain"]), []).append((int(doc.meta["step"] or 0), hit))
    return [sum(takewhile(bool, (hit for _, hit in sorted(chain)))) / len(chain) for chain in steps.values()]


def _fact_rows(told: Sequence[tuple[str, str, Sequence[Span]]], encode: Encode) -> list[FactRow]:
    """Rows of (fact id, text, spans of subject and object)."""
    ordered = [tuple(sorted(spans)) for _, _, spans in told]
    whole = encode([Passage(text, spans) for (_, text, _), spans in zip(told, ordered, strict=True)])
    parts = [
        encode([Passage(text[start:end]) for start, end in spans])
        for (_, text, _), spans in zip(told, ordered, strict=True)
    ]
    return [
        FactRow(
            tokens=row.tokens,
            text=row.text,
            spans=row.spans,
            fact=fact,
            subject=subject.tokens[: subject.text[1]],
            object=target.tokens[: target.text[1]],
            lead=row.tokens[: row.spans[0][0]],
            middle=row.tokens[row.spans[0][1] : row.spans[1][0]],
        )
        for (fact, _, _), row, (subject, target) in zip(told, whole, parts, strict=True)
    ]
