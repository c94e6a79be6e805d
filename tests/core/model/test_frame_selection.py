import pytest
import torch
from torch import nn

from jmpose_core.model.alignment import aligned
from jmpose_core.model.frame_selection import FrameSelection
from jmpose_core.model.heatmap_aggregation import HeatmapAggregation, weighted_mean
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.jmpose import BUNDLED, jmpose_lite_refiner
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.family import random_clips

SIZE = (16, 12)
SURE = 50.0  # a logit beside which the others are nothing


@pytest.fixture
def selection():
    torch.manual_seed(0)
    return FrameSelection(8, joints=NUM_JOINTS, frames=5).eval()


@pytest.fixture
def maps():
    clips = random_clips(2, 5, SIZE)
    return aligned(clips.initial, clips.flow)


def _features():
    return torch.randn(2, 8, SIZE[0] // 2, SIZE[1] // 2)


def test_it_starts_at_the_weighted_mean(selection, maps):
    torch.testing.assert_close(selection(_features(), maps), weighted_mean(maps))


@pytest.mark.parametrize("frame", range(5))
def test_the_key_frame_and_every_other_alone_can_be_reached(selection, maps, frame):
    nn.init.zeros_(selection.compare[-1].bias)
    selection.compare[-1].bias.data[frame] = SURE
    torch.testing.assert_close(selection(_features(), maps), maps[:, frame], rtol=1e-4, atol=1e-6)


def test_frames_further_out_keep_the_weights_of_their_mean(selection):
    clips = random_clips(1, 9, SIZE)
    torch.testing.assert_close(selection(_features()[:1], clips.initial), weighted_mean(clips.initial))
    weights, _ = selection.weights(_features()[:1], clips.initial)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones_like(weights[:, 0]))
    assert weights.shape == (1, 9, NUM_JOINTS, *SIZE)


def test_each_joint_is_weighed_by_its_own_maps(selection, maps):
    """One joint's maps change: no other joint's weights do."""
    nn.init.normal_(selection.compare[-1].weight)
    features, changed = _features(), maps.clone()
    changed[:, 1, 3] = maps[:, 1, 3].flip(-1)
    one, other = selection.weights(features, maps)[0], selection.weights(features, changed)[0]
    moved = (one - other).abs().flatten(3).amax(dim=(0, 1, 3)) > 1e-5
    assert moved.nonzero().flatten().tolist() == [3]


def test_the_bundled_refiner_starts_at_the_aligned_means_joints():
    clips = random_clips(2, 5, SIZE)
    refiner = jmpose_lite_refiner(**BUNDLED).eval()
    with torch.no_grad():
        found, _ = decode(refiner(clips).refined, blur_sigma=1.0)
    mean, _ = decode(weighted_mean(aligned(clips.initial, clips.flow)), blur_sigma=1.0)
    torch.testing.assert_close(found, mean, rtol=1e-3, atol=1e-2)


def test_frames_that_are_not_aligned_are_not_weighed():
    with pytest.raises(ValueError, match="needs align"):
        jmpose_lite_refiner(frame_selection=True)


def test_an_aggregation_from_the_mean_starts_there_and_keeps_each_joints_place():
    torch.manual_seed(0)
    maps = random_clips(2, 5, SIZE).initial
    aggregation = HeatmapAggregation(joints=NUM_JOINTS, frames=5, from_mean=True)
    torch.testing.assert_close(aggregation(maps), weighted_mean(maps))
    nn.init.normal_(aggregation.correction.weight)
    assert (aggregation(maps) - weighted_mean(maps)).abs().max() > 1e-3
