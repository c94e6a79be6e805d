import pytest
import torch

from jmpose_core.heatmaps import SIGMA_LITE, decode, encode, heatmaps_from_logits
from jmpose_core.model.jmpose import jmpose_lite_refiner, jmpose_w48_refiner
from jmpose_core.skeleton import NUM_JOINTS
from train.losses import spatial_cross_entropy

H, W = 16, 12
ABLATIONS = [
    {},
    {"cjl": False},
    {"jmml": False},
    {"jmib": False},
    {"motion": "difference"},
    {"residual": False},
]


def _clip(batch, seed=0):
    """Softmax heatmaps of blunt and displaced guesses, and flow."""
    generator = torch.Generator().manual_seed(seed)
    guesses = torch.rand(batch, 5, NUM_JOINTS, 2, generator=generator) * torch.tensor([W - 1.0, H - 1.0])
    logits = 4 * encode(guesses, (H, W), SIGMA_LITE)
    return heatmaps_from_logits(logits, SIGMA_LITE), torch.randn(batch, 4, 2, H, W, generator=generator)


@pytest.mark.parametrize("switches", ABLATIONS, ids=str)
def test_shapes_of_every_ablation_and_gradients_to_every_parameter(switches):
    torch.manual_seed(0)
    refiner = jmpose_lite_refiner(**switches)
    heatmaps, motion = _clip(2)
    if switches.get("motion") == "difference":
        motion = torch.randn(2, 5, 48, H, W)
    for module in refiner.modules():  # what starts at zero hides what lies before it
        weight = getattr(module, "weight", None)
        if weight is not None and not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    output = refiner(heatmaps, motion)
    assert output.refined.shape == output.logits.shape == output.aggregated.shape == (2, NUM_JOINTS, H, W)
    layers = 0 if switches.get("jmml") is False else 1 if switches.get("jmib") is False else 2
    assert [f.shape for f in (*output.joint_features, *output.motion_features)] == [(2, 32, H, W)] * 2 * layers
    output.logits.square().mean().backward()
    unreached = [
        name for name, parameter in refiner.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    # Batch norms take out what a bias or a shift adds before them, and a softmax over keys what is added to all.
    assert [name for name in unreached if not name.endswith("bias")] == []


def test_lite_starts_from_the_initial_stage():
    heatmaps, flow = _clip(3)
    output = jmpose_lite_refiner()(heatmaps, flow)
    torch.testing.assert_close(output.refined, heatmaps[:, 2], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(decode(output.refined, blur_sigma=1.0), decode(heatmaps[:, 2], blur_sigma=1.0))


def test_lite_starts_from_the_initial_stage_in_half_precision():
    heatmaps, flow = _clip(3)
    output = jmpose_lite_refiner()(heatmaps.half().float(), flow)
    torch.testing.assert_close(output.refined, heatmaps[:, 2], rtol=5e-3, atol=1e-3)


def test_the_papers_variant_regresses_heatmaps_without_the_initial_ones():
    refiner = jmpose_w48_refiner().eval()
    heatmaps, flow = _clip(1)
    with torch.inference_mode():
        output = refiner(heatmaps, flow)
    assert output.logits is output.refined
    assert len(output.joint_features) == 4
    assert sum(parameter.numel() for parameter in refiner.parameters()) / 1e6 == pytest.approx(2.06, abs=0.01)


def test_reversed_time_is_another_clip_but_a_still_one_is_not():
    refiner = jmpose_lite_refiner(residual=False).eval()
    heatmaps, flow = _clip(1)
    still = heatmaps[:, :1].expand(-1, 5, -1, -1, -1)
    no_flow = torch.zeros_like(flow)
    with torch.inference_mode():
        assert not torch.allclose(refiner(heatmaps, flow).refined, refiner(heatmaps.flip(1), -flow.flip(1)).refined)
        torch.testing.assert_close(refiner(still, no_flow).refined, refiner(still.flip(1), -no_flow.flip(1)).refined)


def test_runs_under_autocast_with_logits_in_single_precision():
    heatmaps, flow = _clip(2)
    with torch.autocast("cpu", torch.bfloat16):
        output = jmpose_lite_refiner()(heatmaps, flow)
    assert output.logits.dtype == output.refined.dtype == torch.float32


def test_lite_learns_eight_clips_by_heart():
    torch.manual_seed(0)
    refiner = jmpose_lite_refiner()
    heatmaps, flow = _clip(8)
    truth = torch.rand(8, NUM_JOINTS, 2) * torch.tensor([W - 1.0, H - 1.0])
    optimiser = torch.optim.Adam(refiner.parameters(), 3e-3)
    errors = []
    for _ in range(25):
        output = refiner(heatmaps, flow)
        loss = spatial_cross_entropy(output.logits, truth, torch.ones(8, NUM_JOINTS), SIGMA_LITE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append((decode(output.refined.detach(), blur_sigma=1.0)[0] - truth).norm(dim=-1).median())
    assert errors[0] > 4
    assert errors[-1] < 1
