import urllib.error

import numpy as np
import pytest
import torch
import torchvision

import resources
from jmpose_core.errors import WeightsError
from jmpose_core.estimation.detection import PersonDetector, person_cells
from jmpose_core.model.detector import PersonNet
from jmpose_core.video import open_video
from jmpose_core.weights.files import WeightsCard, save_weights


@pytest.fixture
def sees_everything(tmp_path):
    """Weights of a detector that calls every cell a person."""
    torch.manual_seed(0)
    network = PersonNet()
    torch.nn.init.constant_(network.center[-1].bias, 1.0)
    torch.nn.init.constant_(network.box_scale[-1].bias, 8.0)
    path = tmp_path / "detector.safetensors"
    save_weights(path, network.state_dict(), WeightsCard(variant="detector", options={"sure_score": 0.37}))
    return path


def test_boxes_lie_in_the_frame_and_come_best_first(sees_everything):
    detector = PersonDetector(sees_everything, device="cpu")
    found = detector.detect(np.random.default_rng(0).integers(0, 256, (90, 200, 3)).astype(np.uint8))
    assert len(found) > 3
    assert (found.bboxes_xyxy >= -0.5).all()
    assert (found.bboxes_xyxy[:, [0, 2]] <= 199.5).all()
    assert (found.bboxes_xyxy[:, [1, 3]] <= 89.5).all()
    assert (np.diff(found.scores) <= 0).all()
    assert detector.sure_score == 0.37


def test_a_batch_gives_what_single_frames_give(sees_everything):
    detector = PersonDetector(sees_everything, device="cpu")
    frames = list(np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3)).astype(np.uint8))
    for frame, found in zip(frames, detector.detect_batch(frames), strict=True):
        np.testing.assert_allclose(found.bboxes_xyxy, detector.detect(frame).bboxes_xyxy, atol=1e-2)


def test_no_frames_no_detections_and_mixed_sizes_are_refused(sees_everything):
    detector = PersonDetector(sees_everything, device="cpu")
    assert detector.detect_batch([]) == []
    with pytest.raises(ValueError, match="differ in size"):
        detector.detect_batch([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)])


def test_overlapping_boxes_leave_the_best():
    logits = torch.tensor([0.0, 2.0, 1.0, -9.0])
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60], [80, 80, 90, 90]])
    cells, scores = person_cells(logits, boxes, min_score=0.05)
    assert cells.tolist() == [1, 2]
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "flow.safetensors"
    save_weights(path, {"x": torch.zeros(1)}, WeightsCard(variant="raft_small"))
    with pytest.raises(WeightsError, match="raft_small"):
        PersonDetector(path)


def test_download_that_fails_says_what_to_do(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torchvision.models, "get_model", refuse)
    with pytest.raises(WeightsError, match=r"no route to host.*bundled detector"):
        PersonDetector("fasterrcnn_mobilenet_v3_large_320_fpn")


def test_torchvision_detector_gives_people_only(monkeypatch):
    class Fake(torch.nn.Module):
        def forward(self, images):
            boxes = torch.tensor([[0.5, 0.5, 10.5, 20.5], [5.0, 5, 9, 9]])
            return [
                {"boxes": boxes, "labels": torch.tensor([1, 3]), "scores": torch.tensor([0.9, 0.8])} for _ in images
            ]

    monkeypatch.setattr(torchvision.models, "get_model", lambda *_args, **_kwargs: Fake())
    found = PersonDetector("fcos_resnet50_fpn", device="cpu").detect(np.zeros((40, 40, 3), np.uint8))
    assert found.bboxes_xyxy.tolist() == [[0, 0, 10, 20]]


def test_the_bundled_detector_witnesses_the_joints_of_each_person_and_not_the_heads_ends():
    with open_video(resources.DEMO_CLIP) as video:
        found = PersonDetector("detector", device="cpu").detect(video.frame(48), min_score=0.2)
    assert found.keypoints is not None
    assert found.keypoints.shape == (len(found), 15, 3)
    assert len(found) >= 2
    limbs = found.keypoints[:, :12]
    inside = (limbs[..., :2] >= found.bboxes_xyxy[:, None, :2] - 8) & (
        limbs[..., :2] <= found.bboxes_xyxy[:, None, 2:] + 8
    )
    assert inside.all(axis=2)[limbs[..., 2] > 0.2].mean() > 0.95
    upright = limbs[:, [8, 9], 1].mean(axis=1) < limbs[:, [0, 5], 1].mean(axis=1)  # shoulders above ankles
    assert upright.all()
    assert (found.keypoints[:, [12, 14], 2] == 0).all()


def test_weights_from_before_the_witness_find_people_without_joints(tmp_path):
    network = PersonNet(joints=False)
    save_weights(tmp_path / "detector.safetensors", network.state_dict(), WeightsCard(variant="detector"))
    found = PersonDetector(tmp_path / "detector.safetensors", device="cpu").detect(np.zeros((64, 64, 3), np.uint8))
    assert found.keypoints is None
