from pathlib import Path

import numpy as np
import pytest

from jmpose_core.errors import FormatError
from train.people.films import films_of, held_out_people, is_held_out
from train.people.poses import is_validation_image
from train.teachers.tinypose import TinyPose

DATA = Path(__file__).parents[2].parent / "shared" / "data"
with_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


def test_a_folder_without_its_list_of_films_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"sources\.json"):
        films_of(tmp_path)


@with_data
def test_the_split_goes_by_source_film():
    films = films_of(DATA / "videos" / "jhmdb")
    held_out = {film for film in films.values() if is_held_out(film)}
    assert len(films) == 299 and len(held_out) == 30
    assert sum(film in held_out for film in films.values()) == 62


@with_data
def test_held_out_people_have_boxes_about_their_joints():
    person = next(held_out_people(DATA / "videos" / "jhmdb", step=10))
    left, top, right, bottom = person.bbox_xyxy
    joints = person.keypoints[person.weight > 0]
    assert 10 <= len(joints) <= 13
    assert ((joints > [left - 20, top - 20]) & (joints < [right + 20, bottom + 20])).all()
    assert person.image().shape == (240, 320, 3)


def test_the_second_part_of_coco_is_held_out_as_the_first():
    assert is_validation_image("coco2", 785) and not is_validation_image("coco2", 786)


@with_data
def test_tinypose_finds_an_upright_person():
    pytest.importorskip("ncnn", reason="the TinyPose teacher needs ncnn")
    teacher = TinyPose(DATA / "teachers" / "tinypose_256x192.param")
    person = next(held_out_people(DATA / "videos" / "jhmdb", step=10))
    pose = teacher.pose(person.image(), person.bbox_xyxy)
    assert pose.shape == (17, 3) and (pose[:, 2] <= 1.1).all()
    shoulder, hip = person.keypoints[9], person.keypoints[3]
    assert np.linalg.norm(pose[5, :2] - shoulder) < 0.35 * np.linalg.norm(shoulder - hip)
