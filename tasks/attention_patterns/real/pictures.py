"""FFHQ for training and CelebA-HQ for the test, as SR3 has it: folders of pictures, scaled to the size of the task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite.errors import UserError
from tasks.attention_patterns.generators.sr_texture import SrTexture, record_of_picture
from tasks.attention_patterns.real import DataMissing
from tasks.attention_patterns.records import PARTS, Part, Record, Source

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_ADVICE = (
    "wanted subfolders train, validation and test of PNG or JPEG files: FFHQ is at github.com/NVlabs/ffhq-dataset, "
    "CelebA-HQ at github.com/tkarras/progressive_growing_of_gans (both for non-commercial use)"
)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures by part, cut to squares."""

    files: tuple[tuple[Path, ...], ...]
    side: int
    scale: int

    @property
    def tokens(self) -> int:
        return 0

    @property
    def channels(self) -> int:
        return 3

    @property
    def longest(self) -> tuple[int, int]:
        return self.side**2, self.side**2

    def record(self, part: Part, seed: int, index: int) -> Record:
        at = PARTS.index(part)
        own = self.files[at]
        chosen = int(np.random.default_rng([at, seed, index]).integers(len(own))) if part == "train" else index
        return record_of_picture(_pixels(own[chosen % len(own)], self.side), self.scale)


def read(place: str, twin: Source) -> Pictures:
    """The pictures of a folder.

    Raises:
        DataMissing: no such folder, or a part without pictures.
    """
    assert isinstance(twin, SrTexture)
    folder = Path(place).expanduser()
    files = tuple(
        tuple(sorted(file for file in (folder / part).glob("*") if file.suffix.lower() in _ENDINGS)) for part in PARTS
    )
    for part, own in zip(PARTS, files, strict=True):
        if not own:
            raise DataMissing(f"{folder / part}: no pictures; {_ADVICE}")
    return Pictures(files, twin.side, twin.scale)


def _pixels(file: Path, side: int) -> np.ndarray:
    """(side, side, 3) bytes of the middle square."""
    try:
        from PIL import Image, ImageOps  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UserError("pictures need Pillow; pip install pillow") from None
    try:
        with Image.open(file) as picture:
            return np.asarray(ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.BICUBIC))
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as a picture ({error})") from None
