import pytest
import torch

from tests.builders.flow_pairs import shifted_pair
from train.flow.flow_errors import dis_method, endpoint_errors, zero_method
from train.flow.losses import matching_loss, sequence_loss


def test_later_updates_weigh_more():
    flow = torch.zeros(1, 2, 4, 4)
    one = torch.ones(1, 2, 4, 4)
    assert sequence_loss([one, flow], flow).item() == pytest.approx(0.8)
    assert sequence_loss([flow, one], flow).item() == pytest.approx(1.0)


def correlation_peaking_at(shift_x: int, shift_y: int) -> torch.Tensor:
    """Features 4 x 6, each matching its neighbour at that distance."""
    correlation = torch.zeros(4, 6, 4, 6)
    for y in range(4):
        for x in range(6):
            if 0 <= x + shift_x < 6 and 0 <= y + shift_y < 4:
                correlation[y, x, y + shift_y, x + shift_x] = 20.0
    return correlation.view(24, 1, 4, 6)


def test_matching_rewards_the_place_where_a_pixel_went():
    flow = torch.zeros(1, 2, 32, 48)
    flow[:, 0], flow[:, 1] = 16, -8
    visible = torch.ones(1, 32, 48, dtype=torch.bool)
    assert matching_loss(correlation_peaking_at(2, -1), flow, visible) < 1e-3
    assert matching_loss(correlation_peaking_at(0, 0), flow, visible) > 10
    assert matching_loss(correlation_peaking_at(-1, 2), flow, visible) > 5


def test_matching_leaves_occluded_pixels_out():
    flow = torch.zeros(1, 2, 32, 48)
    visible = torch.zeros(1, 32, 48, dtype=torch.bool)
    assert matching_loss(correlation_peaking_at(2, 1), flow, visible) == 0


def test_endpoint_errors_measure_the_distance_in_pixels():
    figures = endpoint_errors(zero_method, [shifted_pair(10)])
    assert figures == {"epe_all": 10.0, "epe_visible": 10.0, "epe_visible_large": 10.0, "share_over_3px": 1.0}
    assert endpoint_errors(dis_method(), [shifted_pair(10)])["epe_visible"] < 1.0
