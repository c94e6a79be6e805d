"""Loaded through a layout, a network computes what its source computes."""

import pytest
import torch
from torch import nn
from torchvision.models.optical_flow import raft_small

from jmpose_core.checkpoints.conversion import convert
from jmpose_core.checkpoints.hrnet_timm import HRNET_TIMM
from jmpose_core.checkpoints.layout import translate
from jmpose_core.checkpoints.matching import matched
from jmpose_core.model.hrnet import HRNet
from jmpose_core.weights.files import load_into
from tests.builders.checkpoint_files import hollow, hrnet_shapes, saved, shapes_of

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("HF_HUB_OFFLINE", "1")
    timm = pytest.importorskip("timm", reason="timm is a development dependency: pip install -e '.[dev]'")


def trunk_of(classifier: nn.Module, network: HRNet) -> None:
    """Load timm's trunk into ours, by the layout's names and with every place filled."""
    translated = translate(HRNET_TIMM, classifier.state_dict())
    expected = {f"backbone.{name}": shape for name, shape in shapes_of(network).items() if "final_layer" not in name}
    tensors, filled = matched(translated.tensors, expected, place="timm")
    assert not filled
    state = {name.removeprefix("backbone."): tensor for name, tensor in tensors.items()}
    load_into(network, state | network.final_layer.state_dict(prefix="final_layer."), place="timm")


def test_timms_trunk_gives_timms_features():
    torch.manual_seed(0)
    source = timm.create_model("hrnet_w18", pretrained=False).eval()
    network = HRNet(width=18).eval()
    trunk_of(source, network)
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        stem = source.act2(source.bn2(source.conv2(source.act1(source.bn1(source.conv1(image))))))
        finest = source.stages(stem)[0]
        features = network(image).features
    assert finest.std() > 0.01
    torch.testing.assert_close(features[-1], finest)


@pytest.mark.parametrize("width", [32, 48])
def test_timms_hrnet_fills_the_variant(width, tmp_path):
    with torch.device("meta"):
        theirs = shapes_of(timm.create_model(f"hrnet_w{width}", pretrained=False))
    conversion = convert([saved(tmp_path / "model.pth", hollow(theirs))], f"hrnet_w{width}")
    (report,) = conversion.files
    official = hrnet_shapes(width)
    trunk = {name: shape for name, shape in official.items() if "final_layer" not in name}
    assert {name: theirs[name] for name in report.matched.values()} == trunk
    assert {f"backbone.{name}" for name in official} == conversion.state.keys()
    assert report.layout == "HRNet for ImageNet (timm)"
    roots = {name.split(".")[0] for name in report.left_out}
    assert roots == {"incre_modules", "downsamp_modules", "final_layer", "classifier", "stage4"}
    assert all(".fuse_layers.0." not in name for name in report.left_out)
    assert "untrained" in conversion.new["backbone.final_layer.weight"]
    assert len(report.left_out) + len(report.matched) == len(theirs)


def test_torchvisions_raft_gives_torchvisions_flow(tmp_path):
    torch.manual_seed(0)
    source, network = raft_small(weights=None).eval(), raft_small(weights=None).eval()
    state = convert([saved(tmp_path / "raft.pth", source.state_dict())], "raft_small").state
    load_into(network, state, place="raft")
    first, second = torch.rand(2, 1, 3, 128, 128) * 2 - 1
    with torch.inference_mode():
        flow = network(first, second, num_flow_updates=2)[-1]
        torch.testing.assert_close(flow, source(first, second, num_flow_updates=2)[-1])
    assert flow.abs().max() > 0
