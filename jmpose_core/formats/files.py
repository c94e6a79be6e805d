"""Reading and writing whole files, with errors that name file, place and cure."""

import codecs
import contextlib
import json
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from jmpose_core.errors import FormatError
from jmpose_core.whole_files import whole_file

T = TypeVar("T")

# Byte order marks and what they announce; UTF-32's begins with UTF-16's, so it comes first.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DATABASE: Final = b"SQLite format 3\0"  # how a project begins
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


def read_text(path: Path) -> str:
    """All of a text file: UTF-8, or what its byte order mark says. The mark is not part of the text.

    Raises:
        FormatError: it cannot be read, or is not text.
    """
    data = read_bytes(path)
    mark, encoding = next((entry for entry in _MARKS if data.startswith(entry[0])), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not a text file ({error}); save it again as UTF-8") from error


def read_json(path: Path) -> Any:
    """A JSON file as plain Python values. NaN and Infinity, which Python's own writer makes, are read as null.

    Raises:
        FormatError: it cannot be read, or is not JSON.
    """
    text = read_text(path)
    if not text.strip():
        raise FormatError(f"{path}: the file is empty; export or copy it again")
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text, parse_constant=lambda _: None)
        raise FormatError(f"{path}: not valid JSON ({error}); export or copy it again") from error


def converted(value: Any, kind: type[T], *, path: Path, place: str, cure: str = _CORRECT) -> T:
    """Plain values checked and turned into `kind`; a fault is named as `place` and what follows it.

    Whole numbers may be written as 3.0 or "3", flags as 0 and 1: writers that use numpy or pandas do so.

    Raises:
        FormatError: "FILE: annotations[3].track_id: expected `int`, got `str`; CURE".
    """
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise fault(path, *_place_and_fault(place, str(error)), cure=cure) from error


def fault(path: Path, place: str, what: str, *, cure: str = "") -> FormatError:
    """The error for one fault of a file."""
    return FormatError(f"{path}: {place}: {what}" + (f"; {cure}" if cure else ""))


def encode_json(value: Any) -> bytes:
    """JSON in one line, numbers in their shortest exact form.

    Raises:
        FormatError: a name that is not UTF-8.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise name_not_utf8(error.object) from error


def name_not_utf8(name: str) -> FormatError:
    """The error for a file or folder whose name no annotation file can hold."""
    return FormatError(
        f"{name}: this name is not UTF-8, so no annotation file can hold it; rename it "
        "(old disks and archives: convmv -f latin1 -t utf8 --notest FOLDER)"
    )


def check_names(names: Iterable[str]) -> None:
    """Raises FormatError where a name is not UTF-8: no annotation file can hold it."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise name_not_utf8(name) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write all of a file or nothing: the old file stays until the new one is on disk.

    Raises:
        FormatError: the folder is missing or read-only, the disk is full, or `check_replaceable` refuses.
    """
    check_replaceable(path)
    try:
        with whole_file(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise not_written(path, error) from error


def check_replaceable(path: Path) -> None:
    """Let pass what a file may be written over: nothing, or a plain file that is no project.

    Raises:
        FormatError: a folder, a device or pipe such as /dev/stdout, or a project.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                if file.read(len(_DATABASE)) == _DATABASE:
                    raise FormatError(f"{path}: is a project or another database; choose another name")
        else:
            kind = "a folder" if stat.S_ISDIR(mode) else "no plain file"
            raise FormatError(f"{path}: is {kind}; choose a file name")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise not_written(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing.

    Raises:
        FormatError: something else bears a name on the way, or the folder cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> FormatError:
    """The error for a file or folder that the system would not write."""
    return FormatError(f"{path}: not written ({_reason(error)}); choose a folder with space that you may write to")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _place_and_fault(place: str, message: str) -> tuple[str, str]:
    """msgspec's "Expected `int` - at `$[3].id`" as ("annotations[3].id", "expected `int`")."""
    match = _AT.match(message)
    if match is None:
        return place, message
    what, tail = match["what"].replace(" | null", ""), match["path"] or ""
    where = place + tail.removeprefix("$")
    return where.removeprefix(".") or "file", what[:1].lower() + what[1:]
