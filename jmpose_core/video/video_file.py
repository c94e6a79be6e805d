"""A video file: exact frames by index."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from jmpose_core.errors import DamagedFrameError, VideoError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.video.base import Fingerprint, Video
from jmpose_core.video.cures import conversion
from jmpose_core.video.frame_cache import FrameCache
from jmpose_core.video.orientation import Orientation
from jmpose_core.video.packet_index import (
    FrameIndex,
    ends_torn,
    index_by_decoding,
    index_by_pts,
    read_packet_table,
)
from jmpose_core.video.stream_reader import DECODING_THREADS, StreamReader, UnclearDamageError

_CACHE_BYTES = 256 * 1024 * 1024
_CHECKED_FRAMES = 32  # at most, decoded when the file is opened to see whether its timestamps give their order


class _WrongOrderError(Exception):
    """The decoder shows frames in another order than the index says."""


class _LostPlaceError(Exception):
    """The packets after a seek are not those that were counted when the file was opened."""


class VideoFile(Video):
    """Frames of the video stream that players show, turned upright by its rotation mark.

    Opening reads the file once without decoding more than its first frames (and decodes it
    once for the rare streams whose timestamps do not give the order of the frames). A frame is
    decoded from the key frame at or before it; reading forward goes on where the last read ended.
    All frames have the first one's size and orientation, as players show them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: StreamReader | None = None
        self._threads = DECODING_THREADS  # one, once damage was found: then it is known which packet it is in
        self._pictures: Iterator[av.VideoFrame] = iter(())
        self._first_sound = 0  # frames before this one lean on packets that were not decoded
        self._last_shown = -1  # the frame that self._pictures gave last
        self._lost: set[int] = set()  # frames that were tried and cannot be decoded
        self._left_out: set[int] = set()  # frames that the decoder leaves out, starting from some key frame
        self._unexplained: set[int] = set()  # frames left out that may still come, in the wrong order
        self._order_is_decoders = False
        self._found_damage = False
        self._cache = FrameCache(_CACHE_BYTES)
        self._reformatter = VideoReformatter()
        self._table = read_packet_table(path)
        self.damage = self._table.damage
        try:
            first = self._choose_index()
        except BaseException:
            self.close()
            raise
        self.frame_count = self._index.frame_count
        self.times = self._index.times
        self.fps = self._index.fps
        self._stored_size = (first.width, first.height)
        self._orientation = Orientation.of_picture(first)
        self.width, self.height = self._orientation.size(*self._stored_size)

    def _choose_index(self) -> av.VideoFrame:
        """Set the cheapest index that holds, and return the first picture that can be decoded."""
        self._index: FrameIndex
        if self._table.pts_may_give_the_order():
            if self._table.may_end_torn and ends_torn(self.path, self._table):
                self._table = self._table.without_last()
            self._index = index_by_pts(self._table)
            first = self._first_in_right_order()
            if first is not None:
                return first
        self._count_by_decoding()
        first = self._first_sound_picture()
        if first is None:
            raise VideoError(f"{self.path}: not one frame can be decoded. {self._cure()}")
        missing = int(self._table.is_whole.sum()) - self._index.frame_count
        if self._found_damage and missing > 0:
            self.damage = f"{self.path}: {missing} frames are damaged and left out. {self._cure()}"
        return first

    def _first_in_right_order(self) -> av.VideoFrame | None:
        """The first picture, once the decoder has shown some in the order of the timestamps; None if it does not."""
        try:
            first = self._find(0)
            if first is None and not self._found_damage:  # what it leans on is simply not there
                return None
            if self._table.may_reorder and first is not None:
                self._check_order()
            return first or self._first_sound_picture()
        except _WrongOrderError:
            return None

    def _check_order(self) -> None:
        """Decode the first frames until one is met that the file stores in another place than it is shown."""
        packets = self._index.packet_of_frame
        for index in range(1, min(_CHECKED_FRAMES, packets.size)):
            self._find(index)
            if packets[index] < packets[index - 1]:
                return

    def _first_sound_picture(self) -> av.VideoFrame | None:
        """The first frame of all that can be decoded."""
        starts = [int(self._index.frame_of_packet[position]) for position in self._index.start_positions]
        for start in [0, *starts]:
            for index in self._index.group(max(start, 0)):
                picture = self._decode(index)
                if picture is not None:
                    return picture
        return None

    def _count_by_decoding(self) -> None:
        self._index = index_by_decoding(self.path, self._table)
        self._order_is_decoders = True
        self._decode_with(1 if self._found_damage else DECODING_THREADS)
        self.close()
        self._cache.clear()
        self._lost.clear()
        self._left_out.clear()

    def _read(self, index: int) -> NDArray[np.uint8]:
        picture = self._decode(index)
        if picture is None:
            number = frame_number(index)
            raise DamagedFrameError(f"{self.path}: frame {number} is damaged and cannot be decoded. {self._cure()}")
        return self._upright_rgb(picture)

    def _cure(self) -> str:
        return f"Copy it again, or {conversion(self.path)}"

    def _upright_rgb(self, picture: av.VideoFrame) -> NDArray[np.uint8]:
        width, height = self._stored_size  # a recording of a call may change it midway
        rgb = self._reformatter.reformat(picture, width=width, height=height, format="rgb24").to_ndarray()
        return self._orientation.applied(np.asarray(rgb, dtype=np.uint8))

    def _decode(self, index: int) -> av.VideoFrame | None:
        """Frame `index` as decoded, or None if it is damaged."""
        try:
            return self._find(index)
        except _WrongOrderError:
            self._put_in_order()
            return self._find(index)

    def _put_in_order(self) -> None:
        """Take the decoder's order in place of the timestamps', if it shows the same pictures."""
        before = self._index
        self._count_by_decoding()
        if set(before.packet_of_frame.tolist()) != set(self._index.packet_of_frame.tolist()):
            self._index = before
            if not self._found_damage:  # else it is damage, which is reported frame by frame
                raise VideoError(
                    f"{self.path}: its timestamps contradict the order of its pictures. To have one order for all, "
                    f"{conversion(self.path)}"
                )

    def _find(self, index: int) -> av.VideoFrame | None:
        """As `_decode`. Raises `_WrongOrderError` where the decoder contradicts the index."""
        picture = self._cache.get(index)
        if picture is not None or index in self._lost:
            return picture
        starts = self._index.starts(index)
        if self._last_shown < index and self._reader is not None and starts[0] <= self._reader.next_position:
            try:
                picture = self._advance(index)
            except (UnclearDamageError, _LostPlaceError):
                picture = None
            if picture is not None:
                return picture
        passed: set[int] = set()
        for threads in dict.fromkeys((self._threads, 1)):  # several threads may lose what comes before damage
            self._decode_with(threads)
            for start in starts:
                picture = self._from(start, index, passed)
                if picture is not None:
                    return picture
            if self._threads == 1:
                break
        self._lost |= set(self._index.group(index)) - passed
        return None

    def _decode_with(self, threads: int) -> None:
        if threads != self._threads:
            self.close()
            self._threads = threads

    def _from(self, start: int, index: int, passed: set[int]) -> av.VideoFrame | None:
        """Decode from the packet at `start` up to frame `index`, adding to `passed` what is seen on the way."""
        may_seek = True
        while True:
            self._start_at(start, may_seek=may_seek)
            try:
                picture = self._advance(index, passed)
                self._found_damage |= self._reader is not None and self._reader.found_damage
                return picture
            except UnclearDamageError:
                self._found_damage = True
                self._decode_with(1)
            except _LostPlaceError:
                if not may_seek:
                    raise VideoError(
                        f"{self.path}: the file was changed while it was open. Close it and open it again."
                    ) from None
                may_seek = False

    def _advance(self, index: int, passed: set[int] | None = None) -> av.VideoFrame | None:
        """Decode forward up to frame `index`; None if the decoder leaves it out.

        Where frames are left out before it, the pictures up to the next key frame are looked at
        too: those frames may come later, and then the index is wrong.
        """
        group = self._index.group(index)
        wanted: av.VideoFrame | None = None
        for picture in self._pictures:
            shown = int(self._index.frame_of_packet[picture.pts])
            if shown < self._first_sound or shown == self._last_shown:
                continue
            if shown < self._last_shown and not self._order_is_decoders:
                raise _WrongOrderError
            left_out = set(range(max(self._last_shown + 1, self._first_sound), shown)) - self._left_out
            self._cache.put(shown, picture)
            self._last_shown = shown
            if passed is not None:
                passed.add(shown)
            if shown == index:
                wanted = picture
            self._unexplained |= left_out
            if shown >= group.stop:
                break
            if wanted is not None and (self._order_is_decoders or not self._unexplained):
                break
        self._left_out |= self._unexplained
        self._unexplained = set()
        return wanted

    def _start_at(self, position: int, *, may_seek: bool = True) -> None:
        """Make the packet at `position`, a key frame or the first of the file, the next to be decoded."""
        self._first_sound = max(int(self._index.frame_of_packet[position]), 0)
        self._last_shown = -1
        self._unexplained = set()
        reader = self._reader
        if reader is not None and position > 0 and may_seek and self._seek(reader, position):
            return
        # From the start, the count of packets is sure whatever the timestamps are.
        self.close()
        self._reader = reader = StreamReader(self.path, threads=self._threads)
        self._read_on(reader, islice(reader.packets(), position, None), position)

    def _seek(self, reader: StreamReader, position: int) -> bool:
        """Find the packet by its timestamp and content; False where the format's seeking does not lead to it."""
        for stamp in self._index.seek_stamps(position):
            try:
                reader.seek(stamp)
                packets = reader.packets()
                for packet in packets:
                    found = self._index.position(packet)
                    if found == position:
                        self._read_on(reader, chain([packet], packets), position)
                        return True
                    if found is not None and found > position:
                        break
            except FFmpegError:
                continue
        return False

    def _read_on(self, reader: StreamReader, packets: Iterator[av.Packet], position: int) -> None:
        counted = self._as_counted(packets, position)
        self._pictures = reader.pictures(counted, position, self._index.frame_of_packet)

    def _as_counted(self, packets: Iterator[av.Packet], first: int) -> Iterator[av.Packet]:
        """The packets, as long as they are those that were counted when the file was opened; up to the last of them."""
        count = self._table.pts.size
        try:
            for position, packet in enumerate(packets, first):
                if position >= count:
                    return
                if not self._index.is_at(packet, position):
                    raise _LostPlaceError
                yield packet
        except FFmpegError:
            if not self.damage:  # a file that is cut off ends so
                raise _LostPlaceError from None

    def image_name(self, index: int) -> str:
        return f"{index:06d}.jpg"

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.frame_count, self.width, self.height, self._table.digest)

    def close(self) -> None:
        self._pictures = iter(())
        self._last_shown = -1
        if self._reader is not None:
            self._reader.close()
            self._reader = None
