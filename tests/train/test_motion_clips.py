"""Clips of real motion: labels stay on what they name, and faults fall where they should."""

import itertools
import json

import numpy as np
import pytest

from jmpose_core.errors import FormatError, VideoError
from tests.builders.motion_clips import FRAMES, write_films
from train.motion.degradation import KINDS, Degradation, blurred_along, degraded, dense_flow
from train.motion.held_out import CONDITIONS, HeldOutPairs
from train.motion.jhmdb import DecodedClips, read_clips
from train.motion.samples import AUGMENTATION, MovingPeople, real_sample

CROP = (128, 96)


@pytest.fixture
def films(tmp_path):
    return write_films(tmp_path / "jhmdb", {"a": 5, "b": 6})


@pytest.fixture
def decoded(films, tmp_path):
    return DecodedClips(read_clips(films), tmp_path / "frames.npy")


@pytest.fixture
def patch():
    return np.random.default_rng(3).integers(0, 255, (96, 128, 3), np.uint8)


def test_every_fifth_film_is_held_out_with_all_of_its_clips(films):
    assert [(clip.name, clip.is_held_out, len(clip)) for clip in read_clips(films)] == [
        ("a", True, FRAMES),
        ("b", False, FRAMES),
    ]


def test_a_frame_without_a_person_is_named(films):
    place = films / "b" / "annotations.json"
    document = json.loads(place.read_text())
    del document["annotations"][4]
    place.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="frames 4 have no person"):
        read_clips(films)


def test_a_video_of_another_length_than_its_labels_is_refused(films, tmp_path):
    place = films / "b" / "annotations.json"
    document = json.loads(place.read_text())
    document["images"], document["annotations"] = document["images"][:-2], document["annotations"][:-2]
    place.write_text(json.dumps(document))
    with pytest.raises(VideoError, match=f"{FRAMES} frames decoded, {FRAMES - 2} labelled"):
        DecodedClips(read_clips(films), tmp_path / "frames.npy")


@pytest.mark.parametrize("seed", range(6))
def test_labels_lie_on_their_joints_however_the_crop_is_turned_or_mirrored(decoded, patch, seed):
    rng = np.random.default_rng(seed)
    sample = real_sample(decoded, 1, 5, CROP, rng, patch=patch, vary=AUGMENTATION)
    key = sample.crops[2].astype(int).min(axis=2)
    inside = sample.weight > 0
    assert inside.sum() >= 8
    for x, y in np.round(4 * sample.joints[inside] + 1.5).astype(int):
        if 2 <= y < CROP[0] - 2 and 2 <= x < CROP[1] - 2:
            assert key[y - 1 : y + 2, x - 1 : x + 2].max() > 200


def test_the_flow_of_a_sample_follows_the_joints(decoded, patch):
    sample = real_sample(decoded, 1, 5, CROP, np.random.default_rng(0), patch=patch)
    scale = np.linalg.norm(sample.image_from_cells[:, 0])  # image pixels a cell
    moved = 1.5 / scale * 4 * (192 / CROP[0])  # in the flow's own pixels
    places = np.round((4 * sample.joints + 1.5) * 192 / CROP[0]).astype(int)
    found = np.median([sample.flow[2, 0, y, x] for x, y in places if 0 <= y < 192 and 0 <= x < 144])
    assert abs(found - moved) < 0.35 * moved


def test_at_a_clips_ends_the_last_frame_is_repeated(decoded, patch):
    sample = real_sample(decoded, 0, 0, CROP, np.random.default_rng(0), patch=patch)
    assert np.array_equal(sample.crops[0], sample.crops[2]) and np.array_equal(sample.crops[1], sample.crops[2])
    assert not np.array_equal(sample.crops[3], sample.crops[2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_key_frame_leaves_its_neighbours_alone(decoded, patch, kind):
    crops = real_sample(decoded, 0, 5, CROP, np.random.default_rng(0), patch=patch).crops
    spoilt = degraded(crops, Degradation(kind, "key", 0.7), patch, np.random.default_rng(1))
    changed = [not np.array_equal(one, other) for one, other in zip(crops, spoilt, strict=True)]
    assert changed == [False, False, True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_stretch_holds_the_key_frame_and_neighbours(decoded, patch, kind):
    crops = real_sample(decoded, 0, 5, CROP, np.random.default_rng(0), patch=patch).crops
    lengths = set()
    for seed in range(8):
        spoilt = degraded(crops, Degradation(kind, "stretch", 0.7), patch, np.random.default_rng(seed))
        changed = [not np.array_equal(one, other) for one, other in zip(crops, spoilt, strict=True)]
        assert changed[2]
        ends = [one != other for one, other in itertools.pairwise([False, *changed, False])]
        assert sum(ends) == 2  # one piece
        lengths.add(sum(changed))
    assert min(lengths) >= 2 and len(lengths) > 1


def test_blur_runs_along_the_motion_and_not_across_it():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[30:34, 30:34] = 255
    path = np.zeros((64, 64, 2), np.float32)
    path[..., 0] = 12
    blurred = blurred_along(picture, path)
    assert blurred[31, 24:40].min() > 0 and blurred[20:28].max() == 0
    shifted = np.roll(picture, 3, axis=1)
    across, down = dense_flow(picture, shifted)[31, 31]
    assert across > 1.5 and abs(down) < 0.7


def test_training_clips_depend_on_the_seed_and_their_number_alone(decoded):
    first, again = (MovingPeople(decoded, [], crop_size=CROP, seed=4) for _ in range(2))
    later = again[3]
    assert np.array_equal(first[3]["crops"], later["crops"])
    assert not np.array_equal(first[2]["crops"], later["crops"])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_held_out_pairs_are_neighbours_and_always_the_same(decoded, condition):
    pairs = HeldOutPairs(decoded, CROP, condition, pairs=2)
    keys = np.array(pairs.keys).reshape(-1, 2, 2)
    assert (keys[:, 0, 0] == keys[:, 1, 0]).all() and (keys[:, 1, 1] - keys[:, 0, 1] == 1).all()
    sample = pairs.sample(1)
    assert np.array_equal(sample.crops, pairs.sample(1).crops)
    assert sample.spoilt is (condition != "clean")
