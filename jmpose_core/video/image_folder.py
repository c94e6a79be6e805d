"""A folder of images of one size, read as a video."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.base import Fingerprint, Video
from jmpose_core.video.image_files import IMAGE_SUFFIXES, read_bytes, read_image, read_image_size

_FPS = 25.0  # a folder does not say; PoseTrack's sequences are near it
_SAMPLED_FILES = 5


class ImageFolder(Video):
    """The images of a folder in natural order of their names ("2.jpg" before "10.jpg"), 25 to a second."""

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        """`names`: only these files, in this order (a single still: one name); None: every image."""
        self.path = path
        self._names = list_images(path) if names is None else list(names)
        if not self._names:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise VideoError(f"{path}: the folder holds no images ({kinds}). Choose the folder that holds the frames.")
        self.width, self.height = self._common_size()
        self.frame_count = len(self._names)
        self.fps = _FPS
        self.times = np.arange(self.frame_count) / _FPS

    def _common_size(self) -> tuple[int, int]:
        first = read_image_size(self.path / self._names[0])
        for name in self._names[1:]:
            size = read_image_size(self.path / name)
            if size != first:
                raise self._mixed_sizes(name, size, first)
        return first

    def _mixed_sizes(self, name: str, size: tuple[int, int], first: tuple[int, int]) -> VideoError:
        return VideoError(
            f"{self.path / name}: {size[0]} x {size[1]} pixels, but {self._names[0]} has {first[0]} x {first[1]}. "
            "The frames of a video have one size: remove the odd ones, or use --stills for unrelated images."
        )

    def _read(self, index: int) -> NDArray[np.uint8]:
        rgb = read_image(self.path / self._names[index])
        height, width = rgb.shape[:2]
        if (width, height) != (self.width, self.height):  # replaced since the folder was opened
            raise self._mixed_sizes(self._names[index], (width, height), (self.width, self.height))
        return rgb

    def image_name(self, index: int) -> str:
        return self._names[index]

    def fingerprint(self) -> Fingerprint:
        digest = hashlib.sha256()
        for index in sorted(set(np.linspace(0, self.frame_count - 1, _SAMPLED_FILES).astype(int).tolist())):
            digest.update(hashlib.sha256(read_bytes(self.path / self._names[index])).digest())
        return Fingerprint(self.frame_count, self.width, self.height, digest.hexdigest())

    def close(self) -> None:
        pass  # holds no file open


def list_images(folder: Path) -> list[str]:
    """Names of the folder's images in natural order; hidden files (macOS leaves "._0001.jpg") are left out."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    return sorted((name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES), key=natural_key)


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts numbers inside names by value, letters without regard to case; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.casefold())
    # Split by a group: text and digits take turns, so that positions never compare a str with an int.
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name
