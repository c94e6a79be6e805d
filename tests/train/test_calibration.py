import cv2
import numpy as np
import pytest
import torch
from scipy.special import expit

from jmpose_core import geometry
from jmpose_core.errors import FormatError
from jmpose_core.evaluation.reliability import area_under_roc, expected_calibration_error
from jmpose_core.model import heatmaps
from jmpose_core.model.calibration import HEAD_PER_SEGMENT, HEAD_PER_TORSO, PeakCalibration, confidence_of
from jmpose_core.model.heatmaps import encode
from jmpose_core.model.systems import compact_lite
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS
from jmpose_core.weights.files import WeightsCard, read_weights, save_weights
from train.lite.calibration import calibrate, cross_fitted, figures, fit, probabilities, report_of
from train.lite.outcomes import Outcomes, halves, head_sizes, median_head_per_torso, outcomes, refined, stills
from train.lite.refinement import held_out_clips
from train.people.poses import LabelledPerson

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


def test_nothing_is_fitted_to_joints_of_one_kind():
    seen = simulated(100)
    with pytest.raises(FormatError, match="more held-out people"):
        fit(seen.chosen(seen.correct))


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


def pictured(image_id, keypoints=None):
    """A person in a picture of noise, every joint labelled; the head is 24 pixels by its two ends."""
    noise = np.random.default_rng(image_id).integers(0, 256, (96, 72, 3)).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    if keypoints is None:
        keypoints = np.random.default_rng(image_id).uniform((4, 4), (66, 90), (NUM_JOINTS, 2)).astype(np.float32)
        keypoints[JOINT_INDEX["head_top"]] = (36, 10)
        keypoints[JOINT_INDEX["head_bottom"]] = (36, 34)
    return LabelledPerson("coco", image_id, jpeg, (4, 4, 68, 92), keypoints, np.ones(NUM_JOINTS, np.float32))


def labelled_by(network, image_id):
    """A person half of whose joints lie where the network sees them, the others half a picture away."""
    unlabelled = pictured(image_id)
    ((maps, _, _),) = stills(network, [unlabelled])
    crop = geometry.crop_from_image(unlabelled.bbox_xyxy, network.crop_size)
    image_from_heatmap = geometry.compose(geometry.inverse(crop), geometry.scaled(4))
    joints = geometry.apply(image_from_heatmap, heatmaps.decode(maps, blur_sigma=1.0)[0][0].numpy())
    half = np.array([36.0, 48.0])
    joints[::2] += np.where(joints[::2] > half, -half, half)
    return pictured(image_id, joints.astype(np.float32))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return compact_lite().eval()


def test_weights_are_written_again_with_calibration_and_its_figures(tmp_path, network):
    weights, out = tmp_path / "raw.safetensors", tmp_path / "calibrated.safetensors"
    save_weights(weights, network.state_dict(), WeightsCard(variant="compact_lite", figures={"PCK": 0.5}))
    people = [labelled_by(network, image_id) for image_id in range(4)]
    reports = calibrate(weights, people, out)
    assert reports.keys() == {"initial"}  # a single-frame network has no refined stage
    assert reports["initial"]["calibrated"]["correct"] == pytest.approx(7 / 15, abs=0.1)
    state, card = read_weights(out)
    assert card.figures == {
        "PCK": 0.5,
        **{f"initial confidence, {name}": reports["initial"]["calibrated"][name] for name in ("ECE", "AUROC", "Brier")},
    }
    assert isinstance(confidence_of(state, "initial", place="it"), PeakCalibration)
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())


def test_clips_are_judged_at_their_key_frames(network):
    people = [pictured(0), pictured(1)]
    batches = list(refined(network, held_out_clips(people, network.crop_size, degraded=False)))
    assert [maps.shape for maps, _, _ in batches] == [(1, NUM_JOINTS, 64, 48)] * 2
    for one, (_, cells, labelled) in zip(people, batches, strict=True):
        crop = geometry.crop_from_image(one.bbox_xyxy, network.crop_size)
        truth = geometry.apply(geometry.compose(geometry.scaled(1 / 4), crop), one.keypoints)
        assert cells[0] == pytest.approx(truth, abs=1e-3)
        assert labelled.all()
