"""jmpose predict where not all can be read, or it is ended early: the rest is written, and the exit code says so."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import pytest

from jmpose_core import cli
from jmpose_core.cli import predict, terminal
from jmpose_core.formats.posetrack18 import read_posetrack18
from tests.builders.numbered_clips import numbered, write_clip
from tests.builders.stand_in_session import StandInSession

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `jmpose predict` with these words in this process; the exit code."""
    monkeypatch.setattr("jmpose_core.engine.session.Session", StandInSession)

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["jmpose", "predict", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    return run


def images(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(cv2.imencode(".png", numbered(number))[1].tobytes())
    return folder


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damaged_clip(path: Path) -> Path:
    """40 frames, of which 20 to 23 cannot be decoded."""
    write_clip(path, range(40), options={"bf": "0", "crf": "5"})
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][20]
    assert packet.pos is not None
    content = bytearray(path.read_bytes())
    content[packet.pos + 20 : packet.pos + packet.size] = bytes(packet.size - 20)
    path.write_bytes(content)
    return path


def images_with_people(file: Path) -> list[str]:
    document = read_posetrack18(file)
    wanted = {person.image_id for person in document.people}
    return [image.file_name for image in document.images if image.id in wanted]


def test_people_of_the_sound_frames_are_written_and_the_damaged_frames_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = damaged_clip(tmp_path / "walk.mp4")
    assert run(clip, "--out", tmp_path / "out.json") == 1
    document = read_posetrack18(tmp_path / "out.json")
    assert len(document.images) == 40
    assert images_with_people(tmp_path / "out.json") == [f"{n:06d}.jpg" for n in range(40) if not 20 <= n < 24]
    assert "4 frames are damaged and left out: 21 to 24" in capsys.readouterr().err


def test_people_of_a_cut_off_recording_are_written_and_what_is_missing_is_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "whole.mp4", range(40), container_options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 2 // 3])
    assert run(tmp_path / "cut.mp4", "--out", tmp_path / "out.json") == 1
    found = read_posetrack18(tmp_path / "out.json")
    assert len(found.people) == len(found.images) > 5
    assert f"cut off after {len(found.images)} of 40 frames" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["torn", "empty", "broken link"])
def test_one_torn_still_costs_only_itself(
    run: Run, tmp_path: Path, fault: str, capfd: pytest.CaptureFixture[str]
) -> None:
    names = ["1.png", "2.png", "3.png", "4.png"]
    folder = images(tmp_path / "photos", *names)
    if fault == "torn":
        tear(folder / "3.png")
    else:
        (folder / "3.png").unlink()
        if fault == "empty":
            (folder / "3.png").touch()
        else:
            (folder / "3.png").symlink_to("gone.png")
    assert run(folder, "--stills", "--out", tmp_path / "out.json") == 1
    assert images_with_people(tmp_path / "out.json") == ["1.png", "2.png", "4.png"]
    assert "3.png" in capfd.readouterr().err


def test_a_still_of_a_kind_that_cannot_be_read_is_named_and_the_others_are_written(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = images(tmp_path / "photos", "1.png", "2.png")
    (folder / "3.heic").write_bytes(b"a picture")
    assert run(folder, "--stills", "--out", tmp_path / "out.json") == 1
    assert images_with_people(tmp_path / "out.json") == ["1.png", "2.png"]
    assert "3.heic" in capsys.readouterr().err


def test_one_torn_picture_of_a_sequence_costs_only_itself(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = images(tmp_path / "walk", "0.png", "1.png", "2.png", "3.png")
    tear(folder / "1.png")
    assert run(folder, "--out", tmp_path / "out.json") == 1
    assert images_with_people(tmp_path / "out.json") == ["0.png", "2.png", "3.png"]
    assert "one frame is damaged and left out: 1.png" in capfd.readouterr().err


SLOW_PREDICTION = """
import sys, time
sys.path[:0] = sys.argv.pop(1).split("|")
import jmpose_core.engine.session
from jmpose_core.cli.program import program
from jmpose_core.cli.terminal import explained
from tests.builders.stand_in_session import StandInSession

class Slow(StandInSession):
    def predict(self, request, **how):
        for person in super().predict(request, **how):
            yield person
            print("found", flush=True)
            time.sleep(0.02)

jmpose_core.engine.session.Session = Slow
explained(lambda: program(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_what_is_done_is_kept_when_the_system_ends_the_work(tmp_path: Path, name: str) -> None:
    folder = images(tmp_path / "walk", *(f"{number:04d}.png" for number in range(600)))
    out = tmp_path / "out.json"
    words = [sys.executable, "-c", SLOW_PREDICTION, "|".join(sys.path), "predict", str(folder), "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(getattr(signal, name))
        told, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert "so far: " in told
    assert "Traceback" not in errors
    assert 0 < len(read_posetrack18(out).people) < 600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_a_signal_that_the_program_was_started_to_ignore_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with terminal.stoppable() as should_stop:
            signal.raise_signal(signal.SIGHUP)
            time.sleep(0.01)
            assert not should_stop()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_done_is_on_disk_while_the_work_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "_KEPT_EVERY_SECS", 0.0)
    monkeypatch.setattr(predict, "_KEPT_SHARE", 0.0)
    out = tmp_path / "out.json"
    seen: list[int] = []
    people_of = StandInSession.predict

    def watched(self: StandInSession, *args: object, **how: object) -> object:
        for person in people_of(self, *args, **how):  # type: ignore[arg-type]
            yield person
            seen.append(len(read_posetrack18(out).people))

    monkeypatch.setattr(StandInSession, "predict", watched)
    assert run(images(tmp_path / "walk", "0.png", "1.png", "2.png"), "--out", out) == 0
    assert seen == [1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
def test_images_whose_names_are_not_utf8_are_told_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(StandInSession, "predict", lambda *_, **__: pytest.fail("began to work"))
    folder = images(tmp_path / "walk", os.fsdecode(b"bild_\xe4_0.png"))
    good = images(tmp_path / "good", "0.png")
    for words in ([folder], [folder, "--stills"]):
        assert run(*words, "--out", tmp_path / "out.json") == 1
        printed = capsys.readouterr().err
        assert "bild_" in printed
        assert "not UTF-8" in printed
    assert good.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
def test_a_video_whose_name_is_not_utf8_is_predicted(run: Run, tmp_path: Path) -> None:
    write_clip(tmp_path / "walk.mp4", range(5))
    odd = (tmp_path / "walk.mp4").rename(tmp_path / os.fsdecode(b"g\xe4nger.mp4"))
    assert run(odd, "--out", tmp_path / "out") == 0
    assert len(read_posetrack18(tmp_path / "out" / os.fsdecode(b"g\xe4nger.json")).people) == 5


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_names_that_the_terminal_cannot_show_stop_nothing(tmp_path: Path, encoding: str) -> None:
    for name in ("写真", "second"):
        images(tmp_path / name, "0.png")
    out = tmp_path / "out"
    sources = [str(tmp_path / name) for name in ("写真", "second", "没有")]
    program = SLOW_PREDICTION.replace(
        "explained(lambda: program(sys.argv[1:]))", "from jmpose_core import cli; cli.main()"
    )
    words = [sys.executable, "-c", program, "|".join(sys.path), "predict", *sources, "--out", str(out)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert b"Traceback" not in ended.stderr
    assert sorted(path.name for path in out.iterdir()) == ["second.json", "写真.json"]
    assert ended.returncode == 1  # for the one that is not there
