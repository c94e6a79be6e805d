import pytest
import torch
from torch import nn

from train.loop.moving_average import MovingAverage


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def test_the_average_weighs_early_steps_more_and_then_keeps_its_decay():
    own = network()
    average = MovingAverage(own, decay=0.9)
    nn.init.zeros_(average.network[0].weight)
    nn.init.ones_(own[0].weight)
    expected = 0.0
    for step in range(1, 200):
        kept = min(0.9, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept)
        average.follow(own, step)
        assert average.network[0].weight[0, 0].item() == pytest.approx(expected, rel=1e-4)


def test_buffers_follow_and_counts_are_copied():
    own = network().train()
    average = MovingAverage(own)
    own(torch.full((4, 2), 100.0))
    average.follow(own, 1)
    assert torch.equal(average.network[1].num_batches_tracked, own[1].num_batches_tracked)
    assert not torch.equal(average.network[1].running_mean, torch.zeros(2))


def test_the_average_is_apart_from_the_network_and_wants_no_gradient():
    own = network().train()
    average = MovingAverage(own)
    before = average.network[0].weight.clone()
    with torch.no_grad():
        own[0].weight.add_(1)
    assert torch.equal(average.network[0].weight, before)
    assert own.training and not average.network.training
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
