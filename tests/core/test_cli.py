"""The command line as a user meets it: exit codes, messages, files. Networks are stood in for."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import typer
from rich.text import Text

import resources
from jmpose_core import cli
from jmpose_core.annotations import Annotation
from jmpose_core.cli import doctor
from jmpose_core.cli.program import program
from jmpose_core.cli.terminal import show_table
from jmpose_core.engine.protocol import Predict
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.project import Project
from jmpose_core.skeleton import POSETRACK18_SLOTS
from jmpose_core.weights.files import WeightsCard, save_weights, user_weights
from tests.builders.people import annotated
from tests.builders.stand_in_session import BOX, StandInSession

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `jmpose` with these words in this process; the exit code."""
    monkeypatch.setattr("jmpose_core.engine.session.Session", StandInSession)

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["jmpose", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return code if isinstance(code, int) else 0

    return run


def frames(folder: Path, count: int, size: tuple[int, int] = (64, 48)) -> Path:
    """A folder of `count` pictures of size (width, height), numbered from 0."""
    folder.mkdir(parents=True)
    for index in range(count):
        picture = np.full((size[1], size[0], 3), 40 * index % 256, np.uint8)
        assert cv2.imwrite(str(folder / f"{index:06d}.jpg"), picture)
    return folder


def labels(path: Path, sequences: dict[str, int], *, track_ids: tuple[int, ...] = (5, 2)) -> Path:
    """A PoseTrack18 file: in every frame of every sequence one person a track id."""
    images, people = [], []
    for number, (name, count) in enumerate(sequences.items(), 1):
        for frame in range(count):
            image_id = 10_000_000_000 + 10_000 * number + frame
            images.append({"id": image_id, "file_name": f"images/val/{name}/{frame:06d}.jpg", "is_labeled": True})
            for place, track_id in enumerate(track_ids):
                left = 1.0 + 20 * place
                people.append(
                    {
                        "id": image_id * 100 + place,
                        "image_id": image_id,
                        "track_id": track_id,
                        "category_id": 1,
                        "bbox": [left, 2.0, 15.0, 40.0],
                        "bbox_head": [left, 2.0, 5.0, 5.0],
                        "keypoints": [left, 5.0, 1] * 17,
                        "scores": [],
                    }
                )
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": POSETRACK18_SLOTS, "skeleton": []}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": [category]}))
    return path


def test_help_needs_neither_torch_nor_qt_nor_the_other_packages() -> None:
    program = (
        "import sys, jmpose_core.cli.program; print(sorted({'torch', 'PySide6', 'app', 'train'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def help_texts(command: typer.core.TyperGroup | typer.core.TyperCommand) -> Iterator[str]:
    """Of a command, its options and arguments, and all commands below it."""
    yield command.help or ""
    for parameter in command.params:
        yield getattr(parameter, "help", None) or ""
    for name in getattr(command, "commands", ()):
        yield from help_texts(command.commands[name])


def test_help_shows_every_word_of_it() -> None:
    texts = list(help_texts(program))
    assert len(texts) > 50
    assert [text for text in texts if Text.from_markup(text).plain != text] == []  # square brackets are markup


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ([], ["app"]),
        (["walk.mp4"], ["app", "walk.mp4"]),
        (["clips/walk"], ["app", "clips/walk"]),
        (["tests"], ["app", "tests"]),
        (["--help"], ["--help"]),
        (["predict", "walk.mp4"], ["predict", "walk.mp4"]),
        (["perdict"], ["perdict"]),
    ],
)
def test_a_path_opens_the_window(
    words: list[str], meant: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli.with_command(words) == meant


@pytest.mark.parametrize("words", [["perdict"], ["predict"], ["predict", "a.mp4", "--out", "b", "--stage", "third"]])
def test_a_wrong_command_line_exits_with_2(run: Run, words: list[str]) -> None:
    assert run(*words) == 2


def test_an_error_is_one_line_and_exit_code_1(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "[odd] name.mp4"
    assert run("predict", missing, "--out", tmp_path / "out.json") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert str(missing) in printed.err
    assert "Traceback" not in printed.err
    assert not (tmp_path / "out.json").exists()


def test_predictions_name_the_frames_of_a_folder(run: Run, tmp_path: Path) -> None:
    folder = frames(tmp_path / "walk", 3)
    assert run("predict", folder, "--out", tmp_path / "new" / "walk.json") == 0
    document = read_posetrack18(tmp_path / "new" / "walk.json")
    assert [image.file_name for image in document.images] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert [person.image_id for person in document.people] == [image.id for image in document.images]
    assert document.people[0].bbox_xywh == (BOX[0], BOX[1], BOX[2] - BOX[0], BOX[3] - BOX[1])
    assert len(document.people[0].scores or ()) == 17


def test_a_posetrack_sequence_keeps_the_names_and_ids_of_its_own_file(run: Run, tmp_path: Path) -> None:
    folder = frames(tmp_path / "images" / "val" / "000007_bonn", 3)
    truth = read_posetrack18(labels(tmp_path / "annotations" / "val" / "000007_bonn.json", {"000007_bonn": 2}))
    assert run("predict", folder, "--out", tmp_path / "out") == 0
    document = read_posetrack18(tmp_path / "out" / "000007_bonn.json")
    assert [image.id for image in document.images] == [image.id for image in truth.images]
    assert document.images[1].file_name == "images/val/000007_bonn/000001.jpg"
    assert [person.track_id for person in document.people] == [0, 0]  # nothing of the labels leaks in


def test_several_sources_need_a_folder_and_names_that_differ(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk, run_folder, twin = (frames(tmp_path / name, 1) for name in ("walk", "run", "other/walk"))
    assert run("predict", walk, run_folder, "--out", tmp_path / "out.json") == 1
    assert "give a folder" in capsys.readouterr().err
    assert run("predict", walk, twin, "--out", tmp_path / "out") == 1
    assert "walk.json" in capsys.readouterr().err
    assert run("predict", walk, run_folder, "--out", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run.json", "walk.json"]


def test_one_broken_source_spoils_only_itself(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, torn, mixed = frames(tmp_path / "good", 1), frames(tmp_path / "torn", 2), frames(tmp_path / "mixed", 1)
    cv2.imwrite(str(mixed / "000001.jpg"), np.zeros((10, 10, 3), np.uint8))
    damaged = torn / "000001.jpg"
    damaged.write_bytes(damaged.read_bytes()[:300])
    assert run("predict", mixed, torn, good, "--out", tmp_path / "out") == 1
    assert len(read_posetrack18(tmp_path / "out" / "good.json").people) == 1
    errors = capsys.readouterr().err
    assert "mixed" in errors
    assert "torn" in errors


def test_what_is_done_is_kept_when_stopped(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(StandInSession, "stop_after", 2)
    assert run("predict", frames(tmp_path / "walk", 5), "--out", tmp_path / "out.json") == 130
    assert len(read_posetrack18(tmp_path / "out.json").people) == 2
    assert "so far: 2 poses" in capsys.readouterr().out


def test_stills_of_any_size_are_clips_of_their_own(run: Run, tmp_path: Path) -> None:
    folder = frames(tmp_path / "photos", 2)
    cv2.imwrite(str(folder / "large.png"), np.zeros((90, 120, 3), np.uint8))
    assert run("predict", folder, "--stills", "--out", tmp_path / "out.json") == 0
    document = read_posetrack18(tmp_path / "out.json")
    assert [(image.file_name, image.width) for image in document.images] == [
        ("000000.jpg", 64),
        ("000001.jpg", 64),
        ("large.png", 120),
    ]
    assert [person.image_id for person in document.people] == [image.id for image in document.images]


@pytest.mark.parametrize("source", [".", "images", "images/val"])
def test_boxes_of_several_sequences_find_their_own_pictures(run: Run, tmp_path: Path, source: str) -> None:
    """Both sequences have a 000000.jpg, of different sizes."""
    frames(tmp_path / "images/val/000001_a", 2)
    frames(tmp_path / "images/val/000002_b", 1, (80, 60))
    boxes = labels(tmp_path / "boxes.json", {"000001_a": 2, "000002_b": 1})
    out = tmp_path / "out.json"
    assert run("predict", tmp_path / source, "--boxes", boxes, "--out", out) == 0
    truth, found = read_posetrack18(boxes), read_posetrack18(out)
    assert [(image.id, image.file_name) for image in found.images] == [
        (image.id, image.file_name) for image in truth.images
    ]
    assert {(p.image_id, p.track_id, p.id, p.bbox_xywh, p.bbox_head_xywh) for p in found.people} == {
        (p.image_id, p.track_id, p.id, p.bbox_xywh, p.bbox_head_xywh) for p in truth.people
    }


def test_boxes_of_one_sequence_take_its_folder_whatever_its_name(run: Run, tmp_path: Path) -> None:
    folder = frames(tmp_path / "copied", 3)  # one more than labelled: a supporting frame
    out = tmp_path / "out.json"
    assert run("predict", folder, "--boxes", labels(tmp_path / "b.json", {"000001_a": 2}), "--out", out) == 0
    assert len(read_posetrack18(out).people) == 4


def test_boxes_never_fall_on_the_pictures_of_another_sequence(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = frames(tmp_path / "images/val/000001_a", 2)
    boxes = labels(tmp_path / "boxes.json", {"000001_a": 2, "000002_b": 1})
    assert run("predict", folder, "--boxes", boxes, "--out", tmp_path / "out.json") == 1
    assert "000002_b/000000.jpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [0, 0, 0, 0]}, "annotations[1].bbox"),
        ({"track_id": 5}, "annotations[1].track_id"),
    ],
)
def test_boxes_that_cannot_be_used_are_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], words: str
) -> None:
    boxes = labels(tmp_path / "boxes.json", {"000001_a": 1})
    raw = json.loads(boxes.read_text())
    raw["annotations"][1].update(change)
    boxes.write_text(json.dumps(raw))
    folder = frames(tmp_path / "000001_a", 1)
    assert run("predict", folder, "--boxes", boxes, "--out", tmp_path / "out.json") == 1
    assert words in capsys.readouterr().err


def test_weights_are_chosen_by_name_or_by_variant(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    class Noting(StandInSession):
        def predict(self, request: Predict, **options: Any) -> Iterator[Annotation]:
            asked.append(request.weights)
            return super().predict(request, **options)

    monkeypatch.setattr("jmpose_core.engine.session.Session", Noting)
    monkeypatch.setattr(resources, "WEIGHTS", tmp_path / "bundled")
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")
    card = WeightsCard(variant="tdmi_lite", crop_size=(256, 192))
    save_weights(user_weights() / "mine.safetensors", {"a": torch.zeros(1)}, card)
    words = ("predict", frames(tmp_path / "walk", 1), "--out", tmp_path / "out.json")
    assert run(*words) == run(*words, "--weights", "other.safetensors") == run(*words, "--variant", "tdmi_lite") == 0
    assert asked == ["jmpose_lite", "other.safetensors", "mine"]
    capsys.readouterr()
    for wrong, told in (
        (("--variant", "dcpose_w48"), "only of tdmi_lite; get others with `jmpose weights download`"),
        (("--variant", "dcpose_w84"), "no such variant; there are jmpose_lite"),
        (("--variant", "tdmi_lite", "--weights", "mine"), "leave one out"),
    ):
        assert run(*words, *wrong) == 1
        assert told in capsys.readouterr().err
    assert len(asked) == 3


def test_the_doctor_names_bundled_and_own_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resources, "WEIGHTS", tmp_path / "bundled")
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")
    for folder, name in ((resources.WEIGHTS, "detector"), (user_weights(), "mine")):
        save_weights(folder / f"{name}.safetensors", {"a": torch.zeros(1)}, WeightsCard(variant="detector"))
    assert run("doctor") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "weights: detector" in lines
    assert f"your weights: mine ({user_weights()})" in lines
    assert any("missing:" in line and "weights jmpose_lite" in line for line in lines)


def test_the_doctor_and_the_readme_name_the_same_libraries() -> None:
    readme = Path(resources.__file__).parents[1] / "README.md"
    (listed,) = re.findall(r"apt-get install ((?:.+\\\n)*.+)", readme.read_text(encoding="utf-8"))
    assert listed.replace("\\", "").split() == doctor.QT_LIBRARIES.split()


def test_a_table_puts_numbers_to_the_right_and_words_to_the_left(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([["name", "size", "figures"], ["a", "~1.5 MB", "PCK"], ["bc", "12.0 MB", "AP, and recall"]])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "name     size  figures",
        "a     ~1.5 MB  PCK",
        "bc    12.0 MB  AP, and recall",
    ]


def test_a_project_is_exported_and_imported(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = frames(tmp_path / "walk", 2)
    with Project.create(tmp_path / "a.jmpose") as project:
        video = project.add_video(folder)
        project.apply_predictions(video.id, [annotated(0, 3, BOX)], text="Predict")
    out = tmp_path / "out.json"
    assert run("export", tmp_path / "a.jmpose", out) == 0
    assert "1 people" in capsys.readouterr().out
    with Project.create(tmp_path / "b.jmpose") as project:
        project.add_video(folder)
    assert run("import", tmp_path / "b.jmpose", out) == 0
    with Project.open(tmp_path / "b.jmpose") as project:
        (person,) = project.people(project.videos()[0].id, 0)
    assert person.track_id == 3
    assert np.allclose(person.keypoints, annotated(0, 3, BOX).keypoints)
    assert run("export", tmp_path / "a.jmpose", tmp_path / "x", "--format", "nonsense") == 1
    assert "choose one of" in capsys.readouterr().err


def test_a_project_is_predicted(run: Run, tmp_path: Path) -> None:
    with Project.create(tmp_path / "a.jmpose") as project:
        project.add_video(frames(tmp_path / "walk", 2))
        project.add_video(frames(tmp_path / "jump", 3))
    assert run("predict", tmp_path / "a.jmpose", "--out", tmp_path / "out") == 0
    assert len(read_posetrack18(tmp_path / "out" / "jump.json").people) == 3


def test_eval_prints_and_writes_the_figures(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = labels(tmp_path / "truth.json", {"000001_bonn": 3})
    raw = json.loads(truth.read_text())
    for person in raw["annotations"]:
        person["scores"] = [0.9] * 17
    pred = tmp_path / "pred.json"
    pred.write_text(json.dumps(raw))
    assert run("eval", "--gt", truth, "--pred", pred, "--json", tmp_path / "figures.json") == 0
    assert "MOTA" in capsys.readouterr().out
    assert json.loads((tmp_path / "figures.json").read_text())["mota"]["total"] == 100.0


def test_training_is_shown_and_its_exit_code_kept(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        "import sys\n"
        "from jmpose_core.training_messages import LeftOut, StepsDone, TrainingFailed, encode_line\n"
        "print('a library speaks')\n"
        "for line in ('12', '1.5', 'null', '[]', '\"word\"', '{\"step\": 1}'): print(line)\n"
        "print(encode_line(StepsDone(1, 1, 0.5, 2.0)), end='')\n"
        "print(encode_line(LeftOut('walk.mp4, frame 3: the box has no area')), end='')\n"
        "print(encode_line(TrainingFailed('too few corrected joints')), end='')\n"
        "sys.exit(1)\n"
    )
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda words, **options: start([sys.executable, "-c", lines], **options))
    assert run("train", tmp_path / "a.jmpose", "--out", tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "a library speaks" in printed.out and '{"step": 1}' in printed.out
    assert "left out: walk.mp4, frame 3: the box has no area" in printed.out
    assert "too few corrected joints" in printed.err


def test_the_window_needs_a_display(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert run("walk.mp4") == 1
    assert "jmpose predict" in capsys.readouterr().err


def test_benchmarks_print_and_write_figures(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("bench", "scrub", frames(tmp_path / "walk", 3), "--seeks", 4, "--json", tmp_path / "figures.json") == 0
    assert "anywhere, median" in capsys.readouterr().out
    assert all(value > 0 for value in json.loads((tmp_path / "figures.json").read_text()).values())


def test_the_project_is_measured_beside_a_json_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--frames", 6, "--people", 2, "--repeat", 2, "--json", tmp_path / "figures.json")
    assert run("bench", "project", *words) == 0
    assert "undo, on disk" in capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())["6 x 2"]
    assert figures["edit, on disk"]["ratio"] > 0
    assert figures["memory, MB"]["json"] > 0


def test_effort_is_counted_between_two_files(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = labels(tmp_path / "truth.json", {"000001_bonn": 3})
    pred = labels(tmp_path / "pred.json", {"000001_bonn": 3}, track_ids=(2, 5))  # the two people exchanged: no matter
    assert run("bench", "effort", "--gt", truth, "--pred", pred, "--json", tmp_path / "figures.json") == 0
    assert "3 images matched by image id" in capsys.readouterr().out
    assert json.loads((tmp_path / "figures.json").read_text())["actions_ratio"] == 0
    assert run("bench", "effort") == 1
    assert "without ground truth" in capsys.readouterr().err


def test_the_engine_is_measured_streaming_beside_exact(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("bench", "engine", frames(tmp_path / "walk", 3), "--frames", 3) == 0
    printed = capsys.readouterr().out
    assert "poses a second, exact" in printed
    assert "median" in printed


def test_what_inference_is_told_reaches_the_engine(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bool, int | None]] = []

    class Noting(StandInSession):
        def predict(self, request: Predict, **options: Any) -> Iterator[Annotation]:
            asked.append((request.options.frame_flow, request.options.reach))
            return super().predict(request, **options)

    monkeypatch.setattr("jmpose_core.engine.session.Session", Noting)
    words = ("predict", frames(tmp_path / "walk", 2), "--out", tmp_path / "out.json")
    assert run(*words, "--frame-flow", "--reach", 4) == run(*words) == 0
    assert asked == [(True, 4), (False, None)]
