import json
from pathlib import Path

import pytest

from jmpose_core.errors import FormatError
from train.people.poses import is_validation, read_people

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def test_missing_data_says_what_to_give(tmp_path):
    with pytest.raises(FormatError, match=r"annotations\.json"):
        read_people(tmp_path)


def test_an_annotation_without_its_image_is_named(tmp_path):
    person = {"image_id": 7, "bbox": [0, 0, 1, 1], "keypoints": [1.0] * 51}
    (tmp_path / "annotations.json").write_text(json.dumps({"images": [], "annotations": [person]}))
    with pytest.raises(FormatError, match=r"annotations\[0\]\.image_id 7"):
        read_people(tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_the_split_holds_out_whole_images():
    people = read_people(DATA / "coco")
    held_out = {person.image_id for person in people if is_validation(person)}
    assert held_out == {person.image_id for person in people if person.image_id % 5 == 0}
    assert 100 < sum(map(is_validation, people)) < len(people) / 2
    assert all(person.keypoints.shape == (15, 2) and (person.weight > 0).sum() >= 3 for person in people)
