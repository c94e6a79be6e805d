import math

import pytest

from jmpose_core.formats.document import fields_but
from jmpose_core.formats.numerals import coordinate, whole_number


@pytest.mark.parametrize(("text", "number"), [(" 12 ", 12), ("-3", -3), ("9" * 18, 10**18 - 1)])
def test_whole_numbers(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-", "--5", "1.0", "1e3", "9" * 19, "²"])
def test_what_is_no_whole_number(text):
    assert whole_number(text) is None


def test_coordinates_are_finite_and_in_range():
    assert (coordinate(" -1.5e3"), coordinate("1e7")) == (-1500.0, 1e7)
    assert all(math.isnan(coordinate(text)) for text in ("", "x", "nan", "inf", "-inf", "1.1e7", "1,5"))


def test_a_format_names_what_it_keeps_of_a_document():
    dropped = fields_but("images.width", "annotations.score")
    assert "images.height" in dropped
    assert "annotations.person_id" in dropped
    assert not {"images.width", "annotations.score", "annotations.keypoints"} & set(dropped)
    with pytest.raises(ValueError, match=r"no such fields: images\.widht"):
        fields_but("images.widht")
