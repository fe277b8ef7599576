"""The shared backbone of attention_patterns, its trainings, and position schemes: what is swapped, seen and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from suite.attention import Attention, Pattern, build, mechanism
from tasks.attention_patterns import experiments
from tasks.attention_patterns.backbone import Backbone, sinusoids
from tasks.attention_patterns.experiments import EXPERIMENTS, Subject
from tasks.attention_patterns.generators.lm_periodic import LmPeriodic
from tasks.attention_patterns.positions import Positioned, positioned
from tasks.attention_patterns.records import Batch, collate
from tasks.attention_patterns.sources import source_of
from tasks.attention_patterns.training import loss, make_model
from tasks.attention_patterns.twins import CELLS, LOGITS, TWINS, WIDTHS, Training

torch.set_num_threads(1)
SHORT = Training(3, 2, 3e-3, 2)
SHORT_SPEECH = replace(TWINS["tts_expand"], sizes={"tiny": {"length": 8, "frames": 24}})


def model_of(task: str, pattern: str = "-", mechanism: str = "vanilla", scheme: str | None = None) -> Backbone:
    """The tiny backbone of a task in evaluation mode, with `mechanism` in `pattern`."""
    twin, source = TWINS[task], source_of(task, "tiny", None)
    longest = max(source.longest)

    def attention(at: str) -> Attention:
        return build(mechanism if at == pattern else "sdpa", 64, 4, at, longest)

    torch.manual_seed(0)
    positions = twin.positions if scheme is None else scheme
    return make_model(twin, WIDTHS["tiny"], source, attention, positions=positions, longest=longest).eval()


def batch_of(task: str, *indices: int) -> Batch:
    return collate([source_of(task, "tiny", None).record("test", 0, index) for index in indices])


def described(task: str, pattern: str, **further: Any) -> dict[str, Any]:
    twin = TWINS[task]
    place = {"pattern": pattern, "task": task, "size": "tiny", "data": None, "positions": twin.positions}
    return {**place, "training": SHORT.to_json(), "budget_s": 100.0} | further


def trained(mechanism: str, seed: int = 0, **asked: Any) -> Mapping[str, Any]:
    return EXPERIMENTS["training"](Subject(mechanism, {}, "cpu"), asked, seed)


# ---------------------------------------------------------------- the backbone


@pytest.mark.parametrize(("pattern", "task"), CELLS)
def test_only_the_attention_under_test_is_swapped(pattern: str, task: str) -> None:
    found = [module for module in model_of(task, pattern).modules() if isinstance(module, Attention)]
    assert {module.pattern.value for module in found if module.name == "vanilla"} == {pattern}
    assert all(module.name == "sdpa" for module in found if module.pattern.value != pattern)
    assert sum(module.pattern.value == pattern for module in found) == 2  # one a layer


@pytest.mark.parametrize(("pattern", "task"), CELLS)
def test_vanilla_and_fused_attention_make_the_same_model(pattern: str, task: str) -> None:
    batch, (one, other) = batch_of(task, 0), (model_of(task, pattern, name) for name in ("vanilla", "sdpa"))
    other.load_state_dict(one.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(one(batch), other(batch), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("task", ["sum_salient", "tts_expand", "lm_periodic"])
def test_what_writes_one_by_one_does_not_see_ahead(task: str) -> None:
    model, batch = model_of(task), batch_of(task, 0)
    at = batch.target.shape[1] // 2
    changed = batch.target.clone()
    changed[:, at:] = 3
    with torch.no_grad():
        before, after = model(batch), model(replace(batch, target=changed))
    torch.testing.assert_close(after[:, : at + 1], before[:, : at + 1])
    assert not torch.allclose(after[:, at + 1 :], before[:, at + 1 :], atol=1e-3)


def test_a_summary_is_written_from_what_was_written() -> None:
    """Greedy: given its own output as target, the model says the same again at once."""
    model, batch = model_of("sum_salient"), batch_of("sum_salient", 0, 1)
    written = model.write(batch)
    with torch.no_grad():
        again = model(replace(batch, target=written)).argmax(dim=-1)
    assert (written == again).all()


def test_frames_are_written_from_what_was_written() -> None:
    model, batch = model_of("tts_expand"), batch_of("tts_expand", 0)
    short = replace(batch, target=batch.target[:, :12], target_at=batch.target_at[:, :12])
    written = model.write(short)
    with torch.no_grad():
        torch.testing.assert_close(model(replace(short, target=written)), written, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("task", ["sum_salient", "tts_expand"])
def test_a_record_beside_a_longer_one_is_answered_as_alone(task: str) -> None:
    records = [source_of(task, "tiny", None).record("test", 0, index) for index in range(12)]
    short, long = (pick(records, key=lambda record: len(record.target)) for pick in (min, max))
    assert len(short.target) < len(long.target)
    model, n = model_of(task), len(short.target)
    with torch.no_grad():
        torch.testing.assert_close(model(collate([short, long]))[:1, :n], model(collate([short])), atol=1e-4, rtol=1e-4)


def test_the_order_of_given_points_does_not_matter() -> None:
    model, batch = model_of("pcc_shapes"), batch_of("pcc_shapes", 0)
    with torch.no_grad():
        mixed = replace(batch, source=batch.source.flip(1))
        torch.testing.assert_close(model(mixed), model(batch), atol=1e-4, rtol=1e-4)


def test_a_set_is_compared_as_a_set() -> None:
    model, batch = model_of("pcc_shapes"), batch_of("pcc_shapes", 0)
    with torch.no_grad():
        assert torch.isclose(loss(model, batch), loss(model, replace(batch, target=batch.target.flip(1))))


def test_queries_and_keys_begin_alike_except_in_causal_self_attention() -> None:
    for module in model_of("sum_salient").modules():
        if isinstance(module, Attention):
            assert torch.equal(module.q_proj.weight, module.k_proj.weight) == (module.pattern is not Pattern.CS)


def test_sinusoids_tell_every_pixel_apart() -> None:
    batch = batch_of("sr_texture", 0)
    at = sinusoids(batch.target_at, 64)[0]
    assert at.shape == (1024, 64)
    assert torch.pdist(at).min() > 0.1


# ---------------------------------------------------------------- trainings


@pytest.mark.parametrize(("pattern", "task"), CELLS)
def test_every_cell_is_trained_and_measured(pattern: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "FACTORS", (0.5, 1.0))
    monkeypatch.setitem(TWINS, "tts_expand", SHORT_SPEECH)
    found = trained("vanilla", **described(task, pattern))
    assert found["status"] == "done"
    assert set(found["measures"]) == set(TWINS[task].measures)
    assert all(isinstance(value, float) for value in found["measures"].values())
    assert found["train_s"] > 0 and found["tokens_per_s"] > 0 and found["threads"] == 1


@pytest.mark.parametrize(("mechanism", "pattern", "task"), [("abc", "NS", "mlm_copy"), ("vanilla", "CC", "tts_expand")])
def test_a_training_repeats_exactly_whatever_was_done_before(
    mechanism: str, pattern: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where values are dropped at random; another seed is another training."""
    monkeypatch.setitem(TWINS, "tts_expand", SHORT_SPEECH)
    first = trained(mechanism, 0, **described(task, pattern))
    torch.rand(7)
    again, other = (trained(mechanism, seed, **described(task, pattern)) for seed in (0, 1))
    assert first["measures"] == again["measures"] != other["measures"]


def test_what_a_mechanism_adds_to_the_backbone_is_counted() -> None:
    found = trained("abc", **described("mlm_copy", "NS"))
    assert found["parameters"] > found["extra_parameters"] > 0
    assert trained("vanilla", **described("mlm_copy", "NS"))["extra_parameters"] == 0


def test_a_spent_budget_is_a_timeout_with_its_steps() -> None:
    found = trained("vanilla", **described("mlm_copy", "NS", budget_s=1e-9))
    assert (found["status"], found["reason"]) == ("timeout", "after 1 of 3 steps")


def test_a_loss_that_is_no_number_is_told_as_diverged() -> None:
    found = trained("vanilla", **described("mlm_copy", "NS", training=replace(SHORT, lr=1e30).to_json()))
    assert found["status"] == "diverged" and found["reason"].startswith("step 2: ")


def test_a_learned_encoding_is_not_asked_beyond_its_length() -> None:
    found = trained("none", **described("lm_periodic", "CS", positions="learned"))
    known = {row["factor"]: row["ppl"] is not None for row in found["lengths"]}
    assert known == {0.25: True, 0.5: True, 1.0: True, 1.5: False, 2.0: False, 4.0: False}


def test_lengths_of_extrapolation_are_multiples_of_the_training_length() -> None:
    found = trained("none", **described("lm_periodic", "CS"))
    assert [row["length"] for row in found["lengths"]] == [32, 64, 128, 192, 256, 512]
    assert found["lengths"][0]["ppl"] is not None  # periods of 20 to 31 leave scored tokens


@pytest.mark.slow
@pytest.mark.parametrize(("mechanism", "low", "high"), [("none", 60, 70), ("vanilla", 1, 15)])
def test_no_attention_stays_at_chance_and_softmax_attention_learns(mechanism: str, low: float, high: float) -> None:
    """The generated text cannot be predicted without looking a period back."""
    asked = described("lm_periodic", "CS", training=TWINS["lm_periodic"].training["tiny"].to_json())
    assert low <= trained(mechanism, **asked)["measures"]["ppl"] <= high


# ---------------------------------------------------------------- position schemes


def scores_of(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5


@pytest.mark.parametrize("name", sorted(LOGITS))
def test_alibi_adds_a_bias_that_grows_with_distance(name: str) -> None:
    """Against softmax of explicit logits with -m (i - j), m = 2^(-8 h / H) for head h from 1."""
    torch.manual_seed(0)
    attention = mechanism(name).make(16, 2, "CS", 12, {"window": 12} if name == "local" else {})
    x = torch.randn(1, 12, 16)
    q, k, v, _ = attention.project(x)
    slopes = 2.0 ** (-8 * torch.arange(1, 3) / 2)
    distance = torch.arange(12)[:, None] - torch.arange(12)
    logits = (scores_of(q, k) - slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)
    expected = attention.out_proj((logits.softmax(-1) @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(positioned(attention, "alibi")(x), expected, atol=1e-5, rtol=1e-5)


def test_rotary_logits_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    from tasks.attention_patterns.positions import rotated

    q, k = (torch.randn(8).expand(1, 1, 20, 8) for _ in range(2))
    logits = scores_of(rotated(q), rotated(k))[0, 0]
    for shift in (-7, 0, 3):
        line = torch.diagonal(logits, shift)
        torch.testing.assert_close(line, line[:1].expand_as(line))
    assert (logits[0] - logits[0, 0]).abs().max() > 0.01


def test_other_schemes_leave_the_attention_as_it_is() -> None:
    attention = build("vanilla", 16, 2, "CS", 8)
    assert positioned(attention, "sinusoidal") is attention
    assert isinstance(positioned(attention, "rotary"), Positioned)


def test_a_text_shorter_than_its_period_has_no_perplexity() -> None:
    assert not LmPeriodic(length=16).record("test", 0, 0).scored.any()
