"""Files into projects: all of a file as one undo step, or nothing of it."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import FormatError, JMPoseError
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.joint_conversion import with_joints
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.people import document_from
from jmpose_core.formats.table import FORMAT_NAMES, format_of, preview_document, write_document
from jmpose_core.project import Project
from jmpose_core.project.importing import ImportAs, ImportPlan, Reading, plan_import, write_import
from jmpose_core.skeleton import JOINT_INDEX
from tests.builders.projects import NOSE, WRIST, everything, new_project, person, stand_in_videos
from tests.core.formats.fuzzing import KINDS, mutated, seeds

FRAMES = 20
HEAD_BOTTOM = JOINT_INDEX["head_bottom"]
NAMES = [f"{frame:06d}.jpg" for frame in range(FRAMES)]
TABLES = ("videos", "tracks", "people", "steps", "undo_people", "undo_tracks", "settings")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two predicted people on frames 0 to 9, of whom one is corrected in frame 0, and a step to redo."""
    with new_project(tmp_path, frame_count=FRAMES) as opened:
        found = [person(frame, track, spot=0.2 * track) for frame in range(10) for track in (1, 2)]
        opened.apply_predictions(1, found, text="Predict")
        with opened.step("Correct") as step:
            step.put(1, found[0].with_joint(WRIST, xy=(3.0, 4.0)))
        with opened.step("Taken back") as step:
            step.remove(1, 1, 1)
        opened.undo()
        yield opened


def rows(path: Path) -> dict[str, list[tuple]]:
    """Every row of every table."""
    with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as connection:
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}
    connection.close()
    return found


def contents(path: Path) -> dict[str, list[tuple]]:
    """What the project says, without the log of how it came to."""
    return {name: found for name, found in rows(path).items() if name in ("videos", "tracks", "people", "settings")}


def planned(
    project: Project, file: Path, import_as: ImportAs | None = None, *, by_position: bool = False
) -> ImportPlan:
    with stand_in_videos():
        return plan_import(project, project.videos()[0], file, Reading(import_as, by_position=by_position))


@pytest.fixture(autouse=True)
def no_video_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmpose_core.project.importing.image_names", lambda _project, video: NAMES[: video.frame_count])


def labelled(people: list[Annotation], path: Path, names: list[str] = NAMES, format_name: str = "posetrack18") -> Path:
    """A file of people without scores: a person's word."""
    write_document(document_from(people, names, image_size=(640, 480), scores=False), path, format_name)
    return path


def test_labels_take_the_place_of_everybody_on_their_frames(project: Project, tmp_path: Path) -> None:
    file = labelled([person(0, 1, spot=0.5), person(0, 7, spot=0.6), person(3, 7, spot=0.6)], tmp_path / "gt.json")
    before = rows(project.path)
    plan = planned(project, file)
    assert rows(project.path) == before
    assert (plan.format_name, plan.people, plan.tracks, plan.frames) == ("posetrack18", 3, 2, 2)
    assert (plan.replaced, plan.kept, plan.images, plan.match.left_out) == (4, 0, FRAMES, ())
    info = write_import(project, plan)
    assert info is not None and info.frames == (0, 3) and project.undo_text == "Import gt.json"
    assert [(p.frame_index, p.track_id) for p in everything(project)][:2] == [(0, 1), (0, 7)]
    assert [p.track_id for p in project.people(1, 3)] == [7]
    assert (project.people(1, 0)[0].origin == Origin.CORRECTED).all()
    assert len(project.people(1, 4)) == 2
    assert len(list(project.predictions_between(1, 0, 10))) == 20  # what the model said can still be measured
    project.undo()
    assert contents(project.path) == {name: before[name] for name in contents(project.path)}


def test_predictions_take_the_place_of_predictions_and_corrections_stay(project: Project, tmp_path: Path) -> None:
    better = [replace(p, score=0.75, confidence=np.full(15, 0.5)) for p in project.people(1, 0) + project.people(1, 2)]
    file = tmp_path / "pred.json"
    write_document(document_from(better, NAMES, scores=True), file, "posetrack18")
    plan = planned(project, file)
    assert (plan.labels, plan.replaced, plan.kept) == ([], 19, 1)
    write_import(project, plan)
    shown = project.people(1, 0)[0]
    assert tuple(shown.keypoints[WRIST]) == (3.0, 4.0) and shown.origin[WRIST] == Origin.CORRECTED
    assert shown.confidence[NOSE] == 0.5
    assert {p.frame_index for p in everything(project)} == {0, 2}  # the file lists the other images, without anybody
    project.undo()
    assert len(everything(project)) == 20


def test_what_people_are_can_be_said(project: Project, tmp_path: Path) -> None:
    file = labelled([person(5, 1)], tmp_path / "gt.json")
    assert planned(project, file, ImportAs.PREDICTIONS).labels == []
    write_document(document_from([person(5, 1)], NAMES), file, "posetrack18")
    assert (planned(project, file, ImportAs.LABELS).labels[0].origin == Origin.CORRECTED).all()
    assert planned(project, file).labels == []


def test_images_are_matched_by_name_in_any_order_and_number(project: Project, tmp_path: Path) -> None:
    names = [f"images/val/clip/{name}" for name in ("000012.jpg", "000004.jpg")]
    file = labelled([person(0, 1), person(1, 2)], tmp_path / "gt.json", names)
    plan = planned(project, file)
    assert [(p.frame_index, p.track_id) for p in plan.labels] == [(4, 2), (12, 1)]
    assert plan.match.by == "the numbers in the image names, counted from 0"


def test_numbers_from_one_are_not_taken_for_a_videos_names(project: Project, tmp_path: Path) -> None:
    names = [f"{frame + 1:06d}.jpg" for frame in range(FRAMES)]
    plan = planned(project, labelled([person(0, 1)], tmp_path / "gt.json", names))
    assert plan.match.by == "the numbers in the image names, counted from 1" and plan.labels[0].frame_index == 0


def test_images_past_the_end_are_left_out_and_named(project: Project, tmp_path: Path) -> None:
    names = [f"shot_{frame}.png" for frame in range(FRAMES + 2)]
    plan = planned(project, labelled([person(1, 1), person(FRAMES + 1, 1)], tmp_path / "gt.json", names))
    assert plan.match.left_out == ("shot_20.png", "shot_21.png")
    assert (plan.people, plan.left_out_people) == (1, 1)


def test_of_several_videos_the_one_of_that_name_is_taken(project: Project, tmp_path: Path) -> None:
    names = [f"{folder}/{name}" for folder in ("other", "clip") for name in NAMES[:3]]
    plan = planned(project, labelled([person(1, 1), person(4, 2)], tmp_path / "gt.json", names))
    assert [(p.frame_index, p.track_id) for p in plan.labels] == [(1, 2)] and plan.match.other_videos == 3
    assert plan.match.left_out == () and plan.notes == ("images of other videos, left out (3)",)
    with pytest.raises(FormatError, match=r"gt\.json: images: images of 2 folders \(a, b\), none of which is clip"):
        planned(project, labelled([], tmp_path / "gt.json", ["a/1.jpg", "b/1.jpg"]))


def test_coco_lacks_the_head_and_what_it_has_more_is_said(project: Project, tmp_path: Path) -> None:
    keypoints = np.column_stack([np.arange(51.0, 68.0), np.arange(17.0), np.ones(17)])
    document = PoseTrackDocument(
        [ImageRecord(id=1, file_name=NAMES[12], width=320, height=240), ImageRecord(id=2, file_name=NAMES[0])],
        [PersonRecord(image_id=1, keypoints=keypoints), PersonRecord(image_id=2, keypoints=keypoints, track_id=1)],
        [Category(keypoints=COCO17, skeleton=None)],
    )
    write_document(document, tmp_path / "coco.json", "coco")
    plan = planned(project, tmp_path / "coco.json")
    assert plan.format_name == "coco" and plan.missing_joints == ("head_bottom", "head_top")
    assert plan.dropped["left_eye"] == 2 and plan.synthesised["track_id"] == 1
    assert plan.other_size and plan.image_size == (320, 240)
    untracked = plan.labels[1]
    assert untracked.track_id == 3  # 1 and 2 are somebody in the project
    assert untracked.origin[NOSE] == Origin.CORRECTED and untracked.origin[HEAD_BOTTOM] == Origin.NONE
    write_import(project, plan)
    (over_prediction,) = project.people(1, 0)
    assert over_prediction.visibility[HEAD_BOTTOM] == Visibility.ABSENT  # not the prediction's of that number


def test_a_person_of_whom_only_the_box_is_known_waits_for_joints(project: Project, tmp_path: Path) -> None:
    document = PoseTrackDocument(
        [ImageRecord(id=1, file_name=NAMES[15])],
        [PersonRecord(image_id=1, track_id=4, bbox_xywh=(1.0, 2.0, 3.0, 4.0))],
    )
    write_document(document, tmp_path / "boxes.json", "posetrack21")
    write_import(project, planned(project, tmp_path / "boxes.json"))
    (found,) = project.people(1, 15)
    assert found.bbox_xyxy == (1.0, 2.0, 4.0, 6.0) and found.origin.max() == Origin.NONE


@pytest.mark.parametrize(
    ("track_ids", "words"),
    [
        ((3, 3), r"annotations\[1\]\.track_id: 3 is also annotations\[0\]'s"),
        ((0, -1), r"annotations\[1\]\.track_id: -1"),
    ],
)
def test_tracks_that_no_project_can_hold_are_refused(
    project: Project, tmp_path: Path, track_ids: tuple[int, int], words: str
) -> None:
    before = rows(project.path)
    document = document_from([person(2, 1), person(2, 2)], NAMES)
    for record, track_id in zip(document.people, track_ids, strict=True):
        record.track_id = track_id
    write_document(document, tmp_path / "bad.json", "posetrack18")
    with pytest.raises(FormatError, match=r"bad\.json: " + words):
        planned(project, tmp_path / "bad.json")
    assert rows(project.path) == before


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_every_format_comes_back_under_its_name(project: Project, tmp_path: Path, format_name: str) -> None:
    suffix = format_of(format_name).suffix
    people = [person(12, 1, spot=0.1), person(13, 2, spot=0.3)]
    file = labelled(people, tmp_path / f"file{suffix}", format_name=format_name)
    plan = planned(project, file)
    assert plan.format_name == format_name and [p.frame_index for p in plan.labels] == [12, 13]
    write_import(project, plan)
    for wanted in people:
        (found,) = project.people(1, wanted.frame_index)
        assert np.allclose(found.keypoints, wanted.keypoints, atol=1e-3)


def test_a_preview_says_what_writing_says_and_leaves_nothing(tmp_path: Path) -> None:
    document = document_from([person(0, 1)], NAMES[:1], image_size=(640, 480))
    (tmp_path / "out").mkdir()
    for format_name in FORMAT_NAMES:
        if format_name != "slp":
            name = "walk" if format_name == "yolo-pose" else "walk.json"
            summary = preview_document(document, name, format_name)
            assert summary == write_document(document, tmp_path / "out" / f"{format_name}-{name}", format_name)
    unsized, _ = with_joints(document_from([person(0, 1)], NAMES[:1]), COCO17)
    with pytest.raises(FormatError) as refused:
        preview_document(unsized, "walk", "yolo-pose")
    assert "jmpose-preview" not in str(refused.value)


def test_many_people_at_once_are_as_one_by_one(project: Project, tmp_path: Path) -> None:
    new = [person(f, t, spot=0.3 * t, origin=o, seed=9) for f, t, o in ((0, 1, 3), (1, 2, 1), (2, 3, 4), (19, 8, 2))]
    new.append(next(p for p in everything(project) if p.frame_index == 5))  # as it is shown already: nothing changes
    outcomes = []
    for at_once in (False, True):
        with project.step("Put and remove") as step:
            if at_once:
                step.put_all(1, new)
                step.remove_all(1, [(3, 1), (19, 8), (4, 77)])
            else:
                for one in new:
                    step.put(1, one)
                step.remove(1, 3, 1)
                step.remove(1, 19, 8)
        outcomes.append(contents(project.path)["people"])
        project.undo()
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != contents(project.path)["people"]


# Broken files


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed project with work in it, to be copied, beside a good file of each kind."""
    folder = tmp_path_factory.mktemp("prepared")
    with new_project(folder, frame_count=2) as opened:
        found = [person(frame, track, spot=0.2 * track) for frame in range(2) for track in (0, 1)]
        opened.apply_predictions(1, found, text="Predict")
        with opened.step("Correct") as step:
            step.put(1, found[0].with_joint(WRIST, xy=(3.0, 4.0)))
            step.remove(1, 1, 1)
    for kind, data in seeds(folder).items():
        (folder / kind).write_bytes(data)
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(sorted(KINDS)), import_as=st.sampled_from([None, *ImportAs]))
def test_a_mutated_file_changes_nothing_or_is_one_step_that_undo_takes_back(
    prepared: Path, tmp_path: Path, seed: int, kind: str, import_as: ImportAs | None
) -> None:
    rng = random.Random(seed)
    data = mutated((prepared / kind).read_bytes(), KINDS[kind], rng)
    file = tmp_path / f"mutated{KINDS[kind]}"
    file.write_bytes(data)
    copy = Path(shutil.copy(prepared / "a.jmpose", tmp_path / "a.jmpose"))
    shutil.copy(prepared / "clip.mp4", tmp_path / "clip.mp4")
    original, before = copy.read_bytes(), rows(copy)
    with Project.open(copy) as project:
        try:
            plan = planned(project, file, import_as)
            info = write_import(project, plan)
        except JMPoseError as error:
            assert str(file) in str(error), data
            info = plan = None
        if plan is None or info is None:
            assert rows(copy) == before, data
        else:
            _check_wholly_imported(project, plan, before)
    if info is None:
        assert copy.read_bytes() == original, data


def _check_wholly_imported(project: Project, plan: ImportPlan, before: dict[str, list[tuple]]) -> None:
    shown = {(p.frame_index, p.track_id): p for p in everything(project)}
    for label in plan.labels:
        found = shown[label.frame_index, label.track_id]
        assert found.bbox_xyxy == label.bbox_xyxy
        owned = label.origin >= Origin.CORRECTED
        assert np.array_equal(found.keypoints[owned], label.keypoints[owned])
        assert np.array_equal(found.visibility[owned], label.visibility[owned])
    predicted = [p for p in project.predictions_between(1, 0, 2) if p.frame_index in plan.predicted_frames]
    assert sorted(p.bbox_xyxy for p in predicted) == sorted(p.bbox_xyxy for p in plan.predictions)
    after = contents(project.path)
    assert len(rows(project.path)["steps"]) == len(before["steps"]) + 1
    project.undo()
    assert contents(project.path) == {name: before[name] for name in after}
    project.redo()
    assert contents(project.path) == after


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failing=st.integers(1, 12))
def test_a_write_that_fails_in_the_middle_changes_nothing(
    prepared: Path, tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at some change of the step: what was changed before it is taken back."""
    copy = Path(shutil.copy(prepared / "a.jmpose", tmp_path / "a.jmpose"))
    file = tmp_path / "good.json"
    file.write_bytes((prepared / "posetrack18").read_bytes())
    before = rows(copy)
    with Project.open(copy) as project:
        plan = planned(project, file)
        database, calls = project._database, 0
        run_many = database.run_many

        def full_disk(sql: str, parameters: object) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise FormatError("the disk is full")
            run_many(sql, parameters)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(database, "run_many", full_disk)
            try:
                write_import(project, plan)
                assert calls < failing
                return
            except FormatError:
                pass
        assert rows(copy) == before


def test_an_unknown_kind_of_file_names_what_can_be_read(project: Project, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(FormatError, match=r"notes\.txt: unknown kind of file; \.json"):
        planned(project, tmp_path / "notes.txt")
