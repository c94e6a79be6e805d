import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from jmpose_core.model.heatmaps import SIGMA_PAPER
from jmpose_core.model.hrnet import HRNet, SlotHRNet, hrnet_w32, hrnet_w48
from jmpose_core.skeleton import SLOT_OF_JOINT
from train.objectives.heatmap_losses import heatmap_l2

# Published: parameters in millions; multiply-adds in units of 2^30.
PUBLISHED = [(hrnet_w48, 63.6, 32.9), (hrnet_w32, 28.5, 16.0)]


@pytest.mark.parametrize(("build", "millions", "giga"), PUBLISHED)
def test_size_and_cost_are_the_published_ones(build, millions, giga):
    with torch.device("meta"):
        network = build(joints=17).eval()
        crop = torch.empty(1, 3, 384, 288)
    with FlopCounterMode(display=False) as counter:
        output = network(crop)
    assert output.heatmaps.shape == (1, 17, 96, 72)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)
    assert counter.get_total_flops() / 2 / 2**30 == pytest.approx(giga, abs=0.05)


def test_four_features_at_the_heatmaps_size():
    network = HRNet(width=8, joints=15).eval()
    with torch.inference_mode():
        output = network(torch.randn(2, 3, 64, 96))
    assert output.heatmaps.shape == (2, 15, 16, 24)
    assert output.logits is output.heatmaps
    assert [tuple(feature.shape) for feature in output.features] == [(2, 8, 16, 24)] * 4


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    network = HRNet(width=8)
    truth = torch.full((2, 15, 2), 5.0)
    heatmap_l2(network(torch.randn(2, 3, 64, 64)).logits, truth, torch.ones(2, 15), SIGMA_PAPER).backward()
    parameters = dict(network.named_parameters())
    assert [name for name, each in parameters.items() if each.grad is None or not each.grad.any()] == []


def test_a_later_stage_leaves_the_features_before_it_alone():
    network = HRNet(width=8, joints=15).eval()
    kept = []
    network.stage2.register_forward_hook(lambda module, inputs, output: kept.append(output[0].clone()))
    with torch.inference_mode():
        output = network(torch.randn(1, 3, 64, 64))
    torch.testing.assert_close(output.features[1], kept[0])


def test_slots_are_the_feature_and_the_joints_of_their_names_the_heatmaps():
    network = SlotHRNet(width=8).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        output, of_slots = network(image), HRNet.forward(network, image).heatmaps
    assert of_slots.shape == (1, 17, 16, 16)
    assert torch.equal(output.features[0], of_slots) and len(output.features) == 1
    assert torch.equal(output.heatmaps, of_slots[:, list(SLOT_OF_JOINT)]) and output.logits is output.heatmaps


def test_official_names():
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in hrnet_w48(joints=17).state_dict().items()}
    expected = {
        "conv1.weight": (64, 3, 3, 3),
        "bn2.running_var": (64,),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.3.conv3.weight": (256, 64, 1, 1),
        "transition1.0.0.weight": (48, 256, 3, 3),
        "transition1.1.0.0.weight": (96, 256, 3, 3),
        "transition2.2.0.0.weight": (192, 96, 3, 3),
        "transition3.3.0.1.bias": (384,),
        "stage2.0.branches.1.3.conv2.weight": (96, 96, 3, 3),
        "stage3.3.fuse_layers.0.2.0.weight": (48, 192, 1, 1),
        "stage3.3.fuse_layers.2.0.0.0.weight": (48, 48, 3, 3),
        "stage3.3.fuse_layers.2.0.1.0.weight": (192, 48, 3, 3),
        "stage4.2.fuse_layers.0.3.1.running_mean": (48,),
        "final_layer.weight": (17, 48, 1, 1),
        "final_layer.bias": (17,),
    }
    assert {name: shapes.get(name) for name in expected} == expected
    assert any(name.startswith("stage4.1.fuse_layers.3.") for name in shapes)
    assert not any(name.startswith("stage4.2.fuse_layers.1.") for name in shapes)
