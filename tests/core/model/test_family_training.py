"""Every system of the family can be trained, and training leaves what is fixed alone."""

import copy

import pytest
import torch
from torch import nn

from jmpose_core.heatmaps import SIGMA_LITE, decode, heatmaps_from_logits
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.network import PoseNetwork, adjacent_pairs
from jmpose_core.skeleton import NUM_JOINTS
from tests.core.model import demo_clips
from tests.core.model.family import LITE, SMALL
from train.losses import spatial_cross_entropy

MOST_STEPS = 250


@pytest.fixture(scope="module")
def clips():
    return demo_clips.read()


@pytest.mark.parametrize("name", SMALL)
def test_learns_eight_real_clips_by_heart(clips, name):
    """Every joint starts more than a cell off; in the mean they come to lie within half a cell."""
    truth = clips.cells[:, 2]
    torch.manual_seed(0)
    refiner = SMALL[name]()
    maps = demo_clips.disturbed_maps(clips, by=1.25).for_refiner(refiner)
    assert _errors(maps.key_initial, truth).min() > 1
    optimiser = torch.optim.Adam(refiner.parameters(), 5e-3)
    for _ in range(MOST_STEPS):
        output = refiner(maps)
        if _errors(output.refined.detach(), truth).mean() < 0.45:
            return
        loss = spatial_cross_entropy(output.logits, truth, torch.ones(truth.shape[:2]), SIGMA_LITE)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    pytest.fail(f"{_errors(output.refined.detach(), truth).mean():.2f} cells off after {MOST_STEPS} steps")


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
