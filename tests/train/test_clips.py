import cv2
import numpy as np
import pytest

from jmpose_core.skeleton import FLIP
from train.people.augment import CropAugmentation, half_body, random_crop, warp_keypoints
from train.people.clips import synthesise
from train.people.poses import LabelledPerson

SIZE = (128, 96)
STILL = CropAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def person():
    """A dark picture with a bright spot at each joint."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform((60, 40), (140, 210), (15, 2)).astype(np.float32)
    image = np.full((240, 200, 3), 30, np.uint8)
    for x, y in keypoints:
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (255, 255, 255), -1)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    return LabelledPerson("test", 1, jpeg, (50.0, 30.0, 150.0, 220.0), keypoints, np.ones(15, np.float32))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("augmentation", [STILL, CropAugmentation(half_body_probability=0.0)])
def test_joints_lie_on_what_they_mark_in_the_key_frame(person, seed, augmentation):
    clip = synthesise(person, person, SIZE, np.random.default_rng(seed), degraded=False, augmentation=augmentation)
    assert clip.crops.shape == (5, *SIZE, 3)
    key = cv2.GaussianBlur(clip.crops[2][..., 0], (0, 0), 0.8)
    inside = clip.weight > 0
    columns, rows = np.rint(clip.keypoints[inside]).astype(int).T
    near = (columns > 1) & (rows > 1) & (columns < SIZE[1] - 2) & (rows < SIZE[0] - 2)
    assert (key[rows[near], columns[near]] > 100).mean() > 0.9


def test_frames_move_and_degradation_changes_the_key_frame_only_when_asked(person):
    clean = synthesise(person, person, SIZE, np.random.default_rng(4), degraded=False, augmentation=STILL)
    again = synthesise(person, person, SIZE, np.random.default_rng(4), degraded=False, augmentation=STILL)
    spoilt = synthesise(person, person, SIZE, np.random.default_rng(4), degraded=True, augmentation=STILL)
    np.testing.assert_array_equal(clean.crops, again.crops)
    np.testing.assert_array_equal(clean.keypoints, spoilt.keypoints)
    middle = 2
    assert np.abs(clean.crops[middle].astype(int) - spoilt.crops[middle]).max() > 20


def test_a_longer_clip_with_surroundings_holds_the_same_motion(person):
    """Nine frames and a margin change nothing of the five frames' inner crops, where nothing is spoilt at random."""
    plain, wide = (
        synthesise(person, person, SIZE, np.random.default_rng(7), degraded=False, augmentation=STILL, **more)
        for more in ({}, {"reach": 4, "margin": (64, 48)})
    )
    assert wide.crops.shape == (9, 256, 192, 3)
    inner = wide.crops[2:-2, 64:-64, 48:-48].astype(int)
    assert np.abs(inner - plain.crops).mean() < 1.0
    np.testing.assert_array_equal(plain.keypoints, wide.keypoints)


def test_a_mirrored_crop_renames_the_sides(person):
    rng = np.random.default_rng(1)
    crop_from_image, flip = random_crop(
        person.bbox_xyxy, SIZE, CropAugmentation(0.0, 0.0, 0.0, 0.0, 0.0, flip_probability=1.0), rng
    )
    assert flip
    mirrored, _ = warp_keypoints(person.keypoints, person.weight, crop_from_image, SIZE, flip=True)
    straight, _ = random_crop(person.bbox_xyxy, SIZE, STILL, rng)
    plain, _ = warp_keypoints(person.keypoints, person.weight, straight, SIZE, flip=False)
    np.testing.assert_allclose(mirrored[:, 0], SIZE[1] - 1 - plain[list(FLIP), 0], atol=1e-3)
    np.testing.assert_allclose(mirrored[:, 1], plain[list(FLIP), 1], atol=1e-3)


def test_joints_outside_the_crop_do_not_count(person):
    far = person.keypoints + np.float32(1000)
    crop_from_image, _ = random_crop(person.bbox_xyxy, SIZE, STILL, np.random.default_rng(0))
    _, weight = warp_keypoints(far, person.weight, crop_from_image, SIZE, flip=False)
    assert not weight.any()


def test_half_a_body_needs_enough_of_one(person):
    few = person.weight.copy()
    few[4:] = 0
    assert half_body(person.keypoints, few, np.random.default_rng(0)) is None
    left, top, right, bottom = half_body(person.keypoints, person.weight, np.random.default_rng(0))
    assert right > left and bottom > top
