import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from jmpose_core.model.flow import HEATMAP_FLOW_LIMIT, GuidedFlow, RaftFlow, lite_flow, raft_large_flow, raft_small_flow
from jmpose_core.model.systems import load_pose_network
from jmpose_core.model.warping import forward_backward_error, mirrored, warp


class ConstantRaft(nn.Module):
    """Answers nonsense at first and one flow everywhere at last; remembers what it was asked."""

    def __init__(self, u: float, v: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([float(u), float(v)]))
        self.asked: list[tuple[Tensor, int]] = []

    def forward(self, first: Tensor, second: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.asked.append((first, num_flow_updates))
        flow = self.weight.view(1, 2, 1, 1).expand(len(first), 2, *first.shape[-2:])
        return [flow * 1000, flow]


def constant_flow(u: float, v: float) -> RaftFlow:
    return RaftFlow(ConstantRaft(u, v), updates=3, size=(192, 144), heatmap_size=(64, 48))


def crops(height: int = 256, width: int = 192, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_flow_is_in_heatmap_cells_on_the_heatmap_grid():
    flow = constant_flow(6, -3)(crops(batch=2), crops(batch=2))
    assert flow.shape == (2, 2, 64, 48)
    torch.testing.assert_close(flow[:, 0], torch.full((2, 64, 48), 2.0))
    torch.testing.assert_close(flow[:, 1], torch.full((2, 64, 48), -1.0))


def test_flow_beyond_the_limit_is_clipped():
    flow = constant_flow(500, -500)(crops(), crops())
    assert flow.max() == HEATMAP_FLOW_LIMIT
    assert flow.min() == -HEATMAP_FLOW_LIMIT


def test_flow_for_the_panel_is_in_crop_pixels():
    flow = constant_flow(6, -3).flow_in_pixels(crops(), crops())
    assert flow.shape == (1, 2, 256, 192)
    torch.testing.assert_close(flow[:, 0], torch.full((1, 256, 192), 8.0))
    torch.testing.assert_close(flow[:, 1], torch.full((1, 256, 192), -4.0))


def test_raft_gets_the_declared_range_size_and_updates():
    flow = constant_flow(0, 0)
    flow(torch.zeros(1, 3, 256, 192), torch.ones(1, 3, 256, 192))
    assert isinstance(flow.raft, ConstantRaft)
    first, updates = flow.raft.asked[0]
    assert first.shape == (1, 3, 192, 144)
    torch.testing.assert_close(first, torch.full_like(first, -1.0))
    assert updates == 3


def test_a_model_in_training_leaves_its_flow_fixed():
    model = nn.ModuleList([constant_flow(1, 1)])
    model.train()
    assert not any(module.training for module in model[0].modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not model[0](crops(), crops()).requires_grad


@pytest.mark.parametrize(
    ("size", "heatmap_size", "updates"),
    [((190, 144), (95, 72), 3), ((120, 144), (60, 72), 3), ((192, 144), (64, 72), 3), ((192, 144), (64, 48), 0)],
)
def test_impossible_sizes_are_refused(size, heatmap_size, updates):
    with pytest.raises(ValueError, match=r"flow size|updates"):
        RaftFlow(ConstantRaft(0, 0), updates=updates, size=size, heatmap_size=heatmap_size)


@pytest.mark.parametrize("second", [torch.zeros(1, 3, 192, 256), torch.zeros(2, 3, 256, 192), torch.zeros(3, 256, 192)])
def test_crops_that_do_not_fit_are_refused(second):
    with pytest.raises(ValueError, match="flow needs two"):
        constant_flow(0, 0)(crops(), second)


@pytest.mark.parametrize(("builder", "grid"), [(raft_small_flow, (64, 48)), (raft_large_flow, (96, 72))])
def test_named_flows_answer_on_their_variants_grid(builder, grid):
    torch.manual_seed(0)
    flow = builder()
    flow.updates = 1
    crop = crops(grid[0] * 4, grid[1] * 4)
    answer = flow(crop, crop)
    assert answer.shape == (1, 2, *grid)
    assert answer.isfinite().all()


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_warp_by_whole_pixels_is_exact(u, v):
    image = torch.rand(1, 2, 16, 13, generator=torch.Generator().manual_seed(0))
    flow = torch.tensor([float(u), float(v)]).view(1, 2, 1, 1).expand(1, 2, 16, 13)
    expected = torch.zeros_like(image)
    rows, columns = range(max(0, -v), min(16, 16 - v)), range(max(0, -u), min(13, 13 - u))
    for y in rows:
        for x in columns:
            expected[..., y, x] = image[..., y + v, x + u]
    torch.testing.assert_close(warp(image, flow), expected, atol=1e-5, rtol=0)


def test_warp_between_pixels_is_bilinear():
    image = torch.arange(5.0).expand(1, 1, 4, 5)
    flow = torch.zeros(1, 2, 4, 5)
    flow[:, 0] = 0.25
    torch.testing.assert_close(warp(image, flow)[..., :4], image[..., :4] + 0.25)


@given(st.integers(0, 1000))
def test_the_mirrored_flow_warps_the_mirrored_picture(seed):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, 12, 17, generator=generator)
    flow = torch.randn(1, 2, 12, 17, generator=generator) * 3
    torch.testing.assert_close(warp(image.flip(-1), mirrored(flow)), warp(image, flow).flip(-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(mirrored(mirrored(flow)), flow)


def test_forward_backward_error_tells_agreement_from_contradiction():
    forward = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 10, 10)
    agreeing = forward_backward_error(forward, -forward)
    torch.testing.assert_close(agreeing[:, :9, :8], torch.zeros(1, 9, 8), atol=1e-5, rtol=0)
    torch.testing.assert_close(agreeing[:, 9, 9], torch.tensor([5.0]).sqrt())  # left the grid
    torch.testing.assert_close(
        forward_backward_error(forward, forward)[:, :9, :8], torch.full((1, 9, 8), 20.0).sqrt(), atol=1e-4, rtol=0
    )


def test_warp_refuses_a_flow_of_another_size():
    with pytest.raises(ValueError, match="warped"):
        warp(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 4, 4))


def test_the_bundled_flow_sees_no_motion_in_one_frame_and_a_shift_in_two():
    flow = load_pose_network("jmpose_lite").flow
    assert flow is not None
    texture = nn.functional.interpolate(crops(32, 24), (256, 200), mode="bicubic").clamp(0, 1)
    still = flow(texture[..., :192], texture[..., :192])
    assert still.norm(dim=1).mean() < 0.15
    shifted = flow(texture[..., :192], texture[..., 8:])  # content moves 8 crop pixels, 2 cells, to the left
    centre = shifted[0, :, 16:48, 12:36].mean(dim=(1, 2))
    torch.testing.assert_close(centre, torch.tensor([-2.0, 0.0]), atol=0.3, rtol=0)


def test_flow_of_several_pairs_encodes_each_image_once_and_answers_as_pair_by_pair():
    flow = load_pose_network("jmpose_lite").flow
    assert flow is not None
    rng = np.random.default_rng(0)
    pictures = [cv2.resize(rng.random((8, 6, 3), np.float32), (192, 256)) for _ in range(4)]
    images = torch.from_numpy(np.stack(pictures)).movedim(-1, 1)
    encoded = []
    hook = flow.get_submodule("raft.feature_encoder").register_forward_hook(
        lambda module, given, _: encoded.append(len(given[0]))
    )
    pairs = [(0, 1), (1, 2), (2, 2), (2, 3), (2, 1)]
    with torch.inference_mode():
        together = flow.between(images, pairs)
        hook.remove()
        alone = torch.cat([flow(images[[first]], images[[second]]) for first, second in pairs])
    assert sum(encoded) == 4
    moving = [0, 1, 3, 4]
    torch.testing.assert_close(together[moving], alone[moving], atol=2e-3, rtol=0)
    assert alone[moving].abs().amax() > 0.5
    assert together[2].abs().max() == 0


def shifted_texture() -> Tensor:
    """(2, 3, 256, 192): a texture, and the same 8 pixels to the right and 4 up."""
    noise = torch.rand(1, 3, 34, 26, generator=torch.Generator().manual_seed(0))
    texture = torch.nn.functional.interpolate(noise, scale_factor=8.0, mode="bicubic").clamp(0, 1)
    return torch.cat([texture[..., 8:264, 8:200], texture[..., 12:268, 0:192]])


def test_dense_inverse_search_finds_a_shift_in_heatmap_cells():
    flow = lite_flow("dis").between(shifted_texture(), [(0, 1), (1, 0), (1, 1)])
    assert flow.shape == (3, 2, 64, 48)
    middle = flow[..., 16:48, 12:36]
    torch.testing.assert_close(middle[0].mean((1, 2)), torch.tensor([2.0, -1.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(middle[1].mean((1, 2)), torch.tensor([-2.0, 1.0]), atol=0.05, rtol=0)
    assert (flow[2] == 0).all()


@pytest.mark.parametrize("kind", ["guided_small", "guided_lite"])
def test_a_guided_flow_encodes_each_image_once_and_answers_as_pair_by_pair(kind):
    torch.manual_seed(0)
    flow = lite_flow(kind)
    assert isinstance(flow, GuidedFlow)
    torch.nn.init.normal_(flow.raft.merge.answer.weight, std=0.1)
    images = torch.cat([shifted_texture(), crops()])
    encoded: list[int] = []
    flow.raft.feature_encoder.register_forward_hook(lambda _, given, __: encoded.append(len(given[0])))
    together = flow.between(images, [(0, 1), (1, 2), (0, 2)])
    assert encoded == [3]
    for found, (start, end) in zip(together, [(0, 1), (1, 2), (0, 2)], strict=True):
        torch.testing.assert_close(found, flow(images[start][None], images[end][None])[0], atol=1e-4, rtol=1e-4)


def test_a_kind_of_flow_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="farneback"):
        lite_flow("farneback")  # type: ignore[arg-type]
