"""Of networks that regress heatmaps in half precision, as those of the paper's size do; here narrow ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import resources
from jmpose_core.errors import WeightsError
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.probing import probe as probe_of
from jmpose_core.geometry import Xyxy
from jmpose_core.model import dcpose, systems
from jmpose_core.model.hrnet import HRNet, SlotHRNet
from jmpose_core.model.network import PoseNetwork
from jmpose_core.video import open_video
from jmpose_core.weights.files import WeightsCard, save_weights

LITE = "jmpose_lite"
SIZE = (64, 64)
BOX = (50.0, 50.0, 150.0, 250.0)
STREAMING, EXACT, FRAME_FLOW = (EstimateOptions(), EstimateOptions(exact=True), EstimateOptions(frame_flow=True))
JUMPER = (323.6, 33.9, 571.8, 309.4)  # in frame 48 of the demo clip


def narrow_dcpose(*, joints: int) -> PoseNetwork:
    kind = dcpose.DCPose if joints == 15 else dcpose.SlotDCPose
    size = dcpose._Size(context_channels=12, dilations=(1, 2))
    return PoseNetwork(
        backbone=HRNet(width=8) if joints == 15 else SlotHRNet(width=8),
        flow=None,
        refiner=dcpose._refiner(size, joints=joints, head=None, kind=kind),
        crop_size=SIZE,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        heatmap_sigma=3.0,
        softmax=False,
    )


@pytest.mark.parametrize("joints", [15, 17])
def test_whatever_maps_are_inside_the_joints_are_the_programs(
    joints: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(systems.POSE_NETWORKS, "dcpose_w48", narrow_dcpose)
    monkeypatch.setattr(
        "jmpose_core.estimation.streaming.autocast", lambda device: torch.autocast(device.type, torch.bfloat16)
    )
    card = WeightsCard(variant="dcpose_w48", crop_size=SIZE, options={"joints": joints})
    save_weights(tmp_path / "dcpose.safetensors", narrow_dcpose(joints=joints).state_dict(), card)
    estimator = PoseEstimator(tmp_path / "dcpose.safetensors", "cpu")
    with open_video(resources.DEMO_CLIP) as video:
        probe = probe_of(estimator, video, 3, BOX)
        people = list(estimator.estimate(video, {0: {3: BOX, 4: BOX}}))
    assert probe.initial.shape == probe.refined.shape == (15, 16, 16)
    assert probe.initial.dtype == probe.refined.dtype == np.float32
    assert [person.keypoints.shape for person in people] == [(15, 2)] * 2


def test_flow_of_whole_frames_gives_much_the_same_people() -> None:
    estimator = PoseEstimator(LITE, "cpu")
    boxes = {0: dict.fromkeys(range(47, 50), JUMPER)}  # across the border of two chunks
    with open_video(resources.DEMO_CLIP) as video:
        by_crop, by_frame = (list(estimator.estimate(video, boxes, options=way)) for way in (STREAMING, FRAME_FLOW))
    for first, second in zip(by_crop, by_frame, strict=True):
        apart = np.linalg.norm(first.keypoints - second.keypoints, axis=1)[first.confidence > 0.5]
        assert len(apart) >= 8
        assert 0 < np.median(apart) < 0.02 * (JUMPER[3] - JUMPER[1])


def test_a_wider_window_is_the_estimators_to_choose() -> None:
    with open_video(resources.DEMO_CLIP) as video:
        people = {
            reach: list(PoseEstimator(LITE, "cpu", reach=reach).estimate(video, {0: {0: JUMPER, 1: JUMPER}}))
            for reach in (2, 4)
        }
    assert [person.frame_index for person in people[4]] == [0, 1]
    assert not np.array_equal(people[2][1].keypoints, people[4][1].keypoints)


@pytest.mark.parametrize(("weights", "reach", "says"), [("dcpose_lite", 4, "align"), (LITE, 1, "too small")])
def test_a_window_that_weights_do_not_know_is_refused(weights: str, reach: int, says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        PoseEstimator(weights, "cpu", reach=reach)


def jumper_from(first: int, last: int, *, step: float = 0.0) -> dict[int, Xyxy]:
    """The jumper's box; it moves `step` pixels a frame to the right."""
    left, top, right, bottom = JUMPER
    return {
        frame: (left + step * (frame - 48), top, right + step * (frame - 48), bottom) for frame in range(first, last)
    }


def test_a_box_that_stands_still_gives_streaming_the_poses_of_exact_cropping() -> None:
    estimator = PoseEstimator(LITE, "cpu")
    with open_video(resources.DEMO_CLIP) as video:
        boxes = {0: jumper_from(46, 51)}
        streaming, exact = (list(estimator.estimate(video, boxes, options=way)) for way in (STREAMING, EXACT))
    for first, second in zip(streaming, exact, strict=True):
        np.testing.assert_allclose(first.keypoints, second.keypoints, atol=0.3)
        np.testing.assert_allclose(first.confidence, second.confidence, atol=0.01)


def test_boxes_that_wander_give_much_the_same_poses_as_exact_cropping() -> None:
    estimator = PoseEstimator(LITE, "cpu")
    with open_video(resources.DEMO_CLIP) as video:
        boxes = {0: jumper_from(46, 51, step=6.0)}
        streaming, exact = (list(estimator.estimate(video, boxes, options=way)) for way in (STREAMING, EXACT))
    apart = [
        np.linalg.norm(first.keypoints - second.keypoints, axis=1)[second.confidence > 0.5]
        for first, second in zip(streaming, exact, strict=True)
    ]
    assert np.median(np.concatenate(apart)) < 0.01 * (JUMPER[3] - JUMPER[1])


def test_a_neighbours_box_changes_nothing_about_a_person() -> None:
    estimator = PoseEstimator(LITE, "cpu")
    left, top, right, bottom = JUMPER
    neighbour = dict.fromkeys(range(46, 49), (left - 300, top, right - 300, bottom + 20))
    with open_video(resources.DEMO_CLIP) as video:
        alone = list(estimator.estimate(video, {4: jumper_from(46, 49)}))
        beside = list(estimator.estimate(video, {4: jumper_from(46, 49), 9: neighbour}))
    for first, second in zip(alone, (person for person in beside if person.track_id == 4), strict=True):
        np.testing.assert_array_equal(first.keypoints, second.keypoints)


def test_each_frame_passes_the_networks_once_and_a_part_of_the_frames_gives_the_same_poses() -> None:
    estimator = PoseEstimator(LITE, "cpu")
    assert estimator.network.flow is not None
    seen: dict[str, int] = {"backbone": 0, "flow": 0}

    def count(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], object], None]:
        def add(module: nn.Module, given: tuple[torch.Tensor, ...], answer: object) -> None:
            seen[name] += len(given[0])

        return add

    hooks = [
        estimator.network.backbone.register_forward_hook(count("backbone")),
        estimator.network.flow.get_submodule("raft.feature_encoder").register_forward_hook(count("flow")),
    ]
    boxes = {0: jumper_from(38, 47, step=4.0)}
    with open_video(resources.DEMO_CLIP) as video:
        whole = list(estimator.estimate(video, boxes))
        for hook in hooks:
            hook.remove()
        part = list(estimator.estimate(video, boxes, frames=range(40, 43)))
    assert seen == {"backbone": 9 + 4, "flow": 9 + 4}
    assert [person.frame_index for person in part] == [40, 41, 42]
    for first, second in zip(whole[2:5], part, strict=True):
        np.testing.assert_allclose(first.keypoints, second.keypoints, atol=1e-2)


def test_options_of_another_reach_are_not_taken_silently() -> None:
    with open_video(resources.DEMO_CLIP) as video, pytest.raises(ValueError, match="reach of 4"):
        list(PoseEstimator(LITE, "cpu").estimate(video, {0: {0: JUMPER}}, options=EstimateOptions(reach=4)))
