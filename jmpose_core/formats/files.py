"""Reading and writing whole files, with errors that name file, place and cure."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jmpose_core.errors import FormatError

T = TypeVar("T")

_CORRECT = "correct it, or export the file again"
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def read_bytes(path: Path) -> bytes:
    """All of a file.

    Raises:
        FormatError: no such file, a folder, or one that may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({_reason(error)}); check the path and its permissions") from error


def read_json(path: Path) -> Any:
    """A JSON file as plain Python values.

    Raises:
        FormatError: it cannot be read, or is not JSON.
    """
    data = read_bytes(path)
    if not data.strip():
        raise FormatError(f"{path}: the file is empty; export or copy it again")
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise FormatError(f"{path}: not valid JSON ({error}); export or copy it again") from error


def converted(value: Any, kind: type[T], *, path: Path, place: str, cure: str = _CORRECT) -> T:
    """Plain values checked and turned into `kind`; a fault is named as `place` and what follows it.

    Raises:
        FormatError: "FILE: annotations[3].track_id: expected `int`, got `str`; CURE".
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise fault(path, *_place_and_fault(place, str(error)), cure=cure) from error


def fault(path: Path, place: str, what: str, *, cure: str = "") -> FormatError:
    """The error for one fault of a file."""
    return FormatError(f"{path}: {place}: {what}" + (f"; {cure}" if cure else ""))


def encode_json(value: Any) -> bytes:
    """JSON in one line, numbers in their shortest exact form."""
    return msgspec.json.encode(value)


def write_atomically(path: Path, data: bytes) -> None:
    """Write all of a file or nothing: the old file stays until the new one is on disk.

    Raises:
        FormatError: the folder is missing or read-only, or the disk is full.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> FormatError:
    """The error for a file or folder that the system would not write."""
    return FormatError(f"{path}: not written ({_reason(error)}); choose a folder with space that you may write to")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _place_and_fault(place: str, message: str) -> tuple[str, str]:
    """msgspec's "Expected `int` - at `$[3].id`" as ("annotations[3].id", "expected `int`")."""
    match = _AT.match(message)
    if match is None:
        return place, message
    what, tail = match["what"], match["path"] or ""
    where = place + tail.removeprefix("$")
    return where.removeprefix(".") or "file", what[:1].lower() + what[1:]
