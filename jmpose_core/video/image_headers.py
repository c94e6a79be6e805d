"""What the first bytes of an image file say: its size and how it is turned. Nothing is decoded."""

import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO

from jmpose_core.video.orientation import Orientation

_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF = b"Exif\0\0"
_WIDTH, _HEIGHT, _SUBFILE, _ORIENTATION = 256, 257, 254, 274  # TIFF 6.0 tags; EXIF has the last one too
_SHORT = 3  # type of a TIFF field: 16 bits


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in pixels as stored, how to show it, and whether the file holds more pictures (a TIFF stack)."""

    width: int
    height: int
    orientation: Orientation = field(default_factory=Orientation)
    is_stack: bool = False

    @property
    def shown_size(self) -> tuple[int, int]:
        """(width, height) in pixels as shown."""
        return self.orientation.size(self.width, self.height)


def read_header(file: BinaryIO) -> ImageHeader | None:
    """The header of an image file, by its content, as suffixes lie; None where it is torn or of another kind.

    Layouts: ITU-T T.81 B.1, PNG 11.2.2, BITMAPINFOHEADER, RFC 9649, TIFF 6.0.
    """
    head = file.read(32)
    try:
        if head.startswith(b"\xff\xd8"):
            return _jpeg(file)
        if head.startswith(_PNG):
            return _png(file, head)
        if head.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", head, 18)
            return ImageHeader(width, abs(height))  # negative: stored from the top down
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(file, head)
        if head[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(file)
    except struct.error:  # the header ends too early, or is not what its first bytes promise
        return None
    return None


def _jpeg(file: BinaryIO) -> ImageHeader | None:
    orientation = Orientation()
    file.seek(2)
    while True:
        marker, length = struct.unpack(">HH", file.read(4))
        if marker == 0xFFFF:  # fill byte
            file.seek(-3, 1)
        elif 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):  # start of frame
            height, width = struct.unpack(">xHH", file.read(5))
            return ImageHeader(width, height, orientation)
        elif marker < 0xFFC0 or marker == 0xFFDA:
            return None
        elif marker == 0xFFE1:
            segment = file.read(max(length - 2, 0))
            if segment.startswith(_EXIF):
                orientation = _exif(segment[len(_EXIF) :])
        else:
            file.seek(length - 2, 1)


def _png(file: BinaryIO, head: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", head, 16)
    orientation = Orientation()
    file.seek(len(_PNG))
    while len(chunk := file.read(8)) == 8 and not chunk.endswith(b"IEND"):
        length = int.from_bytes(chunk[:4], "big")
        if chunk.endswith(b"eXIf"):
            orientation = _exif(file.read(length))
            break
        file.seek(length + 4, 1)
    return ImageHeader(width, height, orientation)


def _webp(file: BinaryIO, head: bytes) -> ImageHeader | None:
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return ImageHeader(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return ImageHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return ImageHeader(width, height, _webp_orientation(file))
    return None


def _webp_orientation(file: BinaryIO) -> Orientation:
    file.seek(12)
    while len(chunk := file.read(8)) == 8:
        length = int.from_bytes(chunk[4:], "little")
        if chunk.startswith(b"EXIF"):
            return _exif(file.read(length).removeprefix(_EXIF))
        file.seek(length + length % 2, 1)
    return Orientation()


def _tiff(file: BinaryIO) -> ImageHeader | None:
    file.seek(0)
    order, start = _byte_order(file.read(8))
    tags, following = _directory(file, order, start)
    is_stack = False
    while following and not is_stack:  # a reduced copy of the first picture is no second one
        other, following = _directory(file, order, following)
        is_stack = not other.get(_SUBFILE, 0) & 1
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    return ImageHeader(tags[_WIDTH], tags[_HEIGHT], Orientation.of_exif(tags.get(_ORIENTATION, 1)), is_stack)


def _byte_order(head: bytes) -> tuple[str, int]:
    """The struct module's letter for it, and where the first directory begins."""
    order = "<" if head.startswith(b"II") else ">"
    return order, int(struct.unpack_from(f"{order}4xI", head)[0])


def _directory(file: BinaryIO, order: str, start: int) -> tuple[dict[int, int], int]:
    """First values of a TIFF directory's fields by tag, and where the next directory begins (0: nowhere)."""
    file.seek(start)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    tags = {}
    for _ in range(count):
        entry = file.read(12)
        tag, kind = struct.unpack_from(f"{order}HH", entry)
        tags[tag] = int(struct.unpack_from(f"{order}H" if kind == _SHORT else f"{order}I", entry, 8)[0])
    (following,) = struct.unpack(f"{order}I", file.read(4))
    return tags, int(following) if following > start else 0


def _exif(tiff: bytes) -> Orientation:
    """The orientation in EXIF data, which is laid out as a TIFF file; upright where it says nothing."""
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return Orientation()
    try:
        order, start = _byte_order(tiff[:8])
        tags, _ = _directory(BytesIO(tiff), order, start)
    except struct.error:
        return Orientation()
    return Orientation.of_exif(tags.get(_ORIENTATION, 1))
