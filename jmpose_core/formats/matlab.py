"""Numeric arrays of MATLAB files of version 5 to 7, read without scipy, whose reader ends the process on broken ones.

The layout is that of MathWorks' "MAT-File Format", level 5: a header of 128 bytes, then elements, each a tag (type and
number of bytes) and data. A matrix is an element of elements: flags, dimensions, name, values in columns.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.formats.files import fault, read_bytes

_HEADER: Final = 128
_ORDERS: Final = {b"IM": "<", b"MI": ">"}
_MATRIX, _COMPRESSED, _FLAGS, _NAME, _DIMENSIONS = 14, 15, 6, 1, 5
_STORED: Final = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC_CLASSES: Final = range(6, 16)  # double, single and the integers
_LARGEST: Final = 1 << 30  # bytes of one matrix


class _BrokenError(Exception):
    """What is wrong with the bytes."""


def read_array(path: Path, name: str, *, cure: str) -> npt.NDArray[np.number]:
    """The real array of this name, of two axes or more.

    Raises:
        FormatError: the file cannot be read, is none of MATLAB's, is broken, or has no such array; ends with the cure.
    """
    data = read_bytes(path)
    order = _ORDERS.get(data[126:128], "")
    if not order:
        raise FormatError(f"{path}: not a MATLAB file of version 5 to 7; {cure}")
    try:
        for kind, body in _elements(data[_HEADER:], order):
            if kind == _COMPRESSED:
                kind, body = next(_elements(_inflated(body), order))
            if kind == _MATRIX and (array := _array(body, name, order)) is not None:
                return array
    except (_BrokenError, zlib.error) as error:
        raise FormatError(f"{path}: a broken MATLAB file ({error}); {cure}") from error
    raise fault(path, name, "missing", cure=cure)


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and data of each element, at least of one."""
    place = 0
    while place + 8 <= len(data) or not place:
        if len(data) < 8:
            raise _BrokenError("an element is missing")
        kind, size = struct.unpack_from(f"{order}II", data, place)
        start, end = place + 8, place + 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if kind >> 16:  # a small one: size and type share the first four bytes, the data is in the other four
            kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        if start + size > min(end, len(data)):
            raise _BrokenError("an element reaches beyond the end")
        yield kind, data[start : start + size]
        place = end


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(data, _LARGEST)
    if not inflater.eof:
        raise _BrokenError("compressed data ends early or is too large")
    return inflated


def _array(body: bytes, name: str, order: str) -> npt.NDArray[np.number] | None:
    """The array, if it has this name; only the real part of a complex one."""
    parts = _elements(body, order)
    flags, dimensions, own_name = (_part(parts, kind)[1] for kind in (_FLAGS, _DIMENSIONS, _NAME))
    if own_name.decode("latin1") != name:
        return None
    (flag,) = struct.unpack_from(f"{order}I", flags.ljust(4, b"\0"))
    if flag & 0xFF not in _NUMERIC_CLASSES:
        raise _BrokenError(f"{name} is no array of numbers")
    kind, values = _part(parts, *_STORED)
    dtype = np.dtype(f"{order}{_STORED[kind]}")
    shape = np.frombuffer(dimensions[: len(dimensions) // 4 * 4], f"{order}i4").tolist()
    if len(shape) < 2 or min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(values):
        raise _BrokenError(f"{name} has another number of values than {' x '.join(map(str, shape))}")
    return np.frombuffer(values, dtype).reshape(shape, order="F")


def _part(parts: Iterator[tuple[int, bytes]], *kinds: int) -> tuple[int, bytes]:
    """The next element of a matrix, which must be of one of these types."""
    kind, data = next(parts, (0, b""))
    if kind not in kinds:
        raise _BrokenError(f"a part of a matrix is of type {kind}")
    return kind, data
