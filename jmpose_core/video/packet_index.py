"""Which packet of a file shows which frame, found without decoding wherever that is safe."""

import hashlib
import zlib
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.cures import shortening
from jmpose_core.video.frame_times import NO_STAMP, frame_times
from jmpose_core.video.stream_reader import StreamReader

_HASHED_BYTES = 4096  # of each key frame: enough to tell pictures apart, and quick for all-key-frame video
_MARKED_BYTES = 256  # at either end of every packet
_CODECS_WITH_HIDDEN_PACKETS = {"vp8"}  # whole packets that only help to decode others
_CUT_SECS = 0.5  # that a recording may end before the length its container declares


@dataclass(frozen=True)
class PacketTable:
    """The packets of a stream in the order of the file, as read without decoding. Arrays are (packets,)."""

    pts: NDArray[np.int64]  # presentation timestamps in units of the stream's time base, or NO_STAMP
    dts: NDArray[np.int64]  # decoding timestamps, likewise
    is_key: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]  # neither cut off by an edit list nor torn
    marks: NDArray[np.uint64]  # checksums of content and size: nearly unique
    secs_per_unit: float
    declared_fps: float
    codec: str
    may_reorder: bool  # the decoder may show pictures in another order than it gets them
    pts_are_dts: bool  # the container stores no presentation timestamps, and this stream reorders its pictures
    may_end_torn: bool  # the container does not tell whether the last packet is whole
    digest: str
    damage: str  # what is known to be missing, for the user; empty where nothing is

    def pts_may_give_the_order(self) -> bool:
        """Whether sorting by pts gives the frames that a decoder shows, in its order, as far as the packets show.

        Some files carry timestamps that look right and are not (AVI copied into MP4), so
        the order is compared with that of decoding wherever pictures are decoded.
        """
        shown = self.pts[self.is_whole]
        dts = self.dts[self.dts != NO_STAMP]
        if (
            self.codec in _CODECS_WITH_HIDDEN_PACKETS
            or self.pts_are_dts
            or shown.size == 0
            or not self.is_key[0]
            or self.pts[0] != self.pts.min()  # the first pictures lean on others that are not there
            or NO_STAMP in shown
            or (np.diff(dts) < 0).any()
        ):
            return False
        in_file_order = not self.may_reorder and bool((np.diff(shown) >= 0).all())
        return in_file_order or np.unique(shown).size == shown.size

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
        self._stamps = np.where(table.pts != NO_STAMP, table.pts, table.dts)
        # The decoding timestamp is never the later one, so that a seek to it does not land behind the packet.
        self._seek_stamps = np.where(table.dts != NO_STAMP, table.dts, table.pts)
        self._marks = table.marks
        self.start_positions, self._start_frames = _starting_points(table.is_key, self.frame_of_packet)
        self.times, self.fps = frame_times(
            self._stamps,
            self._seek_stamps,
            packet_of_frame,
            secs_per_unit=table.secs_per_unit,
            declared_fps=table.declared_fps,
        )

    @property
    def frame_count(self) -> int:
        return self.packet_of_frame.size

    def starts(self, frame: int) -> list[int]:
        """Positions to decode `frame` from: the nearest key frame, the one before it, the start of the file.

        The later ones are for streams whose key frame marks promise too much.
        """
        nearest = bisect_right(self._start_frames, frame) - 1
        return [self.start_positions[i] for i in sorted({nearest, max(nearest - 1, 0), 0}, reverse=True)]

    def group(self, frame: int) -> range:
        """The frames from the key frame at or before `frame` up to the next."""
        nearest = bisect_right(self._start_frames, frame) - 1
        ends = [*self._start_frames[nearest + 1 : nearest + 2], self.frame_count]
        return range(self._start_frames[nearest], ends[0])

    def seek_stamps(self, position: int) -> list[int]:
        """Timestamps to seek to for this packet, in order of trial: its own and those of the two key frames before.

        Some formats' seeking lands behind the timestamp that was asked for.
        """
        before = bisect_right(self.start_positions, position)
        places = [position, *self.start_positions[max(before - 3, 0) : before][::-1]]
        stamps = dict.fromkeys(int(self._seek_stamps[place]) for place in places)
        return [stamp for stamp in stamps if stamp != NO_STAMP]

    def position(self, packet: av.Packet) -> int | None:
        """The position of a packet met after a seek, by its content; None if that does not tell.

        Timestamps alone do not: after a seek, the end of a picture that was cut in two comes
        under the next picture's timestamp in MPEG program and transport streams.
        """
        found = self._positions_of_mark.get(mark_of(packet), [])
        if len(found) == 1:
            return found[0]
        stamp = packet.pts if packet.pts is not None else packet.dts
        return next((position for position in found if self._stamps[position] == stamp), None)

    @cached_property
    def _positions_of_mark(self) -> dict[int, list[int]]:
        positions: dict[int, list[int]] = {}
        for position, mark in enumerate(self._marks.tolist()):
            positions.setdefault(mark, []).append(position)
        return positions

    def is_at(self, packet: av.Packet, position: int) -> bool:
        """Whether this packet is the one that was at `position` when the file was opened."""
        return position < self._marks.size and mark_of(packet) == int(self._marks[position])


def mark_of(packet: av.Packet) -> int:
    """A checksum of a packet's two ends and its size, 64 bits."""
    content = memoryview(packet)
    ends = zlib.crc32(content[-_MARKED_BYTES:], zlib.crc32(content[:_MARKED_BYTES]))
    return ends << 32 | packet.size & 0xFFFFFFFF


def read_packet_table(path: Path) -> PacketTable:
    """Read every packet of the file's video stream once.

    Raises `VideoError` if not one packet can be read; where the file is cut off, `damage` says so.
    """
    rows: list[tuple[int, int, bool, bool, int]] = []
    digest = hashlib.sha256()
    reader = StreamReader(path)
    try:
        # All is asked for before the reader is closed: a closed container leaves freed memory.
        stream = reader.stream
        time_base, rate = stream.time_base, stream.average_rate
        torn = False
        try:
            for packet in reader.packets():
                rows.append(_row(packet))
                digest.update(packet.size.to_bytes(8, "little"))
                if packet.is_keyframe:
                    digest.update(memoryview(packet)[:_HASHED_BYTES])
                torn = packet.is_corrupt and stream.frames >= len(rows)
        except FFmpegError:
            torn = True
        if not rows:
            raise VideoError(f"{path}: the video stream holds no frames. Copy or record it again.")
        pts, dts, is_key, is_whole, marks = zip(*rows, strict=True)
        table = PacketTable(
            pts=np.array(pts, dtype=np.int64),
            dts=np.array(dts, dtype=np.int64),
            is_key=np.array(is_key),
            is_whole=np.array(is_whole),
            marks=np.array(marks, dtype=np.uint64),
            secs_per_unit=float(time_base) if time_base else 0.0,
            declared_fps=float(rate) if rate else 0.0,
            codec=stream.codec_context.name,
            may_reorder=bool(stream.codec_context.has_b_frames),
            pts_are_dts=reader.format_name == "avi" and bool(stream.codec_context.has_b_frames),
            may_end_torn=reader.format_name == "mpegts",
            digest=digest.hexdigest(),
            damage="",
        )
        return replace(table, damage=_damage(path, table, reader, torn=torn))
    finally:
        reader.close()


def _row(packet: av.Packet) -> tuple[int, int, bool, bool, int]:
    pts, dts = packet.pts, packet.dts
    return (
        NO_STAMP if pts is None else pts,
        NO_STAMP if dts is None else dts,
        packet.is_keyframe,
        not (packet.is_discard or packet.is_corrupt),
        mark_of(packet),
    )


def _damage(path: Path, table: PacketTable, reader: StreamReader, *, torn: bool) -> str:
    """What the container promises beyond what is there, as a sentence; empty if nothing."""
    promised, there = reader.stream.frames, table.pts.size
    if reader.format_name == "avi":  # it counts frames that were dropped in recording, which have no packet
        there = max(there, int(table.dts.max()) + 1)
    if not (torn or promised > there or _ends_before_its_time(table, reader)):
        return ""
    sound = int(table.is_whole.sum())
    count = f"{sound} of {promised}" if promised > sound else f"about {sound}"
    return (
        f"{path}: the video is cut off after {count} frames. Copy it again; "
        f"or make a sound video of what is there: {shortening(path, sound)}"
    )


def _ends_before_its_time(table: PacketTable, reader: StreamReader) -> bool:
    stamps = np.where(table.pts != NO_STAMP, table.pts, table.dts)
    if "matroska" not in reader.format_name or NO_STAMP in stamps:
        return False
    return reader.declared_secs - int(stamps.max()) * table.secs_per_unit > _CUT_SECS


def ends_torn(path: Path, table: PacketTable) -> bool:
    """Whether the last packet gives no sound picture."""
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


def _starting_points(is_key: NDArray[np.bool_], frame_of_packet: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Positions from which decoding may start, and the first frame that is sound from there; both increase."""
    positions, frames = [0], [0]
    for position in np.flatnonzero(is_key).tolist():
        frame = int(frame_of_packet[position])
        if frame > frames[-1]:
            positions.append(position)
            frames.append(frame)
    return positions, frames
