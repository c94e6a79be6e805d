"""Every system of the family can be trained, and training leaves what is fixed alone."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from jmpose_core.model import hrnet
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.heatmaps import SIGMA_LITE, decode, heatmaps_from_logits
from jmpose_core.model.network import PoseNetwork, adjacent_pairs
from jmpose_core.model.systems import load_pose_network
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.family import LITE, SMALL, SMALL_PAPER
from tests.core.model import demo_clips
from train.objectives.heatmap_losses import spatial_cross_entropy

MOST_STEPS = 400
SIGMA = 1.5  # cells, of maps as small as these


@pytest.fixture(scope="module")
def clips():
    return demo_clips.read((256, 192))


@pytest.fixture(scope="module")
def maps(clips):
    return demo_clips.maps(clips, load_pose_network("jmpose_lite"))


@pytest.fixture(scope="module")
def truth(clips):
    return clips.key_joints(pixels_per_cell=demo_clips.PIXELS_PER_CELL)


def test_the_initial_stage_has_not_found_all_joints_of_the_real_clips(maps, truth):
    errors = _errors(maps.key_initial, truth)
    assert (errors > 0.5).float().mean() > 0.2
    assert errors.max() > 3


@pytest.mark.parametrize("name", SMALL)
def test_learns_eight_real_clips_by_heart(maps, truth, name):
    torch.manual_seed(0)
    refiner = SMALL[name]()
    seen = replace(maps, features=maps.features[-1:]).for_refiner(refiner)
    _learn_by_heart(refiner, seen, truth)


@pytest.mark.parametrize("name", ["jmpose", "famipose", "tdmi"])
def test_learns_them_in_the_papers_form(maps, truth, name):
    """Without the initial stage's heatmaps to start from. Three of nine, for the suite's time."""
    torch.manual_seed(0)
    refiner = SMALL_PAPER[name]()
    _learn_by_heart(refiner, maps.for_refiner(refiner), truth)


def test_hrnet_learns_eight_real_crops_by_heart(monkeypatch):
    """Narrow, and with a block where it has four and a module a stage: all its branches, transitions and fusions."""
    monkeypatch.setattr(hrnet, "_BLOCKS", 1)
    monkeypatch.setattr(hrnet, "_MODULES", (1, 1, 1))
    torch.manual_seed(0)
    clips = demo_clips.read((64, 64))
    crops = (clips.crops[:, 2] - 0.5) / 0.25
    _learn_by_heart(hrnet.HRNet(width=8), crops, clips.key_joints(pixels_per_cell=4), rate=5e-3)


def _learn_by_heart(network, seen, truth, *, rate=1e-2):
    """Until every joint of every clip lies within half a cell, as the network in eval mode finds it.

    What regresses heatmaps is trained through a softmax as well: squared errors, as the papers take, need
    several times as many steps to leave maps that are zero everywhere.
    """
    optimiser = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, MOST_STEPS)
    weight = torch.ones(truth.shape[:2])
    for step in range(1, MOST_STEPS + 1):
        loss = spatial_cross_entropy(network.train()(seen).logits, truth, weight, SIGMA)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 10 == 0:
            with torch.no_grad():
                heatmaps = heatmaps_from_logits(network.eval()(seen).logits, SIGMA)
            largest = _errors(heatmaps, truth).max()
            if largest < 0.5:
                return
    pytest.fail(f"a joint is {largest:.2f} cells off after {MOST_STEPS} steps")


def _errors(heatmaps, truth):
    return (decode(heatmaps, blur_sigma=1.0)[0] - truth).norm(dim=-1)


class _Backbone(nn.Module):
    """The least that has batch statistics and all that systems ask of a backbone."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 24, 4, 4), nn.BatchNorm2d(24), nn.ReLU())
        self.final_layer = nn.Conv2d(24, NUM_JOINTS, 1)

    def forward(self, x):
        features = self.trunk(x)
        logits = self.final_layer(features)
        return BackboneOutput(heatmaps_from_logits(logits, SIGMA_LITE), logits, (features,))


class _Flow(nn.Module):
    """Stands for RAFT, which looks after itself (test_flow)."""

    def forward(self, first, second):
        return nn.functional.avg_pool2d((second - first)[:, :2], 4)


@pytest.mark.parametrize("name", LITE)
def test_a_training_step_changes_the_refiner_and_nothing_of_the_backbone(name):
    torch.manual_seed(0)
    refiner = LITE[name]()
    network = PoseNetwork(
        backbone=_Backbone(),
        flow=_Flow() if refiner.uses_flow else None,
        refiner=refiner,
        crop_size=(48, 32),
        flow_pairs=adjacent_pairs(2),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        heatmap_sigma=SIGMA_LITE,
        softmax=True,
    ).train()
    backbone, statistics = copy.deepcopy(network.backbone.state_dict()), _batch_statistics(refiner)
    weights = [parameter.detach().clone() for parameter in refiner.parameters()]
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1)  # given all of them, mistakenly
    output = network(torch.rand(2, refiner.frames, 3, 48, 32)).refined
    cells = torch.full((2, NUM_JOINTS, 2), 5.0)
    spatial_cross_entropy(output.logits, cells, torch.ones(2, NUM_JOINTS), SIGMA_LITE).backward()
    optimiser.step()
    after = network.backbone.state_dict()
    assert all(torch.equal(value, after[entry]) for entry, value in backbone.items())
    assert any(not torch.equal(*pair) for pair in zip(statistics, _batch_statistics(refiner), strict=True))
    assert any(not torch.equal(*pair) for pair in zip(weights, refiner.parameters(), strict=True))


def _batch_statistics(module):
    return [entry.clone() for name, entry in module.named_buffers() if name.endswith("running_mean")]
