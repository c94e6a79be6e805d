import numpy as np
import torch

from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.prior import PRIOR_CHANNELS
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.flow_pairs import shifted_pair
from train.crowds.batches import CrowdBatch
from train.flow.flow_errors import zero_method
from train.report.samples import boxes_over, evenly, flow_rows, labelled_crops, predicted_crops, skeleton_over


def batch(count: int = 2) -> CrowdBatch:
    """Grey crops whose joints lie on a circle."""
    angle = torch.linspace(0, 6, NUM_JOINTS)
    cells = torch.stack([24 + 10 * angle.cos(), 32 + 20 * angle.sin()], dim=1).expand(count, -1, -1)
    weight = torch.ones(count, NUM_JOINTS)
    return CrowdBatch(
        torch.zeros(count, 3, 256, 192),
        cells,
        weight,
        torch.zeros(count, PRIOR_CHANNELS, 64, 48),
        torch.zeros(count, 1, NUM_JOINTS, 2),
        torch.zeros(count, 1, NUM_JOINTS),
    )


def test_labelled_and_predicted_crops_are_drawn_over():
    torch.manual_seed(0)
    for sheet in (labelled_crops(batch()), predicted_crops(CompactBackbone(prior=True).eval(), batch())):
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
