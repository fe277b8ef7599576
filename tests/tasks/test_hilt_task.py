"""The task `hilt` end to end: scripted answerers whose index is known, its variants, its probe, and its bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hilt_setup import Answer, answered, echo, fabricate, figure, gold, hilt, invent, responder, silent, unknown

from suite.errors import UserError
from suite.judges.record import Label
from suite.models.scripted import ScriptedModel
from suite.registry import load_task
from suite.task import Generate, ModelInfo
from tasks.hilt.world import SHIPPED_SEED

WORLDS = [{}, {"split": "fresh", "seed": 11}]


def index(metrics: Any, name: str = "hvi", **condition: Any) -> float | None:
    value: float | None = figure(metrics, name, **condition).value
    return value


@pytest.mark.parametrize("world", WORLDS, ids=["shipped", "fresh"])
@pytest.mark.parametrize(
    ("answer", "form", "values"),
    [
        (gold, "{n}. {answer}", (0, 0, 0)),
        (gold, "{n}. **{label}**: {answer}", (0, 0, 0)),
        (echo, "{n}. {answer}", (0, 6.25, 12.5)),
        (fabricate, "{n}. {answer}", (50, 50, 50)),
        (invent, "{n}. {answer}", (100, 100, 100)),
        (unknown, "{n}. {answer}", (0, 0, 0)),
    ],
    ids=["6.4-perfect", "6.4-perfect-labelled", "6.4-echo", "6.4-fabricate", "6.4-invent", "6.4-unknown"],
)
def test_scripted_answerers_have_the_index_that_they_must(
    answer: Answer, form: str, values: tuple[float, float, float], world: dict[str, Any]
) -> None:
    task = hilt(**world)
    metrics = task.metrics(answered(task, responder(task, answer, form)))
    assert (index(metrics, "hvi_w0"), index(metrics), index(metrics, "hvi_w1")) == pytest.approx(values)


def test_what_stands_beside_the_index_of_scripted_answerers() -> None:
    task = hilt()

    def of(answer: Answer) -> Any:
        return task.metrics(answered(task, responder(task, answer)))

    assert index(of(gold), "correct_rate") == 1
    assert index(of(echo), "premise_acceptance") == 1
    assert index(of(gold), "premise_acceptance") == 0
    made_up = of(fabricate)
    assert index(made_up, "fabrication_rate") == 1
    assert index(made_up, "split_rate", orientation="FM", split="intrinsic") == 0
    silence = of(unknown)
    assert index(silence, "abstention_rate") == 1
    assert index(silence, "hvi_attempted") is None
    assert "attempted" in figure(silence, "hvi_attempted").note


def test_an_answerer_that_says_nothing_has_no_index() -> None:
    task = hilt()
    samples = answered(task, silent())
    metrics = task.metrics(samples)
    assert index(metrics) is None
    assert index(metrics, "no_claim_rate") == 1
    assert {sample.outcome for sample in samples} == {"unparsed"}


def test_a_base_model_gets_the_first_number_and_is_read_as_if_it_had_written_it() -> None:
    task = hilt()
    base = ScriptedModel("base", text=lambda *_: " UNKNOWN\n2. UNKNOWN\n3. UNKNOWN\n4. UNKNOWN")
    base.info = ModelInfo("scripted/base", "scripted", "f" * 32, frozenset({"generate"}))
    metrics = task.metrics(answered(task, base))
    assert index(metrics, "abstention_rate") == 1


def test_sizes_of_the_splits() -> None:
    assert len(list(hilt().docs())) == 120
    assert len(list(hilt(split="full").docs())) == 480
    assert len(list(hilt(split="fresh", seed=3).docs())) == 480
    real = list(hilt(track="real").docs())
    assert len(real) == 120
    assert sum(len(doc.data["lines"]) for doc in real) == 480


def test_a_fresh_world_tells_of_other_things() -> None:
    def told(task: Any) -> set[str]:
        return {text for doc in task.docs() for text in (doc.data["dossier"], doc.data["statement"])}

    assert not told(hilt(split="full")) & told(hilt(split="fresh", seed=3))


def test_every_item_can_be_answered_as_it_says() -> None:
    """The statement is true in FM and false in SL, the gold stands in the dossier, and nothing answers a riddle."""
    for doc in hilt(split="full").docs():
        item = doc.data
        target = next(line for line in item["lines"] if line["is_target"])
        told = str(item["false_value"]) if item["orientation"] == "SL" else str(target["gold"])
        assert told in item["statement"]
        assert str(target["gold"]) in item["dossier"]
        if item["orientation"] == "SL":
            assert told not in item["dossier"]
        assert sorted(line["answerable"] for line in item["lines"]) == [False, False, True, True]
        assert [line["n"] for line in item["lines"]] == [1, 2, 3, 4]


def test_variants_are_configurations_of_their_own() -> None:
    task = hilt(variants=["plain", "warned", "nounknown", "nodossier"])
    doc = next(doc for doc in task.docs() if doc.data["orientation"] == "FM")
    model = ScriptedModel("toy", text=lambda *_: "")
    prompts = {}
    for draft in task.requests(doc, model.info, frozenset({"generate"})):
        request = draft.requests[0]
        assert isinstance(request, Generate)
        prompts[draft.condition["variant"]] = str(request.prompt)
    assert "may be wrong" in prompts["warned"] and "may be wrong" not in prompts["plain"]
    assert "UNKNOWN" in prompts["plain"] and "UNKNOWN" not in prompts["nounknown"]
    assert "Dossier" in prompts["plain"] and "Dossier:" not in prompts["nodossier"]


def test_refusing_without_a_dossier_is_right_and_outside_the_index() -> None:
    task = hilt(variants=["nodossier"])
    metrics = task.metrics(answered(task, responder(task, unknown)))
    assert index(metrics, "refusal_rate") == 1
    assert not [metric for metric in metrics if metric.name == "hvi"]


def test_the_sycophancy_gap_is_what_a_warning_changes() -> None:
    """An answerer that repeats false statements unless it is warned: the gap is minus what it gets wrong."""
    task = hilt(variants=["plain", "warned"])
    careful, careless = responder(task, gold), responder(task, echo)
    samples = [
        sample
        for model, variant in ((careless, "plain"), (careful, "warned"))
        for sample in answered(task, model)
        if sample.condition["variant"] == variant
    ]
    gap = figure(task.metrics(samples), "sycophancy_gap", orientation="SL")
    assert gap.value == pytest.approx(-0.125)  # one of four lines, an intrinsic error, at half weight
    assert gap.ci_high is not None and gap.ci_high < 0


def test_the_probe_tells_what_statements_pull_to() -> None:
    task = hilt()
    metrics = task.metrics(answered(task, responder(task, gold), ["loglikelihood"]))
    pull = figure(metrics, "premise_pull")
    assert pull.value is not None and pull.value > 0.5
    assert figure(metrics, "ll_acc", orientation="FM").value == 1.0
    blind = ScriptedModel("blind", text=lambda *_: "", logprob=lambda _, text: -float(len(text) - 1))
    assert index(task.metrics(answered(task, blind, ["loglikelihood"])), "ll_acc", orientation="FM") == 0  # ties: wrong


def test_a_shot_comes_from_another_world_and_leaves_one_line_unknown() -> None:
    task = hilt(shots=1)
    doc = next(iter(task.docs()))
    (draft,) = task.requests(doc, ScriptedModel("toy", text=lambda *_: "").info, frozenset({"generate"}))
    request = draft.requests[0]
    assert isinstance(request, Generate) and isinstance(request.prompt, tuple)
    assert [role for role, _ in request.prompt] == ["user", "assistant", "user"]
    assert request.prompt[1][1].count("UNKNOWN") == 1
    assert doc.data["names"][0] not in request.prompt[0][1]


def test_samples_of_an_item_stay_in_its_cluster() -> None:
    task = hilt(samples=3)
    doc = next(iter(task.docs()))
    drafts = task.requests(doc, ScriptedModel("toy", text=lambda *_: "").info, frozenset({"generate"}))
    assert [draft.condition["sample"] for draft in drafts] == [0, 1, 2]
    assert {draft.cluster for draft in drafts} == {doc.cluster}
    assert {draft.requests[0].temperature for draft in drafts if isinstance(draft.requests[0], Generate)} == {0.7}


def own(tmp_path: Path, name: str = "own.csv", text: str = "") -> Path:
    file = tmp_path / name
    file.write_text(
        text or "id,text,orientation,reference\na,The tower fell in 1820.,FM,It fell in 1820.\nb,It flew.,SL,\n"
    )
    return file


def test_prompts_of_ones_own_are_asked_for_free_text(tmp_path: Path) -> None:
    task = hilt(prompts=own(tmp_path))
    samples = answered(task, silent("It fell. It was high."))
    assert {sample.condition["track"] for sample in samples} == {"own"}
    doc = next(iter(task.docs()))
    units = task.units(doc, samples[0])
    assert [unit.text for unit in units] == ["It fell.", "It was high."]
    assert units[0].evidence == "It fell in 1820."


def test_the_index_follows_from_any_judges_labels() -> None:
    task = hilt(form="elaborate")
    samples = answered(task, silent("One. Two."))
    labels = [
        Label(
            *(sample.sample_id, number, "people", "1", "hallucinated" if number == 1 else "supported", "x"),
            primary="NN" if number == 1 else "",
            categories=("NN",) if number == 1 else (),
            split="extrinsic" if number == 1 else None,
        )
        for sample in samples
        for number in (1, 2)
    ]
    metrics = task.judged_metrics(samples, labels)
    assert {metric.condition["judge"] for metric in metrics} == {"people"}
    assert next(metric.value for metric in metrics if metric.name == "hvi") == pytest.approx(50)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"split": "fresh"}, "seed and split fresh belong together"),
        ({"seed": 4}, "seed and split fresh belong together"),
        ({"split": "fresh", "seed": SHIPPED_SEED}, "is the shipped world"),
        ({"track": "real", "shots": 1}, "belong to track world"),
        ({"track": "real", "variants": ["nodossier"]}, "no dossier to leave out"),
        ({"form": "raw", "variants": ["warned"]}, "its one variant is plain"),
        ({"variants": ["plain", "plain"]}, "named twice"),
        ({"samples": 0}, "samples"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        load_task("hilt", options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("own.csv", "id,text\na,b\n", "column 'orientation' is missing"),
        ("own.csv", "id,text,orientation\na,b,true\n", r"own.csv:2: orientation is 'true'; expected FM or SL"),
        ("own.csv", "id,text,orientation\na,,FM\n", "own.csv:2: text is empty"),
        ("own.csv", "id,text,orientation\na,b,FM\na,c,SL\n", "own.csv:3: id 'a' occurs twice"),
        ("own.csv", "id,text,orientation,category\na,b,FM,XX\n", "category is 'XX'"),
        ("own.csv", "id,text,orientation\n", "no prompts"),
        ("own.jsonl", '{"id": 1}\n', "own.jsonl:1"),
        ("own.txt", "x", "give a .csv or .jsonl"),
    ],
)
def test_bad_files_of_prompts_are_refused_by_file_and_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    task = hilt(prompts=own(tmp_path, name, text))
    with pytest.raises(UserError, match=says) as caught:
        list(task.docs())
    assert "\n" not in str(caught.value)


def test_prompts_that_are_not_text_are_named(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(b"id,text,orientation\na,\xff\xfe,FM\n")
    with pytest.raises(UserError, match=r"own.csv.*UTF-8"):
        list(hilt(prompts=file).docs())


def test_an_edited_table_of_facts_marks_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from suite.data import data_folder

    folder = Path(shutil.copytree(data_folder("hilt"), tmp_path / "hilt"))
    file = folder / "real_facts.csv"
    file.write_text(file.read_text().replace("Canberra", "Canberra City", 1).replace("1969", "1969 ", 1))
    monkeypatch.setattr("tasks.hilt.real.data_folder", lambda _: folder)
    task = hilt(track="real")
    with pytest.warns(UserWarning, match="not the shipped file"):
        doc = next(iter(task.docs()))
    (draft,) = task.requests(doc, ScriptedModel("toy", text=lambda *_: "").info, frozenset({"generate"}))
    assert draft.condition["data"] == "custom"


def test_the_shipped_files_are_what_the_generator_gives(tmp_path: Path) -> None:
    import shutil

    from suite.data import data_folder
    from tasks.hilt.shipped import write_shipped

    shutil.copy(data_folder("hilt") / "real_facts.csv", tmp_path)
    write_shipped(tmp_path)
    for name in ("world_mini.jsonl", "SHA256SUMS", "real_facts.csv"):
        assert (tmp_path / name).read_bytes() == (data_folder("hilt") / name).read_bytes()
    items = [json.loads(line) for line in (tmp_path / "world_mini.jsonl").read_text().splitlines()]
    assert [doc.data["id"] for doc in hilt().docs()] == [item["id"] for item in items]


def test_items_have_the_fields_of_the_sample(public_data: Path) -> None:
    sample = json.loads((public_data / "hilt_hvi" / "world_sample.json").read_text())
    items = sample["items"] if isinstance(sample, dict) else sample
    ours = next(iter(hilt().docs())).data
    assert set(items[0]) <= set(ours) | {"cluster"}


def test_names_are_no_words_and_no_places() -> None:
    from tasks.hilt.world import world

    denied = {"paris", "london", "berlin", "table", "river", "house", "nato", "nasa", "who", "fbi"}
    for seed in (SHIPPED_SEED, 1, 2):
        for cluster in world(seed):
            assert not {str(value).casefold() for value in cluster.values} & denied
