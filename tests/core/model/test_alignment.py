import pytest
import torch

from jmpose_core.model.alignment import aligned, inverse, key_to_supporting, occlusion
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import decode, encode
from jmpose_core.model.jmpose import jmpose_lite_refiner

H, W = 24, 20


def translation(*steps: tuple[float, float]) -> torch.Tensor:
    """Flow (1, len(steps), 2, H, W), the same everywhere."""
    return torch.tensor(steps)[None, :, :, None, None].expand(1, len(steps), 2, H, W).contiguous()


WALK = torch.tensor(
    [
        [7.0, 9.0],
        [7.0, 8.0],
        [6.0, 8.0],
        [7.0, 10.0],
        [9.0, 11.0],
        [12.0, 11.0],
        [13.0, 12.0],
        [13.0, 13.0],
        [12.0, 13.0],
    ]
)


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_a_moving_peak_is_brought_to_where_the_key_frame_has_it(reach):
    places = WALK[4 - reach : 5 + reach]
    initial = encode(places[None, :, None], (H, W), 1.5)
    steps = places.diff(dim=0)
    moved = aligned(initial, translation(*(tuple(step) for step in steps.tolist())))
    for frame in range(2 * reach + 1):
        torch.testing.assert_close(moved[:, frame, :, 6:-6, 7:-7], initial[:, reach, :, 6:-6, 7:-7], atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [3, 5, 9])
def test_without_motion_nothing_changes(frames):
    initial = torch.rand(2, frames, 3, H, W)
    torch.testing.assert_close(aligned(initial, torch.zeros(2, frames - 1, 2, H, W)), initial)


def test_the_inverse_of_a_smooth_flow_leads_back():
    x = torch.linspace(-1, 1, W).expand(H, W)
    y = torch.linspace(-1, 1, H)[:, None].expand(H, W)
    flow = torch.stack([1.5 * y + 0.5 * x, -1.0 * x])[None]
    there_and_back = inverse(inverse(flow))
    assert (there_and_back - flow)[..., 4:-4, 4:-4].abs().max() < 0.1


def test_fields_towards_the_past_point_the_other_way():
    flow = key_to_supporting(translation((1, 0), (2, 0), (3, 0), (4, 0)))
    inner = flow[0, :, 0, 10, 10]
    assert inner.tolist() == pytest.approx([-3, -2, 3, 7])


def test_occlusion_is_nothing_where_forward_and_backward_agree():
    forward = translation((1, 0), (0, 1), (0.5, 0.5), (0, 0))
    agreeing = torch.cat([forward, -forward], dim=1)
    assert occlusion(agreeing)[..., 3:-3, 3:-3].abs().max() < 1e-5
    assert occlusion(torch.cat([forward, forward], dim=1))[0, 0, 10, 10] == pytest.approx(2.0)


def test_an_unlearnt_refiner_that_aligns_answers_with_the_weighted_mean():
    places = torch.tensor([[6.0, 8.0], [7.0, 10.0], [9.0, 11.0], [12.0, 11.0], [14.0, 12.0]])
    initial = encode(places[None, :, None], (H, W), 1.5).expand(1, 5, 15, H, W).clone()
    initial[:, 2] = 1e-4  # the key frame knows nothing
    flow = translation(*(tuple(step) for step in places.diff(dim=0).tolist()))
    refined = jmpose_lite_refiner(align=True, heatmap_skip=True).eval()(ClipMaps(initial, flow=flow)).refined
    found, _ = decode(refined, blur_sigma=1.0)
    assert (found - places[2]).norm(dim=-1).max() < 0.1


def test_a_wider_window_reaches_what_the_trained_one_does_not():
    """Known four frames away alone: the mean over nine frames finds it, the one over five cannot."""
    initial = torch.full((1, 9, 15, H, W), 1e-4)
    initial[:, 8] = encode(WALK[None, 8:9].expand(1, 15, 2), (H, W), 1.5)
    flow = translation(*(tuple(step) for step in WALK.diff(dim=0).tolist()))
    wide, trained = (jmpose_lite_refiner(align=True, reach=reach).eval() for reach in (4, 2))
    trained.load_state_dict(wide.state_dict())  # the same weights serve both
    clips = ClipMaps(initial, flow=flow)
    refined = wide(clips).refined
    found, _ = decode(refined, blur_sigma=1.0)
    assert (found - WALK[4]).norm(dim=-1).max() < 0.1
    assert trained(clips.for_refiner(trained)).refined.amax() < 0.2 * refined.amax()


def test_the_learnt_parts_see_the_middle_five_frames_of_a_wider_window():
    torch.manual_seed(0)
    refiner = jmpose_lite_refiner(align=True, reach=4).eval()
    clips = ClipMaps(torch.rand(1, 9, 15, H, W), flow=translation(*[(0.0, 0.0)] * 8))
    other = clips.initial.clone()
    other[:, [0, 1, 7, 8]] = torch.rand(1, 4, 15, H, W)
    first, second = refiner(clips), refiner(ClipMaps(other, flow=clips.flow))
    torch.testing.assert_close(first.aggregated, second.aggregated)
    assert not torch.allclose(first.refined, second.refined)


@pytest.mark.parametrize(
    "switches", [{"reach": 4}, {"reach": 1, "align": True}, {"reach": 3, "align": True, "occlusion": True}]
)
def test_a_window_that_the_switches_do_not_allow_is_refused(switches):
    with pytest.raises(ValueError, match=r"reach|window"):
        jmpose_lite_refiner(**switches)


def test_fewer_frames_take_the_flow_between_them_along():
    pairs = torch.arange(16.0).view(1, 16, 1, 1, 1).expand(1, 16, 2, H, W)  # eight forward, eight backward
    inner = ClipMaps(torch.arange(9.0).view(1, 9, 1, 1, 1).expand(1, 9, 15, H, W), flow=pairs).middle(5)
    assert inner.initial[0, :, 0, 0, 0].tolist() == [2, 3, 4, 5, 6]
    assert inner.flow is not None
    assert inner.flow[0, :, 0, 0, 0].tolist() == [2, 3, 4, 5, 10, 11, 12, 13]


@pytest.mark.parametrize("switch", ["align", "feature_skip", "occlusion"])
def test_each_switch_changes_what_the_refiner_sees(switch):
    torch.manual_seed(0)
    refiner = jmpose_lite_refiner(residual=False, **{switch: True}).eval()
    clips = ClipMaps(torch.rand(1, 5, 15, 16, 12), (torch.rand(1, 5, 24, 16, 12),), torch.randn(1, 8, 2, 16, 12))
    other = {
        "align": ClipMaps(clips.initial, clips.features, -clips.flow),
        "feature_skip": ClipMaps(clips.initial, (-clips.features[0],), clips.flow),
        "occlusion": ClipMaps(clips.initial, clips.features, torch.cat([clips.flow[:, :4], -clips.flow[:, 4:]], 1)),
    }[switch]
    with torch.inference_mode():
        first, second = (refiner(part.for_refiner(refiner)).refined for part in (clips, other))
    assert first.shape == (1, 15, 16, 12)
    assert not torch.allclose(first, second)
