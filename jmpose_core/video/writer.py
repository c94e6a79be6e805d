"""Writing frames to an H.264 file that any player shows."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.whole_files import whole_file

_BT709 = 1  # ITU-T H.273: the same code for primaries, transfer and matrix


def write_video(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, size: tuple[int, int]) -> None:
    """Write RGB frames (height x width x 3, uint8) of `size` = (width, height) as H.264 in MP4, yuv420p, BT.709.

    Odd sizes grow by one pixel, a copy of the last column or row, as 4:2:0 needs even
    ones. The file appears complete or not at all. Raises `VideoError` if it cannot be
    written, `ValueError` for a frame of another shape.
    """
    try:
        with whole_file(path) as part:  # a folder that cannot be written to shows at once, not after the encoding
            _encode(part, frames, fps, size)
    except (FFmpegError, OSError) as error:
        raise VideoError(
            f"{path}: the video cannot be written ({error.strerror}). Free space on the disk, or choose another folder."
        ) from error


def _encode(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, size: tuple[int, int]) -> None:
    width, height = size
    with av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": "20"})
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = ColorRange.MPEG
        for rgb in frames:
            if rgb.shape != (height, width, 3):
                raise ValueError(f"a frame of shape {rgb.shape}, not {(height, width, 3)}")
            container.mux(stream.encode(_yuv(rgb)))
        container.mux(stream.encode(None))


def _yuv(rgb: NDArray[np.uint8]) -> av.VideoFrame:
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
