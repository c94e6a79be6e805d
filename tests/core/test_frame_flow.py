"""Flow of whole frames, carried into crops, against the flow that is known."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from jmpose_core import geometry
from jmpose_core.estimation.clip import cut
from jmpose_core.estimation.frame_flow import FrameFlow
from jmpose_core.model.flow import RaftFlow
from jmpose_core.model.systems import load_pose_network

CROP = (256, 192)
HEIGHT, WIDTH = 500, 900


class KnownMotion(nn.Module):
    """In RAFT's place: a turn and zoom about the origin, in pixels of whatever size it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs = 0
        self.sizes: set[tuple[int, int]] = set()

    def forward(self, first: Tensor, second: Tensor, num_flow_updates: int) -> list[Tensor]:
        batch, _, height, width = first.shape
        self.pairs += batch
        self.sizes.add((height, width))
        x = torch.arange(width).expand(height, width).float()
        y = torch.arange(height)[:, None].expand(height, width).float()
        return [torch.stack([0.02 * x - 0.01 * y, 0.01 * x + 0.02 * y]).expand(batch, -1, -1, -1)]


def frame_flow(long_side: int = 512) -> tuple[FrameFlow, KnownMotion]:
    raft = KnownMotion()
    flow = RaftFlow(raft, updates=1, size=(192, 144), heatmap_size=(64, 48))
    return FrameFlow(flow, torch.device("cpu"), long_side=long_side), raft


def seen(*indices: int, long_side: int = 512) -> tuple[FrameFlow, KnownMotion]:
    shared, raft = frame_flow(long_side)
    for index in indices:
        shared.see(index, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return shared, raft


@pytest.mark.parametrize("bbox", [(300.0, 100.0, 400.0, 350.0), (600.0, 200.0, 640.0, 270.0)])
@pytest.mark.parametrize("long_side", [512, 2000])
def test_motion_of_the_frame_becomes_motion_of_the_crop(bbox: geometry.Xyxy, long_side: int):
    """The same turn and zoom in image pixels gives, at each cell, the same vector in cells but for the crop's scale."""
    shared, _ = seen(0, 1, long_side=long_side)
    crop_from_image = geometry.crop_from_image(bbox, CROP)
    field = shared.carried([(0, 1)], crop_from_image, CROP)[0].numpy()
    assert field.shape == (2, 64, 48)
    heatmap_from_image = geometry.compose(geometry.scaled(1 / 4), crop_from_image)
    for x, y in [(0, 0), (20, 31), (47, 63)]:
        place = geometry.apply(geometry.inverse(heatmap_from_image), np.array([x, y]))
        moved = np.array([0.02 * place[0] - 0.01 * place[1], 0.01 * place[0] + 0.02 * place[1]])
        cells = heatmap_from_image[:, :2] @ moved
        # The motion is about the shrunk frame's origin, half a pixel off the image's, and the two sides are rounded.
        assert field[:, y, x] == pytest.approx(cells, abs=0.12)


def test_a_pair_is_computed_once_for_all_people_and_a_frame_does_not_move_against_itself():
    shared, raft = seen(0, 1, 2)
    crop_from_image = geometry.crop_from_image((300, 100, 400, 350), CROP)
    shared.carried([(0, 0), (0, 1), (1, 2)], crop_from_image, CROP)
    again = shared.carried([(1, 2), (0, 0)], geometry.crop_from_image((10, 10, 60, 200), CROP), CROP)
    assert raft.pairs == 2
    assert again[0].abs().max() > 0
    assert again[1].abs().max() == 0
    assert raft.sizes == {(288, 512)}


def test_frames_that_are_over_are_let_go():
    shared, raft = seen(0, 1, 2)
    crop_from_image = geometry.crop_from_image((300, 100, 400, 350), CROP)
    shared.carried([(0, 1), (1, 2)], crop_from_image, CROP)
    shared.forget_before(1)
    shared.carried([(1, 2)], crop_from_image, CROP)
    assert raft.pairs == 2
    with pytest.raises(KeyError):
        shared.carried([(0, 1)], crop_from_image, CROP)


def test_beside_the_frame_flow_is_that_of_its_edge():
    shared, _ = seen(0, 1)
    crop_from_image = geometry.crop_from_image((-60, 100, 60, 300), CROP)
    field = shared.carried([(0, 1)], crop_from_image, CROP)[0]
    assert torch.isfinite(field).all()
    torch.testing.assert_close(field[:, :, 0], field[:, :, 4])


def test_a_tiny_frame_is_grown_to_what_raft_can_see():
    shared, raft = frame_flow()
    for index in range(2):
        shared.see(index, np.zeros((60, 90, 3), np.uint8))
    shared.carried([(0, 1)], geometry.crop_from_image((10, 10, 40, 50), CROP), CROP)
    assert raft.sizes == {(128, 128)}


def test_it_agrees_with_flow_of_the_crop_where_the_crop_is_the_frame():
    """Both ways look at the same pixels then, so a real RAFT must answer alike."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (12, 9, 3)).astype(np.float32)
    first = cv2.resize(small, (144, 192), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    second = np.roll(first, 3, axis=1)
    network = load_pose_network("jmpose_lite").eval()
    assert network.flow is not None
    shared = FrameFlow(network.flow, torch.device("cpu"))
    shared.see(0, first)
    shared.see(1, second)
    crop_from_image = geometry.scaled(256 / 192)
    with torch.inference_mode():
        carried = shared.carried([(0, 1)], crop_from_image, CROP)
        crops = [
            torch.from_numpy(cut(image, crop_from_image, CROP)).permute(2, 0, 1)[None] / 255
            for image in (first, second)
        ]
        direct = network.flow(crops[0], crops[1])
    assert (carried - direct)[..., 4:-4, 4:-4].norm(dim=1).median() < 0.25
    assert carried[0, 0, 10:-10, 10:-10].median() == pytest.approx(1.0, abs=0.5)
