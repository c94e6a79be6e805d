"""Single image files: the size from the header, the picture as RGB."""

import struct
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from jmpose_core.errors import VideoError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def read_image(path: Path) -> NDArray[np.uint8]:
    """The picture as height x width x 3 RGB, 8 bits a channel. Raises `VideoError` if it cannot be decoded.

    An EXIF orientation is not applied: annotation files give the pixels as they are stored.
    """
    data = read_bytes(path)
    # cv2.imread cannot open every path (non-ASCII on Windows), and imdecode asserts on no bytes.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if bgr is None:
        raise VideoError(f"{path}: the image is empty, torn, or not an image. Copy it again, or remove it.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, from the header where that is understood, else by decoding."""
    try:
        with path.open("rb") as file:
            size = _size_from_header(file)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror}). Check its permissions and its disk.") from error
    except struct.error:  # the header ends too early, or is not what its first bytes promise
        size = None
    if size is None:
        height, width = read_image(path).shape[:2]
        size = (width, height)
    return size


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises `VideoError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror}). Check its permissions and its disk.") from error


def _size_from_header(file: BinaryIO) -> tuple[int, int] | None:
    """Goes by the content, as suffixes lie. Layouts: ITU-T T.81 B.1, PNG 11.2.2, BITMAPINFOHEADER, RFC 9649."""
    head = file.read(32)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(file)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    if head.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", head, 18)
        return width, abs(height)  # negative: stored from the top down
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp_size(head)
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(2)
    while True:
        marker, length = struct.unpack(">HH", file.read(4))
        if marker == 0xFFFF:  # fill byte
            file.seek(-3, 1)
        elif 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):  # start of frame
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        elif marker < 0xFFC0 or marker == 0xFFDA:
            return None
        else:
            file.seek(length - 2, 1)


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None
