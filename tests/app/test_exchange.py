"""Import and export by their dialogs: what they say beforehand is what then happens."""

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.export_dialog import ExportDialog
from app.dialogs.import_dialog import ImportDialog
from app.look.messages import Level, Message
from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation, Origin
from jmpose_core.formats.joint_conversion import with_joints
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.formats.table import FORMATS, write_document
from tests.builders.hieve_folder import hieve_object, write_hieve
from tests.builders.jhmdb_folder import write_jhmdb
from tests.builders.stand_in_engine import figure
from tests.builders.waiting import PATIENCE_MS, go_to, predict_and_wait, settle

NAMES = [f"{frame:06d}.jpg" for frame in range(230)]


def labels(path: Path, people: list[Annotation], *, names: list[str] = NAMES, scores: bool = False) -> Path:
    write_document(document_from(people, names, image_size=(1280, 720), scores=scores), path, "posetrack18")
    return path


def everybody(window: MainWindow) -> list[Annotation]:
    return list(window.bench.project.people_between(1, 0, 230))


def import_dialog(window: MainWindow, file: Path, qtbot: QtBot, *, fit: bool = True) -> ImportDialog:
    """The dialog as the menu opens it, with a file chosen and read."""
    window.actions_by_name["import"].trigger()
    dialog = window.findChildren(ImportDialog)[-1]
    dialog.choose(file)
    qtbot.waitUntil(lambda: not dialog.summary.text.startswith("Reading"), timeout=PATIENCE_MS)
    assert dialog.ready is fit
    return dialog


def export_dialog(window: MainWindow, format_name: str, qtbot: QtBot) -> ExportDialog:
    window.actions_by_name["export"].trigger()
    dialog = window.findChildren(ExportDialog)[-1]
    dialog.choose(format_name)
    qtbot.waitUntil(lambda: "Looking" not in dialog.summary.text and dialog.summary.text != "", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not window.bench.background.busy, timeout=PATIENCE_MS)
    return dialog


def test_a_data_set_that_is_only_read_is_called_by_its_title(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    hieve = write_hieve(tmp_path / "hieve" / "walk", {7: [hieve_object("P-3")], 9: []})
    dialog = import_dialog(window, hieve, qtbot)
    assert dialog.summary.text.splitlines()[0] == "Recognised: HiEve (a folder), 2 images"
    assert dialog.summary.text.splitlines()[-1] == "Not kept: a project has no place for Chest (1)"
    dialog.choose(write_jhmdb(tmp_path / "jhmdb", action="walk", video="walk"))
    qtbot.waitUntil(lambda: "JHMDB" in dialog.summary.text, timeout=PATIENCE_MS)
    assert dialog.summary.text.splitlines()[1] == "Will be added: 3 people on 1 track in 3 frames as labels"


def test_an_import_is_told_beforehand_and_is_one_step(
    window: MainWindow, tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    before = everybody(window)
    file = labels(tmp_path / "gt.json", [figure(frame, 5) for frame in (50, 51, 90)])
    dialog = import_dialog(window, file, qtbot)
    assert dialog.summary.text.splitlines() == [
        "Recognised: PoseTrack18 JSON, 230 images",
        "Will be added: 3 people on 1 track in 3 frames as labels",
        "Will be replaced: 6 people already on these frames",
        "Frames: matched by the numbers in the image names, counted from 0",
        "Not kept: a project has no place for head boxes (3)",
    ]
    assert everybody(window) == before
    with qtbot.waitSignal(window.bench.project.imported, timeout=PATIENCE_MS):
        dialog.accept()
    assert told[-1] == Message(Level.INFO, "Imported 3 people from gt.json. Undo takes them back.")
    assert window.bench.view_state.frame_index == 50
    (shown,) = window.bench.project.people(1, 50)
    assert shown.track_id == 5 and (shown.origin == Origin.CORRECTED).all()
    qtbot.waitUntil(lambda: window.frame_view.frame_index == 50, timeout=PATIENCE_MS)
    assert window.bench.project.undo_text == "Import gt.json"
    window.actions_by_name["undo"].trigger()
    settle(window.bench.project, qtbot)
    assert everybody(window) == before


@pytest.mark.parametrize("content", ["", "{", '{"images": [], "annotations": [{"image_id": "x"}]}'])
def test_a_bad_file_is_explained_and_changes_nothing(
    window: MainWindow, tmp_path: Path, content: str, qtbot: QtBot
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    dialog = import_dialog(window, file, qtbot, fit=False)
    assert dialog.summary.text.startswith(f"{file}: ") and dialog.summary.text.endswith("Nothing was changed.")
    dialog.accept()
    settle(window.bench.project, qtbot)
    assert window.bench.project.undo_text is None and everybody(window) == []


def test_a_field_of_the_wrong_kind_is_named_with_its_cure(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = labels(tmp_path / "gt.json", [figure(0, 1), figure(1, 1)])
    raw = json.loads(file.read_text())
    raw["annotations"][1]["track_id"] = "one"
    file.write_text(json.dumps(raw))
    dialog = import_dialog(window, file, qtbot, fit=False)
    assert "gt.json: annotations[1].track_id: expected `int`, got `str`; correct it" in dialog.summary.text


def test_what_does_not_fit_is_said(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    document = document_from(
        [figure(0, 1), figure(231, 1)], [f"shot{i}.png" for i in range(232)], image_size=(640, 360)
    )
    coco, _ = with_joints(document, COCO17)
    for image in coco.images:
        image.width, image.height = 640, 360
    write_document(coco, tmp_path / "coco.json", "coco")
    text = import_dialog(window, tmp_path / "coco.json", qtbot).summary.text
    assert "Recognised: COCO keypoints, 232 images" in text
    assert "2 images are no frame of this video (the first is shot230.png): 1 person left out" in text
    assert "The file's images are 640 × 360, the video is 1280 × 720" in text
    assert "Joints missing: head bottom, head top" in text
    assert "matched by the numbers in the image names, counted from 0" in text


def test_predictions_can_be_imported_as_labels(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    file = labels(tmp_path / "p.json", [figure(3, 1)], scores=True)
    dialog = import_dialog(window, file, qtbot)
    assert "1 frame as predictions" in dialog.summary.text
    dialog._as.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "1 frame as labels" in dialog.summary.text, timeout=PATIENCE_MS)
    with qtbot.waitSignal(window.bench.project.imported, timeout=PATIENCE_MS):
        dialog.accept()
    assert (everybody(window)[0].origin == Origin.CORRECTED).all()


def test_an_import_during_a_prediction_stays(
    window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = labels(tmp_path / "gt.json", [figure(0, 9)])
    monkeypatch.setenv("STAND_IN_FRAME_SECS", "0.02")
    window.bench.inference.stop()
    with qtbot.waitSignal(window.bench.predictions.written, timeout=PATIENCE_MS):
        window.actions_by_name["predict"].trigger()
        qtbot.waitUntil(lambda: bool(window.bench.project.people(1, 0)), timeout=PATIENCE_MS)
        dialog = import_dialog(window, file, qtbot)
        with qtbot.waitSignal(window.bench.project.imported, timeout=PATIENCE_MS):
            dialog.accept()
    settle(window.bench.project, qtbot)
    assert {person.track_id for person in everybody(window) if person.frame_index == 0} == {9}
    assert (window.bench.project.people(1, 0)[0].origin == Origin.CORRECTED).all()


def test_an_export_says_what_each_format_keeps(window: MainWindow, qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    texts = {}
    for export_format in FORMATS:
        dialog = export_dialog(window, export_format.name, qtbot)
        assert dialog.ready
        texts[export_format.name] = dialog.summary.text
        assert "Will be written: 460 people in 230 frames, on 2 tracks; 230 images listed" in dialog.summary.text
        dialog.reject()
    assert (
        "Left out: nothing" in texts["posetrack18"]
        and "Made up: derived, not labelled: head boxes" in texts["posetrack18"]
    )
    assert "track numbers (460)" in texts["yolo-pose"]
    assert "head boxes (460)" in texts["csv"] and "Made up: nothing" in texts["csv"]
    project = window.bench.project.path
    assert project is not None
    assert [path.name for path in project.parent.iterdir() if "posetrack" in path.name or "csv" in path.name] == []


def test_an_export_of_what_was_checked_alone(window: MainWindow, told: list[Message], qtbot: QtBot) -> None:
    predict_and_wait(window, qtbot)
    window.bench.view_state.set_frame(5)
    window.bench.editor.verify_frame()
    window.bench.shown.select(1, 4)
    window.bench.editor.toggle_occluded()  # in frame 6
    dialog = export_dialog(window, "posetrack18", qtbot)
    which = next(box for box in dialog.findChildren(QComboBox) if box.findText("Everybody") >= 0)
    for row, text in enumerate(("460 people in 230 frames", "3 people in 2 frames", "2 people in 1 frame")):
        which.setCurrentIndex(row)
        qtbot.waitUntil(lambda: dialog.ready and f"Will be written: {text}" in dialog.summary.text, timeout=PATIENCE_MS)  # noqa: B023
    dialog.accept()
    qtbot.waitUntil(lambda: told[-1].text.startswith("Exported to"), timeout=PATIENCE_MS)
    project = window.bench.project.path
    assert project is not None
    written = read_posetrack18(project.with_name("walk-posetrack18.json"))
    assert len(written.people) == 2 and len(written.images) == 230


def test_the_keyboard_starts_in_the_fields_and_enter_does_what_the_dialog_is_for(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    for dialog in (
        import_dialog(window, labels(tmp_path / "gt.json", [figure(0, 1)]), qtbot),
        export_dialog(window, "csv", qtbot),
    ):
        assert not isinstance(dialog.focusWidget(), QPushButton)
        assert [button.text() for button in dialog.findChildren(QPushButton) if button.isDefault()] in (
            ["Import"],
            ["Export"],
        )
        dialog.reject()


def test_an_export_names_the_file_it_replaces_and_an_empty_video(window: MainWindow, qtbot: QtBot) -> None:
    project = window.bench.project.path
    assert project is not None
    project.with_name("walk-csv.csv").write_text("mine")
    text = export_dialog(window, "csv", qtbot).summary.text
    assert "Replaces: walk-csv.csv, which exists" in text
    assert "There is nobody to write" in text


def test_what_was_exported_can_be_imported_again(
    window: MainWindow, tmp_path: Path, told: list[Message], qtbot: QtBot
) -> None:
    predict_and_wait(window, qtbot)
    go_to(window, 7, qtbot)
    window.bench.shown.select(1, 6)
    window.bench.editor.place_joint(100.0, 120.0)
    people = everybody(window)
    export_dialog(window, "posetrack18", qtbot).accept()
    qtbot.waitUntil(lambda: told[-1].text.startswith("Exported to"), timeout=PATIENCE_MS)
    project = window.bench.project.path
    assert project is not None
    dialog = import_dialog(window, project.with_name("walk-posetrack18.json"), qtbot)
    with qtbot.waitSignal(window.bench.project.imported, timeout=PATIENCE_MS):
        dialog.accept()
    for before, after in zip(people, everybody(window), strict=True):
        assert np.array_equal(before.keypoints, after.keypoints)


def test_images_without_a_frame_are_refused_until_position_is_asked_for(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    letters = "abcdefghij"
    names = [f"shot {letters[n // 100]}{letters[n // 10 % 10]}{letters[n % 10]}.png" for n in range(230)]
    dialog = import_dialog(window, labels(tmp_path / "gt.json", [figure(7, 1)], names=names), qtbot, fit=False)
    assert "neither the names (shot aaa.png" in dialog.summary.text
    dialog._by_position.setChecked(True)
    qtbot.waitUntil(lambda: dialog.ready, timeout=PATIENCE_MS)
    assert "Frames: matched by position, as was asked for" in dialog.summary.text
    assert [person.frame_index for person in dialog._plan.labels] == [7]
