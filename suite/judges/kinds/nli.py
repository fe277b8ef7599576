"""A natural-language-inference model as judge: ``nli/FOLDER_OR_HUB_ID``, run here through transformers.

Premises are the sentences of the evidence, the hypothesis is the unit. Inventions are neutral to every premise, so in
a closed world, where the evidence holds all there is to know, neutral counts as hallucinated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.identity import digest
from suite.judges.mentions import category_of_first_unmatched
from suite.judges.record import Label, Unit
from suite.judges.sentences import sentences
from suite.judges.taxonomy import DEFAULT_DEGREE

if TYPE_CHECKING:
    import torch

BATCH = 16  # pairs of premise and hypothesis
SURE = 0.5  # probability from which entailment or contradiction counts
_NAMES = {"entail": "entailment", "contra": "contradiction", "neutral": "neutral"}


def load(name: str, *, closed_world: bool | None = None, nli_labels: str | None = None) -> NLIJudge:
    """The judge ``nli/NAME``.

    Args:
        name: a local model folder, or a hub id, with a sequence-classification head.
        closed_world: what the evidence does not hold is hallucinated; by default so for track W alone.
        nli_labels: ``"contradiction,neutral,entailment"`` in the model's order, where its configuration does not say.

    Raises:
        UserError: no such model, or labels that are neither named nor given.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not name:
        raise UserError("judge nli: a model is missing; write nli/FOLDER or nli/HUB_ID")
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = AutoModelForSequenceClassification.from_pretrained(name).eval()
    except (OSError, ValueError) as error:
        raise UserError(f"judge nli/{name}: cannot be loaded: {str(error).splitlines()[0]}") from None
    return NLIJudge(f"nli/{name}", model, tokenizer, label_order(model.config.id2label, nli_labels), closed_world)


def label_order(id2label: Mapping[int, str], given: str | None = None) -> dict[str, int]:
    """Which output is entailment, contradiction and neutral: by name in any case, since checkpoints differ in order.

    Raises:
        UserError: the names do not tell, or `given` is not the three labels.
    """
    names = (
        dict(enumerate(part.strip() for part in given.split(",")))
        if given
        else {int(k): v for k, v in id2label.items()}
    )
    found = {
        full: number for part, full in _NAMES.items() for number, name in names.items() if part in str(name).lower()
    }
    if len(found) != 3 or len(names) != 3 or len(set(found.values())) != 3:
        raise UserError(
            f"judge nli: labels {', '.join(map(str, names.values()))} do not say which is entailment, contradiction "
            "and neutral; give nli_labels, e.g. nli_labels=contradiction,neutral,entailment in the model's order"
        )
    return found


class NLIJudge:
    """A judge that asks whether the evidence entails a unit.

    Args:
        name: as labels are stored.
        order: outputs of entailment, contradiction and neutral, from `label_order`.
    """

    reads_sentences = True

    def __init__(
        self, name: str, model: Any, tokenizer: Any, order: Mapping[str, int], closed_world: bool | None = None
    ) -> None:
        self.name, self._model, self._tokenizer = name, model, tokenizer
        self._order, self._closed_world = order, closed_world
        self._longest = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512))
        self.version = digest(["1", _weights_digest(model), dict(order), closed_world], 12)

    def label(self, responses: Iterable[Sequence[Unit]]) -> Iterator[Sequence[Label]]:
        """See `suite.judges.record.Judge`.

        Raises:
            UserError: a unit has no evidence.
        """
        for units in responses:
            if not units[0].evidence.strip():
                raise UserError(
                    f"judge {self.name}: response {units[0].sample_id} has no reference text to compare with; "
                    "add a column `reference` to the prompts, or take an llm/ judge"
                )
            yield [self._label(unit) for unit in units]

    def _label(self, unit: Unit) -> Label:
        hypothesis = hypothesis_of(unit)
        if not unit.text.strip():
            return Label.of(unit, self, "no_claim")
        probabilities, was_cut = self._probabilities(sentences(unit.evidence), hypothesis)
        entailed = float(probabilities[:, self._order["entailment"]].max())
        contradicted = float(probabilities[:, self._order["contradiction"]].max())
        flags = ("truncated",) if was_cut else ()
        raw = f"entailment {entailed:.4f}, contradiction {contradicted:.4f}"
        if entailed >= SURE and entailed >= contradicted:
            return Label.of(unit, self, "supported", flags=flags, confidence=entailed, raw=raw)
        closed = self._closed_world if self._closed_world is not None else unit.item.get("track") == "W"
        if contradicted < SURE and not closed:
            return Label.of(
                unit, self, "unverifiable", flags=flags, confidence=1 - max(entailed, contradicted), raw=raw
            )
        category = category_of(unit)
        return Label.of(
            *(unit, self, "hallucinated"),
            primary=category,
            categories=(category,) if category else (),
            split="intrinsic" if unit.text.strip().lower() in unit.context.lower() else "extrinsic",
            degree=DEFAULT_DEGREE.get(category),
            degree_source="category",
            flags=flags,
            confidence=contradicted if contradicted >= SURE else 1 - entailed,
            raw=raw,
        )

    def _probabilities(self, premises: Sequence[str], hypothesis: str) -> tuple[torch.Tensor, bool]:
        """((premises, 3) probabilities, whether any premise had to be cut)."""
        import torch

        rows, was_cut = [], False
        for start in range(0, len(premises), BATCH):
            batch = list(premises[start : start + BATCH])
            pairs = [hypothesis] * len(batch)
            whole = self._tokenizer(batch, pairs, verbose=False)["input_ids"]
            was_cut |= any(len(ids) > self._longest for ids in whole)
            encoded = self._tokenizer(
                batch, pairs, truncation="only_first", max_length=self._longest, padding=True, return_tensors="pt"
            )
            with torch.inference_mode():
                rows.append(self._model(**encoded.to(self._model.device)).logits.float().softmax(dim=-1).cpu())
        return torch.cat(rows), was_cut


def hypothesis_of(unit: Unit) -> str:
    """The unit as a sentence: a filled-in line says what it answers, a free sentence is one already."""
    text, line = " ".join(unit.text.split()), unit.item.get("line")
    return f"{line['label']}: {text}." if isinstance(line, Mapping) and line.get("label") else text


def category_of(unit: Unit) -> str:
    """The line's category, else that of the first typed mention that the evidence does not hold, else the item's."""
    line = unit.item.get("line")
    if isinstance(line, Mapping) and line.get("category"):
        return str(line["category"])
    return category_of_first_unmatched(unit) or str(unit.item.get("category") or "")


def _weights_digest(model: Any) -> str:
    import torch

    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()
