import torch

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
