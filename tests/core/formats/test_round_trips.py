"""What a format holds comes back as it was, for random documents."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from jmpose_core.formats.coco import read_coco, write_coco
from jmpose_core.formats.csv_table import read_csv, write_csv
from jmpose_core.formats.cvat import read_cvat, write_cvat
from jmpose_core.formats.posetrack17 import read_posetrack17, write_posetrack17
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18
from jmpose_core.formats.posetrack21 import read_posetrack21, write_posetrack21
from jmpose_core.formats.posetrack_conversion import posetrack17_from_18, posetrack18_from_17
from jmpose_core.formats.yolo_pose import read_yolo_pose, write_yolo_pose
from tests.core.formats.strategies import documents, documents17

quick = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],  # explaining a failure takes minutes for documents
)


def round_trip(write, read, document, name="file.json"):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        summary = write(document, path)
        return read(path), summary


def labelled_joints(document):
    """Per image, the people with joints as sorted lists of (name, point)."""
    images = []
    for people in document.people_by_image():
        named = [
            sorted((name, *point) for name, point in zip(document.joint_names, person.keypoints.tolist(), strict=True))
            for _, person in people
            if person.keypoints is not None and person.keypoints.any()
        ]
        images.append(sorted([joint for joint in joints if any(joint[1:])] for joints in named))
    return images


@quick
@given(documents())
def test_posetrack18_keeps_every_field(document):
    back, summary = round_trip(write_posetrack18, read_posetrack18, document)
    assert back == document
    assert not summary.dropped


@quick
@given(documents17())
def test_posetrack17_keeps_every_field(document):
    back, _ = round_trip(write_posetrack17, read_posetrack17, document)
    assert back == document


@quick
@given(documents())
def test_posetrack21_keeps_all_but_what_its_summary_names(document):
    back, summary = round_trip(write_posetrack21, read_posetrack21, document)
    assert [replace(p, scores=p.scores or None) for p in document.people] == back.people
    assert summary.dropped.get("images.has_no_densepose", 0) == sum(
        image.has_no_densepose is not None for image in document.images
    )
    for ours, theirs in zip(document.images, back.images, strict=True):
        assert theirs.ignore_regions == (ours.ignore_regions or ())
        assert theirs.has_labeled_person is not None
        assert theirs.extra == ours.extra


@quick
@given(documents())
def test_coco_keeps_every_field_and_fills_in_its_own(document):
    back, summary = round_trip(write_coco, read_coco, document)
    assert not summary.dropped
    assert back.images == document.images
    assert back.categories == document.categories
    for ours, theirs in zip(document.people, back.people, strict=True):
        filled = {
            name: getattr(theirs, name)
            for name in ("bbox_xywh", "id", "category_id", "iscrowd", "area", "num_keypoints")
            if getattr(ours, name) is None
        }
        assert replace(ours, **filled) == theirs


@quick
@given(documents17())
def test_17_to_18_and_back_keeps_the_joints(document):
    points = [point for frame in document.frames for person in frame.people for point in person.points or ()]
    assume(all(point.is_visible != 0 or (point.x, point.y) != (0, 0) for point in points))
    back, _ = posetrack17_from_18(posetrack18_from_17(document))
    for ours, theirs in zip(document.frames, back.frames, strict=True):
        assert theirs.image_name == ours.image_name
        assert theirs.ignore_regions == (ours.ignore_regions or None)
        for before, after in zip(ours.people, theirs.people, strict=True):
            assert before.track_id == after.track_id
            place = {point.id: (point.x, point.y) for point in before.points or ()}
            assert {point.id: (point.x, point.y) for point in after.points or ()} == place


@quick
@given(documents(min_images=1))
def test_csv_keeps_joints_boxes_and_scores(document):
    back, _ = round_trip(write_csv, read_csv, document, "file.csv")
    assert [image.file_name for image in back.images] == [image.file_name for image in document.images]
    kept = [
        person
        for people in document.people_by_image()
        for _, person in people
        if person.track_id is not None
        or person.bbox_xywh
        or person.score is not None
        or (person.keypoints is not None and person.keypoints.any())
    ]
    assert len(back.people) == len(kept)
    for ours, theirs in zip(kept, back.people, strict=True):
        assert theirs.track_id == ours.track_id
        assert theirs.bbox_xywh == ours.bbox_xywh
        assert theirs.score == ours.score
        assert (theirs.scores or ()) == (ours.scores or ())
        assert np.array_equal(theirs.keypoints, ours.keypoints if ours.keypoints is not None else theirs.keypoints * 0)


@quick
@given(documents(min_images=1))
def test_cvat_keeps_tracks_and_joints(document):
    seen = [(person.image_id, person.track_id) for person in document.people if person.track_id is not None]
    assume(len(set(seen)) == len(seen))
    back, summary = round_trip(write_cvat, read_cvat, document, "file.xml")
    assert back.frame_count == len(document.images)
    found = dict(zip((image.frame_index for image in back.images), labelled_joints(back), strict=True))
    assert [found.get(frame, []) for frame in range(len(document.images))] == labelled_joints(document)
    assert summary.dropped.get("annotations.score", 0) == sum(person.score is not None for person in document.people)


def into_picture(document, width, height):
    """The document with every joint and box inside a picture of this size."""
    for image in document.images:
        image.width, image.height = width, height
    for person in document.people:
        if person.bbox_xywh is not None:
            left, top, wide, tall = (abs(value) % (height / 2 - 1) for value in person.bbox_xywh)
            person.bbox_xywh = (left, top, wide + 0.5, tall + 0.5)
        if person.keypoints is not None:
            labelled = person.keypoints.any(axis=1)
            person.keypoints[:, :2] %= (width, height)
            person.keypoints[labelled & ~person.keypoints.any(axis=1), 0] = 1


@quick
@given(documents(min_images=1))
def test_yolo_pose_keeps_joints(document):
    into_picture(document, 640, 360)
    for index, image in enumerate(document.images):
        image.file_name = f"a/{index:06d}.jpg"
    document.people = [p for p in document.people if p.bbox_xywh or (p.keypoints is not None and p.keypoints.any())]
    for person in document.people:
        person.bbox_xywh = person.bbox_xywh or (1.0, 2.0, 3.0, 4.0)
    back, summary = round_trip(write_yolo_pose, read_yolo_pose, document, "yolo")
    assert [len(people) for people in back.people_by_image()] == [len(people) for people in document.people_by_image()]
    for ours, theirs in zip(document.people_by_image(), back.people_by_image(), strict=True):
        for (_, before), (_, after) in zip(ours, theirs, strict=True):
            if before.keypoints is not None:
                assert after.keypoints == pytest.approx(before.keypoints, abs=1e-3)
            assert after.bbox_xywh == pytest.approx(before.bbox_xywh, abs=1e-3)
    assert summary.dropped.get("annotations.track_id", 0) == sum(p.track_id is not None for p in document.people)
