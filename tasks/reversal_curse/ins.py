"""Track ins: the held-out instructions, asked of a local model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from suite.task import Doc, Draft, Generate, Metric, Mode, Response, Sample, Scores
from tasks.reversal_curse.cells import Cell, mean_metric
from tasks.reversal_curse.instructions import InstructionSet, majority_baseline
from tasks.reversal_curse.matching import matches
from tasks.reversal_curse.nd import EXTRA_TOKENS, score_text


def instruction_docs(data: InstructionSet) -> Iterator[Doc]:
    """One doc a held-out instruction; the most frequent trained answer stands beside it, as the baseline."""
    majority = majority_baseline(data).answer
    for example in data.test:
        number = f"instruction-{example.instruction_id:04}"
        content = {
            "prompt": example.prompt,
            "target": example.answer,
            "target_original": example.answer,
            "aliases": [],
            "majority": majority,
            "order": data.order,
        }
        yield Doc(f"ins/{number}", content, cluster=number)


def instruction_drafts(doc: Doc, modes: Collection[Mode]) -> list[Draft]:
    """The prompt, completed greedily to the end of the line."""
    if "generate" not in modes:
        return []
    condition = {"track": "ins", "order": doc.data["order"]}
    room = len(doc.data["target"].encode()) // 2 + EXTRA_TOKENS
    request = Generate(doc.data["prompt"], stop=("\n",), max_tokens=room)
    return [Draft(doc.id, "generate", condition, (request,), doc.cluster, doc.data["target"])]


def score_instruction(doc: Doc, responses: Sequence[Response]) -> Scores:
    """em, em_original, contains, and em_majority: what the most frequent trained answer gets on this item."""
    found = score_text(doc.data, responses[0].texts[0], is_chat=False)
    majority = float(matches(doc.data["majority"], doc.data["target"]))
    return Scores({**found.values, "em_majority": majority}, found.outcome, found.answer)


def instruction_metrics(samples: Sequence[Sample]) -> list[Metric]:
    """Exact match of the held-out instructions beside the majority baseline; intervals over instructions."""
    mine = [sample for sample in samples if sample.condition.get("track") == "ins"]
    out = []
    for order in sorted({str(sample.condition["order"]) for sample in mine}):
        chosen = [sample for sample in mine if sample.condition["order"] == order]
        cell = Cell("generate", {"track": "ins", "order": order}, sorted(chosen, key=lambda sample: sample.doc_id))
        out += [mean_metric(name, cell, name, failed=0.0) for name in ("em", "em_original", "contains")]
        out.append(mean_metric("em_majority", cell, "em_majority", note="the most frequent trained answer, always"))
    return out
