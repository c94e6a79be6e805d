"""Projects find their videos again, and notice when one is not what it was."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jmpose_core.annotations import Origin
from jmpose_core.errors import ProjectError, VideoError
from jmpose_core.project import Project
from tests.builders.projects import everything, person, stand_in_videos, write_video


@pytest.fixture(autouse=True)
def videos() -> Iterator[None]:
    with stand_in_videos():
        yield


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "work" / "a.jmpose") as project:
        yield project


@pytest.fixture(autouse=True)
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_a_video_is_noted_with_what_it_is(project, work):
    record = project.add_video(write_video(work / "clips" / "run.mp4", frame_count=7))
    assert (record.path, record.name, record.frame_count, record.fps) == ("clips/run.mp4", "run.mp4", 7, 25.0)
    assert project.videos() == [record]
    assert project.video_path(record.id) == work / "clips" / "run.mp4"
    assert project.check_video(record.id) is None


def test_a_video_outside_of_the_projects_folder_is_relative_too(project, tmp_path):
    record = project.add_video(write_video(tmp_path / "elsewhere" / "run.mp4"))
    assert record.path == "../elsewhere/run.mp4"
    assert project.video_path(record.id) == tmp_path / "elsewhere" / "run.mp4"


def test_a_relative_argument_means_the_working_folder(project, work, monkeypatch):
    write_video(work / "clips" / "run.mp4")
    monkeypatch.chdir(work / "clips")
    assert project.add_video(Path("run.mp4")).path == "clips/run.mp4"


def test_a_project_moves_together_with_its_video(project, work, tmp_path):
    record = project.add_video(write_video(work / "clips" / "run.mp4"))
    project.close()
    shutil.move(work, tmp_path / "moved")
    with Project.open(tmp_path / "moved" / "a.jmpose") as moved:
        assert moved.video_path(record.id) == tmp_path / "moved" / "clips" / "run.mp4"


def test_the_same_video_is_added_once(project, work):
    path = write_video(work / "run.mp4")
    assert project.add_video(path) == project.add_video(path)
    write_video(path, digest="other")
    with pytest.raises(ProjectError, match="other pictures"):
        project.add_video(path)


def test_a_file_that_is_no_video_is_not_added(project, work):
    (work / "notes.txt").write_text("hello")
    with pytest.raises(VideoError):
        project.add_video(work / "notes.txt")
    assert project.videos() == []


def test_a_missing_video_spoils_only_itself(project, work):
    gone = project.add_video(write_video(work / "gone.mp4"))
    there = project.add_video(write_video(work / "there.mp4"))
    with project.step("Draw") as step:
        step.put(gone.id, person(3, 1, origin=Origin.CORRECTED))
    (work / "gone.mp4").unlink()
    project.close()
    with Project.open(work / "a.jmpose") as again:
        assert len(again.videos()) == 2
        assert again.video_path(there.id).exists()
        assert len(everything(again)) == 1
        with pytest.raises(ProjectError, match=r"gone\.mp4: the video is gone; put it back"):
            again.video_path(gone.id)
        assert "gone" in str(again.check_video(gone.id))


def test_a_video_beside_the_project_is_found_by_name_and_content(project, work, tmp_path):
    record = project.add_video(write_video(tmp_path / "elsewhere" / "run.mp4"))
    shutil.rmtree(tmp_path / "elsewhere")
    write_video(work / "run.mp4", digest="another video of that name")
    with pytest.raises(ProjectError, match="gone"):
        project.video_path(record.id)
    write_video(work / "run.mp4")
    assert project.video_path(record.id) == work / "run.mp4"


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"frame_count": 641}, "has 641 frames, the annotated video has 100"),
        ({"width": 320}, "is 320x480, the annotated video is 640x480"),
        ({"digest": "shifted"}, "shows other pictures"),
    ],
)
def test_another_video_is_refused_and_the_difference_named(project, work, other, difference):
    record = project.add_video(write_video(work / "run.mp4"))
    changed = write_video(work / "changed.mp4", **other)
    with pytest.raises(ProjectError, match=difference):
        project.relocate_video(record.id, changed)
    assert project.video_path(record.id) == work / "run.mp4"
    shutil.copy(changed, work / "run.mp4")
    assert difference in str(project.check_video(record.id))


def test_a_video_is_relocated(project, work, tmp_path):
    record = project.add_video(write_video(work / "run.mp4"))
    (work / "run.mp4").rename(tmp_path / "renamed.mp4")
    assert project.relocate_video(record.id, tmp_path / "renamed.mp4").name == "renamed.mp4"
    assert project.video_path(record.id) == tmp_path / "renamed.mp4"
    twin = project.add_video(write_video(work / "twin.mp4"))
    with pytest.raises(ProjectError, match="another video of this project"):
        project.relocate_video(twin.id, tmp_path / "renamed.mp4")
    with pytest.raises(ProjectError, match="not a video"):
        project.relocate_video(twin.id, tmp_path / "nowhere.mp4")


def test_an_unknown_video_is_named(project):
    with pytest.raises(ProjectError, match="no video 5"):
        project.video_path(5)
