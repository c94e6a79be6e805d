import pytest
import torch

from jmpose_core.model.famipose import GlobalTransform, LocalCalibration, displacement, famipose_w48_refiner
from tests.builders.family import stir

SIZE = (12, 8)


def _transform(numbers, *, affine=False):
    """A global transform that finds these numbers in everything."""
    transform = GlobalTransform(4, grid=(1, 1), affine=affine).eval()
    transform.regress[-1].bias.data = torch.tensor(numbers)
    return transform


@pytest.mark.parametrize("affine", [False, True])
def test_nothing_moves_before_training(affine):
    support, key = torch.rand(2, 3, 4, *SIZE)
    moved = GlobalTransform(4, grid=(1, 1), affine=affine)(support, key)
    torch.testing.assert_close(moved, support)


def test_the_content_moves_by_the_translation_x_first():
    support, key = torch.rand(2, 3, 4, *SIZE)
    moved = _transform([2.0, -1.0])(support, key)
    torch.testing.assert_close(moved[..., :-1, 2:], support[..., 1:, :-2])
    assert moved[..., :2].abs().max() < 1e-5 and moved[..., -1, :].abs().max() < 1e-5


def test_mirrored_content_moves_the_other_way():
    support, key = torch.rand(2, 3, 4, *SIZE)
    moved, mirrored = _transform([1.3, 0.4])(support, key), _transform([-1.3, 0.4])(support.flip(-1), key.flip(-1))
    torch.testing.assert_close(mirrored, moved.flip(-1))


def test_an_affine_move_grows_from_the_centre_to_the_edges():
    parameters = torch.tensor([[1.0, 0.0, 2.0, 0.0, 0.0, 3.0]])  # wider by 2 cells a side, higher by 3, and 1 right
    moves = displacement(parameters, (5, 5))[0]
    assert moves[0].tolist() == [[-1.0, 0.0, 1.0, 2.0, 3.0]] * 5
    assert moves[1].T.tolist() == [[-3.0, -1.5, 0.0, 1.5, 3.0]] * 5


def test_positions_stay_exact_under_autocast():
    support, key = torch.rand(2, 3, 4, 96, 72)
    transform = _transform([0.3, 0.0])
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(transform(support, key), transform(support, key).float())
    torch.testing.assert_close(transform(support, key)[..., 1:], 0.7 * support[..., 1:] + 0.3 * support[..., :-1])


def test_calibration_shows_the_merged_features_and_not_the_key_frames():
    """The key frame only steers: where nothing was merged, nothing is aligned."""
    torch.manual_seed(0)
    calibration = LocalCalibration(12, groups=12, dilation=3).eval()
    stir(calibration)
    key, merged = torch.rand(2, 1, 12, *SIZE)
    assert not calibration(torch.zeros_like(merged), key).any()
    assert not torch.allclose(calibration(merged, key), calibration(merged, key.roll(1, dims=-1)))


def test_the_published_transform_ends_on_three_by_three_cells():
    refiner = famipose_w48_refiner()
    seen = []
    refiner.transform.encode[-2].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[1:]))
    refiner.transform.eval()(*torch.rand(2, 1, 48, 96, 72))
    assert seen == [(16, 3, 3)]
    assert [tuple(layer.weight.shape) for layer in refiner.transform.regress] == [(64, 144), (64, 64), (2, 64)]
