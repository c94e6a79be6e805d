import json
from pathlib import Path

import numpy as np
import pytest
import torch

from jmpose_core import geometry
from jmpose_core.errors import FormatError
from jmpose_core.skeleton import FLIP
from tests.builders.posetrack_folder import STANDING, brightness, moved, write_posetrack
from train.posetrack.dataset import PoseTrackAugmentation, PoseTrackClips, random_crop, read_posetrack

LAYOUTS = ("posetrack17", "posetrack18", "posetrack21")
FIXTURE = Path(__file__).parents[3] / "shared/data/fixtures/posetrack18"
CROP = (128, 96)  # near the size of the person: nothing is blurred by shrinking


def _poses(root, split="train", **options):
    return [pose for sequence in read_posetrack([root], split, **options) for pose in sequence.poses]


def _background(crop):
    """The most frequent brightness of a crop, black border aside."""
    values, counts = np.unique(crop.numpy()[crop.numpy() > 8], return_counts=True)
    return int(values[counts.argmax()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_clip_is_the_labelled_frame_between_its_real_neighbours(tmp_path, layout):
    root = write_posetrack(tmp_path, layout)
    crops, cells, weight = PoseTrackClips(_poses(root), CROP)[0]
    assert crops.shape == (5, *CROP, 3)
    assert [_background(crop) for crop in crops] == pytest.approx([brightness(frame) for frame in range(1, 6)], abs=1)
    assert weight.tolist() == [1] * 15
    joints = geometry.apply(geometry.scaled(4), cells.numpy()).round().astype(int)
    key = crops[2].numpy()
    assert all(key[y, x].min() > 150 for x, y in joints), "the joints are where the picture marks them"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_box_is_the_joints_extent_times_one_and_a_third_and_the_crop_a_quarter_more(tmp_path, layout):
    pose = _poses(write_posetrack(tmp_path, layout))[0]
    expected = geometry.bbox_of_points(moved(STANDING, 3), enlarge=1.3)
    assert pose.person.bbox_xyxy == pytest.approx(expected)
    _, cells, _ = PoseTrackClips([pose], CROP)[0]
    height = float(np.ptp(cells.numpy()[:, 1])) * 4
    assert height == pytest.approx(CROP[0] / (1.3 * 1.25))


@pytest.mark.parametrize("frame, expected", [(0, [0, 0, 0, 1, 2]), (6, [4, 5, 6, 6, 6])])
def test_windows_are_clamped_at_the_ends(tmp_path, frame, expected):
    root = write_posetrack(tmp_path, "posetrack18", labelled=(frame,))
    names = [int(path.stem) for path in _poses(root)[0].window(2)]
    assert names == expected


def test_frames_that_only_the_disk_knows_are_neighbours_too(tmp_path):
    """A merged file of the labelled frames alone still gives real clips."""
    root = write_posetrack(tmp_path, "posetrack18")
    place = next(root.glob("annotations/train/*.json"))
    content = json.loads(place.read_text())
    content["images"] = [image for image in content["images"] if image["is_labeled"]]
    place.write_text(json.dumps(content))
    assert [int(path.stem) for path in _poses(root)[0].window(2)] == [1, 2, 3, 4, 5]


def test_a_missing_image_is_named_at_the_start(tmp_path):
    root = write_posetrack(tmp_path, "posetrack17")
    (root / "images/bonn/000001_bonn/00000006.jpg").unlink()  # two after the labelled one
    with pytest.raises(FormatError, match=r"00000006\.jpg: missing; .*Extract"):
        read_posetrack([root], "train")
    assert len(_poses(root, delta=1)) == 1, "no clip of one frame either side needs it"


def test_missing_images_altogether(tmp_path):
    root = write_posetrack(tmp_path, "posetrack21")
    (root / "images").rename(root / "pictures")
    with pytest.raises(FormatError, match=r"000000\.jpg is in no folder above it; put PoseTrack's `images`"):
        read_posetrack([root], "train")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unlabelled_joints_and_ignore_regions_count_for_nothing(tmp_path, layout):
    feet = [(0.0, 100.0), (120.0, 100.0), (120.0, 130.0), (0.0, 130.0)]
    root = write_posetrack(tmp_path, layout, unlabelled_joints=(13,), ignore=feet)
    weight = _poses(root)[0].weight
    assert np.flatnonzero(weight == 0).tolist() == [0, 5, 13]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_people_with_no_joint_to_learn_are_left_out(tmp_path, layout):
    everything = [(-10.0, -10.0), (200.0, -10.0), (200.0, 200.0), (-10.0, 200.0)]
    assert not _poses(write_posetrack(tmp_path / "ignored", layout, ignore=everything))
    assert not _poses(write_posetrack(tmp_path / "unlabelled", layout, unlabelled_joints=tuple(range(15))))


def test_people_on_unlabelled_frames_are_left_out(tmp_path):
    """PoseTrack21 has boxes on frames whose joints nobody labelled."""
    root = write_posetrack(tmp_path, "posetrack21", labelled=(2, 3))
    place = next(root.glob("posetrack_data/train/*.json"))
    place.write_text(place.read_text().replace('"is_labeled":true', '"is_labeled":false', 1))
    assert [pose.person.frame_index for pose in _poses(root)] == [3]


def test_splits_are_kept_apart(tmp_path):
    write_posetrack(tmp_path, "posetrack18")
    write_posetrack(tmp_path, "posetrack18", split="val", sequence="000002_bonn", labelled=(2, 4))
    assert (len(_poses(tmp_path)), len(_poses(tmp_path, "val"))) == (1, 2)


def test_a_clip_depends_on_seed_epoch_and_index_alone(tmp_path):
    poses = _poses(write_posetrack(tmp_path, "posetrack18", labelled=(2, 3)))
    clips = PoseTrackClips(poses, CROP, augmentation=PoseTrackAugmentation())
    first = clips[1]
    assert all(torch.equal(a, b) for a, b in zip(first, clips[1], strict=True))
    clips.epoch = 1
    assert not torch.equal(first[1], clips[1][1])


def test_a_mirrored_clip_swaps_the_sides(tmp_path):
    poses = _poses(write_posetrack(tmp_path, "posetrack18"))
    still = PoseTrackAugmentation(0, 90, 0, 0, flip_probability=0, half_body_probability=0)
    mirrored = PoseTrackAugmentation(0, 90, 0, 0, flip_probability=1, half_body_probability=0)
    crops, cells, _ = PoseTrackClips(poses, CROP, augmentation=still)[0]
    other_crops, other_cells, _ = PoseTrackClips(poses, CROP, augmentation=mirrored)[0]
    expected = cells[list(FLIP)]
    expected[:, 0] = CROP[1] / 4 - 1 - expected[:, 0]
    assert torch.allclose(other_cells, expected, atol=1e-4)
    assert (other_crops.int() - crops.flip(2).int()).abs().max() <= 2


def test_random_crops_follow_the_papers_law(tmp_path):
    """Rotation of six in ten, normal of 45 degrees within 90; scale normal about 1 within 0.35; flip of one in two."""
    pose = _poses(write_posetrack(tmp_path, "posetrack18"))[0]
    own = geometry.crop_from_image(pose.person.bbox_xyxy, CROP)[0, 0]
    rng = np.random.default_rng(0)
    whole_body = PoseTrackAugmentation(half_body_probability=0)
    angles, scales, flips = [], [], []
    for _ in range(2000):
        affine, flip = random_crop(pose, CROP, whole_body, rng)
        linear = affine[:, :2] @ np.diag([-1.0 if flip else 1.0, 1.0])
        angles.append(np.degrees(np.arctan2(linear[1, 0], linear[0, 0])))
        scales.append(own / np.hypot(linear[0, 0], linear[1, 0]))
        flips.append(flip)
    turned = np.abs(angles) > 1e-6
    assert turned.mean() == pytest.approx(0.6, abs=0.04)
    assert np.abs(angles).max() == pytest.approx(90)
    assert (np.abs(angles)[turned] < 45).mean() == pytest.approx(0.683, abs=0.04)
    assert (min(scales), max(scales)) == pytest.approx((0.65, 1.35))
    assert np.isclose(scales, 0.65).mean() == pytest.approx(0.159, abs=0.03)
    assert np.mean(flips) == pytest.approx(0.5, abs=0.04)


def test_half_bodies_need_more_than_eight_joints(tmp_path):
    whole = _poses(write_posetrack(tmp_path / "whole", "posetrack18"))[0]
    few = _poses(write_posetrack(tmp_path / "few", "posetrack18", unlabelled_joints=tuple(range(7))))[0]
    always = PoseTrackAugmentation(0, 90, 0, 0, 0, half_body_probability=1)
    rng = np.random.default_rng(0)
    for pose, halved in ((whole, True), (few, False)):
        own = geometry.crop_from_image(pose.person.bbox_xyxy, CROP)
        affine, _ = random_crop(pose, CROP, always, rng)
        assert (affine[0, 0] > 1.2 * own[0, 0]) == halved


def test_joints_outside_the_crop_have_no_weight(tmp_path):
    pose = _poses(write_posetrack(tmp_path, "posetrack18"))[0]
    halves = PoseTrackClips([pose], CROP, augmentation=PoseTrackAugmentation(0, 90, 0, 0, 0, 1))
    _, cells, weight = halves[0]
    inside = (cells >= -0.5).all(dim=1) & (cells[:, 0] < CROP[1] / 4) & (cells[:, 1] < CROP[0] / 4)
    assert 0 < int(weight.sum()) < 15
    assert torch.equal(weight > 0, inside)


@pytest.mark.skipif(not FIXTURE.is_dir(), reason="the shared PoseTrack18 files are not here")
def test_the_real_posetrack18_files():
    sequences = read_posetrack([FIXTURE], "val")
    assert [len(sequence.document.images) for sequence in sequences] == [1, 1, 1]
    poses = [pose for sequence in sequences for pose in sequence.poses]
    assert 10 <= len(poses) <= 14
    assert all(pose.images[pose.place].is_file() and pose.weight.any() for pose in poses)
    crops, _, weight = PoseTrackClips(poses, CROP)[0]
    assert crops.float().std() > 10
    assert weight.any()
