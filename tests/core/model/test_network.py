import pytest
import torch
from torch import nn

from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.flow import RaftFlow
from jmpose_core.model.heatmaps import SIGMA_LITE
from jmpose_core.model.jmpose import jmpose_lite_refiner
from jmpose_core.model.network import PoseNetwork, adjacent_pairs
from jmpose_core.skeleton import NUM_JOINTS

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CROP, MAPS = (192, 144), (48, 36)


class _Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.given = []

    def forward(self, x):
        self.given.append(x)
        return BackboneOutput(*[torch.zeros(len(x), NUM_JOINTS, *MAPS)] * 2, features=())


class _Raft(nn.Module):
    def __init__(self):
        super().__init__()
        self.given = []

    def forward(self, first, second, num_flow_updates):
        self.given.append((first, second))
        return [torch.zeros(len(first), 2, *CROP)]


@pytest.fixture
def network():
    return PoseNetwork(
        backbone=_Backbone(),
        flow=RaftFlow(_Raft(), updates=1, size=CROP, heatmap_size=MAPS),
        refiner=jmpose_lite_refiner(),
        crop_size=CROP,
        flow_pairs=adjacent_pairs(2),
        mean=MEAN,
        std=STD,
        heatmap_sigma=SIGMA_LITE,
        softmax=True,
    )


def test_raft_is_given_the_crops_as_they_are_and_the_backbone_normalised_ones(network):
    """The authors' code hands RAFT tensors normalised for the backbone, which leaves it 1/58 of the contrast."""
    clips = torch.rand(2, 5, 3, *CROP)
    network.maps_of(clips)
    ((first, second),) = network.flow.raft.given
    torch.testing.assert_close(first, clips[:, :4].flatten(0, 1) * 2 - 1)
    torch.testing.assert_close(second, clips[:, 1:].flatten(0, 1) * 2 - 1)
    (normalised,) = network.backbone.given
    expected = [(clips[:, :, band] - MEAN[band]) / STD[band] for band in range(3)]
    torch.testing.assert_close(normalised, torch.stack(expected, dim=2).flatten(0, 1))
