"""Short clips whose every frame shows its own number, so that a test needs no second decoder to compare with."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream

WIDTH, HEIGHT = 128, 96
_BITS = 8


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Eight columns, black or white: the number's bits; and a line that moves, so that frames are predicted."""
    bits = (number >> np.arange(_BITS)) & 1
    columns = bits[np.arange(width) * _BITS // width] * 200 + 20
    rgb = np.repeat(np.repeat(columns[None, :, None], height, 0), 3, 2).astype(np.uint8)
    rgb[number % (height // 4)] = (250, 60, 60)
    return rgb


def number_of(rgb: np.ndarray) -> int:
    """What `numbered` painted, read from the lower half."""
    height, width = rgb.shape[:2]
    centres = ((np.arange(_BITS) + 0.5) * width / _BITS).astype(int)
    bits = rgb[height // 2 :, centres].mean(axis=(0, 2)) > 128
    return int((bits << np.arange(_BITS)).sum())


def write_clip(
    path: Path,
    stamps: Sequence[int],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: int = 30,
    container_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_format: str | None = None,
    b_frames_from: int = 0,
) -> None:
    """Frame N of the clip shows N at `stamps[N]` / `rate` seconds; the encoder may use B-frames from one on."""
    with av.open(str(path), "w", format=container_format, options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options={"g": "12", "sc_threshold": "0", **(options or {})})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, rate)
        for number, stamp in enumerate(stamps):
            picture = av.VideoFrame.from_ndarray(numbered(number), format="rgb24").reformat(format=pixels)
            picture.pts, picture.time_base = stamp, Fraction(1, rate)
            if number < b_frames_from:
                picture.pict_type = PictureType.P
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def copy_clip(source: Path, target: Path, *, shift: int = 0, skip: int = 0, hide: Sequence[int] = ()) -> None:
    """The packets of `source` from number `skip` on, their timestamps moved by `shift` units, not encoded again.

    `hide`: numbers of VP8 packets that are turned into frames to predict from, not to show (RFC 6386, 9.1).
    """
    keep_negative = {"avoid_negative_ts": "disabled"}
    with av.open(str(source)) as reading, av.open(str(target), "w", options=keep_negative) as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for number, packet in enumerate(reading.demux(reading.streams.video[0])):
            if packet.size and number >= skip and packet.pts is not None and packet.dts is not None:
                copy = av.Packet(_without_show_flag(bytes(packet)) if number in hide else bytes(packet))
                copy.pts, copy.dts, copy.time_base = packet.pts + shift, packet.dts + shift, packet.time_base
                copy.is_keyframe = packet.is_keyframe
                copy.stream = stream
                writing.mux(copy)


def restamped_copy(source: Path, target: Path, stamp: Callable[[int, av.Packet], int]) -> None:
    """The packets of `source` with timestamps of the copier's own, as `ffmpeg -c copy` writes where it is misled.

    `stamp` gives both timestamps of packet number N, in units of a thousandth of a second.
    """
    milliseconds = Fraction(1, 1000)
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = writing.add_stream_from_template(reading.streams.video[0])
        for number, packet in enumerate(packet for packet in reading.demux(video=0) if packet.size):
            copy = av.Packet(bytes(packet))
            copy.pts = copy.dts = stamp(number, packet)
            copy.time_base, copy.is_keyframe, copy.stream = milliseconds, packet.is_keyframe, stream
            writing.mux(copy)


def with_display_matrix(mp4: bytes, a: int, b: int, c: int, d: int) -> bytes:
    """The file with x' = a x + c y, y' = b x + d y as its track's display matrix."""
    content = bytearray(mp4)
    start = content.index(b"tkhd") + 44
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    content[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    return bytes(content)


def _without_show_flag(vp8_frame: bytes) -> bytes:
    return bytes([vp8_frame[0] & ~0x10]) + vp8_frame[1:]


def numbers(frames: Iterable[tuple[int, np.ndarray]]) -> list[int]:
    return [number_of(rgb) for _, rgb in frames]
