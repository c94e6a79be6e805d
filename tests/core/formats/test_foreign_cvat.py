"""CVAT's XML of every kind: other shapes, keyframes alone, several tasks, images, numbers that cannot be."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.cvat import read_cvat
from jmpose_core.formats.people import annotations_of
from jmpose_core.skeleton import JOINTS
from tests.builders.foreign_files import NOSE, cvat_file, cvat_points, cvat_skeleton, cvat_track

BOX = '<box frame="0" outside="0" xtl="10" ytl="10" xbr="90" ybr="200"/>'


def people(path: Path) -> list[tuple[int, Annotation]]:
    document = read_cvat(path)
    return [(document.images[p.frame_index].frame_index or 0, p) for p in annotations_of(document)]


def nose_x(path: Path) -> dict[int, float]:
    return {frame: round(float(person.keypoints[NOSE, 0]), 3) for frame, person in people(path)}


def test_only_frames_with_people_are_listed_and_the_length_is_known(tmp_path: Path) -> None:
    document = read_cvat(cvat_file(tmp_path / "a.xml", cvat_track(0, cvat_skeleton(4, 300)), size=30))
    assert [image.frame_index for image in document.images] == [4]
    assert document.frame_count == 30 and document.names_made_up


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (BOX, "box track (2)"),
        ('<points frame="0" outside="0" points="1,2;3,4"/>', "points track (2)"),
        ('<polyline frame="0" outside="0" points="1,2;3,4"/>', "polyline track (2)"),
        ("", "empty track (2)"),
    ],
)
def test_tracks_of_other_shapes_are_left_out_with_a_word(tmp_path: Path, shape: str, said: str) -> None:
    others = [cvat_track(7, shape), cvat_track(8, shape)]
    document = read_cvat(cvat_file(tmp_path / "a.xml", cvat_track(0, cvat_skeleton(4, 300)), *others))
    assert len(document.people) == 1 and document.notes == [f"left out, as they are no skeletons: {said}"]
    with pytest.raises(FormatError, match=rf"no skeleton in it, but {said[:5]}"):
        read_cvat(cvat_file(tmp_path / "b.xml", *others))


def test_between_keyframes_joints_move_in_a_straight_line(tmp_path: Path) -> None:
    track = cvat_track(0, cvat_skeleton(0, 300), cvat_skeleton(10, 320), cvat_skeleton(11, 320, outside="1"))
    path = cvat_file(tmp_path / "a.xml", track)
    assert nose_x(path) == {frame: 365.0 + 2 * frame for frame in range(11)}
    assert read_cvat(path).notes == ["people between keyframes, interpolated as CVAT shows them (9)"]


def test_a_person_who_is_outside_is_not_filled_in_until_the_next_keyframe(tmp_path: Path) -> None:
    leaves = [cvat_skeleton(0, 300), cvat_skeleton(2, 300, outside="1"), cvat_skeleton(5, 350)]
    assert sorted(nose_x(cvat_file(tmp_path / "a.xml", cvat_track(0, *leaves)))) == [0, 1, 5]


def test_a_joint_that_the_next_keyframe_lacks_stays_and_a_hidden_one_stays_hidden(tmp_path: Path) -> None:
    first = f'<skeleton frame="0">{cvat_points(JOINTS, 300, occluded="1")}</skeleton>'
    second = f'<skeleton frame="2">{cvat_points(JOINTS[:5], 310)}{cvat_points(JOINTS[5:], 310, outside="1")}</skeleton>'
    found = dict(people(cvat_file(tmp_path / "a.xml", cvat_track(0, first, second))))
    assert found[1].keypoints[:5, 0].tolist() == [305 + 5 * i for i in range(5)]
    assert found[1].keypoints[5:, 0].tolist() == [300 + 5 * i for i in range(5, 15)]
    assert (found[1].visibility == Visibility.OCCLUDED).all()
    assert (found[2].visibility[5:] == Visibility.ABSENT).all()


def test_skeletons_in_any_order_are_one_track(tmp_path: Path) -> None:
    track = cvat_track(0, *(cvat_skeleton(frame, 300 + frame) for frame in (3, 1, 2)))
    assert nose_x(cvat_file(tmp_path / "a.xml", track)) == {1: 366, 2: 367, 3: 368}


def project_meta(tag: str) -> str:
    tasks = "".join(f"<task><id>{i}</id><name>{n}</name><{tag}>{n}.mp4</{tag}></task>" for i, n in ((7, "a"), (8, "b")))
    return f"<project><id>1</id><tasks>{tasks}</tasks></project>"


def test_each_task_of_a_project_has_a_folder_of_its_own(tmp_path: Path) -> None:
    tracks = [cvat_track(i, cvat_skeleton(4, 300 + i), attributes=f'task_id="{7 + i}"') for i in range(2)]
    document = read_cvat(cvat_file(tmp_path / "a.xml", *tracks, meta=project_meta("source")))
    placed = {document.images[p.frame_index].file_name: p.keypoints[NOSE, 0] for p in annotations_of(document)}
    assert placed == {"a.mp4/000004.jpg": 365, "b.mp4/000004.jpg": 366}
    folders = {image.file_name.split("/")[0] for image in document.images}
    only_first = read_cvat(cvat_file(tmp_path / "b.xml", tracks[0], meta=project_meta("x")))
    assert folders == {"a.mp4", "b.mp4"}
    assert {image.file_name.split("/")[0] for image in only_first.images} == {"a", "b"}  # though b has nobody
    with pytest.raises(FormatError, match="track 5: of no task that the file names"):
        read_cvat(cvat_file(tmp_path / "c.xml", cvat_track(5, cvat_skeleton(0, 1)), meta=project_meta("x")))


def test_cvat_for_images_is_read_with_its_image_names(tmp_path: Path) -> None:
    skeleton = f'<skeleton label="person">{cvat_points(JOINTS, 300)}</skeleton>'
    images = (
        f'<image id="0" name="shots/b.png" width="640" height="360">{skeleton}{skeleton}</image>'
        f'<image id="1" name="shots/a.png" width="640" height="360"/>'
        f'<image id="2" name="frame_000002" width="640" height="360">{BOX}{skeleton}</image>'
    )
    document = read_cvat(cvat_file(tmp_path / "a.xml", images))
    assert [image.file_name for image in document.images] == ["shots/b.png", "shots/a.png", "frame_000002"]
    assert [person.image_id - document.images[0].id for person in document.people] == [0, 0, 2]
    assert not document.names_made_up and document.images[2].frame_index == 2
    assert document.notes == ["left out, as they are no skeletons: box (1)"]


@pytest.mark.parametrize(
    ("frames", "size", "words"),
    [
        ((9999999,), 30, "track 0, frame 9999999: the file has 30 frames"),
        ((0, 9999999), None, "track 0, frames 0 to 9999999: too far apart"),
        ((0, 99999999), None, "frame 99999999: a frame twice, or out of range"),
        ((-1,), 30, "frame -1: a frame twice, or out of range"),
    ],
)
def test_frame_numbers_that_cannot_be_are_refused_without_memory(
    tmp_path: Path, frames: tuple[int, ...], size: int | None, words: str
) -> None:
    path = cvat_file(tmp_path / "a.xml", cvat_track(0, *(cvat_skeleton(frame, 300) for frame in frames)), size=size)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=words):
            read_cvat(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_a_far_frame_or_a_long_video_alone_costs_nothing(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        far = read_cvat(cvat_file(tmp_path / "a.xml", cvat_track(0, cvat_skeleton(9999998, 300)), size=9999999))
        assert [image.frame_index for image in far.images] == [9999998]
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_a_step_between_frames_counts_all_frames(tmp_path: Path) -> None:
    meta = "<task><size>3</size><start_frame>10</start_frame><stop_frame>20</stop_frame></task>"
    document = read_cvat(cvat_file(tmp_path / "a.xml", cvat_track(0, cvat_skeleton(20, 300)), meta=meta))
    assert document.frame_count == 21 and np.isclose(document.people[0].keypoints.max(), 370)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_xml_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    path = cvat_file(tmp_path / "a.xml", cvat_track(0, cvat_skeleton(4, 300)))
    path.write_bytes(path.read_text().encode(encoding))
    assert nose_x(path) == {4: 365}
