import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core import geometry
from jmpose_core.estimation.clip import DELTA, ENLARGE, cut, segments

SIZE = (256, 192)


@given(st.sets(st.integers(0, 80), min_size=1, max_size=60), st.data(), st.booleans(), st.floats(0, 15))
def test_every_key_frame_is_cropped_by_its_own_box_and_has_its_supporting_frames(frames, data, exact, speed):
    boxes = {frame: (frame * speed, 10.0, frame * speed + 100, 250.0) for frame in frames}
    keys = sorted(data.draw(st.sets(st.sampled_from(sorted(frames)))))
    found = list(segments(7, boxes, keys, 81, SIZE, exact=exact))
    assert [frame for segment in found for frame in segment.key_frames] == keys
    assert len(found) == (len(keys) if exact else min(1, len(keys)))
    for segment in found:
        assert segment.track_id == 7
        assert list(segment.frames) == sorted(set(segment.frames))
        assert len(segment.crops_from_image) == len(segment.frames)
        for key, window, box in zip(segment.key_frames, segment.windows, segment.bboxes_xyxy, strict=True):
            shown = [segment.frames[place] for place in window]
            assert shown == [min(max(key + d, 0), 80) for d in range(-DELTA, DELTA + 1)]
            assert box == boxes[key]
            own = geometry.crop_from_image(box, SIZE, enlarge=ENLARGE)
            np.testing.assert_allclose(segment.crops_from_image[window[DELTA]], own)
            if exact:
                np.testing.assert_allclose(segment.crops_from_image, np.broadcast_to(own, (len(segment.frames), 2, 3)))


def test_a_supporting_frame_without_a_box_is_cropped_between_its_neighbours():
    boxes = {4: (0.0, 0.0, 100.0, 200.0), 8: (40.0, 0.0, 140.0, 200.0)}
    (segment,) = segments(0, boxes, [4, 8], 20, SIZE, exact=False)
    assert segment.frames == (2, 3, 4, 5, 6, 7, 8, 9, 10)
    centres = [
        geometry.apply(geometry.inverse(crop), np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2]))[0]
        for crop in segment.crops_from_image
    ]
    np.testing.assert_allclose(centres, [50, 50, 50, 60, 70, 80, 90, 90, 90])


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
