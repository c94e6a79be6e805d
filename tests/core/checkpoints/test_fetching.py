"""Downloads against a server in this process: resumed, checked, refused."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

from jmpose_core.checkpoints.downloads import DOWNLOADS, Download, find_download
from jmpose_core.checkpoints.fetching import fetch
from jmpose_core.errors import Cancelled, WeightsError

CONTENT = bytes(range(256)) * 1024
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Publisher:
    """What the server serves, how, and what it was asked for."""

    url: str
    content: bytes = CONTENT
    ranges: bool = True
    release: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})  # headers that tell it from others
    knows_if_range: bool = True
    torn_after: int | None = None
    status: int = 200
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)  # Range, If-Range


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted, release = self.headers.get("Range"), self.headers.get("If-Range")
            state.asked.append((wanted, release))
            if state.status != 200:
                self.send_error(state.status)
                return
            if not state.ranges or (state.knows_if_range and release not in state.release.values()):
                wanted = None
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            total = len(state.content)
            if start >= total:
                self.send_error(416)
                return
            self.send_response(206 if wanted else 200)
            for header in state.release.items():
                self.send_header(*header)
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(total - start))
            self.end_headers()
            self.wfile.write(state.content[start : state.torn_after])

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Publisher(f"http://127.0.0.1:{server.server_address[1]}/model.pth")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def of(publisher: Publisher, *, digits: str = DIGEST[:8]) -> Download:
    return Download(
        name="tiny", variant="raft_small", url=publisher.url, megabytes=1, sha256_start=digits, trained_on=()
    )


def quiet(done: int, total: int | None) -> None:
    pass


def stop_at(limit: int) -> tuple[Callable[[int, int | None], None], Callable[[], bool]]:
    seen = [0]

    def show(done: int, total: int | None) -> None:
        seen[0] = done

    return show, lambda: seen[0] >= limit


def test_a_file_arrives_whole_and_is_not_fetched_twice(publisher, tmp_path):
    progress = []
    fetched = fetch(of(publisher), tmp_path / "new", on_progress=lambda *step: progress.append(step))
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.sha256 == DIGEST and fetched.verified
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [step[0] for step in progress] == sorted(step[0] for step in progress)
    assert list(fetched.path.parent.iterdir()) == [fetched.path]
    fetch(of(publisher), tmp_path / "new", on_progress=quiet)
    assert publisher.asked == [(None, None)]


def test_a_torn_download_goes_on_where_it_stopped(publisher, tmp_path):
    publisher.torn_after = 100_000
    with pytest.raises(WeightsError, match=r"100000 of 262144 bytes.*run the command again"):
        fetch(of(publisher), tmp_path, on_progress=quiet)
    publisher.torn_after = None
    fetched = fetch(of(publisher), tmp_path, on_progress=quiet)
    assert publisher.asked == [(None, None), ("bytes=100000-", '"one"')]
    assert fetched.path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [fetched.path]


def tear(publisher: Publisher, folder: Path) -> None:
    publisher.torn_after = 100_000
    with pytest.raises(WeightsError, match="run the command again"):
        fetch(of(publisher, digits=""), folder, on_progress=quiet)
    publisher.torn_after = None


@pytest.mark.parametrize("knows_if_range", [True, False])
def test_a_part_is_not_joined_to_another_release(knows_if_range, publisher, tmp_path):
    tear(publisher, tmp_path)
    publisher.content, publisher.release = CONTENT[::-1], {"ETag": '"two"'}
    publisher.knows_if_range = knows_if_range
    fetched = fetch(of(publisher, digits=""), tmp_path, on_progress=quiet)
    assert publisher.asked[1] == ("bytes=100000-", '"one"')
    assert fetched.path.read_bytes() == CONTENT[::-1]
    assert list(tmp_path.iterdir()) == [fetched.path]


def test_a_release_without_a_strong_tag_is_known_by_its_time_of_change(publisher, tmp_path):
    changed = "Sat, 21 Nov 2026 18:00:00 GMT"
    publisher.release = {"ETag": 'W/"weak"', "Last-Modified": changed}
    tear(publisher, tmp_path)
    assert fetch(of(publisher), tmp_path, on_progress=quiet).path.read_bytes() == CONTENT
    assert publisher.asked[1:] == [("bytes=100000-", changed)]


def test_a_release_that_nothing_tells_from_others_starts_anew(publisher, tmp_path):
    publisher.release = {}
    tear(publisher, tmp_path)
    assert fetch(of(publisher), tmp_path, on_progress=quiet).path.read_bytes() == CONTENT
    assert publisher.asked[1:] == [(None, None)]


def test_a_stop_keeps_what_came(publisher, tmp_path):
    show, should_stop = stop_at(70_000)
    with pytest.raises(Cancelled):
        fetch(of(publisher), tmp_path, on_progress=show, should_stop=should_stop)
    part = tmp_path / f"{of(publisher).file_name}.part"
    assert 70_000 <= part.stat().st_size < len(CONTENT)
    assert CONTENT.startswith(part.read_bytes())
    assert fetch(of(publisher), tmp_path, on_progress=quiet).path.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [10, len(CONTENT), len(CONTENT) + 5])
def test_a_server_without_ranges_or_a_part_too_long_starts_over(publisher, tmp_path, left):
    publisher.ranges = left > 10
    part = tmp_path / f"{of(publisher).file_name}.part"
    part.write_bytes(b"x" * left)
    part.with_name(part.name + ".release").write_text('"one"')
    assert fetch(of(publisher), tmp_path, on_progress=quiet).path.read_bytes() == CONTENT


def test_another_hash_is_refused_and_not_kept(publisher, tmp_path):
    publisher.content = CONTENT[:-1] + b"!"
    with pytest.raises(WeightsError, match=rf"its publisher's with {DIGEST[:8]}"):
        fetch(of(publisher), tmp_path, on_progress=quiet)
    assert list(tmp_path.iterdir()) == []


def test_without_stated_digits_it_says_so(publisher, tmp_path):
    fetched = fetch(of(publisher, digits=""), tmp_path, on_progress=quiet)
    assert not fetched.verified and fetched.sha256 == DIGEST


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusing_server_says_how_to_do_without(publisher, tmp_path, status):
    publisher.status = status
    with pytest.raises(WeightsError, match=rf"refuses \({status}.*weights convert FILE --variant raft_small"):
        fetch(of(publisher), tmp_path, on_progress=quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_does_not_allow_it_says_how_to_do_without(tmp_path):
    nowhere = Publisher("http://127.0.0.1:9/model.pth")
    with pytest.raises(WeightsError, match=r"cannot be reached.*the network here may not allow it"):
        fetch(of(nowhere), tmp_path, on_progress=quiet)


def test_the_catalogue_is_torchvisions_own():
    published = {weights.url for kind in (Raft_Large_Weights, Raft_Small_Weights) for weights in kind}
    rafts = [download for download in DOWNLOADS if download.variant.startswith("raft")]
    assert {download.url for download in rafts} <= published
    assert all(download.sha256_start in download.url for download in rafts)
    assert all(download.url.startswith("https://") for download in DOWNLOADS)
    assert len({download.name for download in DOWNLOADS}) == len({d.file_name for d in DOWNLOADS}) == len(DOWNLOADS)
    with pytest.raises(WeightsError, match="not a known public checkpoint; there are raft_large_c_t_v1"):
        find_download("resnet")
