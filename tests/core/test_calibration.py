import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.calibration import (
    EVIDENCE,
    PeakCalibration,
    RawPeak,
    confidence_of,
    evidence,
    with_calibrations,
    without_calibrations,
)
from jmpose_core.model.heatmaps import encode
from jmpose_core.skeleton import JOINT_INDEX, NUM_JOINTS
from jmpose_core.weights.files import WeightsCard, read_weights, save_weights


def fitted():
    offsets = torch.linspace(-2, 1, NUM_JOINTS)
    return PeakCalibration(torch.tensor([0.8, 4.5, 0.7]), offsets)


def poses(seed, count=2):
    """Heatmaps of Gaussians at random places, of random heights, on a noisy ground: (count, 15, 64, 48)."""
    rng = np.random.default_rng(seed)
    cells = torch.from_numpy(rng.uniform((3, 3), (44, 60), (count, NUM_JOINTS, 2))).float()
    height = torch.from_numpy(rng.uniform(0.05, 1.2, (count, NUM_JOINTS, 1, 1))).float()
    ground = torch.from_numpy(rng.uniform(0, 0.04, (count, NUM_JOINTS, 64, 48))).float()
    return height * encode(cells, (64, 48), 2.0) + ground


def test_raw_confidence_is_the_peak_held_within_bounds():
    maps = torch.full((1, 3, 4, 4), -1.0)
    maps[0, 1, 2, 3], maps[0, 2, 0, 0] = 0.4, 1.7
    assert RawPeak()(maps)[0].tolist() == pytest.approx([0, 0.4, 1])


def test_evidence_of_a_pose_by_hand():
    cells = torch.full((1, NUM_JOINTS, 2), 24.0)
    cells[0, JOINT_INDEX["head_top"], 1] = 8.0  # 16 cells above head_bottom: a head of 12 cells
    for name in ("left_hip", "right_hip"):
        cells[0, JOINT_INDEX[name], 1] = 44.0  # 20 cells below the shoulders: a head of 6.6, which is the median
    maps = torch.zeros(1, NUM_JOINTS, 64, 48)
    for joint, (x, y) in enumerate(cells[0].int().tolist()):
        maps[0, joint, y, x] = 0.5
    wrist = JOINT_INDEX["left_wrist"]
    maps[0, wrist, 24, 26] = 0.3  # 2 cells off: within half a head
    maps[0, wrist, 24, 29] = 0.4  # 5 cells off: near the same peak, beyond half a head
    maps[0, wrist, 24, 34] = 0.2  # 10 cells off: another peak
    found = dict(zip(EVIDENCE, evidence(maps)[0, wrist].tolist(), strict=True))
    assert found["log peak"] == pytest.approx(np.log(0.5))
    assert found["mass near the peak"] == pytest.approx(0.8 / 1.4)
    assert found["lead over the second peak"] == pytest.approx(0.3 / 0.5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 2.0))
def test_probability_rises_with_the_peak(seed, rise):
    maps = poses(seed)
    higher = maps.flatten(2).clone()
    peak, place = higher.max(dim=2, keepdim=True)
    higher.scatter_(2, place, peak + rise)
    low, high = fitted()(maps), fitted()(higher.view_as(maps))
    assert (high >= low - 1e-6).all()
    assert (high > low).any()
    assert ((low >= 0) & (high <= 1)).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.1, 0.95))
def test_a_fainter_map_is_less_sure(seed, factor):
    maps = poses(seed)
    assert (fitted()(factor * maps) <= fitted()(maps) + 1e-6).all()


@pytest.mark.parametrize("value", [0.0, -1.0, 3.0])
def test_flat_maps_give_a_number(value):
    probability = fitted()(torch.full((1, NUM_JOINTS, 64, 48), value))
    assert torch.isfinite(probability).all()


def test_no_people_no_probabilities():
    assert fitted()(torch.zeros(0, NUM_JOINTS, 64, 48)).shape == (0, NUM_JOINTS)


def test_calibrations_are_kept_with_the_weights(tmp_path):
    layer = nn.Conv2d(1, 2, 3)
    path = tmp_path / "calibrated.safetensors"
    save_weights(path, with_calibrations(layer.state_dict(), {"refined": fitted()}), WeightsCard(variant="test"))
    state, _ = read_weights(path)
    maps = poses(0)
    assert torch.equal(confidence_of(state, "refined", place="it")(maps), fitted()(maps))
    assert isinstance(confidence_of(state, "initial", place="it"), RawPeak)
    assert without_calibrations(state).keys() == layer.state_dict().keys()


def test_a_new_calibration_replaces_the_earlier_one_of_every_stage():
    state = with_calibrations({"weight": torch.zeros(1)}, {"initial": fitted(), "refined": fitted()})
    again = with_calibrations(state, {"initial": PeakCalibration()})
    assert confidence_of(again, "initial", place="it")(poses(0)).unique().tolist() == [0.5]
    assert isinstance(confidence_of(again, "refined", place="it"), RawPeak)


def test_a_foreign_calibration_is_refused():
    state = {"calibration.initial.slopes": torch.zeros(7)}
    with pytest.raises(WeightsError, match=r"it\.safetensors: calibration\.initial.*train\.lite\.calibration"):
        confidence_of(state, "initial", place="it.safetensors")
