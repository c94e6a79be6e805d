"""The first video stream of a file, as counted packets and the pictures decoded from them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from jmpose_core.errors import VideoError

# Demuxers that FFmpeg offers for files which are not one self-contained video.
_PICTURE_FORMATS = ("image2", "_pipe")
_FOREIGN_FORMATS = {"tty", "hls", "concat", "dash", "sdp"}
_DECODING_THREADS = 4  # more add delay to each seek and contend with the window and the engine


class StreamReader:
    """Opens a file, counts its video packets from 0 in the order of the file, and decodes them.

    A packet's position is its identity: unlike timestamps it is always there and never
    twice. It is handed to the decoder in place of the packet's timestamp and comes
    back as that of the picture.
    """

    def __init__(self, path: Path, *, threads: int = _DECODING_THREADS) -> None:
        self._container = _open_container(path)
        try:
            self.stream = _first_video_stream(path, self._container)
        except VideoError:
            self._container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = threads
        self.next_position = 0  # of the packet that the decoder gets next

    @property
    def format_name(self) -> str:
        """FFmpeg's name of the container format."""
        return self._container.format.name

    def packets(self) -> Iterator[av.Packet]:
        """The stream's packets from where the file stands. Raises `FFmpegError` where the file is torn."""
        return (packet for packet in self._container.demux(self.stream) if packet.size)

    def seek(self, stamp: int) -> None:
        """Move to a key frame at or before `stamp` (in the stream's time base), as far as the format knows."""
        self._container.seek(stamp, stream=self.stream)

    def pictures(self, packets: Iterable[av.Packet], first_position: int) -> Iterator[av.VideoFrame]:
        """Decode packets whose first is at `first_position`; a picture's `pts` is its packet's position.

        Damage spreads to all that is predicted from it, which decoders hide as well as
        they can. So a damaged picture and those after it up to the next key frame are left
        out, and a few before it where the place of the damage is not known exactly.
        """
        bad_from, bad_to = math.inf, math.inf  # positions
        key = first_position
        self.next_position = first_position
        for packet in chain(packets, [None]):
            if packet is not None:
                packet.pts = self.next_position
                if packet.is_keyframe:
                    key = self.next_position
                    bad_to = min(bad_to, key) if bad_from < key else math.inf
                self.next_position += 1
            for picture in self._decode(packet):
                if picture is None or picture.pts is None:  # decoding threads report a failure some packets later
                    bad_from, bad_to = min(bad_from, self.next_position - 1 - _DECODING_THREADS), math.inf
                elif picture.is_corrupt:
                    bad_from, bad_to = min(bad_from, picture.pts), key if key > picture.pts else math.inf
                elif not bad_from <= picture.pts < bad_to:
                    yield picture

    def shown_positions(self) -> Iterator[int]:
        """Decode from the start: the packets that show a picture, in the order they are shown."""
        for position, packet in enumerate(chain(self.packets(), [None])):
            if packet is not None:
                packet.pts = position
            for picture in self._decode(packet):
                if picture is not None and picture.pts is not None:
                    yield picture.pts

    def _decode(self, packet: av.Packet | None) -> Sequence[av.VideoFrame | None]:
        """The pictures that are ready after one more packet (None: the last), with None in place of a damaged one."""
        try:
            return self.stream.codec_context.decode(packet)
        except FFmpegError:
            return [None]

    def close(self) -> None:
        self._container.close()


def _open_container(path: Path) -> InputContainer:
    try:
        # An absolute path is never mistaken for a protocol, and no file may make us open a network address.
        container = av.open(
            str(path.absolute()), container_options={"protocol_whitelist": "file"}, metadata_errors="ignore"
        )
    except (FFmpegError, OSError) as error:
        raise VideoError(_why_unreadable(path, error)) from error
    name = container.format.name
    if name.endswith(_PICTURE_FORMATS):
        container.close()
        raise VideoError(f"{path}: this is a picture, not a video. Open the folder that holds it.")
    if name in _FOREIGN_FORMATS:
        container.close()
        raise VideoError(f"{path}: this is not a video file. Choose a video, or a folder of images.")
    return container


def _why_unreadable(path: Path, error: FFmpegError | OSError) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as reading:
        return f"{path}: cannot be read ({reading.strerror}). Check its permissions and its disk."
    if not head:
        return f"{path}: the file is empty. Copy or record it again."
    if head[4:8] == b"ftyp":
        return f"{path}: the video is cut off, its index is missing. Copy it again, or finish the recording."
    return (
        f"{path}: not a video that can be read ({error.strerror}). Choose another file, or convert this one: "
        f"ffmpeg -i {path.name} -c:v libx264 {path.stem}-converted.mp4"
    )


def _first_video_stream(path: Path, container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # the cover of an audio file
            return stream
    raise VideoError(f"{path}: the file has no video stream. Choose a file with pictures.")
