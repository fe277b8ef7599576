"""Labels by people: sheets out and in without loss, every bad row named, drawing, joining, the annotation page."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_toys import TASKS, FunctionJudge, fill, finished_run, true_verdict, truth

from suite.errors import UserError
from suite.judges.aggregate import aggregate
from suite.judges.annotation_page import write_page
from suite.judges.comparison import compare_judges
from suite.judges.human import export_sheet, import_sheet
from suite.judges.record import Label
from suite.judges.run import judge_run
from suite.judges.sheet import COLUMNS, read_sheet, write_sheet
from suite.progress import Silent
from suite.store import Store

HOSTILE = '=HYPERLINK("http://x")\n</script><script>alert(1)</script> \'quoted\', "doubly"\u2028 {{7*7}}'


def exported(results: Path, *runs: str, name: str = "sheet.csv", **options: Any) -> Path:
    sheet = results / name
    export_sheet(runs, sheet, results=results, tasks_dir=TASKS, **options)
    return sheet


def imported(results: Path, sheet: Path, **options: Any) -> Any:
    return import_sheet(sheet, results=results, tasks_dir=TASKS, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("finished")
    finished_run(results)
    return results


@pytest.fixture
def run_id(finished: Path, tmp_path: Path) -> str:
    """A finished run in `tmp_path`, copied, since making one takes longer than most tests."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return next((tmp_path / "runs").iterdir()).name


# --- the sheet --------------------------------------------------------------------------------------------------------

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "\tx", "'=x", "''", "'", "\r", "a\r\nb", 'say "so"', "a,b", " ", "\u2028", "﻿x"]
)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1, max_size=4))
def test_a_sheet_survives_the_round_trip_3_8(tmp_path_factory: Any, suffix: str, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("sheet") / f"s.{suffix}"
    given_rows = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    write_sheet(path, given_rows)
    first = path.read_bytes()
    found = [row for _, row in read_sheet(path)]
    assert found == given_rows
    write_sheet(path, found)
    assert path.read_bytes() == first


def test_cells_that_a_spreadsheet_would_compute_are_guarded(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_sheet(path, [dict.fromkeys(COLUMNS, "=1+1")])
    cells = list(csv.reader(path.open(newline="")))[1]
    assert set(cells) == {"'=1+1"}


def test_column_order_further_columns_bom_and_crlf_are_accepted_3_8(tmp_path: Path, run_id: str) -> None:
    sheet = exported(tmp_path, run_id)
    rows = list(csv.DictReader(sheet.open(newline="")))
    changed = tmp_path / "changed.csv"
    with changed.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["mine", *reversed(COLUMNS)], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({**row, "mine": "x"} for row in rows)
    assert [row for _, row in read_sheet(changed)] == [row for _, row in read_sheet(sheet)]


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("s.csv", b"", "column 'unit_key' is missing"),
        ("s.csv", ",".join(COLUMNS).encode() + b"\n", "no rows"),
        ("s.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("s.csv", ",".join(COLUMNS[1:]).encode() + b"\nx\n", "column 'unit_key' is missing"),
        ("s.csv", ",".join(COLUMNS).encode() + b"\na,b\n", r"s.csv:2: 2 cells; expected 12"),
        ("s.jsonl", b'{"unit_key": "x"}\n', r"s.jsonl:1: column 'orientation_hidden' is missing"),
        ("s.jsonl", b"{nope\n", r"s.jsonl:1: not a JSON object"),
        ("s.txt", b"", r"ends in .csv or .jsonl"),
    ],
)
def test_bad_files_are_one_line_that_names_file_and_column_8(
    tmp_path: Path, name: str, content: bytes, match: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=match) as caught:
        read_sheet(path)
    assert "\n" not in str(caught.value)


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_models_and_orientation_stay_hidden(tmp_path: Path, run_id: str) -> None:
    text = exported(tmp_path, run_id).read_text()
    assert "tale" not in text and "scripted" not in text and run_id not in text
    assert '"SL"' not in text and '"FM"' not in text


def test_samples_are_drawn_per_model_and_the_design_is_kept_3_8(tmp_path: Path, run_id: str) -> None:
    other = finished_run(tmp_path, name="other", n=4)
    sheet = exported(tmp_path, run_id, other, sample=5)
    [manifest] = (tmp_path / "annotations").glob("*.json")
    value = json.loads(manifest.read_text())
    assert Counter(unit[0] for unit in value["units"].values()) == {run_id: 5, other: 5}
    assert value["design"]["sample"] == 5
    assert value["design"]["wording"] == "occurrence"
    assert len(read_sheet(sheet)) == 10


def test_the_same_seed_draws_the_same_and_another_seed_does_not(tmp_path: Path, run_id: str) -> None:
    first = exported(tmp_path, run_id, name="1.csv", sample=5).read_bytes()
    assert exported(tmp_path, run_id, name="2.csv", sample=5).read_bytes() == first
    assert exported(tmp_path, run_id, name="3.csv", sample=5, seed=1).read_bytes() != first


def test_annotators_share_the_overlap_and_split_the_rest(tmp_path: Path, run_id: str) -> None:
    rows = [row for _, row in read_sheet(exported(tmp_path, run_id, annotators=3, overlap=0.25))]
    people = Counter(row["unit_key"] for row in rows)
    assert Counter(people.values()) == {3: 3, 1: 9}
    assert Counter(row["annotator"] for row in rows) == {"a1": 6, "a2": 6, "a3": 6}


@pytest.mark.parametrize("options", [{"annotators": 0}, {"overlap": 1.5}, {"sample": 0}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, run_id: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="expected at least one annotator"):
        exported(tmp_path, run_id, **options)


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.jsonl"])
def test_labels_come_back_under_the_person_and_joined(tmp_path: Path, run_id: str, name: str) -> None:
    result = imported(tmp_path, fill(exported(tmp_path, run_id, name=name), truth))
    assert (dict(result.labels), result.units, result.blank) == ({"human/a1": 12}, 12, 0)
    store = Store(tmp_path)
    [wrong, *_] = [label for label in store.labels(run_id, "human/a1") if label.verdict == "hallucinated"]
    assert (wrong.primary, wrong.categories, wrong.split, wrong.degree) == ("TW", ("TW", "NN"), "intrinsic", "mild")
    assert (wrong.raw, wrong.flags) == ("-x", ("wording:occurrence",))
    assert Counter(label.verdict for label in store.labels(run_id, "human")) == {"supported": 9, "hallucinated": 3}
    [metric] = [row for row in store.metrics([run_id]) if row["name"] == "wrong"]
    assert (metric["condition"]["judge"], metric["value"]) == ("human", 0.25)


def test_a_part_of_the_units_gives_labels_but_no_metrics(tmp_path: Path, run_id: str) -> None:
    result = imported(tmp_path, fill(exported(tmp_path, run_id, sample=5), truth))
    assert result.units == 5
    assert not [row for row in Store(tmp_path).metrics([run_id]) if row["name"] == "wrong"]


def test_a_second_sheet_adds_to_the_first(tmp_path: Path, run_id: str) -> None:
    half = {row["unit_key"] for _, row in read_sheet(exported(tmp_path, run_id))[:6]}
    for number in range(2):
        sheet = exported(tmp_path, run_id, name=f"{number}.csv")
        fill(sheet, lambda row, number=number: truth(row) if (row["unit_key"] in half) == bool(number) else {})
        assert imported(tmp_path, sheet).blank == 6
    assert len(Store(tmp_path).labels(run_id, "human/a1")) == 12


BAD = {
    "unknown unit": ({"unit_key": "0123"}, "unit_key '0123' is of no export"),
    "verdict": ({"verdict": "maybe"}, "verdict 'maybe'"),
    "category": ({"verdict": "hallucinated", "split": "intrinsic", "categories": "TW;XX"}, "category 'XX'"),
    "split": ({"verdict": "hallucinated", "split": "both"}, "split 'both'"),
    "degree": ({"verdict": "hallucinated", "split": "intrinsic", "degree": "huge"}, "degree 'huge'"),
    "no split": ({"verdict": "hallucinated"}, "hallucinated without a split"),
    "person": ({"verdict": "supported", "annotator": "a/b"}, "expected a name without a slash"),
}


@pytest.mark.parametrize(("change", "problem"), BAD.values(), ids=BAD)
def test_a_bad_row_stops_the_import_and_nothing_is_stored_8(
    tmp_path: Path, run_id: str, change: dict[str, str], problem: str
) -> None:
    sheet = exported(tmp_path, run_id, name="sheet.jsonl")
    rows = [{**row, **truth(row)} for _, row in read_sheet(sheet)]
    rows[4] |= {**dict.fromkeys(("categories", "split", "degree"), ""), "verdict": "supported", **change}
    write_sheet(sheet, rows)
    said: list[str] = []
    with pytest.raises(UserError, match="nothing is stored") as caught:
        imported(tmp_path, sheet, say=said.append)
    assert said == [f"{sheet}:5: {said[0].split(': ', 1)[1]}"] and problem in said[0]
    assert problem in str(caught.value)
    assert Store(tmp_path).labels(run_id) == []
    result = imported(tmp_path, sheet, skip_bad=True)
    assert (result.skipped, result.units) == (1, 11)


def test_all_offenders_are_listed_and_duplicates_are_among_them_8(tmp_path: Path, run_id: str) -> None:
    sheet = fill(exported(tmp_path, run_id), truth)
    rows = [row for _, row in read_sheet(sheet)]
    write_sheet(sheet, [*rows, rows[0], {**rows[1], "unit_key": "zzz"}])
    with pytest.raises(UserError, match=r"2 of 14 rows are bad.*:14: a second label.*:15: unit_key 'zzz'"):
        imported(tmp_path, sheet)


def test_a_split_of_a_supported_unit_is_dropped_with_a_warning_8(tmp_path: Path, run_id: str) -> None:
    sheet = fill(exported(tmp_path, run_id), lambda row: {"verdict": "supported", "split": "intrinsic"})
    result = imported(tmp_path, sheet)
    assert len(result.warnings) == 12 and "is dropped" in result.warnings[0]
    assert {label.split for label in Store(tmp_path).labels(run_id)} == {None}


# --- joining people ---------------------------------------------------------------------------------------------------


def vote(judge: str, verdict: str, split: Any = None, categories: tuple[str, ...] = ("TW",)) -> Label:
    wrong = verdict == "hallucinated"
    return Label(
        *("s", 1, judge, "1", verdict, "text"),  # type: ignore[arg-type]
        categories=categories if wrong else (),
        split=(split or "intrinsic") if wrong else None,
        degree="mild" if wrong else None,
    )


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [
        (["supported", "supported", "hallucinated"], "supported"),
        (["supported", "hallucinated"], "unresolved"),
        (["abstain"], "abstain"),
    ],
)
def test_the_majority_decides_and_a_tie_is_unresolved_3_8(votes: list[str], verdict: str) -> None:
    labels = [vote(f"human/{number}", one) for number, one in enumerate(votes)]
    joined, _ = aggregate({("r", "s", 1): labels}, "human", "majority")
    assert joined["r", "s", 1].verdict == verdict


def test_details_come_from_those_who_agree() -> None:
    labels = [
        vote("human/a", "hallucinated", "intrinsic", ("GE", "NN")),
        vote("human/b", "hallucinated", "extrinsic", ("GE",)),
        vote("human/c", "supported"),
    ]
    joined, _ = aggregate({("r", "s", 1): labels}, "human", "majority")
    label = joined["r", "s", 1]
    assert (label.categories, label.split, label.degree) == (("GE",), "extrinsic", "mild")
    assert label.confidence == pytest.approx(2 / 3)


def test_mace_joins_people_by_how_far_they_can_be_trusted(tmp_path: Path) -> None:
    run_id = finished_run(tmp_path, n=20)
    sheet = exported(tmp_path, run_id, annotators=3, overlap=1.0)
    wrong = {"verdict": "hallucinated", "split": "extrinsic", "categories": "TW"}

    def decide(row: dict[str, str]) -> dict[str, str]:
        if row["annotator"] != "a3":
            return truth(row)
        return wrong if int(row["unit_key"], 16) % 2 else {"verdict": "supported"}

    result = imported(tmp_path, fill(sheet, decide), method="mace")
    assert result.trust["human/a1"] > 0.9 > 0.5 > result.trust["human/a3"]
    found = {label.text for label in Store(tmp_path).labels(run_id, "human") if label.verdict == "hallucinated"}
    assert len(found) == 10


def test_the_comparison_says_how_far_judges_agree(tmp_path: Path, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.judges.agreement.RESAMPLES", 50)
    judge_run(run_id, FunctionJudge(true_verdict), results=tmp_path, tasks_dir=TASKS, reporter=Silent())
    sheet = exported(tmp_path, run_id, annotators=2, overlap=1.0, sample=8)
    imported(tmp_path, fill(sheet, truth))
    found = compare_judges(run_id, results=tmp_path)
    assert found.truth == "human"
    assert {who for who, _ in found.people} == {"human/a1 and human/a2", "all, units that everybody labelled", "all"}
    assert all(one.value == pytest.approx(1.0) for _, one in found.people)
    [quality] = found.judges
    assert (quality.judge, quality.n, quality.agreement.value) == ("function", 8, pytest.approx(1.0))
    [correction] = found.corrections
    assert correction.rate.n == 8
    assert "needs 100" in correction.indices[0].note
    assert json.loads(json.dumps(found.to_json()))["run_id"] == run_id


def test_comparisons_without_labels_say_how_to_make_some(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(UserError, match="unreason judge"):
        compare_judges(run_id, results=tmp_path)
    judge_run(run_id, FunctionJudge(true_verdict), results=tmp_path, tasks_dir=TASKS, reporter=Silent())
    assert "import people's labels" in compare_judges(run_id, results=tmp_path).notes[0]
    with pytest.raises(UserError, match=r"unknown judge of run .* 'humans'"):
        compare_judges(run_id, against="humans", results=tmp_path)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_one_file_that_asks_for_nothing_and_escapes_everything(tmp_path: Path) -> None:
    run_id = finished_run(tmp_path, text=lambda *_: HOSTILE)
    page = write_page(exported(tmp_path, run_id), tmp_path / "page.html", tmp_path).read_text()
    assert "</script><script>alert" not in page
    assert "\\u003c/script\\u003e" in page
    assert page.count("<script") == 2
    assert "http://" not in page.replace("http://x", "") and "https://" not in page
    assert "default-src 'none'" in page


def test_the_page_shows_the_wording_of_its_export(tmp_path: Path, run_id: str) -> None:
    sheet = exported(tmp_path, run_id, wording="elaboration")
    assert "made-up story" in write_page(sheet, tmp_path / "page.html", tmp_path).read_text()
