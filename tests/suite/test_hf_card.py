"""The model card is computed: sizes, window, and a fingerprint that changes with all that scores hang on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tiny_hf import causal, save, tokenizer

from suite.models.hf import card, load


def info(folder: Path, **options: object):
    return load(str(folder), device="cpu", **options).info


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(tmp_path / "model", causal("llama"), tokenizer(template=True))


@pytest.mark.parametrize(("tied", "embeddings"), [(False, 2), (True, 1)], ids=["untied", "tied"])
def test_parameters_are_counted_once_and_without_embeddings(tmp_path: Path, tied: bool, embeddings: int) -> None:
    plain = causal("llama", tie_word_embeddings=tied)
    found = info(save(tmp_path, plain, tokenizer()))
    layer = 32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48 + 2 * 32  # q, k and v of two heads, o, MLP, norms
    assert found.parameters_non_embedding == 2 * layer + 32
    assert found.parameters == found.parameters_non_embedding + embeddings * 400 * 32
    assert found.extra["tie_word_embeddings"] is tied


def test_the_card_says_what_was_loaded(folder: Path) -> None:
    found = info(folder)
    assert found.capabilities == {"loglikelihood", "generate", "first_token", "chat"}
    assert (found.context_length, found.dtype, found.revision, found.training) == (256, "float32", None, None)
    assert found.extra["architecture"] == "LlamaForCausalLM" and found.extra["quantisation"] is None
    json.dumps(found.to_json())


def test_chat_is_offered_only_with_a_template_and_unless_declined(folder: Path, tmp_path: Path) -> None:
    assert "chat" not in info(folder, chat=False).capabilities
    assert "chat" not in info(save(tmp_path / "plain", causal("llama"), tokenizer())).capabilities


def test_training_json_is_carried_along(folder: Path) -> None:
    (folder / "training.json").write_text('{"objective": "ntp", "steps": 5}')
    assert info(folder).training == {"objective": "ntp", "steps": 5}


def test_the_fingerprint_is_the_same_for_a_copy_elsewhere(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder, tmp_path / "copy")
    assert info(tmp_path / "copy").fingerprint == info(folder).fingerprint


def _one_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _template(folder: Path) -> None:
    tok = tokenizer(template=True)
    tok.chat_template += " "
    tok.save_pretrained(folder)


@pytest.mark.parametrize(
    "change",
    [
        _one_weight,
        _template,
        lambda folder: tokenizer(bos=True, template=True).save_pretrained(folder),
        lambda folder: (folder / "config.json").write_text((folder / "config.json").read_text() + "\n"),
    ],
    ids=["one-bit-of-a-weight", "chat-template", "tokenizer", "config"],
)
def test_the_fingerprint_changes_with_all_that_scores_hang_on(folder: Path, change) -> None:
    before = info(folder).fingerprint
    change(folder)
    assert info(folder).fingerprint != before


def test_the_fingerprint_changes_with_precision_but_not_with_batch_size(folder: Path) -> None:
    before = info(folder).fingerprint
    assert info(folder, dtype="bfloat16").fingerprint != before
    assert info(folder, batch_tokens=7).fingerprint == before


def test_a_large_files_digest_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("UNREASON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(card, "_REMEMBER_BYTES", 1)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"one")
    first = card.file_digest(path)
    with monkeypatch.context() as patch:
        patch.setattr(card, "_sha256", lambda _: pytest.fail("read again"))
        assert card.file_digest(path) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert card.file_digest(path) != first


def test_the_hubs_blobs_are_known_by_their_name(tmp_path: Path, monkeypatch) -> None:
    blob = tmp_path / "blobs" / ("ab" * 32)
    blob.parent.mkdir()
    blob.write_bytes(b"weights")
    (tmp_path / "model.safetensors").symlink_to(blob)
    assert card.file_digest(tmp_path / "model.safetensors") == "ab" * 32


def test_positions_that_padding_takes_are_not_part_of_the_window() -> None:
    from transformers import BertConfig, RobertaConfig

    assert card.context_length(BertConfig(max_position_embeddings=512)) == 512
    assert card.context_length(RobertaConfig(max_position_embeddings=514, pad_token_id=1)) == 512


@pytest.mark.parametrize(
    ("config", "total", "without_embeddings"),
    [
        pytest.param(("GPT2Config", {}), 124_439_808, 85_056_000, id="gpt2"),
        pytest.param(
            ("GPT2Config", {"n_embd": 1024, "n_layer": 24, "n_head": 16}), 354_823_168, None, id="gpt2-medium"
        ),
        pytest.param(
            (
                "GPTNeoXConfig",
                {
                    "vocab_size": 50304,
                    "hidden_size": 512,
                    "num_hidden_layers": 6,
                    "num_attention_heads": 8,
                    "intermediate_size": 2048,
                },
            ),
            70_426_624,
            18_915_328,
            id="pythia-70m",
        ),
    ],
)
def test_parameters_of_known_sizes(config: Any, total: int, without_embeddings: int | None) -> None:
    """Counted from the shapes alone, tied weights once."""
    import torch
    import transformers

    name, values = config
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, name)(**values))
    counted, in_embeddings = card.count_parameters(model)
    assert counted == total
    assert without_embeddings is None or counted - in_embeddings == without_embeddings
