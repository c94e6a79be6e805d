"""Every engine gives the same answer: joints of real people, whatever computes them."""

import logging
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import resources
from jmpose_core import geometry
from jmpose_core.estimation import onnx_engine
from jmpose_core.estimation.clip import cut
from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.model import heatmaps
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.systems import jmpose_lite, load_pose_network
from jmpose_core.video import open_video

JUMPER = (323.6, 33.9, 571.8, 309.4)  # in frame 48 of the demo clip
PIXELS_PER_CELL = 4
SURE = 0.3  # of a peak


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(onnx_engine, "engine_cache", lambda: tmp_path / "a cache")
    return tmp_path / "a cache"


@pytest.fixture(scope="module")
def crops() -> Tensor:
    """(6, 3, 256, 192) in [0, 1], of the demo clip's jumper."""
    crop_from_image = geometry.crop_from_image(JUMPER, (256, 192))
    with open_video(resources.DEMO_CLIP) as video:
        found = [cut(video.frame(index), crop_from_image, (256, 192)) for index in range(45, 51)]
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).float() / 255


def joints(maps: Tensor) -> np.ndarray:
    """(N, 15, 2) in pixels of the crop."""
    return heatmaps.decode(maps, blur_sigma=1.0)[0].double().numpy() * PIXELS_PER_CELL


def differences(maps: Tensor, expected: Tensor) -> np.ndarray:
    """Pixels of the crop between the sure joints of two networks' maps."""
    sure = heatmaps.decode(expected, blur_sigma=1.0)[1].numpy() > SURE
    assert sure.sum() > 20
    return np.linalg.norm(joints(maps) - joints(expected), axis=-1)[sure]


@torch.inference_mode()
def test_onnxruntime_puts_joints_where_torch_does(crops: Tensor) -> None:
    expected = load_pose_network("jmpose_lite").eval().of_frames(crops)
    network = load_pose_network("jmpose_lite").eval()
    assert onnx_engine.speed_up_backbone(network)
    found = network.of_frames(crops)
    assert differences(found.heatmaps, expected.heatmaps).max() < 0.001
    torch.testing.assert_close(found.features[0], expected.features[0], atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_half_precision_moves_joints_by_less_than_a_twentieth_pixel(
    crops: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flow and refiner may answer in bfloat16; the backbone, which it would move by half a pixel, does not."""
    streaming = PoseEstimator("jmpose_lite", "cpu", engine="torch").streaming
    pictures = (crops * 255).byte().permute(0, 2, 3, 1).numpy()
    answers = {}
    for enabled in (False, True):
        precision = torch.autocast("cpu", torch.bfloat16, enabled=enabled)
        monkeypatch.setattr("jmpose_core.estimation.streaming.autocast", lambda _, precision=precision: precision)
        answers[enabled] = (
            streaming.heatmaps(pictures, "initial").wanted,
            streaming.heatmaps(pictures, "refined").wanted,
        )
    torch.testing.assert_close(answers[True][0], answers[False][0], atol=0, rtol=0)
    assert differences(answers[True][1], answers[False][1]).mean() < 0.05


@torch.inference_mode()
def test_a_prior_passes_through_the_graph(crops: Tensor) -> None:
    torch.manual_seed(0)
    eager, fast = jmpose_lite(prior=True).eval(), jmpose_lite(prior=True).eval()
    assert isinstance(eager.backbone, CompactBackbone)
    assert eager.backbone.prior is not None
    for parameter in eager.backbone.prior.parameters():  # as training leaves them; they start at zero
        torch.nn.init.normal_(parameter, std=0.05)
    fast.load_state_dict(eager.state_dict())
    assert onnx_engine.speed_up_backbone(fast)
    assert fast.takes_prior
    prior = torch.rand(len(crops), 31, 64, 48)
    for given in (None, prior):
        torch.testing.assert_close(fast.of_frames(crops, given).logits, eager.of_frames(crops, given).logits)
    assert not torch.equal(fast.of_frames(crops, prior).logits, fast.of_frames(crops).logits)


def test_the_detector_finds_the_same_people_in_frames_of_two_sizes() -> None:
    fast, eager = PersonDetector("detector", "cpu"), PersonDetector("detector", "cpu", engine="torch")
    assert fast._onnx is not None
    with open_video(resources.DEMO_CLIP) as video:
        frame = video.frame(48)
    for picture in (frame, np.ascontiguousarray(frame[:, 100:420])):
        found, expected = (detector.detect(picture, min_score=0.2) for detector in (fast, eager))
        assert len(expected.bboxes_xyxy) > 0
        np.testing.assert_allclose(found.bboxes_xyxy, expected.bboxes_xyxy, atol=0.001)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_a_graph_is_exported_once_and_anew_for_other_weights(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, same = jmpose_lite(), jmpose_lite()
    same.load_state_dict(network.state_dict())
    assert onnx_engine.speed_up_backbone(network)
    with monkeypatch.context() as patch:
        patch.setattr(torch.onnx, "export", None)
        assert onnx_engine.speed_up_backbone(same)
        assert not onnx_engine.speed_up_backbone(jmpose_lite())  # other weights need another graph
    assert onnx_engine.speed_up_backbone(jmpose_lite())
    assert len(list(cache.iterdir())) == 2


def test_without_onnxruntime_torch_answers_and_the_log_says_so(
    crops: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with caplog.at_level(logging.WARNING):
        estimator = PoseEstimator("jmpose_lite", "cpu")
    assert "onnxruntime is not used" in caplog.text
    assert isinstance(estimator.network.backbone, CompactBackbone)
    with torch.inference_mode():
        assert estimator.streaming.of_frames(crops[:1]).heatmaps.shape == (1, 15, 64, 48)


def test_a_broken_or_unwritable_cache_does_no_harm(
    crops: Tensor, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    network = load_pose_network("jmpose_lite").eval()
    assert onnx_engine.speed_up_backbone(network)
    assert "not kept" in caplog.text
    cache.unlink()
    kept = load_pose_network("jmpose_lite").eval()
    assert onnx_engine.speed_up_backbone(kept)
    (graph,) = cache.iterdir()
    graph.write_bytes(graph.read_bytes()[:1000])
    torn = load_pose_network("jmpose_lite").eval()
    assert onnx_engine.speed_up_backbone(torn)
    with torch.inference_mode():
        torch.testing.assert_close(torn.of_frames(crops[:1]).logits, network.of_frames(crops[:1]).logits)
