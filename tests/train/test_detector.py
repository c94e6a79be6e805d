import cv2
import numpy as np
import pytest
import torch

from jmpose_core.errors import FormatError
from jmpose_core.estimation.detection import Detections
from jmpose_core.model.detector import all_cell_centres
from train.detector.batches import DetectorBatches
from train.detector.cell_loss import Targets, assign, detection_loss, generalised_iou
from train.detector.gathering import Source, read_sources
from train.detector.recall import evaluate, match

CENTRES = all_cell_centres(64, 64)
PERSON = torch.tensor([[[10.0, 6, 40, 60]]])
NOBODY = torch.zeros(1, 1, 4)


def logits_at(chosen, *, high=4.0, low=-6.0):
    return torch.where(chosen, high, low)[None]


def perfect_boxes():
    return PERSON.expand(1, len(CENTRES), 4).clone()


def inside():
    left, top, right, bottom = PERSON[0, 0]
    return (CENTRES[:, 0] > left) & (CENTRES[:, 0] < right) & (CENTRES[:, 1] > top) & (CENTRES[:, 1] < bottom)


def test_a_person_is_given_to_at_most_nine_cells_inside_the_box():
    quality, owner = assign(torch.rand(1, len(CENTRES)), perfect_boxes(), CENTRES, PERSON)
    assert 1 <= (quality > 0).sum() <= 9
    assert inside()[quality[0] > 0].all()
    assert quality.max() == pytest.approx(1.0)
    assert (owner == 0).all()


def test_padded_people_are_given_no_cell():
    quality, _ = assign(torch.rand(1, len(CENTRES)), perfect_boxes(), CENTRES, NOBODY)
    assert (quality == 0).all()


def test_a_cell_that_two_people_want_goes_to_the_one_its_box_fits():
    people = torch.tensor([[[10.0, 6, 40, 60], [12.0, 8, 60, 62]]])
    quality, owner = assign(torch.full((1, len(CENTRES)), 0.5), perfect_boxes(), CENTRES, people)
    assert owner[0, quality[0] == quality.max()].eq(0).all()


def test_loss_falls_when_the_right_cells_are_sure():
    targets = Targets(PERSON, torch.ones(1, 1), NOBODY)
    quality, _ = assign(torch.full((1, len(CENTRES)), 0.5), perfect_boxes(), CENTRES, PERSON)
    right = detection_loss(logits_at(quality[0] > 0), perfect_boxes(), CENTRES, targets)
    wrong = detection_loss(logits_at(~inside()), perfect_boxes(), CENTRES, targets)
    assert right.box == pytest.approx(0, abs=1e-5)
    assert right.total < wrong.total / 10


def test_ignored_regions_cost_nothing():
    sure_everywhere = torch.full((1, len(CENTRES)), 3.0)
    everything = torch.tensor([[[-1.0, -1, 65, 65]]])
    targets = Targets(NOBODY, torch.zeros(1, 1), everything)
    assert detection_loss(sure_everywhere, perfect_boxes(), CENTRES, targets).total == 0
    targets = Targets(NOBODY, torch.zeros(1, 1), NOBODY)
    assert detection_loss(sure_everywhere, perfect_boxes(), CENTRES, targets).total > 10


def test_generalised_iou_of_equal_and_of_distant_boxes():
    box = torch.tensor([[0.0, 0, 10, 10]])
    assert generalised_iou(box, box) == pytest.approx(1)
    assert generalised_iou(box, box + 90) == pytest.approx(-1, abs=0.03)


def red_person():
    """A red rectangle on grey, labelled as a person."""
    picture = np.full((240, 320, 3), 120, np.uint8)
    picture[60:200, 100:160] = (220, 30, 30)
    jpeg = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
    return Source("coco", jpeg, [(99.5, 59.5, 159.5, 199.5)], [1.0], [])


def test_batches_are_the_same_each_time_and_boxes_follow_the_picture():
    batches = DetectorBatches([red_person()], batch=8, seed=3)
    checked = 0
    for number in range(4):
        pictures, targets = batches[number]
        again, _ = DetectorBatches([red_person()], batch=8, seed=3)[number]
        assert torch.equal(pictures, again)
        for picture, people, weights in zip(pictures, targets.people, targets.weights, strict=True):
            for box in people[weights > 0]:
                x0, y0, x1, y1 = (round(float(value)) for value in box)
                core = picture[y0 + 3 : y1 - 2, x0 + 3 : x1 - 2].float()
                if picture.float().std() < 25 or min(core.shape[:2]) < 6:
                    continue  # grey, or too dim to tell
                red = core[..., 0] - core[..., 1:].max(dim=2).values
                checked += int((red > 10).float().mean() > 0.9)
    assert checked > 15


def test_match_takes_each_person_once_and_the_best_first():
    truth = np.array([[0.0, 0, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 9], [0.0, 0, 10, 10], [50.0, 50, 60, 60]])
    assert match(boxes, np.array([0.5, 0.9, 0.8]), truth).tolist() == [-1, 0, -1]


def test_recall_stops_at_the_allowed_false_boxes(monkeypatch):
    truth = np.array([[0.0, 0, 50, 100], [100.0, 0, 150, 100]])
    monkeypatch.setattr("train.detector.recall.validation_images", lambda _: iter([(None, truth)]))
    boxes = np.array([[0.0, 0, 50, 100], [300.0, 0, 350, 100], [400.0, 0, 450, 100], [100.0, 0, 150, 100]])
    found = Detections(boxes, np.array([0.9, 0.8, 0.7, 0.6]))
    measured = evaluate(lambda _: found, None, false_per_image=1.0)
    assert measured.recall == 0.5
    assert measured.score == 0.8
    assert evaluate(lambda _: found, None, false_per_image=2.0).recall == 1.0


def test_torn_cache_names_the_cure(tmp_path):
    (tmp_path / "cache").write_bytes(b"\x93\x01")
    with pytest.raises(FormatError, match=r"train\.recipes\.detector"):
        read_sources(tmp_path / "cache")
