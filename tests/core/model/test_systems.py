"""The named builders and their switches, on the meta device where nothing is computed."""

import pytest
import torch

from jmpose_core.model.jmml import JointMotionBlock
from jmpose_core.model.network import KEY_TO_SUPPORTING_PAIRS, adjacent_pairs
from jmpose_core.model.systems import POSE_NETWORKS, jmpose_w48


@pytest.fixture
def on_meta():
    with torch.device("meta"):
        yield


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize(
    "variant, gone", [("cjl", "cjl.offset"), ("jmml", "jmml"), ("jmib", "jmml.blocks.0"), (None, None)]
)
def test_an_ablation_lacks_its_part_and_keeps_the_others(variant, gone):
    network = POSE_NETWORKS["jmpose_w48" if variant is None else f"jmpose_without_{variant}_w48"]()
    parts = {name for name, _ in network.refiner.named_modules()}
    for part in {"cjl.offset", "jmml", "jmml.blocks.0"} - ({"jmml", "jmml.blocks.0"} if gone == "jmml" else {gone}):
        assert any(name.startswith(part) for name in parts)
    assert gone is None or not any(name.startswith(gone) for name in parts)


@pytest.mark.usefixtures("on_meta")
def test_flow_is_read_as_the_authors_code_does_or_as_printed():
    assert jmpose_w48().flow_pairs == KEY_TO_SUPPORTING_PAIRS
    assert jmpose_w48(consecutive_flow=True).flow_pairs == adjacent_pairs(2)
    assert jmpose_w48(consecutive_flow=True, align=True, reach=4).flow_pairs == adjacent_pairs(4)


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize("switch", ["align", "occlusion"])
def test_what_reads_flow_from_frame_to_frame_needs_it(switch):
    with pytest.raises(ValueError, match="consecutive_flow"):
        jmpose_w48(**{switch: True})


def test_the_printed_gate_exchanges_nothing():
    """Equations 9 and 10 to the letter: each stream times its own sigmoid."""
    torch.manual_seed(0)
    block = JointMotionBlock(8, kv_stride=4, printed_gate=True).eval()
    silent = torch.zeros(8)
    for attention in (block.joint_from_motion, block.motion_from_joint):
        attention.value.weight.data.zero_()
        attention.value.bias.data.copy_(silent)
    joint, motion = torch.randn(2, 1, 8, 16, 12)
    found, _ = block(joint, motion)
    expected = block.joint_chain(joint)
    torch.testing.assert_close(found, expected * expected.sigmoid())


@pytest.mark.parametrize("kv_stride", [1, 2, 4])
def test_attention_of_any_resolution_keeps_the_maps_size(kv_stride):
    joint, motion = JointMotionBlock(8, kv_stride=kv_stride).eval()(*torch.randn(2, 1, 8, 16, 12))
    assert joint.shape == motion.shape == (1, 8, 16, 12)
