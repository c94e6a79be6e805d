import pytest
import torch
from torch import nn

from jmpose_core.model.tdmi import ChannelGate, DifferenceEncoder, DifferenceStage, tdmi_lite_refiner
from tests.builders.family import random_clips

SIZE = (12, 8)


def test_differences_are_between_neighbours_and_change_sign_backwards():
    stage = DifferenceStage(12, offset_groups=3).eval()
    seen = []
    stage.encode.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].unflatten(1, (4, 12))))
    maps = torch.randn(1, 5, 12, *SIZE)
    stage(maps, maps[:, 2])
    stage(maps.flip(1), maps[:, 2])
    torch.testing.assert_close(seen[0][:, 1], maps[:, 2] - maps[:, 1])
    torch.testing.assert_close(seen[1], -seen[0].flip(1))


def test_motion_is_sampled_next_door_and_steered_from_further_away():
    stage = DifferenceStage(12, offset_groups=3)
    assert (stage.sample.sample.dilation, stage.sample.offset.dilation, stage.sample.mask.dilation) == (
        1,
        (3, 3),
        (3, 3),
    )


def test_each_stage_adds_to_those_before_it():
    encoder = DifferenceEncoder(12, stages=3, offset_groups=3).eval()
    motions = [torch.rand(1, 12, *SIZE) for _ in range(3)]
    for index, motion in enumerate(motions):
        encoder.stages[index] = _Found(motion)
    for index in range(2):
        encoder.smooth[index] = nn.Identity()
    features = tuple(torch.zeros(1, 5, 12, *SIZE) for _ in range(3))
    torch.testing.assert_close(encoder(features), sum(motions))
    with pytest.raises(ValueError, match="zip"):
        encoder(features[:2])


class _Found(nn.Module):
    def __init__(self, motion):
        super().__init__()
        self.motion = motion

    def forward(self, maps, key):
        return self.motion


def test_a_gate_weighs_whole_channels_by_what_all_of_them_say():
    gate = ChannelGate(4)
    x = torch.rand(2, 4, *SIZE) + 0.1
    weight = gate(x) / x
    torch.testing.assert_close(weight, weight[..., :1, :1].expand_as(weight))
    assert ((weight > 0) & (weight < 1)).all()
    louder = x.clone()
    louder[:, 3] *= 5
    assert not torch.allclose(gate(louder)[:, 0], gate(x)[:, 0])


@pytest.mark.parametrize("spatio_temporal", [False, True])
def test_the_loss_is_given_both_motions_and_the_appearance(spatio_temporal):
    refiner = tdmi_lite_refiner(spatio_temporal=spatio_temporal).eval()
    clips = random_clips(2, 5, SIZE)
    output = refiner(clips)
    for feature in (output.motion, output.useful, output.noisy, output.appearance, output.fused):
        assert feature.shape == (2, 24, *SIZE)
    assert torch.equal(output.appearance, clips.features[-1][:, 2]) is not spatio_temporal
