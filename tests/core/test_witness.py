"""Whose joints are meant: from detections to boxes, and into the crops' heatmaps."""

import numpy as np
import pytest
import torch

import resources
from jmpose_core import geometry
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.probing import probe as probe_of
from jmpose_core.estimation.witness import Witnessed, people_in_crops, witnessed_people
from jmpose_core.model import heatmaps
from jmpose_core.model.guidance import guided
from jmpose_core.tracking import Detections
from jmpose_core.video import open_video

LEFT, RIGHT = (0.0, 0.0, 50.0, 100.0), (30.0, 0.0, 80.0, 100.0)
JUMPER = (323.6, 33.9, 571.8, 309.4)  # in frame 48 of the demo clip


def detections(*people: tuple[tuple[float, ...], float]) -> Detections:
    """Boxes and scores; person i has all joints at (i, i) with confidence 0.5."""
    joints = np.array([np.full((15, 3), (index, index, 0.5)) for index in range(len(people))]).reshape(-1, 15, 3)
    boxes = np.array([box for box, _ in people], np.float64).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in people], np.float64), joints)


def own_place(person: Witnessed) -> float:
    return float(person.own[0, 0])


def test_each_box_takes_its_own_persons_joints_and_the_others_are_the_rest() -> None:
    found = witnessed_people({"l": LEFT, "r": RIGHT}, detections((RIGHT, 0.9), (LEFT, 0.3), ((200, 0, 250, 99), 0.5)))
    assert own_place(found["l"]) == 1
    assert own_place(found["r"]) == 0
    assert sorted(found["l"].others[:, 0, 0]) == [0, 2]
    assert sorted(found["r"].others[:, 0, 0]) == [1, 2]


def test_one_detection_serves_one_box_the_one_it_fits_best() -> None:
    found = witnessed_people({"l": LEFT, "r": (5.0, 0.0, 55.0, 100.0)}, detections((LEFT, 0.9)))
    assert (found["l"].own[:, 2] > 0).all()
    assert (found["r"].own == 0).all()
    assert len(found["r"].others) == 1


def test_a_person_detected_twice_and_a_doubtful_one_are_nobody_else() -> None:
    again = (2.0, 0.0, 50.0, 96.0)
    found = witnessed_people({"l": LEFT}, detections((LEFT, 0.9), (again, 0.5), (RIGHT, 0.15)))
    assert own_place(found["l"]) == 0
    assert len(found["l"].others) == 0


@pytest.mark.parametrize("seen", [Detections.none(), Detections(np.array([LEFT]), np.ones(1))])
def test_where_no_joints_are_witnessed_nothing_is_said(seen: Detections) -> None:
    person = witnessed_people({"l": LEFT}, seen)["l"]
    assert (person.own == 0).all()
    assert person.others.shape == (0, 15, 3)


def test_joints_of_the_image_are_brought_to_the_cells_of_each_crop() -> None:
    crops = np.stack([geometry.crop_from_image(box, (256, 192)) for box in (LEFT, RIGHT)])
    joint = np.tile([40.0, 50.0, 0.7], (15, 1))
    people = [Witnessed(joint, np.zeros((0, 15, 3))), Witnessed(np.zeros((15, 3)), joint[None])]
    found = people_in_crops(people, np.array([LEFT, RIGHT]), crops, geometry.scaled(1 / 4), torch.device("cpu"))
    # Both boxes are 50 x 100 and fill 0.8 of the crop's 64 cells: 0.512 cells a pixel, the box's middle in the middle.
    torch.testing.assert_close(found.own[0, 0], torch.tensor([23.5 + 15 * 0.512, 31.5, 0.7]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.others[1, 0, 0], torch.tensor([23.5 - 15 * 0.512, 31.5, 0.7]), atol=1e-3, rtol=0)
    assert (found.others[0, ..., 2] == 0).all()
    torch.testing.assert_close(found.boxes[0], torch.tensor([23.5 - 12.8, 31.5 - 25.6, 23.5 + 12.8, 31.5 + 25.6]))


def two_peaks() -> torch.Tensor:
    """(1, 15, 64, 48): a lower peak at (12, 30), a higher one at (34, 30)."""
    places = torch.tensor([[12.0, 30.0], [34.0, 30.0]])
    low, high = heatmaps.encode(places, (64, 48), 2.0)
    return (0.3 * low + 0.7 * high).expand(1, 15, -1, -1)


def said(x: float, confidence: float = 0.6) -> torch.Tensor:
    return torch.tensor([x, 30.0, confidence]).expand(1, 15, 3)


def column(maps: torch.Tensor) -> float:
    return float(heatmaps.decode(maps, blur_sigma=1.0)[0][0, 0, 0])


def test_of_two_peaks_the_witnesses_own_is_found_to_a_part_of_a_cell() -> None:
    maps = guided(two_peaks(), said(14.0), torch.zeros(1, 0, 15, 3))
    assert column(two_peaks()) == pytest.approx(34, abs=0.1)
    assert column(maps) == pytest.approx(12, abs=0.5)
    assert maps.amax() == pytest.approx(0.3, abs=0.01)  # as sure as the network was of it


def test_a_neighbours_joint_is_left_to_the_neighbour_where_the_own_is_not_known() -> None:
    maps = guided(two_peaks(), said(0.0, confidence=0.0), said(34.0)[:, None])
    assert column(maps) == pytest.approx(12, abs=0.5)


def test_where_the_witness_says_nothing_heatmaps_stay_as_they_are() -> None:
    maps = two_peaks()
    torch.testing.assert_close(guided(maps, torch.zeros(1, 15, 3), torch.zeros(1, 0, 15, 3)), maps)
    far = guided(maps, said(12.0), torch.zeros(1, 3, 15, 3))
    torch.testing.assert_close(far, guided(maps, said(12.0), torch.zeros(1, 0, 15, 3)))


def test_the_estimator_asks_for_each_frame_once_and_listens_unless_it_is_told_not_to() -> None:
    estimator = PoseEstimator("jmpose_lite", "cpu")
    asked: list[int] = []
    wrists = np.zeros((1, 15, 3))
    wrists[0, [6, 11]] = (345.0, 295.0, 0.9)  # a foot's place

    def look(index: int, picture: np.ndarray) -> Detections:
        asked.append(index)
        return Detections(np.array([JUMPER]), np.ones(1), wrists)

    with open_video(resources.DEMO_CLIP) as video:
        boxes = {3: {48: JUMPER}}
        alone, told, deaf = (
            next(iter(estimator.estimate(video, boxes, options=options, look=eye)))
            for options, eye in (
                (EstimateOptions(stage="initial"), None),
                (EstimateOptions(stage="initial"), look),
                (EstimateOptions(stage="initial", witness=False), look),
            )
        )
        probe = probe_of(estimator, video, 48, JUMPER, look=look)
    assert asked[:1] == [48]
    assert len(asked) == 1 + 5
    np.testing.assert_array_equal(alone.keypoints, deaf.keypoints)
    others = [index for index in range(15) if index not in (6, 11)]
    assert np.median(np.linalg.norm(alone.keypoints - told.keypoints, axis=1)[others]) < 6
    assert not np.array_equal(alone.keypoints[[6, 11]], told.keypoints[[6, 11]])
    assert probe.initial.shape == (15, 64, 48)
