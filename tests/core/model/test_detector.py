import torch

from jmpose_core.model.detector import STRIDES, PersonNet, all_cell_centres


def test_one_logit_and_one_box_for_each_cell_of_each_stride():
    network = PersonNet().eval()
    with torch.inference_mode():
        logits, boxes = network(torch.zeros(2, 3, 64, 96))
    cells = sum((64 // stride) * (96 // stride) for stride in STRIDES)
    assert logits.shape == (2, cells)
    assert boxes.shape == (2, cells, 4)


def test_every_box_holds_its_own_cell_and_starts_out_unlikely():
    network = PersonNet().eval()
    with torch.inference_mode():
        logits, boxes = network(torch.rand(1, 3, 64, 64) * 2 - 1)
    centres = all_cell_centres(64, 64)
    assert (boxes[0, :, :2] < centres).all()
    assert (boxes[0, :, 2:] > centres).all()
    assert logits.sigmoid().max() < 0.2


def test_cell_centres_are_finest_first_row_by_row_and_symmetric():
    centres = all_cell_centres(32, 64)
    assert centres[0].tolist() == [3.5, 3.5]
    assert centres[1].tolist() == [11.5, 3.5]
    assert centres[-1].tolist() == [47.5, 15.5]
    assert torch.allclose(centres[:32].mean(dim=0), torch.tensor([31.5, 15.5]))
