import pytest
import torch

from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.dcpose import DCPose, PoseCorrection, dcpose_w48_refiner, differences, weighted_frames
from jmpose_core.model.rsb import ResidualStepsBlock, rsb_chain
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS
from tests.builders.family import stir

H, W = 12, 8


def _frames(joints=2):
    """(1, 3, joints, 1, 1): before 1, 2, ...; key 10, 20, ...; after 100, 200, ..."""
    return torch.tensor([1.0, 10.0, 100.0])[:, None].mul(torch.arange(1.0, joints + 1)).view(1, 3, joints, 1, 1)


def test_frames_are_merged_joint_by_joint_and_supports_weigh_half():
    assert weighted_frames(_frames()).flatten().tolist() == [10, 0.5, 50, 20, 1, 100]


def test_differences_are_the_key_frames_against_both_supports():
    assert differences(_frames()).flatten().tolist() == [9, 4.5, -90, -45, 18, 9, -180, -90]


def test_backwards_the_differences_change_places():
    before, after = differences(_frames()).view(2, 2, 2).unbind(1)
    other_before, other_after = differences(_frames().flip(1)).view(2, 2, 2).unbind(1)
    assert torch.equal(before, other_after) and torch.equal(after, other_before)


def test_correction_starts_by_passing_on_what_the_masks_let_through():
    correction = PoseCorrection(joints=3, context_channels=4, dilations=(1, 2))
    for steering in (*correction.offsets, *correction.masks):
        torch.nn.init.zeros_(steering.weight)
    merged, context = torch.rand(2, 3, H, W), torch.rand(2, 4, H, W)
    assert not correction(merged, context).any()
    for mask in correction.masks:
        torch.nn.init.constant_(mask.weight[:, 0, 1, 1], 1.0)  # every mask is the context's first channel
    torch.testing.assert_close(correction(merged, context), merged * context[:, :1])


def test_correction_of_one_joint_alone_leaves_the_others():
    correction = PoseCorrection(joints=3, context_channels=4, dilations=(1, 2))
    context = torch.rand(1, 4, H, W)
    merged = torch.rand(1, 3, H, W)
    other = merged.clone()
    other[:, 1] += 1
    changed = (correction(merged, context) - correction(other, context)).abs().amax(dim=(0, 2, 3)) > 0
    assert changed.tolist() == [False, True, False]


def test_a_residual_steps_block_sees_further_from_branch_to_branch():
    """Each branch's end is as far from its input as it has steps, since its own part comes in at the first."""
    torch.manual_seed(0)
    block = ResidualStepsBlock(10, 10, project=False).double().eval()
    for parameter in block.parameters():
        torch.nn.init.constant_(parameter, 0.1)  # random ones may end a branch at a ReLU
    reach = []
    ends = []
    block.gather.register_forward_pre_hook(lambda module, inputs: ends.append(inputs[0]))
    x = torch.rand(1, 10, 25, 25, dtype=torch.float64)
    touched = x.clone()
    touched[..., 12, 12] += 1
    with torch.inference_mode():
        block(x), block(touched)
    for branch in (ends[0] - ends[1]).abs().amax(dim=(0,)).chunk(4):
        columns = branch.amax(dim=(0, 1)).nonzero()
        reach.append(int(columns.max() - 12))
    assert reach == [1, 3, 5, 7]


def test_chain_projects_its_first_shortcut_only_and_is_not_negative():
    blocks = rsb_chain(10, 6, 2)
    assert [block.downsample is not None for block in blocks] == [True, False]
    out = blocks(torch.randn(2, 10, H, W))
    assert out.shape == (2, 6, H, W)
    assert (out >= 0).all()


@pytest.mark.parametrize(("joints", "masks"), [(15, 135), (17, 153)])
def test_public_checkpoints_shapes(joints, masks):
    """With 17 joints: 68 -> 34, 51 -> 17, 51 -> 64; offsets 306, masks 153, no bias (docs/model.md)."""
    refiner = dcpose_w48_refiner(joints=joints)
    shapes = {name: tuple(parameter.shape) for name, parameter in refiner.named_parameters()}
    assert shapes["residual_fusion.0.downsample.0.weight"] == (2 * joints, 4 * joints, 1, 1)
    assert shapes["temporal_merger.0.downsample.0.weight"] == (joints, 3 * joints, 1, 1)
    assert shapes["combine.0.downsample.0.weight"] == (64, 3 * joints, 1, 1)
    assert shapes["correction.offsets.4.weight"] == (2 * masks, 64, 3, 3)
    assert shapes["correction.masks.4.weight"] == (masks, 64, 3, 3)
    assert "correction.masks.4.bias" not in shapes


def test_the_published_size_corrects_all_slots_and_returns_the_joints_of_their_names():
    torch.manual_seed(0)
    refiner = dcpose_w48_refiner(joints=17).eval()
    stir(refiner)
    slots = torch.rand(2, 3, 17, H, W)
    places = [POSETRACK18_SLOTS.index(name) for name in JOINTS]
    with torch.inference_mode():
        output = refiner(ClipMaps(slots[:, :, places], (slots,)))
        of_slots = DCPose.forward(refiner, ClipMaps(slots))
    assert of_slots.refined.shape == (2, 17, H, W) and of_slots.refined.std() > 0
    assert torch.equal(output.refined, of_slots.refined[:, places]) and output.logits is output.refined
    assert torch.equal(output.merged, of_slots.merged[:, places])
