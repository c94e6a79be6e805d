"""The mean that weighs frames by flow error, which the evaluation alone uses."""

import torch

from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmap_aggregation import weighted_mean
from train.studies.inference import mean_by_flow_error

H, W = 16, 12


def still_clips(backward: torch.Tensor) -> ClipMaps:
    torch.manual_seed(0)
    return ClipMaps(torch.rand(1, 9, 15, H, W), flow=torch.cat([torch.zeros(1, 8, 2, H, W), backward], dim=1))


def test_without_flow_error_it_is_the_weighted_mean():
    clips = still_clips(torch.zeros(1, 8, 2, H, W))
    torch.testing.assert_close(mean_by_flow_error(clips), weighted_mean(clips.initial))


def test_a_pair_that_does_not_lead_back_takes_the_frames_behind_it_out():
    backward = torch.zeros(1, 8, 2, H, W)
    backward[:, 5] = 20.0  # between the first and the second frame after the key frame: the last three are lost
    clips = still_clips(backward)
    weights = torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0, 0.8, 0.0, 0.0, 0.0]).view(1, 9, 1, 1, 1)
    torch.testing.assert_close(
        mean_by_flow_error(clips), (clips.initial * weights).sum(dim=1) / weights.sum(), atol=1e-6, rtol=0
    )
