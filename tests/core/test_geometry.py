import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core import geometry

numbers = st.floats(-2000, 2000)
sides = st.floats(1, 3000)


@st.composite
def boxes(draw):
    left, top = draw(numbers), draw(numbers)
    return left, top, left + draw(sides), top + draw(sides)


@given(boxes(), st.sampled_from([(256, 192), (384, 288), (192, 160)]))
def test_crop_holds_the_enlarged_box_about_its_centre(box, size):
    crop_from_image = geometry.crop_from_image(box, size)
    left, top, right, bottom = box
    corners = geometry.apply(crop_from_image, np.array([[left, top], [right, bottom]]))
    height, width = size
    centre = corners.mean(axis=0)
    np.testing.assert_allclose(centre, [(width - 1) / 2, (height - 1) / 2], atol=1e-6)
    extent = corners[1] - corners[0]
    # The tighter side keeps exactly the margin of 25 %, the other a larger one.
    np.testing.assert_allclose(max(extent / (width, height)), 1 / 1.25, rtol=1e-9)


@given(boxes(), st.lists(st.tuples(numbers, numbers), min_size=1, max_size=15))
def test_image_to_crop_and_back_is_the_same_point(box, points):
    crop_from_image = geometry.crop_from_image(box, (256, 192))
    there = geometry.apply(crop_from_image, np.array(points))
    back = geometry.apply(geometry.inverse(crop_from_image), there)
    np.testing.assert_allclose(back, points, atol=1e-6)


@given(boxes())
def test_composed_map_is_one_after_the_other(box):
    crop_from_image = geometry.crop_from_image(box, (256, 192))
    heatmap_from_crop = geometry.scaled(1 / 4)
    point = np.array([[12.0, 34.0]])
    np.testing.assert_allclose(
        geometry.apply(geometry.compose(heatmap_from_crop, crop_from_image), point),
        geometry.apply(heatmap_from_crop, geometry.apply(crop_from_image, point)),
        atol=1e-9,
    )


def test_a_cell_lies_in_the_middle_of_its_pixels():
    # Cell 0 covers pixels 0 to 3, whose middle is 1.5.
    np.testing.assert_allclose(geometry.apply(geometry.scaled(1 / 4), np.array([1.5, 5.5])), [0, 1])


def test_empty_box_is_refused():
    with pytest.raises(ValueError, match="no area"):
        geometry.crop_from_image((5, 5, 5, 9), (256, 192))


@given(st.lists(boxes(), min_size=1, max_size=6))
def test_iou_is_one_with_itself_symmetric_and_within_bounds(found):
    array = np.array(found)
    overlap = geometry.iou(array, array)
    np.testing.assert_allclose(np.diag(overlap), 1)
    np.testing.assert_allclose(overlap, overlap.T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-12)).all()


def test_iou_of_half_a_box():
    assert geometry.iou(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 1]]))[0, 0] == pytest.approx(0.5)
