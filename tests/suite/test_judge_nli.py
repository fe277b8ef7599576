"""The NLI judge: labels by name in any order, premises, closed world, cut premises; tiny random and rigged models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from suite.errors import UserError
from suite.judges.kinds.nli import NLIJudge, category_of, hypothesis_of, label_order, load
from suite.judges.record import Label, Unit

EVIDENCE = "The hall was founded in 1702. The hall stands in Pellmouth."
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "hall", "was", "founded", "in", "stands", ".")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT with a sequence-classification head, as a local model folder."""
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("nli")
    (place / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizerFast(str(place / "vocab.txt"), model_max_length=32)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        num_labels=3,
        id2label={0: "Contradiction", 1: "NEUTRAL", 2: "entailment"},
        label2id={"Contradiction": 0, "NEUTRAL": 1, "entailment": 2},
    )
    BertForSequenceClassification(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def unit(text: str, evidence: str = EVIDENCE, **item: Any) -> Unit:
    return Unit("s", 1, text, f"{evidence}\nIt was founded in 1752.", evidence, item)


def judged(judge: NLIJudge, one: Unit) -> Label:
    [[label]] = judge.label([[one]])
    return label


def rigged(folder: Path, entailed: float, contradicted: float, **options: Any) -> NLIJudge:
    """A judge whose model always gives these probabilities."""
    judge = load(str(folder), **options)
    neutral = 1 - entailed - contradicted
    logits = torch.tensor([contradicted, neutral, entailed]).clamp_min(1e-9).log()
    with torch.no_grad():
        judge._model.classifier.weight.zero_()
        judge._model.classifier.bias.copy_(logits)
    return judge


def test_a_local_model_labels(folder: Path) -> None:
    judge = load(str(folder))
    label = judged(judge, unit("The hall was founded in 1702."))
    assert label.judge == f"nli/{folder}"
    assert label.verdict in ("supported", "hallucinated", "unverifiable")
    assert label == judged(load(str(folder)), unit("The hall was founded in 1702."))


@pytest.mark.parametrize(
    ("entailed", "contradicted", "closed", "verdict"),
    [
        (0.9, 0.05, None, "supported"),
        (0.1, 0.8, None, "hallucinated"),
        (0.1, 0.1, None, "unverifiable"),
        (0.1, 0.1, True, "hallucinated"),
        (0.1, 0.1, False, "unverifiable"),
    ],
)
def test_verdicts_follow_the_probabilities(
    folder: Path, entailed: float, contradicted: float, closed: bool | None, verdict: str
) -> None:
    judge = rigged(folder, entailed, contradicted, closed_world=closed)
    assert judged(judge, unit("The hall was founded in 1999.")).verdict == verdict


def test_the_closed_world_is_the_default_of_track_w_alone(folder: Path) -> None:
    judge = rigged(folder, 0.1, 0.1)
    assert judged(judge, unit("It has 7 doors.", track="W")).verdict == "hallucinated"
    assert judged(judge, unit("It has 7 doors.", track="R")).verdict == "unverifiable"


@pytest.mark.parametrize(
    ("item", "text", "category"),
    [
        ({"line": {"label": "Founding year", "category": "TW"}}, "Ada", "TW"),
        ({"category": "GE"}, "The hall was founded in 1702, and has 99 doors.", "NN"),
        ({"category": "GE"}, "It is nice.", "GE"),
    ],
    ids=["line", "first unmatched mention", "item"],
)
def test_where_the_category_comes_from(item: dict[str, Any], text: str, category: str) -> None:
    assert category_of(unit(text, **item)) == category


def test_a_filled_in_line_becomes_a_sentence() -> None:
    assert hypothesis_of(unit("1702", line={"label": "Founding year"})) == "Founding year: 1702."
    assert hypothesis_of(unit("It  was\nfounded.")) == "It was founded."


@pytest.mark.parametrize(
    ("names", "given", "order"),
    [
        ({0: "ENTAILMENT", 1: "neutral", 2: "Contradiction"}, None, (0, 2, 1)),
        ({0: "contra", 1: "entail", 2: "neutral"}, None, (1, 0, 2)),
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, "contradiction, neutral, entailment", (2, 0, 1)),
    ],
)
def test_the_order_of_labels_is_read_by_name(names: dict[int, str], given: str | None, order: tuple[int, ...]) -> None:
    found = label_order(names, given)
    assert (found["entailment"], found["contradiction"], found["neutral"]) == order


@pytest.mark.parametrize(
    ("names", "given"),
    [
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, None),
        ({0: "entailment", 1: "not_entailment"}, None),
        ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, "yes,no,maybe"),
    ],
)
def test_labels_that_do_not_tell_are_refused(names: dict[int, str], given: str | None) -> None:
    with pytest.raises(UserError, match="give nli_labels"):
        label_order(names, given)


def test_a_premise_that_is_cut_is_flagged(folder: Path) -> None:
    judge = rigged(folder, 0.9, 0.05)
    long = "The hall was founded in " + "the hall " * 30 + "."
    assert judged(judge, unit("It stands.", evidence=long)).flags == ("truncated",)
    assert judged(judge, unit("It stands.")).flags == ()


def test_without_evidence_the_judge_refuses(folder: Path) -> None:
    with pytest.raises(UserError, match="column `reference`"):
        judged(load(str(folder)), unit("x", evidence=""))


def test_an_empty_unit_claims_nothing(folder: Path) -> None:
    assert judged(load(str(folder)), unit("")).verdict == "no_claim"


@pytest.mark.parametrize(("name", "match"), [("", "write nli/FOLDER"), ("./no-such-folder", "cannot be loaded")])
def test_a_missing_model_is_one_clear_line(name: str, match: str) -> None:
    with pytest.raises(UserError, match=match):
        load(name)


def test_the_version_knows_weights_and_options(folder: Path) -> None:
    versions = {
        load(str(folder)).version,
        load(str(folder), closed_world=True).version,
        rigged(folder, 0.5, 0.1).version,
    }
    assert len(versions) == 2  # a rigged judge was loaded with the same weights
    assert (
        NLIJudge("nli/x", rigged(folder, 0.5, 0.1)._model, load(str(folder))._tokenizer, {"a": 1}).version
        not in versions
    )
