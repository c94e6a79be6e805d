"""Which packet of a file shows which frame, found without decoding wherever that is safe."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.stream_reader import StreamReader

_NO_STAMP = np.iinfo(np.int64).min
_HASHED_BYTES = 4096  # of each key frame: enough to tell pictures apart, and quick for all-key-frame video
_CODECS_WITH_HIDDEN_PACKETS = {"vp8"}  # whole packets that only help to decode others
_FALLBACK_FPS = 25.0


@dataclass(frozen=True)
class PacketTable:
    """The packets of a stream in the order of the file, as read without decoding. Arrays are (packets,)."""

    pts: NDArray[np.int64]  # presentation timestamps in units of the stream's time base, or _NO_STAMP
    dts: NDArray[np.int64]  # decoding timestamps, likewise
    is_key: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]  # neither cut off by an edit list nor torn
    secs_per_unit: float
    declared_fps: float
    codec: str
    pts_are_dts: bool  # the container stores no presentation timestamps, and this stream reorders its pictures
    may_end_torn: bool  # the container does not tell whether the last packet is whole
    digest: str

    def pts_give_the_order(self) -> bool:
        """Whether sorting by pts is sure to give the frames that a decoder shows, in its order."""
        shown = self.pts[self.is_whole]
        dts = self.dts[self.dts != _NO_STAMP]
        return (
            self.codec not in _CODECS_WITH_HIDDEN_PACKETS
            and not self.pts_are_dts
            and shown.size > 0
            and bool(self.is_key[0])
            and self.pts[0] == self.pts.min()  # else the first pictures lean on others that are not there
            and _NO_STAMP not in shown
            and np.unique(shown).size == shown.size
            and bool((np.diff(dts) > 0).all())
        )

    def without_last(self) -> "PacketTable":
        """The same, with the last packet taken for torn."""
        return replace(self, is_whole=np.append(self.is_whole[:-1], False))


class FrameIndex:
    """Frames in the order they are shown, and where to start decoding for each."""

    def __init__(self, table: PacketTable, packet_of_frame: NDArray[np.int64]) -> None:
        """`packet_of_frame` (frames,): the position of the packet that holds each frame."""
        self.packet_of_frame = packet_of_frame
        self.frame_of_packet = np.full(table.pts.size, -1)  # -1: shows nothing
        self.frame_of_packet[packet_of_frame] = np.arange(packet_of_frame.size)
        self._stamps = np.where(table.pts != _NO_STAMP, table.pts, table.dts)
        # The decoding timestamp is never the later one, so that a seek to it does not land behind the packet.
        self._seek_stamps = np.where(table.dts != _NO_STAMP, table.dts, table.pts)
        self._position_of_stamp = _positions_of_unique(self._stamps)
        self._start_positions, self._start_frames = _starting_points(table.is_key, self.frame_of_packet)
        self.times, self.fps = _times(table, self._stamps, packet_of_frame)

    @property
    def frame_count(self) -> int:
        return self.packet_of_frame.size

    def starts(self, frame: int) -> list[int]:
        """Positions to decode `frame` from: the nearest key frame, the one before it, the start of the file.

        The later ones are for streams whose key frame marks promise too much.
        """
        nearest = bisect_right(self._start_frames, frame) - 1
        return [self._start_positions[i] for i in sorted({nearest, max(nearest - 1, 0), 0}, reverse=True)]

    def seek_stamp(self, position: int) -> int | None:
        """The timestamp to seek to for this packet; None if it has none."""
        stamp = int(self._seek_stamps[position])
        return None if stamp == _NO_STAMP else stamp

    def position(self, packet: av.Packet) -> int | None:
        """The position of a packet met after a seek; None if its timestamp does not tell."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        return None if stamp is None else self._position_of_stamp.get(stamp)


def read_packet_table(path: Path) -> PacketTable:
    """Read every packet of the file's video stream once. Raises `VideoError` if the file is torn."""
    rows: list[tuple[int, int, bool, bool]] = []
    digest = hashlib.sha256()
    torn = False
    reader = StreamReader(path)
    try:
        for packet in reader.packets():
            pts, dts = packet.pts, packet.dts
            rows.append(
                (
                    _NO_STAMP if pts is None else pts,
                    _NO_STAMP if dts is None else dts,
                    packet.is_keyframe,
                    not (packet.is_discard or packet.is_corrupt),
                )
            )
            digest.update(packet.size.to_bytes(8, "little"))
            if packet.is_keyframe:
                digest.update(memoryview(packet)[:_HASHED_BYTES])
            torn = packet.is_corrupt and reader.stream.frames > len(rows)  # the container promises more
    except FFmpegError as error:
        raise _torn(path, len(rows)) from error
    finally:
        reader.close()
    if torn:
        raise _torn(path, len(rows))
    if not rows:
        raise VideoError(f"{path}: the video stream holds no frames. Copy or record it again.")
    pts, dts, is_key, is_whole = zip(*rows, strict=True)
    time_base, rate = reader.stream.time_base, reader.stream.average_rate
    return PacketTable(
        pts=np.array(pts, dtype=np.int64),
        dts=np.array(dts, dtype=np.int64),
        is_key=np.array(is_key),
        is_whole=np.array(is_whole),
        secs_per_unit=float(time_base) if time_base else 0.0,
        declared_fps=float(rate) if rate else 0.0,
        codec=reader.stream.codec_context.name,
        pts_are_dts=reader.format_name == "avi" and reader.stream.codec_context.has_b_frames,
        may_end_torn=reader.format_name == "mpegts",
        digest=digest.hexdigest(),
    )


def _torn(path: Path, packet_count: int) -> VideoError:
    return VideoError(
        f"{path}: the video is cut off or damaged after about {packet_count} frames. Copy it again; to work with what "
        f"is there: ffmpeg -i {path.name} -c copy {path.stem}-repaired.mp4"
    )


def ends_torn(path: Path, table: PacketTable) -> bool:
    """Whether the last packet gives no sound picture. One thread decodes: several do not report this reliably."""
    last = table.pts.size - 1
    start = int(np.flatnonzero(table.is_key)[-1])
    reader = StreamReader(path, threads=1)
    try:
        return all(picture.pts != last for picture in reader.pictures(islice(reader.packets(), start, None), start))
    finally:
        reader.close()


def index_by_pts(table: PacketTable) -> FrameIndex:
    """Frame N is the packet with the N-th presentation timestamp."""
    shown = np.flatnonzero(table.is_whole)
    return FrameIndex(table, shown[np.argsort(table.pts[shown], kind="stable")])


def index_by_decoding(path: Path, table: PacketTable) -> FrameIndex:
    """Frame N is the N-th picture that the decoder shows: slow, and right for any stream."""
    reader = StreamReader(path)
    try:
        shown = dict.fromkeys(reader.shown_positions())  # each once, should a packet show two fields
    finally:
        reader.close()
    if not shown:
        raise VideoError(f"{path}: not one frame of this video can be decoded. Copy it again, or choose another file.")
    return FrameIndex(table, np.array(list(shown), dtype=np.int64))


def _positions_of_unique(stamps: NDArray[np.int64]) -> dict[int, int]:
    values, first, counts = np.unique(stamps, return_index=True, return_counts=True)
    alone = (counts == 1) & (values != _NO_STAMP)
    return dict(zip(values[alone].tolist(), first[alone].tolist(), strict=True))


def _starting_points(is_key: NDArray[np.bool_], frame_of_packet: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Positions from which decoding may start, and the first frame that is sound from there; both increase."""
    positions, frames = [0], [0]
    for position in np.flatnonzero(is_key).tolist():
        frame = int(frame_of_packet[position])
        if frame > frames[-1]:
            positions.append(position)
            frames.append(frame)
    return positions, frames


def _times(
    table: PacketTable, stamps: NDArray[np.int64], packet_of_frame: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Seconds from the first frame, and the average rate."""
    shown = stamps[packet_of_frame]
    # Timestamps in the order of decoding have the spacing of the frames when sorted; those that restart tell nothing.
    usable = bool((np.diff(shown) > 0).all() or (np.diff(stamps) > 0).all()) and _NO_STAMP not in shown
    times = (np.sort(shown) - shown.min()) * table.secs_per_unit
    if not usable or times[-1] == 0:
        fps = table.declared_fps or _FALLBACK_FPS
        return np.arange(shown.size) / fps, fps
    measured = (times.size - 1) / float(times[-1])
    # The container's own figure is free of the rounding of timestamps, and wrong in some recordings.
    close = abs(table.declared_fps - measured) < 0.01 * measured
    return times, table.declared_fps if close else measured
