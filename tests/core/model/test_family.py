"""What holds for every system of the family: JM-Pose, its ablations, JM-Pose*, DCPose, FAMI-Pose, TDMI, TDMI-ST."""

import re

import pytest
import torch

from jmpose_core.model import jmml
from jmpose_core.model.famipose import FAMIPose, FAMIPoseOutput
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.tdmi import TDMI, TDMIOutput
from jmpose_core.skeleton import FLIP, NUM_JOINTS
from tests.builders.family import FORMS, LITE, SMALL_FEATURES, W48, random_clips, reversed_in_time, still, stir
from tests.core.model import mirror, reversal
from train.objectives.family import famipose_corrected, tdmi_corrected
from train.objectives.heatmap_losses import heatmap_l2, spatial_cross_entropy

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


@pytest.mark.parametrize("name", LITE)
@pytest.mark.parametrize(("form", "size"), [("small_paper", (64, 48)), ("small_paper", (12, 8)), ("w48", (24, 16))])
def test_every_system_in_the_papers_form_regresses_heatmaps_by_itself(form, size, name):
    torch.manual_seed(0)
    refiner = _system(form, name).eval()
    clips = random_clips(1, refiner.frames, size, features=FORMS[form].features)
    with torch.inference_mode():
        output = refiner(clips.for_refiner(refiner))
    assert output.refined.shape == (1, NUM_JOINTS, *size)
    assert output.logits is output.refined
    assert not torch.allclose(output.refined, clips.key_initial, atol=0.1)


def _system(form, name):
    return FORMS[form].systems[name]()


@pytest.mark.parametrize(("size", "name"), PARAMETERS)
def test_sizes_are_the_documented_ones(size, name):
    with torch.device("meta"):
        refiner = (LITE if size == "lite" else W48)[name]()
    millions = sum(parameter.numel() for parameter in refiner.parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[size, name], abs=0.005)


def _loss(output):
    """Of the heatmaps and, where a part has no other, of the information objective."""
    cells = torch.full((len(output.logits), NUM_JOINTS, 2), 5.0)
    heatmap_loss = heatmap_l2 if output.logits is output.refined else spatial_cross_entropy
    loss = heatmap_loss(output.logits, cells, torch.ones(len(output.logits), NUM_JOINTS), SIGMA_LITE)
    if isinstance(output, TDMIOutput):  # nothing else reaches the gate of noisy motion
        loss = loss + tdmi_corrected(output, output.refined.detach()).total
    if isinstance(output, FAMIPoseOutput):
        loss = loss + famipose_corrected(output, output.refined.detach()).total
    return loss


@pytest.mark.parametrize("name", LITE)
@pytest.mark.parametrize("form", FORMS)
def test_every_parameter_gets_a_gradient(form, name):
    """After two steps: a head that starts at zero blocks the first gradient, layers at zero before it the second."""
    torch.manual_seed(0)
    refiner = _system(form, name)
    clips = random_clips(3, refiner.frames, (12, 8), features=FORMS[form].features).for_refiner(refiner)
    optimiser = torch.optim.Adam(refiner.parameters(), 1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        _loss(refiner(clips)).backward()
        optimiser.step()
    optimiser.zero_grad()
    _loss(refiner(clips)).backward()
    parameters = dict(refiner.named_parameters())
    assert [name for name, each in parameters.items() if each.grad is None or not each.grad.any()] == []


def _frames_in(channels, stages):
    """Layers whose input channels are frames in the order of time, or pairs of them, in every system."""
    supports = reversal.frames(4, channels)
    differences = reversal.negated(supports)
    aggregation = reversal.chain("aggregation.chain", reversal.frames_of_joints([4, 3, 2, 1, 0]))
    by_flow = aggregation | {"motion_stem.stem.0": reversal.negated(reversal.frames(4, 2))}
    encoder = {}
    for stage in range(stages):
        encoder |= reversal.chain(f"encoder.stages.{stage}.encode", differences)
    return dict.fromkeys(["jmpose", "without_cjl", "without_jmml", "without_jmib"], by_flow) | {
        "jmpose_star": aggregation | reversal.chain("motion_stem.chain", differences),
        "dcpose": reversal.rsb_chain("residual_fusion", reversal.frames_of_joints([2, 3, 0, 1]))
        | reversal.rsb_chain("temporal_merger", reversal.frames_of_joints([0, 2, 1])),
        "famipose": reversal.chain("merge", supports),
        "tdmi": encoder,
        "tdmi_st": encoder | reversal.chain("appearance.merge", supports),
    }


FRAMES_IN = {"lite": _frames_in(24, stages=1), "small_paper": _frames_in(SMALL_FEATURES, stages=2)}


@pytest.mark.parametrize("name", LITE)
@pytest.mark.parametrize("form", FRAMES_IN)
def test_time_has_a_direction_only_if_weights_give_it_one(form, name):
    """Supports before and after the key frame are treated alike by all that is not learned: order, weights, signs."""
    torch.manual_seed(0)
    refiner = _system(form, name).eval()
    stir(refiner)
    clips = random_clips(1, refiner.frames, (16, 12), features=FORMS[form].features)
    both = [each.for_refiner(refiner) for each in (clips, reversed_in_time(clips))]
    with torch.inference_mode():
        forwards, backwards = (refiner(each) for each in both)
        assert (forwards.logits - backwards.logits).abs().max() > 1e-3
        reversal.treat_past_and_future_alike(refiner, FRAMES_IN[form][name])
        forwards, backwards = (refiner(each) for each in both)
    torch.testing.assert_close(vars(forwards), vars(backwards), rtol=1e-4, atol=1e-4)  # features and merged maps, too


# Where each system looks for motion: what these layers are given must be zero for a still clip.
MOTION = {
    "jmpose": r"motion_stem\.stem",
    "jmpose_star": r"motion_stem\.chain",
    "without_cjl": r"motion_stem\.stem",
    "without_jmml": r"motion_stem\.stem",
    "without_jmib": r"motion_stem\.stem",
    "dcpose": r"residual_fusion",
    "famipose": r"transform\.encode",
    "tdmi": r"encoder\.stages\.\d\.encode",
    "tdmi_st": r"encoder\.stages\.\d\.encode",
}


@pytest.mark.parametrize("name", MOTION)
@pytest.mark.parametrize("form", ["lite", "small_paper"])
def test_a_still_clip_shows_no_motion_at_all(form, name):
    refiner = _system(form, name).eval()
    seen = []
    layers = [module for path, module in refiner.named_modules() if re.fullmatch(MOTION[name], path)]
    assert len(layers) == (2 if form == "small_paper" and name.startswith("tdmi") else 1)
    for layer in layers:
        layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    clips = random_clips(2, refiner.frames, (16, 12), features=FORMS[form].features)
    with torch.inference_mode():
        refiner(still(clips).for_refiner(refiner))
        refiner(clips.for_refiner(refiner))
    at_rest, moving = seen[: len(layers)], seen[len(layers) :]
    assert not any(motion.any() for motion in at_rest)
    assert all(motion.any() for motion in moving)


def test_famipose_moves_equal_supports_equally():
    torch.manual_seed(0)
    refiner = LITE["famipose"]().eval()
    stir(refiner, std=1.0)
    assert isinstance(refiner, FAMIPose)
    seen = []
    refiner.merge.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].chunk(4, dim=1)))
    clips = random_clips(2, 5, (16, 12))
    with torch.inference_mode():
        refiner(still(clips))
        refiner(clips)
    (first, *equal), (other, *different) = seen
    # Processors may round alike items of a batch differently, by a few units in the last place.
    assert all((first - moved).abs().max() < 1e-5 for moved in equal)
    assert all((other - moved).abs().max() > 0.1 for moved in different)


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
CALIBRATED = [f"calibration.steps.{step}." for step in range(4)]
FIVE = dict.fromkeys(["aggregation.chain.0.conv1", "aggregation.chain.0.downsample.0"], mirror.joints(5))
AGGREGATED = {"aggregation.chain.0.conv2": JOINT, "aggregation.chain.0.downsample.0": JOINT, "head.last": JOINT}
FLOW = {"motion_stem.stem.0": mirror.flow(4)}


def _rsb(name, given, made=None):
    """A chain of residual steps blocks, by what it takes and, where it is of one block, what it makes."""
    taken = dict.fromkeys([f"{name}.0.spread.0", f"{name}.0.downsample.0"], given)
    return taken, {} if made is None else dict.fromkeys([f"{name}.0.gather.0", f"{name}.0.downsample.0"], made)


def _guided(groups, *parts):
    """A GuidedDeformConv's two layers, for each of these."""
    steering = {f"{part}offset": mirror.offsets(torch.arange(groups)) for part in parts}
    return steering | {f"{part}mask": mirror.masks(torch.arange(groups)) for part in parts}


def _correction(scales):
    samples = {f"correction.samples.{scale}": JOINT for scale in range(scales)}
    steering = {f"correction.offsets.{scale}": mirror.offsets(torch.tensor(FLIP)) for scale in range(scales)}
    steering |= {f"correction.masks.{scale}": mirror.masks(torch.tensor(FLIP)) for scale in range(scales)}
    return samples, samples | steering


def _sides(*, channels, cjl_groups, groups, stages, scales, dcpose_head):
    """Layers that take, and layers that make, other channels than features, in every system."""
    relation = mirror.both(JOINT, mirror.features(channels))
    given = FIVE | dict.fromkeys(["cjl.relation.0.conv1", "cjl.relation.0.downsample.0"], relation)
    cjl = AGGREGATED | {
        "cjl.offset.1": mirror.offsets(torch.arange(cjl_groups)),
        "cjl.mask.1": mirror.masks(torch.arange(cjl_groups)),
    }
    merged_in, merged_out = _rsb("temporal_merger", mirror.joints(3), JOINT)
    sampled_in, sampled_out = _correction(scales)
    head = {"head.last": JOINT} if dcpose_head else {}
    encoder = {"head.last": JOINT} | _guided(groups, *(f"encoder.stages.{stage}.sample." for stage in range(stages)))
    return dict.fromkeys(["jmpose", "without_jmml", "without_jmib"], (given | FLOW, cjl)) | {
        "jmpose_star": (given, cjl),
        "without_cjl": (FIVE | FLOW | {"cjl.conv": JOINT}, AGGREGATED),
        "dcpose": (
            _rsb("residual_fusion", mirror.joints(4))[0]
            | merged_in
            | _rsb("combine", mirror.both(mirror.features(2 * NUM_JOINTS), JOINT))[0]
            | sampled_in
            | head,
            merged_out | sampled_out | head,
        ),
        "famipose": ({}, {"head.last": JOINT} | _guided(groups, *CALIBRATED)),
        "tdmi": ({}, encoder),
        "tdmi_st": ({}, encoder | _guided(groups, *(f"appearance.{step}" for step in CALIBRATED))),
    }


SIDES = {
    "lite": _sides(channels=32, cjl_groups=8, groups=12, stages=1, scales=5, dcpose_head=True),
    "small_paper": _sides(channels=12, cjl_groups=3, groups=3, stages=2, scales=2, dcpose_head=False),
}


@pytest.mark.parametrize("name", LITE)
@pytest.mark.parametrize("form", SIDES)
def test_a_mirrored_clip_gives_the_mirrored_result(form, name, monkeypatch):
    """Exactly, where the weights treat both sides alike: every joint, group, tap, offset and sign is in its place.

    Trained weights keep it about as well as their training showed them both sides. Two parts know
    left from right of themselves and are left out: JMIB's positions of cells, and FAMI-Pose's
    strided convolutions, whose cells do not lie symmetrically (it moves nothing here).
    """
    torch.manual_seed(0)
    monkeypatch.setattr(jmml, "sine_position", lambda like, *, stride: torch.zeros_like(like[0]))
    refiner = _system(form, name).eval()
    stir(refiner)
    if isinstance(refiner, FAMIPose):
        torch.nn.init.zeros_(refiner.transform.regress[-1].weight)
    clips = random_clips(1, refiner.frames, (16, 12), features=FORMS[form].features).for_refiner(refiner)
    with torch.inference_mode():
        assert _mirror_error(refiner, clips) > 1e-2
        mirror.treat_sides_alike(refiner, *SIDES[form][name])
        assert _mirror_error(refiner, clips) < 1e-4


def _mirror_error(refiner, clips):
    return (refiner(mirror.mirrored(clips)).logits - mirror.mirrored_joints(refiner(clips).logits)).abs().max()


@pytest.mark.parametrize("name", LITE)
def test_runs_under_autocast_with_logits_in_single_precision(name):
    refiner = LITE[name]()
    with torch.autocast("cpu", torch.bfloat16):
        output = refiner(random_clips(2, refiner.frames, (16, 12)).for_refiner(refiner))
    assert output.logits.dtype == output.refined.dtype == torch.float32
