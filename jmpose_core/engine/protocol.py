"""What the window and the engine say to each other. No torch.

Each message is one msgspec structure, sent as MessagePack behind its length
(four bytes, little-endian) over the engine's standard input and output. Arrays
larger than `INLINE_BYTES` travel as files in a folder that both sides know,
in memory where the system offers it (/dev/shm); the receiver deletes them.
"""

import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation
from jmpose_core.errors import EngineError
from jmpose_core.estimation.options import DEFAULT_OPTIONS, EstimateOptions
from jmpose_core.geometry import Affine, Xyxy
from jmpose_core.project.evidence_store import KeptEvidence

INLINE_BYTES: Final = 1 << 16
MAX_FRAME_BYTES: Final = 1 << 30
_LENGTH: Final = struct.Struct("<I")

Float32Array: TypeAlias = npt.NDArray[np.float32]
ByteArray: TypeAlias = npt.NDArray[np.uint8]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, eq=False):
    """Base of all messages. `EngineClient.send` numbers requests; a reply carries its request's number."""

    request_id: int = 0


class DrawnBox(msgspec.Struct, frozen=True, array_like=True):
    """A box that an annotator drew: accepted as it is, and tracked from there."""

    track_id: int
    frame_index: int
    bbox_xyxy: Xyxy


class Predict(Message, frozen=True, kw_only=True):
    """Find, track and estimate every person of frames first..last (last excluded).

    Replies: Progress, Preview, Kept and People while it runs, the frames about `visible_frame`
    first; then Done or Failed. A Look with the request's number moves the visible frame.

    `labels` gives, by track id and frame index, for each of the 15 joints x, y and weight of an annotator's label
    there or carried there (`fill.carried_labels`), which the refined stage heeds.
    """

    video_path: str
    first: int
    last: int
    visible_frame: int
    weights: str = "jmpose_lite"
    boxes: dict[int, dict[int, Xyxy]] | None = (
        None  # track id -> frame index -> box, in place of detection and tracking
    )
    seeds: list[DrawnBox] = []
    labels: dict[int, dict[int, list[tuple[float, float, float]]]] = {}
    evidence: bool = False  # reply with Kept, for the fill, before the People whom it is of
    options: EstimateOptions = DEFAULT_OPTIONS


class Probe(Message, frozen=True, kw_only=True):
    """Everything the model sees of one person in one frame. Replies: ProbeResult, then Done; or Failed.

    A probe is answered in the midst of a prediction, and a newer probe takes the place of one still waiting.
    """

    video_path: str
    frame_index: int
    bbox_xyxy: Xyxy
    weights: str = "jmpose_lite"


class Look(Message, frozen=True, kw_only=True):
    """The user looks at another frame while this prediction (by its number) runs: that frame comes next."""

    visible_frame: int


class Cancel(Message, frozen=True, kw_only=True):
    """Stop the request of this number: it ends with Done(cancelled=True), and what was sent stays valid."""


class Shutdown(Message, frozen=True, kw_only=True):
    """End the engine's process."""


class Ready(Message, frozen=True, kw_only=True):
    """The engine has started and can compute."""

    device: str
    weights: list[str]  # names of the pose networks that are installed: bundled ones and the user's own


class Progress(Message, frozen=True, kw_only=True):
    """How far a request is, over all its stages. `per_second` counts the units of `total`."""

    done: int
    total: int
    per_second: float
    stage: str  # what is being done, for the user's eyes
    seconds_left: float | None = None  # None where nothing can be said yet


class Preview(Message, frozen=True, kw_only=True):
    """People of one frame before the search has found them for good: boxes, and poses where there was time.

    To be shown, not kept; a later preview of the frame replaces it, and so do its People.
    Their `track_id` only counts the people of the frame; a box alone has no joint that is present.
    """

    frame_index: int
    annotations: list[Annotation]


class People(Message, frozen=True, kw_only=True):
    """Finished people, each one frame of one track."""

    annotations: list[Annotation]


class Kept(Message, frozen=True, kw_only=True):
    """What the model saw of people who come next, for the cache beside the project."""

    evidence: list[KeptEvidence]


class ProbeResult(Message, frozen=True, kw_only=True):
    """What the model sees of one person in the key frame."""

    crop_rgb: ByteArray  # (H, W, 3)
    initial: Float32Array  # (15, h, w) heatmaps
    flow: Float32Array | None  # (2, H', W') motion from the key frame to the next, in crop pixels
    flow_error: Float32Array | None = None  # (H', W') by which flow there and back miss each other, in crop pixels
    refined: Float32Array  # (15, h, w) heatmaps
    crop_from_image: Affine  # (2, 3)


class Done(Message, frozen=True, kw_only=True):
    """The request has ended, with all it asked for or, where cancelled, a part."""

    cancelled: bool = False
    damage: str = ""  # what of the video could not be read and has no people for that reason, for the user


class Failed(Message, frozen=True, kw_only=True):
    """The request could not be carried out; the message is for the user."""

    message: str


class Stopped(Message, frozen=True, kw_only=True):
    """The engine's process has ended; made by the client. Requests without Done or Failed are void."""

    exit_code: int
    asked: bool  # by EngineClient.stop
    message: str


Request: TypeAlias = Predict | Probe | Look | Cancel | Shutdown
Reply: TypeAlias = Ready | Progress | Preview | Kept | People | ProbeResult | Done | Failed | Stopped


def shared_folder() -> Path:
    """A new folder for large arrays, in memory where there is such a place."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="jmpose-", dir=place))


def encode(message: Message, folder: Path) -> bytes:
    """The message's bytes without its length; large arrays are left in `folder`."""
    return msgspec.msgpack.encode(message, enc_hook=_array_writer(folder))


def decode_request(payload: bytes) -> Request:
    """Raises EngineError: the bytes are no request."""
    return _decode(payload, Request)


def decode_reply(payload: bytes) -> Reply:
    """Raises EngineError: the bytes are no reply."""
    return _decode(payload, Reply)


def write_message(stream: BinaryIO, payload: bytes) -> None:
    """Raises OSError: the other side is gone."""
    stream.write(_LENGTH.pack(len(payload)) + payload)
    stream.flush()


def read_message(stream: BinaryIO) -> bytes | None:
    """The next message's bytes, or None where the stream ends between two messages.

    Raises:
        EngineError: the stream ends within a message, or holds something else.
    """
    head = stream.read(_LENGTH.size)
    if not head:
        return None
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    if length > MAX_FRAME_BYTES:
        raise EngineError(f"a message of {length} bytes: the stream holds something else than messages")
    payload = stream.read(length)
    if len(head) < _LENGTH.size or len(payload) < length:
        raise EngineError("the stream ended within a message")
    return payload


def _decode(payload: bytes, kind: Any) -> Any:
    try:
        return msgspec.msgpack.decode(payload, type=kind, dec_hook=_read_array)
    except (msgspec.MsgspecError, OSError, ValueError) as error:
        raise EngineError(f"not a message of this version of the engine: {error}") from error


def _array_writer(folder: Path) -> Callable[[Any], Any]:
    def write(array: Any) -> Any:
        if not isinstance(array, np.ndarray):
            raise NotImplementedError(f"a message cannot hold a {type(array).__name__}")
        array = np.ascontiguousarray(array)
        if array.nbytes <= INLINE_BYTES:
            return array.dtype.str, array.shape, array.tobytes()
        handle, path = tempfile.mkstemp(prefix="array-", dir=folder)
        with os.fdopen(handle, "wb") as file:
            array.tofile(file)
        return array.dtype.str, array.shape, path

    return write


def _read_array(_kind: type, parts: Any) -> npt.NDArray[Any]:
    dtype, shape, data = parts
    if isinstance(data, bytes):
        return np.frombuffer(data, dtype).reshape(shape)
    path = Path(data)
    array = np.array(np.memmap(path, dtype, mode="r", shape=tuple(shape)))
    path.unlink()
    return array
