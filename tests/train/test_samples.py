import cv2
import numpy as np
import torch

from tests.train.test_flow import shifted_pair
from train.flow.flow_errors import zero_method
from train.lite.crops import RandomCrops
from train.people.augment import CropAugmentation
from train.people.poses import LabelledPerson
from train.report.samples import boxes_over, evenly, flow_rows, labelled_crops, skeleton_over


def person(source: str) -> LabelledPerson:
    jpeg = cv2.imencode(".jpg", np.full((120, 100, 3), 40, np.uint8))[1].tobytes()
    keypoints = np.random.default_rng(0).uniform((30, 20), (70, 100), (15, 2)).astype(np.float32)
    return LabelledPerson(source, 1, jpeg, (20.0, 10.0, 80.0, 110.0), keypoints, np.ones(15, np.float32))


def crops(seed: int = 3) -> RandomCrops:
    return RandomCrops(
        [person("rare"), person("common")],
        crop_size=(64, 48),
        augmentation=CropAugmentation(),
        occluder_probability=0.5,
        draws={"rare": 1.0, "common": 9.0},
        seed=seed,
    )


def test_a_crop_depends_on_the_seed_and_its_number_only():
    whole = crops()
    row = [whole[number] for number in range(4)]
    for one, other in zip(row[3], crops()[3], strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(row[2][1], row[3][1])
    assert not torch.equal(row[3][1], crops(seed=4)[3][1])


def test_labelled_crops_are_drawn_over():
    sheet = labelled_crops(crops(), count=2)
    assert sheet.ndim == 3 and sheet.dtype == np.uint8
    assert (np.abs(sheet.astype(int) - (255, 138, 61)).sum(axis=-1) < 40).any()  # a left limb's colour


def test_a_skeleton_marks_the_enlarged_joints_and_leaves_the_rest_alone():
    crop = np.full((40, 30, 3), 100, np.uint8)
    joints = np.full((15, 2), 20.0)
    drawn = skeleton_over(crop, joints, np.ones(15, bool))
    assert drawn.shape == (80, 60, 3)
    assert (drawn[40, 40] != 100).any()
    assert (drawn[:20] == 100).all()
    assert (skeleton_over(crop, joints, np.zeros(15, bool)) == 100).all()


def test_boxes_and_flow_are_drawn():
    picture = np.full((60, 80, 3), 100, np.uint8)
    assert (boxes_over(picture, [[10.0, 20.0, 50.0, 55.0]]) != 100).any()
    assert (boxes_over(picture, []) == 100).all()
    one, two = (flow_rows(zero_method, [shifted_pair(10)] * count) for count in (1, 2))
    assert two.shape == (2 * one.shape[0], *one.shape[1:])


def test_items_are_picked_evenly():
    assert evenly(range(100), 3) == [0, 49, 99]
    assert evenly("ab", 5) == ["a", "b"]
