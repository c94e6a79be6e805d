import numpy as np
import pytest
import torch
from scipy.special import expit

from jmpose_core.calibration import HEAD_PER_SEGMENT, HEAD_PER_TORSO, PeakCalibration
from jmpose_core.evaluation.reliability import area_under_roc, expected_calibration_error
from jmpose_core.heatmaps import encode
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS
from train.calibration import cross_fitted, figures, fit, probabilities, report_of
from train.outcomes import Outcomes, halves, head_sizes, median_head_per_torso, outcomes
from train.poses import LabelledPerson

SLOPES = np.array([0.9, 4.0, 0.0])
OFFSETS = np.linspace(-3, 0, NUM_JOINTS)


def simulated(count=12_000, slopes=SLOPES, seed=0):
    """Joints that are correct by a logistic law."""
    rng = np.random.default_rng(seed)
    evidence = np.column_stack([rng.normal(-0.5, 0.5, count), rng.uniform(0, 1, (count, 2))])
    joint = rng.integers(NUM_JOINTS, size=count)
    correct = rng.random(count) < expit(evidence @ slopes + OFFSETS[joint])
    return Outcomes(
        evidence, np.exp(evidence[:, 0]).clip(0, 1), joint, correct, rng.integers(2, size=count), np.full(count, "law")
    )


def person(image_id=0, source="coco"):
    joints = np.zeros((NUM_JOINTS, 2), np.float32)
    joints[JOINT_INDEX["head_bottom"]] = (20, 20)
    joints[JOINT_INDEX["head_top"]] = (20, 8)
    joints[JOINT_INDEX["left_shoulder"]], joints[JOINT_INDEX["right_hip"]] = (30, 24), (15, 44)
    weight = np.zeros(NUM_JOINTS, np.float32)
    weight[[JOINT_INDEX[name] for name in ("head_bottom", "head_top", "left_shoulder", "right_hip")]] = 1
    return LabelledPerson(source, image_id, b"", (0, 0, 1, 1), joints, weight)


def test_a_known_law_is_found_and_calibrated():
    seen = simulated()
    calibration = fit(seen)
    assert calibration.slopes.numpy() == pytest.approx(SLOPES, abs=0.25)
    assert calibration.offsets.numpy() == pytest.approx(OFFSETS, abs=0.35)
    fresh = simulated(seed=1)
    assert expected_calibration_error(probabilities(calibration, fresh), fresh.correct) < 0.02
    truth = expit(fresh.evidence @ SLOPES + OFFSETS[fresh.joint])
    assert area_under_roc(probabilities(calibration, fresh), fresh.correct) == pytest.approx(
        area_under_roc(truth, fresh.correct), abs=0.01
    )


def test_evidence_that_misleads_gets_no_weight():
    assert fit(simulated(2000, slopes=np.array([0.9, 4.0, -2.0]))).slopes[2] == 0


def test_each_half_is_judged_by_the_other():
    law = simulated(4000)
    contrary = Outcomes(
        law.evidence, law.raw, law.joint, np.where(law.half == 1, ~law.correct, law.correct), law.half, law.condition
    )
    assert area_under_roc(cross_fitted(law), law.correct) > 0.7
    assert area_under_roc(cross_fitted(contrary), contrary.correct) < 0.5


def test_the_module_says_what_the_fit_said():
    seen = simulated(500)
    calibration = PeakCalibration(torch.from_numpy(SLOPES), torch.from_numpy(OFFSETS))
    evidence = torch.from_numpy(np.repeat(seen.evidence[:, None], NUM_JOINTS, axis=1)).float()
    by_module = calibration.probability(evidence).numpy()[np.arange(500), seen.joint]
    assert by_module == pytest.approx(probabilities(calibration, seen), abs=1e-5)


def test_a_report_says_what_is_stored_and_how_it_was_judged():
    seen = simulated(2000)
    report = report_of(seen, fit(seen))
    assert report["calibrated"] == figures(cross_fitted(seen), seen.correct)
    assert report["calibrated"]["ECE"] < report["raw peak"]["ECE"]
    assert report["by picture"].keys() == {"law"}
    assert sum(joint["joints"] for joint in report["by joint"].values()) == 2000
    assert "other half's model" in report["note"]


def test_head_size_is_of_the_head_where_it_is_labelled_and_of_the_torso_else():
    one = person()
    labelled = np.tile(one.weight > 0, (3, 1))
    labelled[1, JOINT_INDEX["head_top"]] = False
    labelled[2] = False
    sizes = head_sizes(np.tile(one.keypoints, (3, 1, 1)), labelled)
    assert sizes == pytest.approx([12 * HEAD_PER_SEGMENT, 25 * HEAD_PER_TORSO, np.nan], nan_ok=True)
    assert median_head_per_torso([one]) == pytest.approx(12 * HEAD_PER_SEGMENT / 25)


def test_people_of_an_image_stay_in_one_half():
    people = [person(image_id, source) for image_id in (5, 5, 10, 20) for source in ("coco", "lspet")]
    which = halves(people)
    assert which[0] == which[2] and which[1] == which[3]
    assert set(which) == {0, 1}


def test_a_joint_half_a_head_off_is_correct_and_one_further_off_is_not():
    one = person()
    head = 12 * HEAD_PER_SEGMENT
    moved = one.keypoints.copy()
    moved[JOINT_INDEX["left_shoulder"], 0] += 0.45 * head
    moved[JOINT_INDEX["right_hip"], 0] += 0.55 * head
    outside = one.keypoints.copy()
    outside[JOINT_INDEX["head_bottom"]] = (60, 20)  # right of the crop, though labelled
    labelled = (one.weight > 0)[None]
    maps = encode(torch.from_numpy(moved)[None], (64, 48), 2.0)
    seen = outcomes(iter([(maps, one.keypoints[None].astype(float), labelled)]), [one], "stills")
    by_joint = dict(zip(seen.joint.tolist(), seen.correct.tolist(), strict=True))
    assert by_joint == {
        JOINT_INDEX["head_bottom"]: True,
        JOINT_INDEX["head_top"]: True,
        JOINT_INDEX["left_shoulder"]: True,
        JOINT_INDEX["right_hip"]: False,
    }
    assert seen.condition.tolist() == ["stills coco"] * 4
    seen = outcomes(iter([(maps, outside[None].astype(float), labelled)]), [one], "stills")
    assert JOINT_INDEX["head_bottom"] not in seen.joint
