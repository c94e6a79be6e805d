from typing import cast

import torch
from torch import nn

from jmpose_core.model.detector import STRIDE, PersonNet, all_cell_centres


def test_one_logit_and_one_box_for_each_cell():
    network = PersonNet().eval()
    with torch.inference_mode():
        logits, boxes = network(torch.zeros(2, 3, 64, 96))
    cells = (64 // STRIDE) * (96 // STRIDE)
    assert logits.shape == (2, cells)
    assert boxes.shape == (2, cells, 4)


def test_a_box_lies_about_its_cell_as_the_heads_say():
    network = PersonNet().eval()
    for head, (row, column) in ((network.box_scale, (5.0, 3.0)), (network.box_offset, (0.25, 0.75))):
        last = head[-1]
        torch.nn.init.zeros_(last.weight)
        last.bias.data = torch.tensor([row, column])
    with torch.inference_mode():
        _, boxes = network(torch.rand(1, 3, 64, 96) * 2 - 1)
    second_row_third_cell = 96 // STRIDE + 2
    centre = ((2 + 0.75) * STRIDE - 0.5, (1 + 0.25) * STRIDE - 0.5)
    half = (3.0 * STRIDE / 2, 5.0 * STRIDE / 2)
    expected = [centre[0] - half[0], centre[1] - half[1], centre[0] + half[0], centre[1] + half[1]]
    torch.testing.assert_close(boxes[0, second_row_third_cell], torch.tensor(expected))


def test_cell_centres_are_row_by_row_and_symmetric():
    centres = all_cell_centres(32, 64)
    assert centres[0].tolist() == [1.5, 1.5]
    assert centres[1].tolist() == [5.5, 1.5]
    assert centres[16].tolist() == [1.5, 5.5]
    assert torch.allclose(centres.mean(dim=0), torch.tensor([31.5, 15.5]))


def witness_of(row: float, column: float) -> PersonNet:
    """A network whose centres have every joint so many cells away, and whose heatmaps are even."""
    torch.manual_seed(0)
    network = PersonNet().eval()
    assert network.witness is not None
    for head, bias in ((network.witness.regression, [row, column] * 17), (network.witness.offset, [0.25, 0.5] * 17)):
        last = cast(nn.Conv2d, head[-1])
        nn.init.zeros_(last.weight)
        last.bias = nn.Parameter(torch.tensor(bias))
    nn.init.zeros_(cast(nn.Conv2d, network.witness.heatmap[-1]).weight)
    return network


def test_a_joint_lies_where_its_persons_centre_has_it_where_the_heatmap_does_not_say():
    network = witness_of(3.0, -2.0)
    assert network.witness is not None
    features = torch.rand(24, 20, 30)
    cells = torch.tensor([10 * 30 + 12, 4 * 30 + 20])
    boxes = torch.tensor([[0.0, 0.0, 200.0, 200.0]]).expand(2, 4)
    with torch.inference_mode():
        joints = network.witness(features, cells, boxes)
    assert joints.shape == (2, 17, 3)
    torch.testing.assert_close(joints[0, :, 0], torch.full((17,), (12 - 2 + 0.5) * STRIDE - 0.5))
    torch.testing.assert_close(joints[1, :, 1], torch.full((17,), (4 + 3 + 0.25) * STRIDE - 0.5))
    assert (joints[..., 2] > 0).all()


def test_of_two_peaks_the_one_near_the_persons_centre_is_taken_and_none_outside_the_box():
    network = witness_of(0.0, 0.0)
    witness = network.witness
    assert witness is not None
    witness.heatmap = cast(nn.Sequential, nn.Conv2d(24, 17, 1))
    nn.init.zeros_(witness.heatmap.weight)
    nn.init.constant_(witness.heatmap.bias, -8.0)
    witness.heatmap.weight.data[:, 0] = 1.0
    features = torch.zeros(24, 24, 48)
    features[0, 10, 8], features[0, 10, 30] = 10.0, 12.0  # the neighbour's peak is the higher one
    cells = torch.tensor([10 * 48 + 10, 10 * 48 + 32, 10 * 48 + 10])
    boxes = torch.tensor([[0.0, 0, 191, 95], [0, 0, 191, 95], [40, 0, 191, 95]])  # the third leaves its peak out
    with torch.inference_mode():
        joints = witness(features, cells, boxes)
    columns = (joints[:, 0, 0] + 0.5) / STRIDE - 0.5
    assert columns[:2].tolist() == [8.0, 30.0]
    assert columns[2] >= 10
    assert joints[2, 0, 2] < 0.01 < joints[0, 0, 2]


def test_a_picture_without_people_has_no_witness():
    witness = PersonNet().witness
    assert witness is not None
    assert witness(torch.rand(24, 8, 8), torch.zeros(0, dtype=torch.long), torch.zeros(0, 4)).shape == (0, 17, 3)
