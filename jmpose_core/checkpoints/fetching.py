"""Fetching a public checkpoint: resumed where it was torn, checked, and put in its place whole or not at all."""

import hashlib
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError

from jmpose_core.checkpoints.downloads import Download
from jmpose_core.errors import Cancelled, WeightsError

_CHUNK: Final = 1 << 16
_TIMEOUT_SECS: Final = 30
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)$")
_RANGE_NOT_SATISFIABLE: Final = 416

OnProgress = Callable[[int, int | None], None]  # bytes there, bytes in all where the server says


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete file, its hash, and whether the publisher's digits confirmed it."""

    path: Path
    sha256: str
    verified: bool


def fetch(
    download: Download, folder: Path, *, on_progress: OnProgress, should_stop: Callable[[], bool] = lambda: False
) -> Fetched:
    """The file of a public checkpoint, in `folder`; one that is there already is only checked.

    What arrived before a torn connection or a stop stays in a .part file, and the next call goes on from it
    where the server still has the release that it is of; else it starts anew.

    Raises:
        WeightsError: the network refuses, the connection breaks, the disk is full, or the hash differs.
        Cancelled: `should_stop` returned true.
    """
    path = folder / download.file_name
    if not path.exists():
        part = path.with_name(path.name + ".part")
        with _explained(download, part):
            folder.mkdir(parents=True, exist_ok=True)
            _receive(download.url, part, on_progress, should_stop)
            _check(part, download)
            part.replace(path)
    return _check(path, download)


def _receive(url: str, part: Path, on_progress: OnProgress, should_stop: Callable[[], bool]) -> None:
    """Append to `part` what it lacks, and keep beside it what tells its release from others."""
    release_file = part.with_name(part.name + ".release")
    release = release_file.read_text(encoding="utf-8") if release_file.exists() else ""
    there = part.stat().st_size if release and part.exists() else 0
    with _opened(url, there, release) as (response, start, total):
        if start > there:
            raise HTTPException(f"the server sent byte {start} and on in place of {there}")
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            if not start:
                release_file.write_text(_release_of(response), encoding="utf-8")
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                on_progress(file.tell(), total)
                if should_stop():
                    raise Cancelled(f"{url}: stopped")
            received = file.tell()
    if total is not None and received != total:
        raise HTTPException(f"{received} of {total} bytes came")
    release_file.unlink(missing_ok=True)


def _release_of(response: HTTPResponse) -> str:
    """What If-Range can ask for (RFC 9110, 13.1.5): a strong ETag, else the time of change; "" where there is none."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


@contextmanager
def _opened(url: str, there: int, release: str) -> Iterator[tuple[HTTPResponse, int, int | None]]:
    """The answer to a request for all bytes from `there` on, if they are of this release, else for the whole file.

    Gives the answer, at which byte it starts, and how many bytes there are in all.
    """
    with _asked(url, there, release) as response:
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if response.status == 206 and found:
            yield response, int(found[1]), int(found[2])
        else:
            length = response.headers.get("Content-Length")
            yield response, 0, None if length is None else int(length)


def _asked(url: str, there: int, release: str) -> HTTPResponse:
    """The answer to one request, or to two where the first can be no continuation."""
    if not there:
        return urllib.request.urlopen(url, timeout=_TIMEOUT_SECS)
    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-", "If-Range": release})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECS)
    except HTTPError as error:
        error.close()
        if error.code != _RANGE_NOT_SATISFIABLE:
            raise
    else:
        if response.status != 206 or _release_of(response) in ("", release):
            return response
        response.close()
    # Another release, from a server that does not know If-Range, or more is there than the file has: all of it anew.
    return urllib.request.urlopen(url, timeout=_TIMEOUT_SECS)


def _check(path: Path, download: Download) -> Fetched:
    """Compare with the publisher's digits; a file that differs is removed, since going on from it is no use."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(download.sha256_start):
        path.unlink()
        raise WeightsError(
            f"{download.name}: the file's SHA-256 starts with {digest[:8]}, its publisher's with "
            f"{download.sha256_start}; it was removed, get it again"
        )
    return Fetched(path, digest, verified=bool(download.sha256_start))


@contextmanager
def _explained(download: Download, part: Path) -> Iterator[None]:
    """What a network or disk says, with what to do about it."""
    try:
        yield
    except HTTPError as error:
        raise WeightsError(
            f"{download.url}: the server refuses ({error.code} {error.reason}); {_by_hand(download)}"
        ) from error
    except URLError as error:
        raise WeightsError(
            f"{download.url}: cannot be reached ({error.reason}); the network here may not allow it. "
            f"{_by_hand(download)}"
        ) from error
    except (HTTPException, ConnectionError, TimeoutError) as error:
        raise WeightsError(
            f"{download.name}: the connection broke ({error}); run the command again to go on from there"
        ) from error
    except OSError as error:
        raise WeightsError(f"{part}: cannot be written ({error.strerror or error}); make room for it") from error


def _by_hand(download: Download) -> str:
    return (
        "Fetch it where it is allowed, copy it here, and bring it in with "
        f"`jmpose weights convert FILE --variant {download.variant}`"
    )
