"""Finding and checking a model: what is wrong is said in one line, before weights are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_hf import causal, save, tokenizer

from suite.errors import UserError
from suite.models.hf import load, loading
from suite.registry import load_model
from suite.task import Loglikelihood

ASK = Loglikelihood("the town", (" red", " amber lantern"))


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("good"), causal("llama"), tokenizer())


@pytest.fixture
def folder(good: Path, tmp_path: Path, monkeypatch) -> Path:
    """A copy to damage; loading weights from it is a failure of the test."""
    copy = tmp_path / "model"
    shutil.copytree(good, copy)
    return copy


def refused(name: object, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        load(str(name), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def logprobs(model) -> list[float]:
    (response,) = model.answer([ASK])
    return [score.logprob for score in response.scores]


def test_a_local_folder_is_loaded_by_its_path(good: Path) -> None:
    model = load_model(f"hf/{good}", device="cpu", dtype="float32")
    assert model.info.name == f"hf/{good}" and model.info.provider == "hf"
    assert all(value < 0 for value in logprobs(model))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "no such folder"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "expected a JSON object"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no weights"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "only pickled weights, which can run code",
        ),
        (lambda folder: [path.unlink() for path in folder.glob("token*")], "has no tokenizer"),
        (
            lambda folder: (folder / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model.safetensors"}})
            ),
            "1 of its weight files are missing (first: model-00001-of-00002.safetensors)",
        ),
    ],
    ids=["missing", "no-config", "half-config", "wrong-config", "no-weights", "pickle", "no-tokenizer", "lost-shard"],
)
def test_a_damaged_folder_is_refused_before_weights_are_read(folder: Path, monkeypatch, damage, message: str) -> None:
    damage(folder)
    monkeypatch.setattr(loading, "load_weights", lambda *_: pytest.fail("weights were read"))
    assert message in refused(folder)


def test_half_written_weights_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    assert "the model cannot be loaded" in refused(folder, device="cpu")


def test_a_tokenizer_that_is_no_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    assert "the tokenizer cannot be loaded" in refused(folder, device="cpu")


def test_weights_that_lack_a_part_are_never_filled_with_random_numbers(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    weights.pop("lm_head.weight")
    save_file(weights, path, metadata={"format": "pt"})
    assert "the weights lack lm_head.weight" in refused(folder, device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu9"}, "expected cuda, cuda:N, mps, cpu or auto"),
        ({"device": "cuda"}, "available: cpu"),
        ({"device": "cpu", "dtype": "int3"}, "expected float32, bfloat16, float16 or auto"),
        ({"batch_tokens": 0}, "positive number of tokens"),
        ({"batch_tokens": "many"}, "positive number of tokens"),
        ({"chat": "maybe"}, "expected true or false"),
        ({"trust_remote_code": "yes"}, "expected true or false"),
        ({"adapter": "/nowhere"}, "no such folder with an adapter_config.json"),
        ({"device": "cpu", "chat": True}, "has no chat template"),
    ],
    ids=[
        "device",
        "absent-device",
        "dtype",
        "batch-tokens",
        "batch-tokens-text",
        "chat-text",
        "remote-code-text",
        "adapter",
        "chat",
    ],
)
def test_a_wrong_option_is_refused(good: Path, options: dict, message: str) -> None:
    import torch

    if options.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has the device")
    assert message in refused(good, **options)


def test_an_unreachable_hub_is_one_line(monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = refused("some-owner/some-model@main")
    assert "some-owner/some-model@main" in message and "hub cannot be reached" in message


def test_a_hub_model_is_taken_by_revision_and_without_its_code(good: Path, tmp_path: Path, monkeypatch) -> None:
    import huggingface_hub

    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(good, tmp_path / commit)
    asked = {}

    def snapshot(repository: str, **options: object) -> str:
        asked.update(options, repository=repository)
        return str(tmp_path / commit)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    model = load("owner/model@v1", device="cpu")
    assert (asked["repository"], asked["revision"]) == ("owner/model", "v1")
    assert "*.py" not in asked["allow_patterns"] and "*.bin" not in asked["allow_patterns"]
    assert model.info.revision == commit


@pytest.mark.parametrize(
    ("error", "message"),
    [("RepositoryNotFoundError", "no such model on the hub"), ("RevisionNotFoundError", "no revision 'v9'")],
)
def test_what_the_hub_does_not_have_is_said(monkeypatch, error: str, message: str) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    def snapshot(*_: object, **__: object) -> str:
        kind = getattr(errors, error)
        raise kind.__new__(kind)  # its constructor wants the server's answer

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert message in refused("owner/model@v9")


@pytest.fixture
def adapter(good: Path, tmp_path: Path) -> Path:
    """A LoRA adapter on `good` that changes its scores."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(good), config)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_is_put_on_its_base_by_option_or_by_its_own_folder(good: Path, adapter: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = load(str(good), device="cpu")
    by_option = load(str(good), device="cpu", adapter=str(adapter))
    by_folder = load(str(adapter), device="cpu")
    assert logprobs(by_option) == pytest.approx(logprobs(by_folder), abs=1e-6)
    assert logprobs(by_option) != pytest.approx(logprobs(base), abs=1e-2)
    assert by_option.info.fingerprint == by_folder.info.fingerprint != base.info.fingerprint
    assert by_option.info.parameters == base.info.parameters
    tok = tokenizer()
    unmerged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(good), adapter).eval()
    with torch.no_grad():
        table = unmerged(torch.tensor([tok("the town")["input_ids"]])).logits[0, -1].log_softmax(-1)
    assert logprobs(by_option)[0] == pytest.approx(float(table[tok(" red")["input_ids"][0]]), abs=1e-4)


def test_an_adapter_without_a_named_base_is_refused(adapter: Path) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": None}))
    assert "names no base_model_name_or_path" in refused(adapter)


def test_an_adapter_for_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other", causal("gpt2"), tokenizer())
    assert "does not fit GPT2LMHeadModel" in refused(other, device="cpu", adapter=str(adapter))


def test_an_adapters_own_tokenizer_is_used(good: Path, adapter: Path) -> None:
    tokenizer(bos=True).save_pretrained(adapter)
    assert load(str(adapter), device="cpu")._tokenization.leading == (0,)
    assert load(str(good), device="cpu")._tokenization.leading == ()


def test_a_model_that_was_not_fetched_says_how_to_fetch_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("UNREASON_CACHE", str(tmp_path))
    assert "unreason models fetch smollm2-135m" in refused("smollm2-135m")


def test_no_code_of_a_repository_is_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    config["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('code of the repository was run')")
    refused(folder, device="cpu")
