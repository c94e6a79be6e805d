"""The video stream of a file, as counted packets and the pictures decoded from them."""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.cures import conversion
from jmpose_core.video.gif import with_delays
from jmpose_core.video.sound_pictures import SoundPictures

# Demuxers that FFmpeg offers for files which are not one self-contained video.
_PICTURE_FORMATS = ("image2", "_pipe")
_FOREIGN_FORMATS = {"tty", "hls", "concat", "dash", "sdp"}
DECODING_THREADS = 4  # more add delay to each seek and contend with the window and the engine


class UnclearDamageError(Exception):
    """Several threads were decoding when a packet turned out to be damaged: they do not say which one it was."""


class StreamReader:
    """Opens a file, counts its video packets from 0 in the order of the file, and decodes them.

    A packet's position is its identity: unlike timestamps it is always there and never
    twice. It is handed to the decoder in place of the packet's timestamp and comes
    back as that of the picture.
    """

    def __init__(self, path: Path, *, threads: int = DECODING_THREADS) -> None:
        self._container = _open_container(path)
        try:
            self.stream = _shown_stream(path, self._container)
        except VideoError:
            self._container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = threads
        self._threads = threads
        self.next_position = 0  # of the packet that the decoder gets next
        self.found_damage = False

    @property
    def format_name(self) -> str:
        """FFmpeg's name of the container format."""
        return self._container.format.name

    @property
    def declared_secs(self) -> float:
        """How long the container says that the video is; 0 where it does not, or where it holds sound too."""
        alone = len(self._container.streams) == 1
        return self._container.duration / av.time_base if alone and self._container.duration else 0.0

    def packets(self) -> Iterator[av.Packet]:
        """The stream's packets from where the file stands. Raises `FFmpegError` where the file is torn."""
        return (packet for packet in self._container.demux(self.stream) if packet.size)

    def seek(self, stamp: int) -> None:
        """Move to a key frame at or before `stamp` (in the stream's time base), as far as the format knows."""
        self._container.seek(stamp, stream=self.stream)

    def pictures(
        self, packets: Iterable[av.Packet], first_position: int, frame_of_packet: NDArray[np.int64] | None = None
    ) -> Iterator[av.VideoFrame]:
        """Decode packets whose first is at `first_position`; a picture's `pts` is its packet's position.

        Damaged pictures and those predicted from them are left out (see `SoundPictures`).

        Raises:
            UnclearDamageError: several threads decode, and found damage; read again with one.
        """
        sound = SoundPictures(first_position, frame_of_packet)
        self.next_position = first_position
        for packet in chain(packets, [None]):
            if packet is not None:
                packet.pts = self.next_position
                sound.decoding(self.next_position, is_key=packet.is_keyframe)
                self.next_position += 1
            for picture in self._decode(packet):
                if picture is None or picture.pts is None:
                    self._note_damage()
                    sound.damaged(self.next_position - 1)
                    continue
                if picture.is_corrupt:
                    self._note_damage()
                    sound.damaged(picture.pts)
                if sound.is_sound(picture.pts):
                    yield picture

    def _note_damage(self) -> None:
        self.found_damage = True
        if self._threads > 1:
            raise UnclearDamageError

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
    if name == "gif":
        container.close()
        return _open_gif(path)
    if name.endswith(_PICTURE_FORMATS):
        container.close()
        raise VideoError(f"{path}: this is a picture, not a video. Open the folder that holds it.")
    if name in _FOREIGN_FORMATS:
        container.close()
        raise VideoError(f"{path}: this is not a video file. Choose a video, or a folder of images.")
    return container


def _open_gif(path: Path) -> InputContainer:
    try:
        return av.open(io.BytesIO(with_delays(path.read_bytes())), mode="r", format="gif", metadata_errors="ignore")
    except (FFmpegError, OSError) as error:
        raise VideoError(_why_unreadable(path, error)) from error


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
    return f"{path}: not a video that can be read ({error.strerror}). Choose another file, or {conversion(path)}"


def _shown_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream that players show: the default one, else the richest; never the cover picture of an audio file."""
    candidates = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    best = container.streams.best("video")
    for stream in candidates:
        if best is not None and stream.index == best.index:
            return stream
    if candidates:
        return candidates[0]
    raise VideoError(f"{path}: the file has no video stream. Choose a file with pictures.")
