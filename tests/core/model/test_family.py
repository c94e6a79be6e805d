"""What holds for every system of the family: JM-Pose, its ablations, JM-Pose*, DCPose, FAMI-Pose, TDMI, TDMI-ST."""

import re

import pytest
import torch

from jmpose_core.heatmaps import SIGMA_LITE
from jmpose_core.model import jmml
from jmpose_core.model.famipose import FAMIPose, FAMIPoseOutput
from jmpose_core.model.tdmi import TDMI, TDMIOutput
from jmpose_core.skeleton import FLIP, NUM_JOINTS
from tests.core.model import mirror
from tests.core.model.family import LITE, W48, W48_FEATURES, random_clips, reversed_in_time, still, stir
from train.family_losses import famipose_corrected, tdmi_corrected
from train.losses import spatial_cross_entropy

# In millions. FAMI-Pose's and TDMI's are those of the published modules with 15 joints.
PARAMETERS = {
    ("lite", "dcpose"): 0.609,
    ("lite", "famipose"): 0.425,
    ("lite", "tdmi"): 0.185,
    ("lite", "tdmi_st"): 0.58,
    ("w48", "jmpose"): 2.06,
    ("w48", "dcpose"): 1.41,
    ("w48", "famipose"): 1.06,
    ("w48", "tdmi"): 1.85,
    ("w48", "tdmi_st"): 2.86,
}


@pytest.mark.parametrize("size", [(64, 48), (16, 24), (12, 8)])
@pytest.mark.parametrize("name", LITE)
def test_every_lite_system_takes_maps_of_any_size_and_starts_from_the_initial_stage(name, size):
    refiner = LITE[name]().eval()
    clips = random_clips(2, refiner.frames, size)
    with torch.inference_mode():
        output = refiner(clips.for_refiner(refiner))
    assert output.refined.shape == output.logits.shape == (2, NUM_JOINTS, *size)
    torch.testing.assert_close(output.refined, clips.key_initial, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", W48)
def test_every_system_of_the_papers_size_regresses_heatmaps_by_itself(name):
    refiner = W48[name]().eval()
    clips = random_clips(1, refiner.frames, (24, 16), features=W48_FEATURES)
    with torch.inference_mode():
        output = refiner(clips.for_refiner(refiner))
    assert output.refined.shape == (1, NUM_JOINTS, 24, 16)
    assert output.logits is output.refined


@pytest.mark.parametrize(("size", "name"), PARAMETERS)
def test_sizes_are_the_documented_ones(size, name):
    with torch.device("meta"):
        refiner = (LITE if size == "lite" else W48)[name]()
    millions = sum(parameter.numel() for parameter in refiner.parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[size, name], abs=0.005)


def _loss(output):
    """Of the heatmaps and, where a part has no other, of the information objective."""
    cells = torch.full((len(output.logits), NUM_JOINTS, 2), 5.0)
    loss = spatial_cross_entropy(output.logits, cells, torch.ones(len(output.logits), NUM_JOINTS), SIGMA_LITE)
    if isinstance(output, TDMIOutput):  # nothing else reaches the gate of noisy motion
        loss = loss + tdmi_corrected(output, output.refined.detach()).total
    if isinstance(output, FAMIPoseOutput):
        loss = loss + famipose_corrected(output, output.refined.detach()).total
    return loss


# Adding the same to every key of an attention changes nothing, nor does a shift that a batch norm takes out.
WITHOUT_EFFECT = re.compile(r"\.key\.bias$")


@pytest.mark.parametrize("name", LITE)
def test_every_parameter_gets_a_gradient(name):
    """After two steps: a head that starts at zero blocks the first gradient, layers at zero before it the second."""
    torch.manual_seed(0)
    refiner = LITE[name]()
    clips = random_clips(3, refiner.frames, (12, 8)).for_refiner(refiner)
    optimiser = torch.optim.Adam(refiner.parameters(), 1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        _loss(refiner(clips)).backward()
        optimiser.step()
    optimiser.zero_grad()
    _loss(refiner(clips)).backward()
    unreached = [
        name for name, parameter in refiner.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert [name for name in unreached if not WITHOUT_EFFECT.search(name)] == []


@pytest.mark.parametrize("name", LITE)
def test_time_has_a_direction_for_a_moving_clip_and_none_for_a_still_one(name):
    torch.manual_seed(0)
    refiner = LITE[name]().eval()
    stir(refiner)
    clips = random_clips(1, refiner.frames, (16, 12))
    with torch.inference_mode():
        forwards, backwards, stands, stands_backwards = (
            refiner(each.for_refiner(refiner)).logits
            for each in (clips, reversed_in_time(clips), still(clips), reversed_in_time(still(clips)))
        )
    assert (forwards - backwards).abs().max() > 1e-3
    torch.testing.assert_close(stands, stands_backwards, rtol=0, atol=0)


# Where each system looks for motion: what this layer is given must be zero for a still clip.
MOTION = {
    "jmpose": "motion_stem.stem",
    "jmpose_star": "motion_stem.chain",
    "dcpose": "residual_fusion",
    "famipose": "transform.encode",
    "tdmi": "encoder.stages.0.encode",
    "tdmi_st": "encoder.stages.0.encode",
}


@pytest.mark.parametrize("name", MOTION)
def test_a_still_clip_shows_no_motion_at_all(name):
    refiner = LITE[name]().eval()
    seen = []
    refiner.get_submodule(MOTION[name]).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    clips = random_clips(2, refiner.frames, (16, 12))
    with torch.inference_mode():
        refiner(still(clips).for_refiner(refiner))
        refiner(clips.for_refiner(refiner))
    at_rest, moving = seen
    assert not at_rest.any()
    assert moving.any()


def test_famipose_moves_equal_supports_equally():
    torch.manual_seed(0)
    refiner = LITE["famipose"]().eval()
    stir(refiner, std=1.0)
    assert isinstance(refiner, FAMIPose)
    seen = []
    refiner.merge.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].chunk(4, dim=1)))
    with torch.inference_mode():
        refiner(still(random_clips(2, 5, (16, 12))))
    first, *others = seen[0]
    assert all(torch.equal(first, other) for other in others)


def test_tdmi_finds_the_same_motion_in_any_still_clip_before_the_key_frame_steers_it():
    refiner = LITE["tdmi"]().eval()
    assert isinstance(refiner, TDMI)
    seen = []
    refiner.get_submodule("encoder.stages.0.encode").register_forward_hook(
        lambda module, inputs, output: seen.append(output)
    )
    with torch.inference_mode():
        for seed in (0, 1):
            refiner(still(random_clips(1, 5, (16, 12), seed=seed)))
    assert torch.equal(*seen)


JOINT = mirror.joints()
ANY_GROUP = torch.arange(12)
CALIBRATED = [f"steps.{step}." for step in range(4)]
AGGREGATION = {"aggregation.chain.0.conv1": mirror.joints(5), "aggregation.chain.0.downsample.0": mirror.joints(5)}
AGGREGATED = {"aggregation.chain.0.conv2": JOINT, "aggregation.chain.0.downsample.0": JOINT, "head.last": JOINT}
STEM = {"motion_stem.stem.0": mirror.flow(4)}
RELATION = dict.fromkeys(
    ["cjl.relation.0.conv1", "cjl.relation.0.downsample.0"], mirror.both(JOINT, mirror.features(32))
)
CJL = {"cjl.offset.1": mirror.offsets(torch.arange(8)), "cjl.mask.1": mirror.masks(torch.arange(8))}


def _guided(*parts):
    """A GuidedDeformConv's two layers, for each of these."""
    steering = {f"{part}offset": mirror.offsets(ANY_GROUP) for part in parts}
    return steering | {f"{part}mask": mirror.masks(ANY_GROUP) for part in parts}


# Layers that take or make other channels than features, in every system.
SIDES = {
    "jmpose": (AGGREGATION | STEM | RELATION, AGGREGATED | CJL),
    "jmpose_star": (AGGREGATION | RELATION, AGGREGATED | CJL),
    "without_cjl": (AGGREGATION | STEM | {"cjl.conv": JOINT}, AGGREGATED),
    "without_jmml": (AGGREGATION | STEM | RELATION, AGGREGATED | CJL),
    "without_jmib": (AGGREGATION | STEM | RELATION, AGGREGATED | CJL),
    "dcpose": (
        {
            "residual_fusion.0.spread.0": mirror.joints(4),
            "residual_fusion.0.downsample.0": mirror.joints(4),
            "temporal_merger.0.spread.0": mirror.joints(3),
            "temporal_merger.0.downsample.0": mirror.joints(3),
            "combine.0.spread.0": mirror.both(mirror.features(30), JOINT),
            "combine.0.downsample.0": mirror.both(mirror.features(30), JOINT),
            "head.last": JOINT,
        }
        | {f"correction.samples.{scale}": JOINT for scale in range(5)},
        {"temporal_merger.0.gather.0": JOINT, "temporal_merger.0.downsample.0": JOINT, "head.last": JOINT}
        | {f"correction.samples.{scale}": JOINT for scale in range(5)}
        | {f"correction.offsets.{scale}": mirror.offsets(torch.tensor(FLIP)) for scale in range(5)}
        | {f"correction.masks.{scale}": mirror.masks(torch.tensor(FLIP)) for scale in range(5)},
    ),
    "famipose": ({}, {"head.last": JOINT} | _guided(*(f"calibration.{step}" for step in CALIBRATED))),
    "tdmi": ({}, {"head.last": JOINT} | _guided("encoder.stages.0.sample.")),
    "tdmi_st": (
        {},
        {"head.last": JOINT}
        | _guided("encoder.stages.0.sample.", *(f"appearance.calibration.{step}" for step in CALIBRATED)),
    ),
}


@pytest.mark.parametrize("name", LITE)
def test_a_mirrored_clip_gives_the_mirrored_result(name, monkeypatch):
    """Exactly, where the weights treat both sides alike: every joint, group, tap, offset and sign is in its place.

    Trained weights keep it about as well as their training showed them both sides. Two parts know
    left from right of themselves and are left out: JMIB's positions of cells, and FAMI-Pose's
    strided convolutions, whose cells do not lie symmetrically (it moves nothing here).
    """
    torch.manual_seed(0)
    monkeypatch.setattr(jmml, "sine_position", lambda like, *, stride: torch.zeros_like(like[0]))
    refiner = LITE[name]().eval()
    stir(refiner)
    if isinstance(refiner, FAMIPose):
        torch.nn.init.zeros_(refiner.transform.regress[-1].weight)
    clips = random_clips(1, refiner.frames, (16, 12)).for_refiner(refiner)
    with torch.inference_mode():
        assert _mirror_error(refiner, clips) > 1e-2
        mirror.treat_sides_alike(refiner, *SIDES[name])
        assert _mirror_error(refiner, clips) < 1e-4


def _mirror_error(refiner, clips):
    return (refiner(mirror.mirrored(clips)).logits - mirror.mirrored_joints(refiner(clips).logits)).abs().max()


@pytest.mark.parametrize("name", LITE)
def test_runs_under_autocast_with_logits_in_single_precision(name):
    refiner = LITE[name]()
    with torch.autocast("cpu", torch.bfloat16):
        output = refiner(random_clips(2, refiner.frames, (16, 12)).for_refiner(refiner))
    assert output.logits.dtype == output.refined.dtype == torch.float32
