"""A video file: exact frames by index."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.base import Fingerprint, Video
from jmpose_core.video.frame_cache import FrameCache
from jmpose_core.video.packet_index import (
    FrameIndex,
    PacketTable,
    ends_torn,
    index_by_decoding,
    index_by_pts,
    read_packet_table,
)
from jmpose_core.video.stream_reader import StreamReader

_CACHE_BYTES = 256 * 1024 * 1024


class VideoFile(Video):
    """Frames of the first video stream of a file, turned upright by its rotation mark.

    Opening reads the file once without decoding it (and decodes it once for the rare
    streams whose timestamps do not give the order of the frames). A frame is decoded
    from the key frame at or before it; reading forward goes on where the last read ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: StreamReader | None = None
        self._pictures: Iterator[av.VideoFrame] = iter(())
        self._first_sound = 0  # frames before this one lean on packets that were not decoded
        self._last_shown = -1  # the frame that self._pictures gave last
        self._cache = FrameCache(_CACHE_BYTES)
        self._reformatter = VideoReformatter()
        table = read_packet_table(path)
        self._digest = table.digest
        try:
            first = self._choose_index(table)
        except BaseException:
            self.close()
            raise
        self.frame_count = self._index.frame_count
        self.times = self._index.times
        self.fps = self._index.fps
        self._stored_size = (first.width, first.height)
        self.height, self.width = self._upright_rgb(first).shape[:2]

    def _choose_index(self, table: PacketTable) -> av.VideoFrame:
        """Set the cheapest index that holds, and return frame 0."""
        if table.pts_give_the_order():
            if table.may_end_torn and ends_torn(self.path, table):
                table = table.without_last()
            self._index = index_by_pts(table)
            first = self._decode(0)
            if first is not None:
                return first
        self._index: FrameIndex = index_by_decoding(self.path, table)
        first = self._decode(0)
        if first is None:
            raise VideoError(f"{self.path}: its first frame cannot be decoded. {self._cure()}")
        return first

    def _read(self, index: int) -> NDArray[np.uint8]:
        picture = self._cache.get(index) or self._decode(index)
        if picture is None:
            raise VideoError(f"{self.path}: frame {index} is damaged and cannot be decoded. {self._cure()}")
        if (picture.width, picture.height) != self._stored_size:
            raise VideoError(
                f"{self.path}: frame {index} is {picture.width} x {picture.height} pixels, the first frame "
                f"{self._stored_size[0]} x {self._stored_size[1]}. {self._cure()}"
            )
        return self._upright_rgb(picture)

    def _cure(self) -> str:
        return f"Copy it again, or convert it: ffmpeg -i {self.path.name} -c:v libx264 {self.path.stem}-converted.mp4"

    def _upright_rgb(self, picture: av.VideoFrame) -> NDArray[np.uint8]:
        rgb = np.asarray(self._reformatter.reformat(picture, format="rgb24").to_ndarray(), dtype=np.uint8)
        quarter_turns = round(picture.rotation / 90) % 4  # counterclockwise, as np.rot90
        return np.ascontiguousarray(np.rot90(rgb, quarter_turns))  # decoders pad rows of odd lengths

    def _decode(self, index: int) -> av.VideoFrame | None:
        """Frame `index` as decoded, or None if it is damaged."""
        starts = self._index.starts(index)
        if self._last_shown < index and self._reader is not None and starts[0] <= self._reader.next_position:
            picture = self._advance(index)
            if picture is not None:
                return picture
        for start in starts:
            self._start_at(start)
            picture = self._advance(index)
            if picture is not None:
                return picture
        return None

    def _advance(self, index: int) -> av.VideoFrame | None:
        """Decode forward up to frame `index`; None if the pictures go past it or end."""
        for picture in self._pictures:
            shown = int(self._index.frame_of_packet[picture.pts])
            if shown < self._first_sound:
                continue
            self._cache.put(shown, picture)
            self._last_shown = shown
            if shown >= index:
                return picture if shown == index else None
        return None

    def _start_at(self, position: int) -> None:
        """Make the packet at `position`, a key frame or the first of the file, the next to be decoded."""
        self._first_sound = max(int(self._index.frame_of_packet[position]), 0)
        self._last_shown = -1
        if position == 0 or not self._seek(position):
            # From the start, the count of packets is sure whatever the timestamps are.
            self.close()
            self._reader = StreamReader(self.path)
            packets = islice(self._reader.packets(), position, None)
            self._pictures = self._reader.pictures(packets, position)

    def _seek(self, position: int) -> bool:
        """Find the packet by its timestamp; False where the format's seeking does not lead to it."""
        stamp = self._index.seek_stamp(position)
        if self._reader is None or stamp is None:
            return False
        try:
            self._reader.seek(stamp)
            packets = self._reader.packets()
            for packet in packets:
                found = self._index.position(packet)
                if found == position:
                    self._pictures = self._reader.pictures(chain([packet], packets), position)
                    return True
                if found is not None and found > position:
                    return False
        except FFmpegError:
            return False
        return False

    def image_name(self, index: int) -> str:
        return f"{index:06d}.jpg"

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(self.frame_count, self.width, self.height, self._digest)

    def close(self) -> None:
        self._pictures = iter(())
        self._last_shown = -1
        if self._reader is not None:
            self._reader.close()
            self._reader = None
