"""What changes in a system's output when one input alone changes: which stream asks which, and what the head sees."""

import pytest
import torch
from torch import nn

from jmpose_core.model.cjl import ContextAwareJointLearner
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.jmml import JointMotionBlock
from jmpose_core.model.jmpose import BUNDLED, jmpose_lite_refiner
from jmpose_core.model.tdmi import tdmi_lite_refiner
from tests.builders.family import random_clips, stir

SIZE = (16, 12)
CHANGED = 1e-4


class _Half(nn.Module):
    def forward(self, x):
        return torch.full_like(x, 0.5)


class _Scaled(nn.Module):
    """A part whose output can be scaled from outside, piece by piece."""

    def __init__(self, part):
        super().__init__()
        self.part = part
        self.factors = (1.0, 1.0)

    def forward(self, *inputs):
        outputs = self.part(*inputs)
        if isinstance(outputs, torch.Tensor):
            return outputs * self.factors[0]
        return tuple(
            tuple(layer * factor for layer in layers) for layers, factor in zip(outputs, self.factors, strict=True)
        )


def _apart(one, other):
    return (one - other).abs().max() > CHANGED


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_each_stream_asks_the_other_and_not_itself():
    """Without the gate, which sees both anyway: attention alone carries one stream's news to the other."""
    block = JointMotionBlock(8, kv_stride=4).eval()
    block.gate = nn.Sequential(_Half())
    joint, motion, other = torch.randn(3, 1, 8, *SIZE)
    with torch.no_grad():
        start = block(joint, motion)
        told_by_motion = block(joint, other)
        told_by_joint = block(other, motion)
    assert _apart(start[0], told_by_motion[0])
    assert _apart(start[1], told_by_joint[1])


@pytest.mark.parametrize("switches", [{}, dict(BUNDLED)], ids=["paper", "bundled"])
def test_the_head_sees_the_joint_feature_once_and_the_motion_feature_once(switches):
    refiner = jmpose_lite_refiner(**switches).eval()
    stir(refiner)
    refiner.jmml = _Scaled(refiner.jmml)
    clips = random_clips(1, 5, SIZE)
    found = {}
    for factors in ((1.0, 1.0), (0.3, 1.0), (1.0, 0.3)):
        refiner.jmml.factors = factors
        with torch.no_grad():
            found[factors] = refiner(clips).logits
    whole, without_joint, without_motion = found.values()
    assert _apart(whole, without_joint)
    assert _apart(whole, without_motion)
    assert _apart(without_joint, without_motion)


@pytest.mark.parametrize("spatio_temporal", [False, True])
def test_tdmi_fuses_the_useful_motion_and_never_the_noisy(spatio_temporal):
    refiner = tdmi_lite_refiner(spatio_temporal=spatio_temporal).eval()
    stir(refiner)
    refiner.useful_gate, refiner.noisy_gate = _Scaled(refiner.useful_gate), _Scaled(refiner.noisy_gate)
    clips = random_clips(1, 5, SIZE)
    with torch.no_grad():
        start = refiner(clips)
        refiner.noisy_gate.factors = (0.0,)
        other_noise = refiner(clips)
        refiner.useful_gate.factors = (0.0,)
        other_motion = refiner(clips)
    assert _apart(start.noisy, other_noise.noisy)
    assert torch.equal(start.logits, other_noise.logits)
    assert _apart(start.logits, other_motion.logits)


@pytest.mark.parametrize("branch", ["offset", "mask"])
def test_cjls_branches_hear_the_heatmaps_and_the_motion_each_by_itself(branch):
    cjl = ContextAwareJointLearner(joints=3, channels=16, offset_groups=4, dilation=3).eval()
    nn.init.normal_(getattr(cjl, branch)[-1].weight, std=0.3)  # the other branch stays at its start, and says nothing
    motion = torch.randn(1, 16, *SIZE)
    heatmaps = torch.rand(1, 3, *SIZE, requires_grad=True)
    sampled = cjl(heatmaps, motion)
    assert _apart(sampled, cjl(torch.rand(1, 3, *SIZE), motion))
    (gradient,) = torch.autograd.grad(sampled.square().sum(), heatmaps)
    assert gradient.abs().max() > CHANGED


def test_cjl_samples_the_embedded_heatmaps_before_any_offset_is_learnt():
    cjl = ContextAwareJointLearner(joints=3, channels=16, offset_groups=4, dilation=3, embed_heatmaps=True).eval()
    motion, heatmaps = torch.randn(1, 16, *SIZE), torch.rand(2, 1, 3, *SIZE)
    one, other = (cjl(maps, motion) for maps in heatmaps)
    change, size = (one - other).std(), one.std()
    assert change > 0.02 * size  # by the paper's form: nothing, until the offsets have learnt


@pytest.mark.parametrize("part", ["initial", "flow", "feature"])
def test_the_bundled_refiner_uses_all_that_it_is_given(part):
    refiner = jmpose_lite_refiner(**BUNDLED).eval()
    stir(refiner)
    clips, other = random_clips(1, 5, SIZE), random_clips(1, 5, SIZE, seed=1)
    changed = {
        "initial": ClipMaps(other.initial, clips.features, clips.flow),
        "flow": ClipMaps(clips.initial, clips.features, other.flow),
        "feature": ClipMaps(clips.initial, other.features, clips.flow),
    }[part]
    with torch.no_grad():
        assert _apart(refiner(clips).logits, refiner(changed).logits)
