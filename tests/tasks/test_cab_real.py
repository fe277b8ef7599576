"""Real data of attention_patterns: tiny files in the documented forms are read, faulty ones refused by row."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from suite.errors import UserError
from tasks.attention_patterns.generators.sum_salient import END
from tasks.attention_patterns.real import DataMissing, points, speech
from tasks.attention_patterns.real.series import ETT_COLUMNS
from tasks.attention_patterns.real.summaries import UNKNOWN
from tasks.attention_patterns.records import PARTS, Source
from tasks.attention_patterns.sources import source_of
from tasks.attention_patterns.twins import TWINS

ETT = ",".join(("date", *ETT_COLUMNS))


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def ett(folder: Path, rows: int = 1200, name: str = "ETTh1.csv", **entries: str) -> Path:
    """A file of the documented form; `entries` replaces fields of row 5: ``OT="x"``."""
    lines = [ETT]
    for row in range(rows):
        values = {column: f"{np.sin(row / (at + 3)):.4f}" for at, column in enumerate(ETT_COLUMNS)}
        lines.append(",".join([f"2016-07-01 {row % 24:02}:00:00", *(values | (entries if row == 3 else {})).values()]))
    return write(folder / name, "\n".join(lines) + "\n")


def read(task: str, place: Path) -> Source:
    return source_of(task, "tiny", str(place))


# ---------------------------------------------------------------- forecasting: ETT, ECL, Weather


def test_ett_is_standardised_by_its_training_part_alone(tmp_path: Path) -> None:
    file = ett(tmp_path)
    source = read("lstf_seasonal", file)
    assert source.channels == 7
    values = np.genfromtxt(file, delimiter=",", skip_header=1)[:, 1:]
    train = values[: round(1200 * 12 / 20)]
    np.testing.assert_allclose(source.values, (values - train.mean(0)) / train.std(0), atol=1e-5)  # type: ignore[attr-defined]


def test_a_window_lies_in_its_part(tmp_path: Path) -> None:
    rows = ["date,OT", *(f"{row},{row}" for row in range(2000))]  # values that are row numbers
    source = read("lstf_seasonal", write(tmp_path / "WTH.csv", "\n".join(rows)))
    train = np.arange(1400)
    for at, (low, high) in enumerate([(0, 1400), (1400, 1600), (1600, 2000)]):
        for index in range(20):
            record = source.record(PARTS[at], 0, index)
            numbers = record.target[:, 0] * train.std() + train.mean()
            assert low - 1e-2 <= numbers[0] and numbers[-1] <= high - 1 + 1e-2
            assert record.target[0, 0] - record.source[-1, 0] == pytest.approx(1 / train.std(), abs=1e-4)


def test_whole_ett_is_split_by_months(tmp_path: Path) -> None:
    source = read("lstf_seasonal", ett(tmp_path, rows=14_500))
    assert source.bounds == (8640, 11_520, 14_400)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("entry", "message"),
    [("", "row 5, column OT: '' is no number"), ("NaN", "row 5, column OT: 'NaN'"), ("x", "row 5, column OT: 'x'")],
)
def test_an_entry_that_is_no_number_is_named_by_row(entry: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read("lstf_seasonal", ett(tmp_path, OT=entry))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "ETTh1.csv", ETT.replace(",LULL", "") + "\n")
    with pytest.raises(UserError, match=r"ETTh1.csv: column LULL is missing"):
        read("lstf_seasonal", file)


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "ECL.csv", "date,MT_320\n2012-01-01,1\n2012-01-02\n")
    with pytest.raises(UserError, match=r"ECL.csv: row 3 has 1 entries; expected 2"):
        read("lstf_seasonal", file)


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="300 rows are too few for windows of 96 and 96"):
        read("lstf_seasonal", ett(tmp_path, rows=300))


def test_a_constant_column_is_warned_of_and_stays_finite(tmp_path: Path) -> None:
    rows = ["date,a,b", *(f"{row},{row},7" for row in range(2000))]
    file = write(tmp_path / "Weather.csv", "\n".join(rows))
    with pytest.warns(UserWarning, match="value column 2 is constant"):
        source = read("lstf_seasonal", file)
    assert np.isfinite(source.record("test", 0, 0).target).all()


# ---------------------------------------------------------------- texts: PG-19, Multi-News


def books(folder: Path, form: str) -> Path:
    for part in PARTS:
        text = f"A book of the {part} part. " * 60
        if form == "txt":
            write(folder / part / "1.txt", text)
        elif form == "jsonl":
            write(folder / f"{part}.jsonl", json.dumps({"text": text}) + "\n")
        else:
            import pyarrow
            import pyarrow.parquet

            folder.mkdir(exist_ok=True)
            pyarrow.parquet.write_table(pyarrow.table({"text": [text]}), folder / f"{part}-00000.parquet")
    return folder


@pytest.mark.parametrize("form", ["txt", "jsonl", "parquet"])
def test_books_are_stretches_of_bytes(form: str, tmp_path: Path) -> None:
    source = read("lm_periodic", books(tmp_path / form, form))
    record = source.record("test", 0, 0)
    assert (source.tokens, len(record.target)) == (256, 128)
    assert bytes(record.target.tolist()).decode() in "A book of the test part. " * 60
    assert record.scored.tolist() == [False] + [True] * 127


def test_books_hide_bytes_for_masked_modelling(tmp_path: Path) -> None:
    source = read("mlm_copy", books(tmp_path, "txt"))
    record = source.record("train", 0, 0)
    assert source.tokens == 257
    assert (record.source[record.scored] == 256).all()
    assert (record.source[~record.scored] == record.target[~record.scored]).all()


def test_books_have_other_lengths_for_extrapolation(tmp_path: Path) -> None:
    place = str(books(tmp_path, "txt"))
    assert len(source_of("lm_periodic", "tiny", place, 512).record("test", 0, 0).target) == 512


def test_summaries_end_as_the_twin_does(tmp_path: Path) -> None:
    for part in PARTS:
        row = {"document": "The cat sat. " * 30, "summary": f"{part} cat sat down."}
        write(tmp_path / f"{part}.jsonl", json.dumps(row) + "\n")
    source = read("sum_salient", tmp_path)
    record = source.record("test", 0, 0)
    words = record.source[:4].tolist()
    assert len(record.source) == 120 and record.source[4:8].tolist() == words
    assert record.target[1:3].tolist() == words[1:3]  # "cat sat", as in the document
    assert record.target.tolist().count(END) == 1 and record.target[-1] == END
    assert record.target[0] == UNKNOWN  # a word of no training document


@pytest.mark.parametrize("task", ["lm_periodic", "sum_salient"])
def test_a_missing_part_of_texts_is_named(task: str, tmp_path: Path) -> None:
    row = {"text": "x", "document": "x", "summary": "x"}
    write(tmp_path / "train.jsonl", json.dumps(row) + "\n")
    with pytest.raises(DataMissing, match=r"wanted validation.jsonl, validation\*.parquet or validation/\*.txt"):
        read(task, tmp_path)


def test_a_missing_column_of_texts_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", json.dumps({"document": "x"}) + "\n")
    with pytest.raises(UserError, match="summary"):
        read("sum_salient", tmp_path)


def test_offline_a_hub_id_fails_at_once_and_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataMissing, match=r"emozilla/pg19: not to be had .*PG-19 is on the hub as Parquet"):
        source_of("lm_periodic", "tiny", "emozilla/pg19")


# ---------------------------------------------------------------- pictures, points, speech


def test_pictures_are_cut_to_the_middle_square(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for part in PARTS:
        pixels = rng.integers(256, size=(64, 96, 3), dtype=np.uint8)
        (tmp_path / part).mkdir()
        image.fromarray(pixels).save(tmp_path / part / "00001.png")
    record = read("sr_texture", tmp_path).record("test", 0, 0)
    assert record.target.shape == (1024, 3)
    assert record.target.min() >= 0 and record.target.max() <= 1
    middle = pixels[:, 16:80].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)) / 255
    assert np.corrcoef(record.target.ravel(), middle.ravel())[0, 1] > 0.9


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for part in PARTS:
        write(tmp_path / part / "a.png", "no picture")
    with pytest.raises(UserError, match=r"a.png: cannot be read as a picture"):
        read("sr_texture", tmp_path).record("test", 0, 0)


def cloud(file: Path, values: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".npy":
        np.save(file, values)
        return
    head = "# .PCD v0.7\nFIELDS x y z\nPOINTS 3\nDATA ascii\n" if file.suffix == ".pcd" else ""
    file.write_text(head + "\n".join(" ".join(map(str, row)) for row in values) + "\n", encoding="utf-8")


@pytest.mark.parametrize("ending", [".npy", ".pcd", ".xyz"])
def test_points_wanted_are_those_far_from_what_is_given(ending: str, tmp_path: Path) -> None:
    line = np.column_stack([np.arange(600), np.zeros(600), np.zeros(600)]).astype(float)
    for part in PARTS:
        cloud(tmp_path / part / "partial" / "02691156" / f"one{ending}", line[:300])
        cloud(tmp_path / part / "complete" / "02691156" / "one.npy", line)
    record = read("pcc_shapes", tmp_path).record("test", 0, 0)
    assert record.source.shape == (128, 3) and record.target.shape == (256, 3)
    assert record.source[:, 0].max() < 300
    assert sorted(record.target[:, 0]) == list(range(344, 600))


@pytest.mark.parametrize(
    ("name", "text"), [("a.xyz", "1 2 x\n"), ("a.xyz", ""), ("a.npy", "nothing"), ("a.xyz", "1 2\n")]
)
def test_a_file_without_points_is_named(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=name):
        points.read_points(write(tmp_path / name, text))


def recordings(folder: Path, rows: int = 8, width: int = 2) -> Path:
    names = [f"LJ001-{row:04}" for row in range(rows)]
    write(folder / "metadata.csv", "".join(f"{name}|It is {name}|it is a text\n" for name in names))
    for at, name in enumerate(names):
        (folder / "wavs").mkdir(exist_ok=True)
        tone = (8000 * np.sin(2 * np.pi * (200 + 50 * at) * np.arange(11_025) / 22_050)).astype("<i2")
        with wave.open(str(folder / "wavs" / f"{name}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(width)
            sound.setframerate(22_050)
            sound.writeframes(tone.tobytes())
    return folder


def test_speech_is_normalised_text_and_mel_frames(tmp_path: Path) -> None:
    source = read("tts_expand", recordings(tmp_path))
    record = source.record("test", 0, 0)
    assert bytes(record.source.tolist()).decode() == "it is a text"
    assert record.target.shape == (45, 80) and np.isfinite(record.target).all()
    assert record.source_at[-1, 0] < len(record.target)


def test_a_tone_is_loudest_in_its_mel_band() -> None:
    def loudest(hz: float) -> int:
        return int(speech.log_mel(np.sin(2 * np.pi * hz * np.arange(22_050) / 22_050), 22_050).mean(axis=0).argmax())

    mel = 2595 * np.log10(1 + 1000 / 700)
    expected = mel / (2595 * np.log10(1 + 8000 / 700)) * 81 - 1
    assert loudest(1000) == pytest.approx(expected, abs=1)
    assert loudest(300) < loudest(1000) < loudest(4000)


def test_speech_of_8_bits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"8 bits a sample; expected 16"):
        read("tts_expand", recordings(tmp_path, width=1)).record("test", 0, 0)


def test_a_recording_that_is_missing_is_named_by_row(tmp_path: Path) -> None:
    recordings(tmp_path)
    (tmp_path / "wavs" / "LJ001-0003.wav").unlink()
    with pytest.raises(DataMissing, match=r"row 4: no recording LJ001-0003.wav"):
        read("tts_expand", tmp_path)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("task", TWINS)
def test_what_is_missing_is_said_with_its_path_and_source(task: str, tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"nowhere.*(github.com|hub|keithito.com)"):
        read(task, tmp_path / "nowhere")


@pytest.mark.parametrize("task", ["lstf_seasonal", "lm_periodic"])
def test_real_records_are_the_same_every_time(task: str, tmp_path: Path) -> None:
    place = ett(tmp_path) if task == "lstf_seasonal" else books(tmp_path, "txt")
    first, again = (read(task, place).record("train", 3, 7) for _ in range(2))
    assert (first.source == again.source).all() and (first.target == again.target).all()
