import pytest
import torch

from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.jmpose import jmpose_lite_refiner, jmpose_w48_refiner
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.family import random_clips

H, W = 16, 12
ABLATIONS = [
    {},
    {"cjl": False},
    {"jmml": False},
    {"jmib": False},
    {"motion": "difference"},
    {"residual": False},
]


@pytest.mark.parametrize("switches", ABLATIONS, ids=str)
def test_every_ablation_hands_the_io_objective_its_features(switches):
    refiner = jmpose_lite_refiner(**switches)
    output = refiner(random_clips(2, 5, (H, W)).for_refiner(refiner))
    assert output.refined.shape == output.logits.shape == output.aggregated.shape == (2, NUM_JOINTS, H, W)
    layers = 0 if switches.get("jmml") is False else 1 if switches.get("jmib") is False else 2
    assert [f.shape for f in (*output.joint_features, *output.motion_features)] == [(2, 32, H, W)] * 2 * layers


def test_lite_decodes_to_the_initial_stages_joints_before_training():
    clips = random_clips(3, 5, (H, W))
    output = jmpose_lite_refiner()(clips)
    torch.testing.assert_close(decode(output.refined, blur_sigma=1.0), decode(clips.key_initial, blur_sigma=1.0))


def test_lite_starts_from_the_initial_stage_in_half_precision():
    clips = random_clips(3, 5, (H, W))
    output = jmpose_lite_refiner()(ClipMaps(clips.initial.half().float(), flow=clips.flow))
    torch.testing.assert_close(output.refined, clips.key_initial, rtol=5e-3, atol=1e-3)


def test_the_papers_variant_has_four_layers_of_mutual_learning():
    refiner = jmpose_w48_refiner().eval()
    with torch.inference_mode():
        output = refiner(random_clips(1, 5, (H, W)))
    assert len(output.joint_features) == len(output.motion_features) == 4


def test_flow_is_asked_for_where_it_is_missing():
    clips = random_clips(1, 5, (H, W))
    with pytest.raises(ValueError, match="needs flow"):
        jmpose_lite_refiner()(ClipMaps(clips.initial))
