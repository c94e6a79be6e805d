import pytest
import torch

from jmpose_core.model.heatmaps import encode
from jmpose_core.skeleton import FLIP, NUM_JOINTS
from train.objectives.heatmap_losses import heatmap_l2, spatial_cross_entropy

SIZE = (24, 18)
LOSSES = [heatmap_l2, spatial_cross_entropy]


def _joints(batch=2):
    return torch.rand(batch, NUM_JOINTS, 2) * torch.tensor([17.0, 23.0])


def test_empty_heatmaps_cost_what_the_specification_says():
    centre = torch.tensor([[[35.5, 47.5]]])
    assert heatmap_l2(torch.zeros(1, 1, 96, 72), centre, torch.ones(1, 1), 3.0) == pytest.approx(4.1e-3, abs=5e-5)


def test_squared_error_of_the_truth_is_zero():
    cells = _joints()
    assert heatmap_l2(encode(cells, SIZE, 2.0), cells, torch.ones(2, NUM_JOINTS), 2.0) == 0


def test_cross_entropy_of_the_truth_is_its_entropy_and_any_other_costs_more():
    cells = _joints()
    weight = torch.ones(2, NUM_JOINTS)
    target = encode(cells, SIZE, 2.0).flatten(-2)
    target = target / target.sum(-1, keepdim=True)
    logits = target.clamp_min(1e-30).log().view(2, NUM_JOINTS, *SIZE)
    best = spatial_cross_entropy(logits, cells, weight, 2.0)
    torch.testing.assert_close(best, torch.special.entr(target).sum(-1).mean())
    assert spatial_cross_entropy(logits * 0.9, cells, weight, 2.0) > best
    assert spatial_cross_entropy(logits, cells + 0.5, weight, 2.0) > best


@pytest.mark.parametrize("loss", LOSSES)
def test_unlabelled_joints_teach_nothing(loss):
    maps = torch.randn(2, NUM_JOINTS, *SIZE, requires_grad=True)
    weight = torch.ones(2, NUM_JOINTS)
    weight[1, 4] = 0
    loss(maps, _joints(), weight, 2.0).backward()
    reached = maps.grad.flatten(2).any(-1)
    assert reached.sum() == 2 * NUM_JOINTS - 1
    assert not reached[1, 4]
    assert loss(maps, _joints(), torch.zeros_like(weight), 2.0) == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mirrored_person_costs_the_same(loss):
    maps, cells, weight = torch.randn(2, NUM_JOINTS, *SIZE), _joints(), torch.rand(2, NUM_JOINTS)
    mirrored_cells = torch.stack([SIZE[1] - 1 - cells[..., 0], cells[..., 1]], dim=-1)
    flip = list(FLIP)
    torch.testing.assert_close(
        loss(maps.flip(-1)[:, flip], mirrored_cells[:, flip], weight[:, flip], 2.0), loss(maps, cells, weight, 2.0)
    )
