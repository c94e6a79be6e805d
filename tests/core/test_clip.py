import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core import geometry
from jmpose_core.estimation.clip import DELTA, cut, segments

SIZE = (256, 192)


@given(st.sets(st.integers(0, 80), min_size=1, max_size=60), st.booleans(), st.floats(0, 15))
def test_segments_cover_each_box_once_with_its_supporting_frames(frames, exact, speed):
    boxes = {frame: (frame * speed, 10.0, frame * speed + 100, 250.0) for frame in frames}
    found = list(segments(7, boxes, 81, SIZE, exact=exact))
    keys = [frame for segment in found for frame in segment.key_frames]
    assert keys == sorted(frames)
    for segment in found:
        assert segment.track_id == 7
        for index, key in enumerate(segment.key_frames):
            window = segment.frames[index : index + 2 * DELTA + 1]
            assert window == tuple(min(max(key + d, 0), 80) for d in range(-DELTA, DELTA + 1))
            assert segment.bboxes_xyxy[index] == boxes[key]
            corners = np.array(boxes[key]).reshape(2, 2)
            inside = geometry.apply(segment.crop_from_image, corners)
            assert (inside >= -0.5).all() and (inside <= (SIZE[1] - 0.5, SIZE[0] - 0.5)).all()
        if exact:
            assert len(segment.key_frames) == 1


def test_a_still_person_is_cropped_alike_and_a_fast_one_anew():
    still = dict.fromkeys(range(24), (10.0, 10.0, 110.0, 250.0))
    fast = {frame: (10.0 + 60 * frame, 10.0, 110.0 + 60 * frame, 250.0) for frame in range(24)}
    assert len(list(segments(0, still, 24, SIZE, exact=False))) == 2
    assert len(list(segments(0, fast, 24, SIZE, exact=False))) > 6


def test_shrinking_cut_agrees_with_the_map():
    # A bright square in a large picture is found where the map says.
    image = np.zeros((1200, 1600, 3), np.uint8)
    image[580:620, 780:820] = 255
    crop_from_image = geometry.crop_from_image((400.0, 100.0, 1200.0, 1100.0), SIZE)
    crop = cut(image, crop_from_image, SIZE)
    rows, columns = np.nonzero(crop[..., 0] > 60)
    expected = geometry.apply(crop_from_image, np.array([799.5, 599.5]))
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=0.5)


def test_a_crop_outside_the_picture_is_black():
    image = np.full((100, 100, 3), 200, np.uint8)
    far = geometry.crop_from_image((5000.0, 5000.0, 9000.0, 9900.0), SIZE)
    assert not cut(image, far, SIZE).any()
