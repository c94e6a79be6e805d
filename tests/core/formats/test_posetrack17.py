import json

import pytest

from jmpose_core.errors import FormatError
from jmpose_core.formats.coco_family import values_of
from jmpose_core.formats.posetrack17 import as_posetrack17, read_posetrack17, write_posetrack17
from jmpose_core.formats.posetrack18 import read_posetrack18
from jmpose_core.formats.posetrack_conversion import parsed_image_name, posetrack17_from_18, posetrack18_from_17
from tests.core.formats.fixtures import CONFORMANCE, needs_conformance, without_number_formats

CONVERT = CONFORMANCE / "convert"


def plain(values):
    """As JSON reads it back: tuples are lists."""
    return without_number_formats(json.loads(json.dumps(values)))


def assert_close(ours, reference, place="$"):
    if isinstance(reference, dict):
        assert ours.keys() == reference.keys(), place
        for name, value in reference.items():
            assert_close(ours[name], value, f"{place}.{name}")
    elif isinstance(reference, list):
        assert len(ours) == len(reference), place
        for index, value in enumerate(reference):
            assert_close(ours[index], value, f"{place}[{index}]")
    elif isinstance(reference, float):
        assert ours == pytest.approx(reference, abs=1e-9), place
    else:
        assert ours == reference, place


@needs_conformance
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_reference_files_are_written_back(side, tmp_path):
    for path in (CONFORMANCE / "c07_pt17" / side).glob("*.json"):
        copy = tmp_path / path.name
        write_posetrack17(read_posetrack17(path), copy)
        before, after = (json.dumps(without_number_formats(json.loads(file.read_bytes()))) for file in (path, copy))
        assert after == before


@needs_conformance
@pytest.mark.parametrize("name", ["pt18_gt", "pt18_pred", "pt21_gt"])
def test_18_to_17_as_poseval_does_it(name):
    document, _ = posetrack17_from_18(read_posetrack18(CONVERT / f"{name}.in.json"))
    assert_close(plain(as_posetrack17(document)), plain(json.loads((CONVERT / f"{name}.out.json").read_bytes())))


@needs_conformance
def test_17_to_18_as_poseval_does_it():
    document = posetrack18_from_17(read_posetrack17(CONVERT / "pt17_gt.in.json"))
    assert_close(plain(values_of(document)), plain(json.loads((CONVERT / "pt17_gt.out.json").read_bytes())))


@needs_conformance
def test_what_17_cannot_hold_is_counted():
    source = read_posetrack18(CONVERT / "pt21_gt.in.json")
    _, summary = posetrack17_from_18(source)
    assert summary.dropped["annotations.person_id"] == len(source.people)
    assert summary.dropped["images.vid_id"] == len(source.images)


def file_of(point, **person):
    rect = {"track_id": [0], "annopoints": [{"point": [point]}]} | person
    return {"annolist": [{"image": [{"name": "a/00000001.jpg"}], "annorect": [rect]}]}


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (file_of({"id": [15], "x": [1], "y": [1]}), "annolist[0].annorect[0].annopoints[0].point[0].id"),
        (file_of({"id": [1], "x": [], "y": [1]}), "point[0].x: missing"),
        (file_of({"id": [1], "x": ["one"], "y": [1]}), "annolist[0].annorect[0].annopoints[0].point[0].x[0]"),
        (file_of({"id": [1], "x": [1], "y": [1]}, x1=[3]), "annolist[0].annorect[0]"),
        (file_of({"id": [1], "x": [1], "y": [1]}, track_id=[1.5]), "track_id: 1.5 is not a whole number"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, values, place):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(values))
    with pytest.raises(FormatError) as caught:
        read_posetrack17(path)
    assert place in str(caught.value)


def test_bare_scalars_and_a_bare_image_are_read(tmp_path):
    path = tmp_path / "file.json"
    rect = {"track_id": 3, "annopoints": [{"point": [{"id": 13, "x": 1.5, "y": 2}]}]}
    path.write_text(json.dumps({"annolist": [{"image": {"name": "x.jpg"}, "annorect": [rect]}]}))
    frame = read_posetrack17(path).frames[0]
    assert frame.people[0].track_id == 3
    assert frame.people[0].points is not None
    assert frame.people[0].points[0].x == 1.5


@pytest.mark.parametrize(
    ("name", "frame_id"),
    [
        ("images/val/003418_mpii_test/000000.jpg", 10034180000),
        ("images/bonn_5sec/000342_bonn/00000012.jpg", 20003420012),
        ("images/val/000001_mpiinew_test/000007.jpg", 30000010007),
    ],
)
def test_frame_ids_from_image_names(name, frame_id):
    parsed = parsed_image_name(name)
    assert parsed is not None
    assert parsed.frame_id == frame_id


@pytest.mark.parametrize("name", ["images/my_video/000000.jpg", "000342_mpii/crop.jpg", "000000.jpg"])
def test_names_of_another_make(name):
    assert parsed_image_name(name) is None
