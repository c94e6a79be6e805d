"""What is kept of a prediction for fills: against what the network and the picture say."""

import numpy as np
import pytest
import torch

import resources
from jmpose_core.annotations import Annotation
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.fill.evidence import PEAKS, Evidence
from jmpose_core.geometry import Xyxy, apply
from jmpose_core.model import heatmaps
from jmpose_core.video import open_video

JUMPER: Xyxy = (323.6, 33.9, 571.8, 309.4)  # in frame 48 of the demo clip
FRAMES = range(48, 51)


@pytest.fixture(scope="module")
def kept() -> dict[int, tuple[Annotation, Evidence]]:
    found: dict[int, tuple[Annotation, Evidence]] = {}
    with open_video(resources.DEMO_CLIP) as video:
        people = PoseEstimator("jmpose_lite", "cpu").estimate(
            video,
            {4: dict.fromkeys(FRAMES, JUMPER)},
            on_evidence=lambda person, evidence: found.__setitem__(person.frame_index, (person, evidence)),
        )
        assert [person.frame_index for person in people] == sorted(found) == list(FRAMES)
    return found


def test_the_highest_peak_is_where_the_joint_was_put(kept: dict[int, tuple[Annotation, Evidence]]) -> None:
    for person, evidence in kept.values():
        np.testing.assert_allclose(evidence.peaks[:, 0, :2], person.keypoints, atol=1e-3)
        assert evidence.peaks.shape == (15, PEAKS, 3)
        assert (np.diff(evidence.peaks[..., 2], axis=1) <= 0).all()
        assert (evidence.spread > 0).all()


def test_flow_is_to_both_neighbours_and_back_again_on_the_moving_person(
    kept: dict[int, tuple[Annotation, Evidence]],
) -> None:
    assert [evidence.has_backward for _, evidence in kept.values()] == [True] * 3  # from supporting frames too
    assert [evidence.has_forward for _, evidence in kept.values()] == [True] * 3
    first, second = kept[48][1], kept[49][1]
    rows, columns = np.mgrid[4:12, 3:9]
    there = first.forward[:, rows, columns]
    back = second.backward[:, rows, columns]
    assert np.median(np.abs(there + back)) < 0.6  # of motion of several pixels a frame
    middle = apply(first.grid_from_image, np.array([[(323.6 + 571.8) / 2, (33.9 + 309.4) / 2]]))
    np.testing.assert_allclose(middle, [[5.5, 7.5]], atol=1e-6)


def test_local_maxima_are_the_humps_of_a_map_in_the_order_of_their_heights() -> None:
    places = torch.tensor([[[10.3, 12.7]], [[30.6, 40.2]], [[20.0, 50.5]]])
    heights = torch.tensor([0.5, 0.9, 0.2]).view(3, 1, 1, 1)
    one_map = (heatmaps.encode(places, (64, 48), 2.0) * heights).sum(dim=0)
    found, seen = heatmaps.local_maxima(one_map, 5, blur_sigma=1.0)
    np.testing.assert_allclose(found[0, :3], places[[1, 0, 2], 0], atol=0.1)
    assert (seen[0, :3].diff() < 0).all() and (seen[0, 3:] < 1e-3).all()
    best, height = heatmaps.decode(one_map, blur_sigma=1.0)
    torch.testing.assert_close(best, found[:, 0])
    torch.testing.assert_close(height, seen[:, 0])
