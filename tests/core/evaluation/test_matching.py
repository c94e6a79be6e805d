"""Images are matched by what they have in common, or as the user says; never by guessing."""

from pathlib import Path

import pytest

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.matching import Source, match_images
from jmpose_core.formats.document import ImageRecord, PoseTrackDocument


def source(*names, ids=None, path="pred.json"):
    ids = ids or [100 + index for index in range(len(names))]
    images = [ImageRecord(id=number, file_name=name) for number, name in zip(ids, names, strict=True)]
    return Source(PoseTrackDocument(images, []), Path(path))


TRUTH = source("images/val/000001_bonn/000000.jpg", "images/val/000001_bonn/000001.jpg", path="gt.json")


@pytest.mark.parametrize(
    ("names", "ids", "by"),
    [
        (("anything.png", "else.png"), [100, 101], "image id"),
        (("000000.jpg", "000001.jpg"), [1, 2], "file name"),
        (("frame_0.png", "frame_1.png"), [1, 2], "frame number"),
        (("000000.jpg", "img00001.png"), [1, 2], "file name or frame number"),
    ],
)
def test_automatic_matching_says_by_what(names, ids, by):
    match = match_images(TRUTH, source(*names, ids=ids))
    assert (match.positions, match.by, match.left_out) == ([0, 1], by, 0)


def test_frames_counted_from_one_are_refused_unless_position_is_asked_for():
    from_one = source("00000001.jpg", "00000002.jpg", ids=[1, 2])
    with pytest.raises(FormatError, match=r"pred\.json: images\[0\]: 00000001\.jpg .*--match position"):
        match_images(TRUTH, from_one)
    with pytest.raises(FormatError, match=r"pred\.json: images: no 000000\.jpg"):
        match_images(TRUTH, from_one, "names")
    match = match_images(TRUTH, from_one, "position")
    assert match.positions == [0, 1]
    assert "position" in match.by


def test_by_name_in_any_order_and_without_what_the_truth_has_not():
    match = match_images(TRUTH, source("000002.jpg", "000001.jpg", "000000.jpg"), "names")
    assert (match.positions, match.left_out) == ([2, 1], 1)


def test_names_that_are_not_unique_are_taken_with_their_folder():
    truth = source("a/0.jpg", "b/0.jpg", path="gt.json")
    assert match_images(truth, source("x/b/0.jpg", "x/a/0.jpg"), "names").positions == [1, 0]
    with pytest.raises(FormatError, match=r"images\[1\]\.file_name: .* is also images\[0\]"):
        match_images(truth, source("x/a/0.jpg", "y/a/0.jpg"), "names")


@pytest.mark.parametrize("match", ["auto", "position"])
def test_another_number_of_images_is_refused(match):
    with pytest.raises(FormatError, match=r"1 images, the ground truth has 2 \(images/val/000001_bonn/000001\.jpg"):
        match_images(TRUTH, source("000000.jpg"), match)
