"""Heatmap aggregation, motion stems, CJL and JMML, each alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from jmpose_core.model.cjl import ContextAwareJointLearner
from jmpose_core.model.heatmap_aggregation import HeatmapAggregation
from jmpose_core.model.jmml import CrossAttention, JointMotionBlock, MutualLearning, sine_position
from jmpose_core.model.motion import DifferenceMotion, FlowMotion

H, W = 8, 12


def test_aggregation_weighs_nearer_frames_more_and_keeps_a_joints_frames_together():
    aggregation = HeatmapAggregation(joints=3, frames=5)
    aggregation.chain = nn.Identity()
    heatmaps = torch.arange(1.0, 16.0).view(1, 5, 3, 1, 1)  # frame * 3 + joint + 1
    stacked = aggregation(heatmaps).view(3, 5)
    weights = torch.tensor([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    torch.testing.assert_close(stacked[1], weights * torch.tensor([2.0, 5.0, 8.0, 11.0, 14.0]))
    assert HeatmapAggregation(joints=3, frames=5)(torch.rand(2, 5, 3, H, W)).shape == (2, 3, H, W)


def test_aggregation_needs_a_middle_frame():
    with pytest.raises(ValueError, match="4 frames"):
        HeatmapAggregation(joints=3, frames=4)


def test_motion_stems_keep_the_maps_size():
    assert FlowMotion(16, blocks=1)(torch.randn(2, 4, 2, H, W)).shape == (2, 16, H, W)
    assert DifferenceMotion(6, 16, frames=5, blocks=2)(torch.randn(2, 5, 6, H, W)).shape == (2, 16, H, W)


def test_a_still_clip_has_no_difference_motion():
    seen = []
    motion = DifferenceMotion(6, 16, frames=5, blocks=1)
    motion.chain.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    motion(torch.randn(2, 1, 6, H, W).expand(-1, 5, -1, -1, -1))
    assert seen[0].shape == (2, 24, H, W)
    assert not seen[0].any()


def test_cjl_starts_as_a_plain_dilated_convolution_of_the_motion_feature():
    cjl = ContextAwareJointLearner(joints=3, channels=16, offset_groups=4, dilation=3).eval()
    motion = torch.randn(2, 16, H, W)
    plain = F.conv2d(motion, cjl.sample.weight, cjl.sample.bias, padding=3, dilation=3)
    torch.testing.assert_close(cjl(torch.rand(2, 3, H, W), motion), plain, rtol=1e-4, atol=1e-5)


def test_cjl_comes_to_look_where_the_heatmaps_say():
    cjl = ContextAwareJointLearner(joints=3, channels=16, offset_groups=4, dilation=3).eval()
    nn.init.normal_(cjl.offset[-1].weight)
    motion = torch.randn(1, 16, H, W)
    heatmaps = torch.rand(2, 3, H, W)
    one, other = (cjl(maps[None], motion) for maps in heatmaps)
    assert (one - other).abs().max() > 1e-2


def test_attention_is_softmax_of_products_over_the_other_streams_patches():
    attention = CrossAttention(8, stride=4)
    asking, asked = torch.randn(2, 8, H, W), torch.randn(2, 8, H, W)
    query = attention.query(asking) + sine_position(asking, stride=1)
    keys = attention.key(asked)
    keys = keys + sine_position(keys, stride=4)
    scores = torch.einsum("bchw,bcuv->bhwuv", query, keys) / 8**0.5
    values = attention.value(asked)
    expected = torch.einsum("bhwuv,bcuv->bchw", scores.flatten(3).softmax(-1).view_as(scores), values)
    torch.testing.assert_close(attention(asking, asked), expected, rtol=1e-4, atol=1e-5)


def test_positions_differ_everywhere_and_patches_speak_of_their_centres():
    position = sine_position(torch.empty(32, 64, 48), stride=1).flatten(1).T
    assert len(position.unique(dim=0)) == 64 * 48
    fine = sine_position(torch.empty(32, 9, 9), stride=1)
    patches = sine_position(torch.empty(32, 3, 3), stride=3)
    torch.testing.assert_close(patches, fine[:, 1::3, 1::3])


def test_both_streams_start_from_the_features_before_either_update():
    block = JointMotionBlock(8, kv_stride=4).eval()
    swapped = JointMotionBlock(8, kv_stride=4).eval()
    swapped.load_state_dict(block.state_dict())
    swapped.joint_chain, swapped.motion_chain = block.motion_chain, block.joint_chain
    swapped.joint_from_motion, swapped.motion_from_joint = block.motion_from_joint, block.joint_from_motion
    block.gate = swapped.gate = _HalfGate()
    joint, motion = torch.randn(2, 8, H, W), torch.randn(2, 8, H, W)
    torch.testing.assert_close(swapped(motion, joint), block(joint, motion)[::-1])


def test_the_gate_lets_the_streams_see_each_other():
    block = JointMotionBlock(8, kv_stride=4).eval()
    nn.init.zeros_(block.joint_from_motion.value.weight)
    joint, motion = torch.randn(1, 8, H, W), torch.randn(2, 1, 8, H, W)
    one, other = (block(joint, m)[0] for m in motion)
    assert (one - other).abs().max() > 1e-3


def test_gates_in_a_row_do_not_shrink_the_features_away():
    jmml = MutualLearning(16, layers=4, kv_stride=4)
    joints, motions = jmml(torch.randn(4, 16, 16, 16), torch.randn(4, 16, 16, 16))
    assert len(joints) == len(motions) == 4
    for layers in (joints, motions):
        assert 0.3 < layers[-1].std() / layers[0].std() < 3


def test_without_layers_the_features_come_back():
    joint, motion = torch.randn(2, 8, H, W), torch.randn(2, 8, H, W)
    joints, motions = MutualLearning(8, layers=0, kv_stride=4)(joint, motion)
    assert joints == (joint,)
    assert motions == (motion,)


class _HalfGate(nn.Module):
    def forward(self, x):
        return torch.full_like(x, 0.5)
