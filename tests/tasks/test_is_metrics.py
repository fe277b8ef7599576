"""Figures of inverse scaling from samples: standard errors, chance and constant labels, the cost of the trap."""

from __future__ import annotations

import math
from statistics import fmean

import pytest

from suite.jsonl import read_jsonl
from suite.stats import agresti_coull, mean_stderr, paired_binary_stderr
from suite.task import Sample
from tasks.inverse_scaling.metrics import interval, inverse_scaling_metrics
from tasks.inverse_scaling.metrics_cost import paired_stderr
from tasks.inverse_scaling.scoring import class_scores

BASE = {"subtask": "neqa", "source": "generated", "revision": "r", "variant": "trap", "shots": 0}


def sample(
    doc, acc, *, cluster=None, target="A", answer="A", error=None, mode="loglikelihood", scores=None, **condition
):
    values = {"acc": acc, "trap": 1 - acc, "chance": 0.5, "chance_loss": math.log(2), **(scores or {})}
    return Sample(
        f"{doc}{condition}",
        doc,
        mode,
        {**BASE, **condition},
        cluster or doc,
        {} if error else values,
        "error" if error else "scored",
        None if error else answer,
        target,
        error,
    )


def one(metrics, name, **condition):
    found = [m for m in metrics if m.name == name and condition.items() <= dict(m.condition).items()]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("rate", "n", "stderr"),
    [
        pytest.param(0.85, 300, 0.020735, id="6.6-.85"),
        pytest.param(0.5, 300, 0.028677, id="6.6-.5"),
        pytest.param(0.4, 300, 0.028113, id="6.6-.4"),
        pytest.param(0.0, 1000, 0.001407, id="6.6-0"),
    ],
)
def test_agresti_coull(rate, n, stderr):
    assert agresti_coull(rate * n, n)[0] == pytest.approx(stderr, abs=1e-6)
    low, high = agresti_coull(rate * n, n)[1:]
    assert 0 <= low <= rate <= high <= 1


@pytest.mark.parametrize(
    ("up", "down", "stderr"),
    [
        pytest.param(0, 40, 0.028473, id="6.7-AB"),
        pytest.param(10, 80, 0.040444, id="6.7-AC"),
        pytest.param(10, 40, 0.033774, id="6.7-BC"),
    ],
)
def test_paired_standard_error(up, down, stderr):
    differences = [1.0] * up + [-1.0] * down + [0.0] * (200 - up - down)
    assert paired_binary_stderr(up, down, 200) == pytest.approx(stderr, abs=1e-6)
    assert paired_stderr(differences, [str(i) for i in range(200)]) == pytest.approx(stderr, abs=1e-6)


def test_means_over_items_6_2():
    items = [((-2, -1.5), 0), ((-1, -3), 0), ((-0.2, -4, -5, -6), 1)]
    found = [class_scores(logprobs, [" x"] * len(logprobs), gold) for logprobs, gold in items]
    losses = [one.loss for one in found]
    assert fmean(losses) == pytest.approx(1.644693, abs=1e-6)
    assert mean_stderr(losses) == pytest.approx(1.121186, abs=1e-6)
    metrics = inverse_scaling_metrics(
        [
            sample(
                str(i),
                float(scores.picked == gold),
                scores={"loss": scores.loss, "chance": 1 / len(logprobs), "chance_loss": math.log(len(logprobs))},
            )
            for i, (scores, (logprobs, gold)) in enumerate(zip(found, items, strict=True))
        ]
    )
    assert one_value(metrics, "acc") == pytest.approx(1 / 3)
    assert one_value(metrics, "loss") == pytest.approx(1.644693, abs=1e-6)
    assert one_value(metrics, "chance") == pytest.approx(0.416667, abs=1e-6)
    assert one_value(metrics, "chance_loss") == pytest.approx(0.924196, abs=1e-6)


def one_value(metrics, name, **condition):
    return one(metrics, name, **condition).value


def test_mean_probability_is_not_the_probability_of_the_mean_loss_6_5():
    samples = [
        sample(
            str(i),
            0.0,
            subtask="prompt-injection",
            scores={
                "acc": None,
                "trap": None,
                "chance": None,
                "chance_loss": None,
                "loss": loss,
                "prob": math.exp(-loss),
            },
        )
        for i, loss in enumerate((2.4, 0.05))
    ]
    metrics = inverse_scaling_metrics(samples)
    assert one_value(metrics, "loss") == pytest.approx(1.225)
    assert one_value(metrics, "prob") == pytest.approx(0.520974, abs=1e-6)
    assert math.exp(-1.225) == pytest.approx(0.293758, abs=1e-6)
    assert one(metrics, "loss").headline
    assert one_value(metrics, "acc") is None


def test_clusters_widen_the_interval_of_alike_items():
    values, apart = [1.0, 1.0, 0.0, 0.0] * 10, [str(i) for i in range(40)]
    together = [f"template{value}" for value in values]
    mixed = [str(i // 4) for i in range(40)]
    assert interval(values, apart, is_rate=True).stderr == pytest.approx(agresti_coull(20, 40)[0])
    assert interval(values, together, is_rate=True).stderr == pytest.approx(math.sqrt(2 * (10**2 + 10**2)) / 40)
    level = interval(values, mixed, is_rate=True)
    assert level.value == 0.5 and level.low < 0.5 < level.high  # every template at one half: no spread to measure


def test_rates_of_zero_and_one_have_an_interval():
    for value in (0.0, 1.0):
        found = interval([value] * 50, [str(i) for i in range(50)], is_rate=True)
        assert found.low <= value <= found.high and found.high - found.low > 0.02


def test_constant_label_of_the_real_neqa_6_12(public_data):
    rows = [row for _, row in read_jsonl(public_data / "inverse_scaling" / "neqa_classification.jsonl")]
    always_a = [
        sample(str(i), float(row["answer_index"] == 0), target="AB"[row["answer_index"]]) for i, row in enumerate(rows)
    ]
    metrics = inverse_scaling_metrics(always_a)
    assert one_value(metrics, "acc") == pytest.approx(0.456667, abs=1e-6)
    assert one_value(metrics, "constant_label") == pytest.approx(0.543333, abs=1e-6)
    assert one(metrics, "constant_label").note == "always A: 0.457, always B: 0.543"
    assert one_value(metrics, "label_entropy") == 0.0
    assert one(metrics, "label_entropy").note == "always one label: A"


def test_tasks_without_a_fixed_set_of_labels_have_no_constant_answer():
    metrics = inverse_scaling_metrics([sample(str(i), 1.0, target=f"word{i}", answer=f"word{i}") for i in range(40)])
    assert not [m for m in metrics if m.name in ("constant_label", "label_entropy")]


def test_accuracy_whose_interval_lies_under_chance_says_so():
    metrics = inverse_scaling_metrics([sample(str(i), float(i % 5 == 0)) for i in range(100)])
    assert one(metrics, "acc").note == "below chance"
    near = inverse_scaling_metrics([sample(str(i), float(i % 2 == 0)) for i in range(100)])
    assert one(near, "acc").note == ""


def test_failed_items_are_wrong_for_accuracy_absent_from_loss_and_counted():
    samples = [sample(str(i), 1.0, scores={"loss": 0.1}) for i in range(8)]
    samples += [sample(str(i), 0.0, error="nan") for i in (8, 9)]
    metrics = inverse_scaling_metrics(samples)
    assert one_value(metrics, "acc") == pytest.approx(0.8)
    assert one(metrics, "loss").n == 8 and one_value(metrics, "loss") == pytest.approx(0.1)
    assert one_value(metrics, "n_failed") == 2
    assert "2 of 10 items failed" in one(metrics, "acc").note


def test_trap_cost_pairs_the_variants_and_needs_both():
    trap = [sample(str(i), float(i % 10 < 6)) for i in range(200)]
    control = [sample(str(i), float(i % 10 < 8), variant="control") for i in range(200)]
    cost = one(inverse_scaling_metrics(trap + control), "trap_cost")
    assert cost.value == pytest.approx(0.2) and cost.n == 200
    assert cost.stderr == pytest.approx(0.028473, abs=1e-6)
    assert "variant" not in cost.condition and cost.headline
    assert not [m for m in inverse_scaling_metrics(trap) if m.name == "trap_cost"]


def test_trap_cost_never_pairs_other_shots_or_modes():
    trap = [sample("1", 0.0, shots=1), sample("2", 1.0, shots=1)]
    control = [sample("1", 1.0, variant="control"), sample("2", 1.0, variant="control", mode="generate")]
    assert not [m for m in inverse_scaling_metrics(trap + control) if m.name.startswith("trap_cost")]


def test_mean_over_tasks_leaves_sequences_out():
    samples = [
        sample(f"{name}{i}", acc, subtask=name) for name, acc in (("neqa", 1.0), ("redefine", 0.0)) for i in (0, 1)
    ]
    samples += [sample("p", 1.0, subtask="prompt-injection")]
    mean = one(inverse_scaling_metrics(samples), "mean_acc")
    assert mean.value == 0.5 and mean.condition["subtask"] == "all"
    assert mean.note == "over 2 tasks: neqa, redefine"


def test_order_of_samples_does_not_matter():
    samples = [sample(str(i), float(i % 3 == 0), cluster=str(i // 5), scores={"loss": i / 7}) for i in range(50)]
    assert inverse_scaling_metrics(samples) == inverse_scaling_metrics(samples[::-1])
