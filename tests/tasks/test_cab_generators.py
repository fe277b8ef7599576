"""The seven generated tasks of attention_patterns: as described, the same every time, and of the right sizes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tasks.attention_patterns.generators.lm_periodic import LmPeriodic
from tasks.attention_patterns.generators.lstf_seasonal import LstfSeasonal
from tasks.attention_patterns.generators.mlm_copy import MASK, MlmCopy
from tasks.attention_patterns.generators.pcc_shapes import PccShapes
from tasks.attention_patterns.generators.sr_texture import SrTexture
from tasks.attention_patterns.generators.sum_salient import END, MARK, SumSalient
from tasks.attention_patterns.generators.tts_expand import SYMBOLS, TtsExpand
from tasks.attention_patterns.records import PARTS, Record, collate
from tasks.attention_patterns.sources import source_of
from tasks.attention_patterns.twins import CELLS, TWINS

LENGTHS = {  # (2.3): source and target, tiny and small
    "lm_periodic": ((128, 128), (1024, 1024)),
    "mlm_copy": ((256, 256), (2048, 2048)),
    "sum_salient": ((256, 24), (4096, 400)),
    "tts_expand": ((40, 160), (100, 560)),
    "lstf_seasonal": ((96, 96), (336, 720)),
    "pcc_shapes": ((128, 256), (1536, 3584)),
    "sr_texture": ((1024, 1024), (16384, 16384)),
}
SEEDS = range(20)


def fingerprint(record: Record) -> str:
    arrays = (record.source, record.target, record.scored, record.source_at, record.target_at)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def test_the_grid_has_the_eleven_cells_of_the_index() -> None:
    assert {pattern: [TWINS[task].cab for at, task in CELLS if at == pattern] for pattern, _ in CELLS} == {
        "NS": ["TTS", "Sum", "SR", "MLM"],
        "CS": ["TTS", "Sum", "LM"],
        "NC": ["PCC", "LSTF"],
        "CC": ["TTS", "Sum"],
    }


@pytest.mark.parametrize("task", TWINS)
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_sizes_are_those_of_the_table(task: str, size: str) -> None:
    source = source_of(task, size, None)
    record, longest = source.record("train", 0, 0), LENGTHS[task][size == "small"]
    assert source.longest == longest
    assert len(record.source) <= longest[0] and len(record.target) <= longest[1]
    assert len(record.source) == len(record.source_at)
    assert len(record.target) == len(record.target_at) == len(record.scored)


@pytest.mark.parametrize("task", TWINS)
def test_a_record_depends_on_part_seed_and_index_alone(task: str) -> None:
    first, again = source_of(task, "tiny", None), source_of(task, "tiny", None)
    again.record("train", 5, 5)  # what was asked before does not matter
    places = [(part, seed, index) for part in PARTS for seed in (0, 1) for index in (0, 1)]
    prints = [fingerprint(first.record(*place)) for place in places]
    assert prints == [fingerprint(again.record(*place)) for place in places]
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("lm_periodic", "0c54553706eb"),
        ("mlm_copy", "ec5a7dbb7573"),
        ("sum_salient", "4fc5d0cbbb53"),
        ("tts_expand", "153df1bd915f"),
        ("lstf_seasonal", "2768b7d9ce4c"),
        ("pcc_shapes", "99ca724c7159"),
        ("sr_texture", "7996d2f1dc7b"),
    ],
)
def test_records_are_the_same_bytes_everywhere(task: str, expected: str) -> None:
    """Change a generator, and change `twins.REVISION` with it: stored trainings are found by their description."""
    assert fingerprint(source_of(task, "tiny", None).record("train", 0, 0))[:12] == expected


@pytest.mark.parametrize("index", SEEDS)
def test_lm_repeats_a_motif_of_20_to_48_tokens_with_little_noise(index: int) -> None:
    record = LmPeriodic().record("test", 0, index)
    period = record.distance
    assert 20 <= period <= 48
    assert record.scored.tolist() == [at >= period for at in range(128)]
    assert (record.target[period:] != record.target[:-period]).mean() < 0.2  # 3 % noise, in either of the two
    assert record.target.min() >= 0 and record.target.max() < 64


def test_lm_noise_is_three_in_a_hundred() -> None:
    records = [LmPeriodic(length=1024).record("test", 0, index) for index in range(30)]
    differ = [(record.target[record.distance :] != record.target[: -record.distance]).mean() for record in records]
    assert np.mean(differ) == pytest.approx(2 * 0.03 * 63 / 64, abs=0.008)


def test_a_text_may_be_longer_with_the_same_motif() -> None:
    """Extrapolation asks the same kind of question at other lengths."""
    short, long = (LmPeriodic(length=length).record("test", 0, 3) for length in (128, 512))
    assert short.distance == long.distance
    assert source_of("lm_periodic", "tiny", None, 512).longest == (512, 512)


@pytest.mark.parametrize("index", SEEDS)
def test_mlm_hides_15_percent_and_never_both_copies(index: int) -> None:
    record = MlmCopy().record("test", 0, index)
    hidden = record.source == MASK
    assert hidden.tolist() == record.scored.tolist()
    assert (record.source[~hidden] == record.target[~hidden]).all()
    first, second = record.target[:128].reshape(8, 16), record.target[128:].reshape(8, 16)
    partner = [next(at for at in range(8) if (first[at] == block).all()) for block in second]
    assert sorted(partner) == list(range(8))  # each block once
    whole = hidden.reshape(16, 16)
    assert not any((whole[partner[at]] & whole[8 + at]).any() for at in range(8))


def test_mlm_hides_about_15_percent_less_what_would_be_hidden_twice() -> None:
    shares = [MlmCopy().record("test", 0, index).scored.mean() for index in range(50)]
    assert np.mean(shares) == pytest.approx(0.15 - 0.15**2 / 2, abs=0.01)


@pytest.mark.parametrize("index", SEEDS)
def test_a_summary_is_the_marked_tokens_in_order_and_an_end(index: int) -> None:
    record = SumSalient().record("test", 0, index)
    marked = record.source[np.flatnonzero(record.source == MARK) + 1]
    assert record.target.tolist() == [*marked.tolist(), END]
    assert 16 <= len(marked) <= 23 and not {MARK, END} & set(marked.tolist())


@pytest.mark.parametrize("index", SEEDS)
def test_each_place_of_a_summary_knows_its_paragraph(index: int) -> None:
    record = SumSalient().record("test", 0, index)
    marks = np.flatnonzero(record.source == MARK)
    assert record.source_at[marks + 1, 0].tolist() == record.target_at[:-1, 0].tolist()


@pytest.mark.parametrize("index", SEEDS)
def test_speech_lasts_two_to_six_frames_a_symbol(index: int) -> None:
    record = TtsExpand().record("test", 0, index)
    symbol, frame = record.target_at.T
    _, lasting = np.unique(symbol, return_counts=True)
    assert lasting[:-1].min() >= 2 and lasting.max() <= 6  # the last may be cut
    assert (np.diff(symbol)[frame[1:] == 0] == 1).all() and (np.diff(frame)[frame[1:] > 0] == 1).all()
    assert record.target.shape[1] == 16 and len(record.target) <= 160
    assert record.source[0] >= SYMBOLS > record.source[1:].max()


def test_speech_of_two_speakers_differs_by_their_offsets_alone() -> None:
    """Where a symbol begins, the frame is its template and the speaker's offset."""
    source = TtsExpand()
    seen: dict[tuple[int, int], list[np.ndarray]] = {}
    for index in range(60):
        record = source.record("train", 0, index)
        for (at, frame), values in zip(record.target_at.astype(int), record.target, strict=True):
            if frame == 0:
                seen.setdefault((int(record.source[0]), int(record.source[at])), []).append(values)
    for frames in seen.values():
        np.testing.assert_allclose(frames, np.broadcast_to(frames[0], np.shape(frames)), atol=2e-4)
    one, other = sorted({speaker for speaker, _ in seen})[:2]
    both = [symbol for symbol in range(SYMBOLS) if (one, symbol) in seen and (other, symbol) in seen]
    offsets = [seen[one, symbol][0] - seen[other, symbol][0] for symbol in both]
    assert len(both) > 5
    np.testing.assert_allclose(offsets, np.broadcast_to(offsets[0], np.shape(offsets)), atol=4e-4)


def test_a_season_of_24_is_in_the_series() -> None:
    records = [LstfSeasonal(past=336, future=720).record("test", 0, index) for index in range(8)]
    for record in records:
        series = np.concatenate([record.source, record.target])[:, 0]
        power = np.abs(np.fft.rfft((series - series.mean())[: 24 * 7 * 6])) ** 2
        frequencies = np.fft.rfftfreq(24 * 7 * 6)
        share = power[np.isin(np.round(frequencies, 6), np.round([1 / 24, 1 / 168], 6))].sum() / power.sum()
        assert share > 0.3


def test_the_future_follows_the_past() -> None:
    record = LstfSeasonal().record("test", 0, 0)
    assert record.source_at[-1, 0] + 1 == record.target_at[0, 0]
    assert record.source.shape == record.target.shape == (96, 4)


@pytest.mark.parametrize("index", SEEDS)
def test_the_missing_points_are_those_beyond_a_plane(index: int) -> None:
    """A plane that has the given points on one side and the missing ones on the other."""
    from scipy.optimize import linprog

    record = PccShapes().record("test", 0, index)
    assert np.abs(np.concatenate([record.source, record.target])).max() <= 0.5
    sides = np.concatenate([record.source, -record.target])
    ones = np.concatenate([np.ones(len(record.source)), -np.ones(len(record.target))])
    # sides @ w <= ones * b has a solution w that is not zero: one entry of w is set to 1 or -1
    rows = np.column_stack([sides, -ones])
    assert any(
        linprog(np.zeros(4), rows, np.full(len(rows), 1e-4), bounds=_with(axis, sign)).success
        for axis in range(3)
        for sign in (-1.0, 1.0)
    )


def _with(axis: int, sign: float) -> list[tuple[float | None, float | None]]:
    return [(sign, sign) if at == axis else (-1.0, 1.0) if at < 3 else (None, None) for at in range(4)]


def test_a_picture_is_given_by_its_means_over_four_by_four_pixels() -> None:
    record = SrTexture().record("test", 0, 0)
    given, wanted = record.source.reshape(32, 32, 3), record.target.reshape(32, 32, 3)
    assert (given.reshape(8, 4, 8, 4, 3) == given[::4, ::4][:, None, :, None]).all()
    means = wanted.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))
    assert np.abs(given[::4, ::4] - means).max() <= 0.5 / 255 + 1e-6
    assert wanted.min() >= 0 and wanted.max() <= 1
    assert record.target_at[33].tolist() == [1, 1]


def test_records_of_different_length_are_padded_and_told_so() -> None:
    records = [SumSalient().record("test", 0, index) for index in range(8)]
    batch = collate(records)
    assert batch.source_padding is None and batch.target_padding is not None
    assert (~batch.target_padding).sum(dim=1).tolist() == [len(record.target) for record in records]
    assert not (batch.scored & batch.target_padding).any()
