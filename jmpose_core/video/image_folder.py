"""A folder of images of one size, read as a video."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jmpose_core.errors import DamagedFrameError, VideoError
from jmpose_core.video.base import Fingerprint, Video
from jmpose_core.video.image_files import (
    IMAGE_SUFFIXES,
    OTHER_IMAGE_SUFFIXES,
    StackError,
    read_bytes,
    read_image,
    read_image_size,
)

_FPS = 25.0  # a folder does not say; PoseTrack's sequences are near it
_SAMPLED_FILES = 5
_NAMED = 20  # damaged images that are listed


class ImageFolder(Video):
    """The images of a folder in natural order of their names ("2.jpg" before "10.jpg"), 25 to a second.

    Every picture in the folder is a frame. One that cannot be read is a damaged frame, and
    one of a kind that is not supported is refused: to leave it out would move the later frames up.
    """

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        """`names`: only these files, in this order (a single still: one name); None: every image."""
        self.path = path
        if names is None:
            refuse_other_images(path)
        self._names = list_images(path) if names is None else list(names)
        if not self._names:
            kinds = ", ".join(sorted(IMAGE_SUFFIXES))
            raise VideoError(f"{path}: the folder holds no images ({kinds}). Choose the folder that holds the frames.")
        self.width, self.height = self._common_size()
        self.frame_count = len(self._names)
        self.fps = _FPS
        self.times = np.arange(self.frame_count) / _FPS

    def _common_size(self) -> tuple[int, int]:
        """(width, height) of every image that can be read. Raises `VideoError` where none can, or they differ."""
        first: tuple[str, tuple[int, int]] | None = None
        unreadable: VideoError | None = None
        for name in self._names:
            try:
                size = read_image_size(self.path / name)
            except StackError:
                raise
            except VideoError as error:  # a damaged frame
                unreadable = unreadable or error
                continue
            first = first or (name, size)
            if size != first[1]:
                raise self._mixed_sizes(name, size, *first)
        if first is None:
            assert unreadable is not None
            raise unreadable
        return first[1]

    def _mixed_sizes(
        self, name: str, size: tuple[int, int], first_name: str, first_size: tuple[int, int]
    ) -> VideoError:
        return VideoError(
            f"{self.path / name}: {size[0]} x {size[1]} pixels, but {first_name} has "
            f"{first_size[0]} x {first_size[1]}. "
            "The frames of a video have one size: remove the odd ones, or use --stills for unrelated images."
        )

    def _read(self, index: int) -> NDArray[np.uint8]:
        try:
            rgb = read_image(self.path / self._names[index])
        except VideoError as error:
            raise DamagedFrameError(str(error)) from error
        height, width = rgb.shape[:2]
        if (width, height) != (self.width, self.height):  # replaced since the folder was opened
            raise self._mixed_sizes(self._names[index], (width, height), "the folder", (self.width, self.height))
        return rgb

    def image_name(self, index: int) -> str:
        return self._names[index]

    def fingerprint(self) -> Fingerprint:
        digest = hashlib.sha256()
        for index in sorted(set(np.linspace(0, self.frame_count - 1, _SAMPLED_FILES).astype(int).tolist())):
            digest.update(hashlib.sha256(self._content(index)).digest())
        return Fingerprint(self.frame_count, self.width, self.height, digest.hexdigest())

    def _content(self, index: int) -> bytes:
        try:
            return read_bytes(self.path / self._names[index])
        except VideoError:  # a damaged frame
            return b""

    def _named(self, frames: Sequence[int]) -> str:
        names = [self._names[frame] for frame in frames]
        return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")

    def close(self) -> None:
        pass  # holds no file open


def list_images(folder: Path) -> list[str]:
    """Names of the folder's images in natural order, broken links among them.

    Hidden files (macOS leaves "._0001.jpg") are left out.
    """
    return _names_with(folder, IMAGE_SUFFIXES)


def other_images(folder: Path) -> list[str]:
    """Names of the folder's pictures of kinds that cannot be read."""
    return _names_with(folder, OTHER_IMAGE_SUFFIXES)


def refuse_other_images(folder: Path) -> None:
    """Raises `VideoError` where pictures of a kind that cannot be read stand among the folder's images."""
    others = other_images(folder)
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise VideoError(
            f"{folder / others[0]}{more}: pictures of a kind that cannot be read; without them the later frames would "
            "move up. Convert them to PNG, or move them out of the folder."
        )


def _names_with(folder: Path, suffixes: set[str]) -> list[str]:
    with os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and (entry.is_file() or (entry.is_symlink() and not entry.is_dir()))
        ]
    return sorted((name for name in names if Path(name).suffix.lower() in suffixes), key=natural_key)


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts numbers inside names by value, letters without regard to case; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.casefold())
    # Split by a group: text and digits take turns, so that positions never compare a str with an int.
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name
