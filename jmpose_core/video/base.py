"""What every source of frames offers, whatever it is stored in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from jmpose_core.errors import DamagedFrameError, VideoError
from jmpose_core.frame_numbers import frame_number

_NAMED = 20  # damaged frames, or runs of them, that are listed


@dataclass(frozen=True)
class Fingerprint:
    """Tells whether two sources hold the same frames; survives copying, renaming and remuxing.

    The digest is taken of stored bytes, not of decoded pixels: decoders may round
    differently from one release to the next, and the stored bytes do not change.
    """

    frame_count: int
    width: int
    height: int
    digest: str  # SHA-256, hexadecimal


class Video(ABC):
    """Frames by index, from 0. A context manager; not to be shared between threads: each opens its own."""

    path: Path
    frame_count: int
    width: int  # pixels, as shown (after rotation)
    height: int
    fps: float  # average of frames per second, pauses in the recording left out
    times: NDArray[np.float64]  # (frame_count,) seconds from the first frame, never decreasing
    damage: str = ""  # what is known to be missing since it was opened, as a sentence for the user

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Frame `index` as a new, contiguous array: height x width x 3, RGB.

        Raises `IndexError` outside 0 <= index < frame_count, `DamagedFrameError` if this
        picture is damaged (it is then among the `damaged_frames`), and `VideoError` if the
        file cannot be read at all.
        """
        if not 0 <= index < self.frame_count:
            raise IndexError(f"{self.path}: frame {index} of {self.frame_count}")
        try:
            return self._read(index)
        except DamagedFrameError:
            self.damaged_frames.add(index)
            raise

    @cached_property
    def damaged_frames(self) -> set[int]:
        """Frames that were asked for and could not be decoded."""
        return set()

    def nearest_frame(self, index: int) -> NDArray[np.uint8]:
        """Frame `index` or, where it is damaged, the sound frame nearest in time: the one before it of two.

        Raises `VideoError` if no frame can be decoded.
        """
        for distance in range(self.frame_count):
            for candidate in dict.fromkeys((index - distance, index + distance)):
                if 0 <= candidate < self.frame_count and candidate not in self.damaged_frames:
                    with suppress(DamagedFrameError):
                        return self.frame(candidate)
        raise VideoError(f"{self.path}: not one frame can be decoded. Copy it again.")

    def damage_report(self) -> str:
        """What could not be read so far, as sentences for the user; empty where all is sound."""
        frames = sorted(self.damaged_frames)
        if not frames:
            return self.damage
        what = "one frame is" if len(frames) == 1 else f"{len(frames)} frames are"
        report = f"{self.path}: {what} damaged and left out: {self._named(frames)}. Copy it again."
        return f"{self.damage}\n{report}" if self.damage else report

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames first, first + 1, ... with their indices; `last` is excluded (None: all the rest)."""
        for index in range(first, self.frame_count if last is None else last):
            yield index, self.frame(index)

    def _named(self, frames: Sequence[int]) -> str:
        """Frames as a person finds them, in a few words: 3, 7 to 12 and 20."""
        runs: list[list[int]] = []
        for frame in frames:
            if runs and frame == runs[-1][-1] + 1:
                runs[-1].append(frame)
            else:
                runs.append([frame])
        ends = [[frame_number(frame) for frame in dict.fromkeys((run[0], run[-1]))] for run in runs]
        words = [" to ".join(pair) for pair in ends]
        return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")

    @abstractmethod
    def _read(self, index: int) -> NDArray[np.uint8]:
        """Frame `index`, known to be in range."""

    @abstractmethod
    def image_name(self, index: int) -> str:
        """The frame's file name in a folder of images; for a video, the one it would have there."""

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """What identifies these frames; cheap."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file. Closing twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
