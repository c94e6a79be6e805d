"""jmpose import and export of real projects: nothing is written over, nobody changes frame or video."""

import os
from pathlib import Path

import numpy as np
import pytest

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.formats.table import FORMATS, Format, format_of
from jmpose_core.project import Project
from tests.builders.exchange import (
    FRAMES,
    NAMES,
    image_folder,
    label_file,
    people_of,
    places,
    project_of,
    put,
    run_cli,
)
from tests.builders.foreign_files import coco_person, coco_values, cvat_file, cvat_skeleton, cvat_track, write_json
from tests.builders.numbered_clips import write_clip
from tests.builders.projects import person


def label(frame: int, track: int, spot: float = 0.0) -> Annotation:
    return person(frame, track, spot=spot, origin=Origin.CORRECTED)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of pictures with two labelled people."""
    path = project_of(tmp_path / "p.jmpose", image_folder(tmp_path / "walk"))
    put(path, [label(2, 0, 0.05), label(4, 1, 0.1)])
    return path


def said(capsys: pytest.CaptureFixture) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


# What an export must not write over


def test_an_export_never_replaces_a_project(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """`jmpose export *.jmpose` gives one project as the place of another's people."""
    other = project_of(tmp_path / "q.jmpose", image_folder(tmp_path / "run"))
    (tmp_path / "q.json").write_bytes(other.read_bytes())
    for place in (other, project, tmp_path / "new.jmpose", tmp_path / "q.json"):
        before = place.read_bytes() if place.exists() else None
        assert run_cli("export", project, place, "--overwrite") == 1, place
        assert (place.read_bytes() if place.exists() else None) == before
    assert "q.json: is a project or another database; choose another name" in said(capsys)


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_an_export_never_replaces_a_video_or_picture(tmp_path: Path, row: Format) -> None:
    video = tmp_path / "walk.mp4"
    write_clip(video, range(FRAMES))
    link = tmp_path / f"link{row.suffix}"
    link.symlink_to(video)
    path = project_of(tmp_path / "p.jmpose", video)
    for place in (video, link):
        before = place.read_bytes()
        assert run_cli("export", path, place, "--format", row.name, "--overwrite") == 1
        assert place.read_bytes() == before and link.is_symlink()


def test_an_export_never_replaces_a_picture_a_folder_or_a_device(project: Path, tmp_path: Path) -> None:
    picture = tmp_path / "walk" / "000003.jpg"
    before = picture.read_bytes()
    (tmp_path / "folder.json").mkdir()
    assert run_cli("export", project, picture, "--overwrite") == 1
    assert run_cli("export", project, tmp_path / "walk", "--format", "yolo-pose") == 0
    assert picture.read_bytes() == before and (tmp_path / "walk" / "walk" / "data.yaml").is_file()
    assert run_cli("export", project, tmp_path / "folder.json") == 0  # a folder is a folder whatever its name
    assert (tmp_path / "folder.json" / "walk.json").is_file()


@pytest.mark.parametrize("place", ["l.json/x.json", "l.json/x", "out.txt", "out.xml"])
def test_a_place_that_cannot_be_is_one_line(
    project: Path, tmp_path: Path, place: str, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "l.json").write_text("{}")
    assert run_cli("export", project, tmp_path / place) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and "Traceback" not in message and place.split("/")[0] in message
    assert (tmp_path / "l.json").read_text() == "{}"


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="needs /dev/stdout")
def test_the_terminal_is_no_place_for_a_file(project: Path, capsys: pytest.CaptureFixture) -> None:
    assert run_cli("export", project, "/dev/stdout") == 1
    assert "is neither a folder nor a .json file" in said(capsys)


def test_a_pipe_is_no_place_for_a_file(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert run_cli("export", project, tmp_path / "pipe.json", "--overwrite") == 1
    assert (tmp_path / "pipe.json").is_fifo()


def test_a_file_that_exists_is_replaced_on_the_users_word_alone(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "gt.json").write_text("mine")
    assert run_cli("export", project, tmp_path / "gt.json") == 1
    assert "gt.json: exists; choose another name" in said(capsys) and (tmp_path / "gt.json").read_text() == "mine"
    assert run_cli("export", project, tmp_path / "gt.json", "--overwrite") == 0
    assert len((tmp_path / "gt.json").read_text()) > 1000


def test_figures_are_not_written_over_what_is_measured(project: Path, tmp_path: Path) -> None:
    assert run_cli("export", project, tmp_path / "gt.json") == 0
    before = (tmp_path / "gt.json").read_bytes()
    for place in (tmp_path / "gt.json", project):
        words = ("--gt", tmp_path / "gt.json", "--pred", tmp_path / "gt.json", "--metric", "pck", "--json", place)
        assert run_cli("eval", *words) == 1
    assert (tmp_path / "gt.json").read_bytes() == before


# Several videos


@pytest.mark.parametrize(
    ("first", "second", "files"),
    [
        ("a/walk", "b/walk", ["a_walk.json", "b_walk.json"]),
        ("c/a/walk", "d/a/walk", ["c_a_walk.json", "d_a_walk.json"]),
        ("walk", "run", ["run.json", "walk.json"]),
        ("walk.1", "walk.2", ["walk.1.json", "walk.2.json"]),
    ],
)
def test_two_videos_are_two_files_that_come_back_in_any_order(
    tmp_path: Path, first: str, second: str, files: list[str]
) -> None:
    folders = [image_folder(tmp_path / first), image_folder(tmp_path / second)]
    path, copy = (project_of(tmp_path / name, *folders) for name in ("p.jmpose", "q.jmpose"))
    put(path, [label(2, 0, 0.05)])
    put(path, [label(4, 0, 0.1)], video=1)
    assert run_cli("export", path, tmp_path / "out") == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == files
    for order in (1, -1):
        assert run_cli("import", copy, *sorted((tmp_path / "out").iterdir())[::order]) == 0
        assert (places(copy), places(copy, 1)) == ([(2, 50)], [(4, 100)])


def test_files_go_by_the_folder_of_their_images_and_by_their_own_names(tmp_path: Path) -> None:
    folders = [image_folder(tmp_path / name) for name in ("walk", "run")]
    files = [
        label_file(tmp_path / "x.json", [label(4, 0, 0.1)], [f"images/run/{name}" for name in NAMES]),
        label_file(tmp_path / "walk-coco.json", [label(2, 0, 0.05)]),
    ]
    path = project_of(tmp_path / "p.jmpose", *folders)
    assert run_cli("import", path, *files) == 0
    assert (places(path), places(path, 1)) == ([(2, 50)], [(4, 100)])


def test_files_without_a_video_are_taken_in_order_only_where_none_names_one_and_each_has_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = project_of(tmp_path / "p.jmpose", *(image_folder(tmp_path / name) for name in ("walk", "run")))
    one, two = (label_file(tmp_path / f"{n}.json", [label(n, 0, 0.1)]) for n in (1, 2))
    assert run_cli("import", path, one) == 1
    assert "1.json: of which video (walk, run)? Name the file as its video, or say it with --video" in said(capsys)
    assert run_cli("import", path, one, "--video", "run") == 0
    assert (places(path), places(path, 1)) == ([], [(1, 100)])
    assert run_cli("import", path, one, label_file(tmp_path / "run.json", [])) == 1
    assert run_cli("import", path, two, one) == 0
    assert (places(path), places(path, 1)) == ([(2, 100)], [(1, 100)])
    assert run_cli("import", path, one, "--video", "jump") == 1
    assert "--video jump: no video of that name; choose of walk, run" in said(capsys)


def test_a_file_of_another_video_of_the_project_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = project_of(tmp_path / "p.jmpose", *(image_folder(tmp_path / name) for name in ("walk", "run")))
    file = label_file(tmp_path / "x.json", [label(4, 0)], [f"run/{name}" for name in NAMES])
    assert run_cli("import", path, file, "--video", "walk") == 1
    assert "lie in the folder run, which is another video of the project than walk" in said(capsys)


# What people are


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_labels_come_back_as_labels_on_their_frames(tmp_path: Path, row: Format) -> None:
    """From a folder whose names count from 1, which no reader may take for frames that count from 0."""
    folder = image_folder(tmp_path / "walk", first=1)
    path, copy = (project_of(tmp_path / name, folder) for name in ("p.jmpose", "q.jmpose"))
    put(path, [label(2, 0, 0.05), label(4, 1, 0.1), person(5, 2, spot=0.2).with_joint(3, xy=(230.0, 40.0))])
    out = tmp_path / f"out{row.suffix}"
    assert run_cli("export", path, out, "--format", row.name) == 0
    assert run_cli("import", copy, out if row.suffix else out / "walk") == 0
    before, after = people_of(path), people_of(copy)
    assert [p.frame_index for p in after] == [2, 4, 5]
    assert all((p.origin == Origin.CORRECTED).all() for p in after)
    for ours, theirs in zip(before, after, strict=True):
        assert np.allclose(ours.keypoints, theirs.keypoints, atol=1e-3)


@pytest.mark.parametrize("name", [row.name for row in FORMATS if "confidences" in row.holds])
def test_predictions_come_back_as_predictions_beside_labels(tmp_path: Path, name: str) -> None:
    folder = image_folder(tmp_path / "walk")
    path, copy = (project_of(tmp_path / end, folder) for end in ("p.jmpose", "q.jmpose"))
    put(path, [label(2, 0, 0.05), person(3, 1, spot=0.1)])
    out = tmp_path / f"out{format_of(name).suffix}"
    assert run_cli("export", path, out, "--format", name) == 0
    assert run_cli("import", copy, out) == 0
    assert [int(p.origin.max()) for p in people_of(copy)] == [Origin.CORRECTED, Origin.PREDICTED]
    for scores, expected in (("all", Origin.PREDICTED), ("none", Origin.CORRECTED)):
        assert run_cli("export", path, out, "--format", name, "--scores", scores, "--overwrite") == 0
        fresh = project_of(tmp_path / f"{scores}.jmpose", folder)
        assert run_cli("import", fresh, out) == 0
        assert {int(p.origin.max()) for p in people_of(fresh)} == {expected}


@pytest.mark.parametrize(("which", "frames"), [("all", [2, 3, 4]), ("labelled", [2, 4]), ("done", [4])])
def test_only_people_whom_somebody_has_seen_are_written_where_that_is_asked_for(
    tmp_path: Path, which: str, frames: list[int]
) -> None:
    folder = image_folder(tmp_path / "walk")
    path, copy = (project_of(tmp_path / end, folder) for end in ("p.jmpose", "q.jmpose"))
    partly = person(2, 0, spot=0.05).with_joint(3, origin=Origin.VERIFIED)
    put(path, [partly, person(3, 0, spot=0.1), label(4, 0, 0.15)])
    out = tmp_path / "out.json"
    assert run_cli("export", path, out, "--people", which) == 0
    assert run_cli("import", copy, out) == 0
    assert [one.frame_index for one in people_of(copy)] == frames


# What is said, and what is asked for


def test_what_is_left_out_is_said(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    crowd = coco_person(1, iscrowd=1, keypoints=[0] * 45)
    empty = coco_person(2, keypoints=[], bbox=[0, 0, 0, 0])
    values = coco_values(NAMES, [coco_person(0), crowd, empty, coco_person(3, category_id=7)])
    assert run_cli("import", project, write_json(tmp_path / "x.json", values)) == 0
    text = said(capsys)
    assert "1 people from" in text and "1 group of people (iscrowd) left out" in text
    assert "people without joints and without a box, left out (1)" in text
    assert "not persons, left out: unknown category (1)" in text


def test_numbered_joints_are_refused_until_the_user_names_them(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    labels = [str(number) for number in range(1, 18)]
    file = cvat_file(tmp_path / "x.xml", cvat_track(0, cvat_skeleton(3, 10, labels)), size=FRAMES)
    assert run_cli("import", project, file) == 1
    assert 'none of them (1, 2, 3, 4, 5…) is known; say which is which, as in --joint "1=nose"' in said(capsys)
    assert run_cli("import", project, file, "--joint", "1=nose", "--joint", "2=head_bottom") == 0
    (found,) = (p for p in people_of(project) if p.frame_index == 3)
    assert np.flatnonzero(found.visibility).tolist() == [12, 13]
    assert "not kept by a project: 17 (1)" in said(capsys)
    for wrong in ("1", "99=nose", "1=tail"):
        assert run_cli("import", project, file, "--joint", wrong) == 1


def test_position_is_taken_where_it_is_asked_for(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = label_file(tmp_path / "x.json", [label(3, 5, 0.2)], [f"{letter}.png" for letter in "abcdef"])
    assert run_cli("import", project, file) == 1
    assert "have image N taken for frame N (--by-position)" in said(capsys)
    assert run_cli("import", project, file, "--by-position") == 0
    assert (3, 200) in places(project)
    short = label_file(tmp_path / "y.json", [label(3, 5)], [f"{letter}.png" for letter in "abcde"])
    assert run_cli("import", project, short, "--by-position") == 1
    assert "5 images, but walk has 6 frames" in said(capsys)


def test_a_frame_that_cannot_be_is_refused(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    head = "frame,file_name,track_id,bbox_x,bbox_y,bbox_w,bbox_h,score,nose_x,nose_y,nose_v,nose_score\n"
    (tmp_path / "x.csv").write_text(head + "9999999,,0,280,40,100,300,,300,60,1,\n")
    before = places(project)
    assert run_cli("import", project, tmp_path / "x.csv") == 1
    assert "1 of 1 images are no frame of walk" in said(capsys) and places(project) == before


def test_other_images_of_a_file_with_several_videos_are_no_misfits(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    names = [f"images/{folder}/{name}" for folder in ("walk", "other") for name in NAMES]
    file = label_file(tmp_path / "x.json", [label(1, 0, 0.1), label(FRAMES + 1, 0, 0.2)], names)
    assert run_cli("import", project, file) == 0
    assert (1, 100) in places(project) and "images of other videos, left out (6)" in said(capsys)


def test_undo_takes_an_import_back(project: Path, tmp_path: Path) -> None:
    before = places(project)
    assert run_cli("import", project, label_file(tmp_path / "x.json", [label(2, 9, 0.3)])) == 0
    assert places(project) != before
    with Project.open(project) as opened:
        opened.undo()
    assert places(project) == before
