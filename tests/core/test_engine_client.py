import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import (
    Done,
    Failed,
    Kept,
    People,
    Predict,
    Preview,
    Probe,
    ProbeResult,
    Progress,
    Ready,
    Reply,
    Stopped,
)
from jmpose_core.errors import EngineError
from jmpose_core.fill.packing import BYTES

FAKE = (sys.executable, "-m", "tests.builders.fake_engine")
WAIT_SECS = 30  # no measure of anything: only so that a defect fails instead of hanging


class Inbox:
    def __init__(self) -> None:
        self._replies: queue.Queue[Reply] = queue.Queue()

    def __call__(self, reply: Reply) -> None:
        self._replies.put(reply)

    def until(self, kind: type, request_id: int | None = None) -> list[Reply]:
        """All replies up to the first of this kind (and request)."""
        seen = []
        while True:
            seen.append(self._replies.get(timeout=WAIT_SECS))
            if isinstance(seen[-1], kind) and request_id in (None, seen[-1].request_id):
                return seen


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def client(inbox: Inbox, tmp_path: Path) -> Iterator[EngineClient]:
    client = EngineClient(inbox, command=FAKE, log_path=tmp_path / "log" / "engine.log")
    yield client
    client.stop()


def predict(path: str, last: int = 50) -> Predict:
    return Predict(video_path=path, first=0, last=last, visible_frame=0)


def probe(frame_index: int) -> Probe:
    return Probe(video_path="x", frame_index=frame_index, bbox_xyxy=(0.0, 0.0, 9.0, 9.0))


def test_what_libraries_print_goes_to_the_log(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    (ready,) = inbox.until(Ready)
    assert ready.weights == ["none"]
    assert "C code" in client.log_path.read_text()


@pytest.mark.parametrize("with_temporary_folder", [True, False])
def test_the_engine_runs_where_its_log_cannot_be_kept(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_temporary_folder: bool
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    client = EngineClient(inbox, command=FAKE, log_path=tmp_path / "file" / "engine.log")
    if not with_temporary_folder:

        def refused(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(tempfile, "mkstemp", refused)
    client.start()
    try:
        inbox.until(Ready)
        client.send(predict("die"))
        *_, stopped = inbox.until(Stopped)
        logs = list((tmp_path / "temporary").glob("jmpose-engine-*.log"))
        assert isinstance(stopped, Stopped)
        assert [str(log) in stopped.message for log in logs] == [True] * with_temporary_folder
    finally:
        client.stop()


def test_damage_is_told_when_a_prediction_ends(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    inbox.until(Ready)
    client.send(predict("damaged", last=2))
    *_, done = inbox.until(Done)
    assert isinstance(done, Done)
    assert "one frame is damaged" in done.damage


def test_people_arrive_in_order_and_whole(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    number = client.send(predict("quick"))
    replies = inbox.until(Done)
    people = [person for reply in replies if isinstance(reply, People) for person in reply.annotations]
    assert [person.frame_index for person in people] == list(range(50))
    assert any(isinstance(reply, Progress) for reply in replies)
    assert {reply.request_id for reply in replies if not isinstance(reply, Ready)} == {number}
    assert not replies[-1].cancelled


def test_evidence_comes_where_it_is_asked_for_and_before_its_people(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    client.send(predict("quick"))
    assert not any(isinstance(reply, Kept) for reply in inbox.until(Done))
    client.send(msgspec.structs.replace(predict("quick"), evidence=True))
    seen: set[int] = set()
    for reply in inbox.until(Done):
        if isinstance(reply, Kept):
            seen.update(kept.frame_index for kept in reply.evidence)
            assert all(len(kept.packed) == BYTES for kept in reply.evidence)
        elif isinstance(reply, People):
            assert {person.frame_index for person in reply.annotations} <= seen
    assert seen == set(range(50))


def test_large_arrays_come_whole_and_leave_no_file(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    client.send(probe(3))
    result = next(reply for reply in inbox.until(Done) if isinstance(reply, ProbeResult))
    assert result.refined.shape == (15, 64, 48)
    assert (result.refined == 4).all()
    assert not list(client._run._folder.iterdir())


def test_cancel_ends_a_long_prediction_and_keeps_what_is_done(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    number = client.send(predict("slow", last=10**6))
    inbox.until(People)
    client.cancel(number)
    assert inbox.until(Done)[-1].cancelled


def test_a_running_prediction_hears_where_the_user_looks(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    number = client.send(predict("look", last=10**6))
    inbox.until(People)
    client.look(number, 500)
    replies = inbox.until(Done, number)
    assert [reply.frame_index for reply in replies if isinstance(reply, Preview)] == [500]


def test_a_waiting_prediction_can_be_cancelled(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    first, second = client.send(predict("slow", last=10**6)), client.send(predict("quick"))
    client.cancel(second)
    client.cancel(first)
    replies = inbox.until(Done, second)
    assert replies[-1].cancelled
    assert not any(reply.request_id == second for reply in replies if isinstance(reply, People))


def test_a_probe_is_answered_while_a_prediction_runs(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    running = client.send(predict("slow", last=10**6))
    inbox.until(People)
    looked = client.send(probe(1))
    assert inbox.until(ProbeResult)[-1].request_id == looked
    inbox.until(People)
    client.cancel(running)
    inbox.until(Done, running)


def test_a_newer_probe_takes_the_place_of_a_waiting_one(client: EngineClient, inbox: Inbox) -> None:
    client.start()  # not ready yet, so that the probes wait
    old, new = client.send(probe(1)), client.send(probe(2))
    replies = inbox.until(Done, new)
    assert [reply.request_id for reply in replies if isinstance(reply, ProbeResult)] == [new]
    assert next(reply for reply in replies if reply.request_id == old).cancelled


@pytest.mark.parametrize(("path", "words"), [("missing", "missing: no such file"), ("defect", "a defect")])
def test_a_failed_request_says_why_and_the_engine_goes_on(
    client: EngineClient, inbox: Inbox, path: str, words: str
) -> None:
    client.start()
    client.send(predict(path))
    assert words in inbox.until(Failed)[-1].message
    client.send(predict("quick"))
    inbox.until(Done)


def test_death_is_told_once_and_the_engine_can_be_started_again(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    client.send(predict("die"))
    stopped = inbox.until(Stopped)[-1]
    assert (stopped.exit_code, stopped.asked) == (-signal.SIGKILL, False)
    assert str(client.log_path) in stopped.message
    assert not client.alive
    with pytest.raises(EngineError, match="start it again"):
        client.send(predict("quick"))
    client.start()
    client.send(predict("quick"))
    inbox.until(Done)
    assert client.log_path.with_suffix(".previous.log").exists()


def test_stop_ends_the_process_and_removes_its_folder(client: EngineClient, inbox: Inbox) -> None:
    client.start()
    inbox.until(Ready)
    client.send(predict("slow", last=10**6))
    inbox.until(People)
    folder, process = client._run._folder, client._run._process
    client.stop()
    client.stop()
    assert inbox.until(Stopped)[-1].asked
    assert process.returncode == 0
    assert not folder.exists()


def test_a_program_that_speaks_no_protocol_is_reported(inbox: Inbox, tmp_path: Path) -> None:
    babble = (sys.executable, "-c", "print('hello, world')")
    client = EngineClient(inbox, command=babble, log_path=tmp_path / "engine.log")
    client.start()
    assert "something else than messages" in inbox.until(Stopped)[-1].message
    client.stop()


def test_a_missing_program_is_an_error(inbox: Inbox, tmp_path: Path) -> None:
    client = EngineClient(inbox, command=("/nowhere/engine",), log_path=tmp_path / "engine.log")
    with pytest.raises(EngineError, match="cannot be started"):
        client.start()


def test_the_engine_ends_with_the_window(tmp_path: Path) -> None:
    """A window killed in the midst of everything leaves no engine behind."""
    window = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from jmpose_core.engine.client import EngineClient\n"
        "from jmpose_core.engine.protocol import Predict\n"
        "fake = (sys.executable, '-m', 'tests.builders.fake_engine')\n"
        "client = EngineClient(lambda reply: None, command=fake, log_path=Path(sys.argv[1]) / 'engine.log')\n"
        "client.start()\n"
        "client.send(Predict(video_path='slow', first=0, last=10**6, visible_frame=0))\n"
        "print(client._run._process.pid, client._run._folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", window, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        pid, folder = process.stdout.readline().split()
        process.kill()
    deadline = time.monotonic() + WAIT_SECS
    while Path(folder).exists() or _exists(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
