"""LJSpeech: characters and the log-mel frames of their recording.

There is no aligner: a character is placed where it would stand if all lasted equally long. MCD and MSD of such frames
depend on that, and compare mechanisms, not papers.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite.errors import UserError
from suite.jsonl import read_text
from tasks.attention_patterns.real import DataMissing
from tasks.attention_patterns.records import PARTS, Part, Record, Source

BANDS, CHARACTERS = 80, 128
_WINDOW, _HOP = 1024, 256  # samples, at 22,050 a second
_TOP_HZ, _FLOOR = 8000.0, 1e-5
_HELD_OUT = (100, 500)  # validation and test, as is usual: the last recordings
_ADVICE = "wanted metadata.csv and wavs/ of LJSpeech-1.1, from keithito.com/LJ-Speech-Dataset"


@dataclass(frozen=True, slots=True)
class Recordings:
    """(text, file) by part; those longer than the size has are cut."""

    rows: tuple[tuple[tuple[str, Path], ...], ...]
    longest: tuple[int, int]

    @property
    def tokens(self) -> int:
        return CHARACTERS

    @property
    def channels(self) -> int:
        return BANDS

    def record(self, part: Part, seed: int, index: int) -> Record:
        at = PARTS.index(part)
        own = self.rows[at]
        chosen = int(np.random.default_rng([at, seed, index]).integers(len(own))) if part == "train" else index
        text, file = own[chosen % len(own)]
        frames = log_mel(*_samples(file))
        # text and sound are cut at the same moment
        share = min(1.0, self.longest[0] / max(len(text), 1), self.longest[1] / len(frames))
        text, frames = text[: max(1, int(len(text) * share))], frames[: max(1, int(len(frames) * share))]
        source = np.array([min(ord(letter), CHARACTERS - 1) for letter in text])
        source_at = np.linspace(0, len(frames), len(source), endpoint=False, dtype=np.float32)[:, None]
        target_at = np.arange(len(frames), dtype=np.float32)[:, None]
        return Record(source, frames, np.ones(len(frames), dtype=bool), source_at, target_at)


def read(place: str, twin: Source) -> Recordings:
    """The recordings of an unpacked LJSpeech.

    Raises:
        DataMissing: a file is not there.
        UserError: a row of metadata.csv is broken.
    """
    folder = Path(place).expanduser()
    table = folder / "metadata.csv"
    if not table.is_file():
        raise DataMissing(f"{table}: no such file; {_ADVICE}")
    rows = []
    for number, line in enumerate(read_text(table).splitlines(), 1):
        name, _, texts = line.partition("|")
        file = folder / "wavs" / f"{name}.wav"
        if not texts or not file.is_file():
            raise DataMissing(f"{table}: row {number}: no recording {file.name} with a text; {_ADVICE}")
        rows.append((texts.rpartition("|")[2].lower(), file))
    held = [max(1, min(count, len(rows) // 4)) for count in _HELD_OUT]
    if len(rows) < 3:
        raise UserError(f"{table}: {len(rows)} rows; expected at least 3")
    ends = [len(rows) - sum(held), len(rows) - held[1], len(rows)]
    return Recordings(tuple(tuple(rows[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)), twin.longest)


def log_mel(samples: np.ndarray, rate: int) -> np.ndarray:
    """(T, 80) natural logarithms of mel-band magnitudes."""
    from scipy.signal import stft

    padded = np.pad(samples, (0, max(0, _WINDOW - len(samples))))
    _, _, spectrum = stft(padded, rate, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
    bands = np.abs(spectrum).T @ _mel_filters(rate).T
    found: np.ndarray = np.log(np.maximum(bands, _FLOOR)).astype(np.float32)
    return found


def _mel_filters(rate: int) -> np.ndarray:
    """(BANDS, frequencies) triangles, evenly spaced in mel (O'Shaughnessy 1987)."""
    top = 2595 * np.log10(1 + min(_TOP_HZ, rate / 2) / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / rate)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling))


def _samples(file: Path) -> tuple[np.ndarray, int]:
    """(n,) samples between -1 and 1, and how many a second."""
    try:
        with wave.open(str(file)) as sound:
            if sound.getsampwidth() != 2:
                raise UserError(f"{file}: {8 * sound.getsampwidth()} bits a sample; expected 16")
            raw = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").reshape(-1, sound.getnchannels())
            return raw.mean(axis=1) / 2**15, sound.getframerate()
    except (wave.Error, EOFError) as error:
        raise UserError(f"{file}: no WAV file ({error})") from None
