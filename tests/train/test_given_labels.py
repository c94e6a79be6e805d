"""Labels in the refiner's heatmaps: carried with the flow, weaker with each frame, nothing else changed."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from jmpose_core.engine.session import Session
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.geometry import HEATMAP_FROM_CROP
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.systems import load_pose_network
from tests.builders.labelled_tracks import NOSE, RIGHT_WRIST, labelled, track, true_joints
from tests.builders.motion_clips import FRAMES, write_films
from train.motion.given_labels import FADES, CarriedLabels, with_labels
from train.motion.jhmdb import read_clips
from train.motion.refiner_inputs import SeenPerson, seen_person
from train.studies.evidence import FILL, Counts, count, refined, table

LABELLED = 5
SPEED = 6.0  # pixels a frame: one and a half cells


def person(frames: int = 12) -> SeenPerson:
    """Seen by a network that has every joint but the wrist, and whose maps are flat."""
    truth = true_joints(frames, speed=SPEED)
    predicted = truth.copy()
    predicted[:, RIGHT_WRIST] += 60
    judged, tolerance = np.ones((frames, 15), bool), np.full(frames, 8.0)
    return SeenPerson(
        film=0,
        tracklet=Tracklet(track(predicted, speed=SPEED), truth, judged, tolerance),
        maps=ClipMaps(torch.full((frames, 5, 15, 64, 48), 0.25), (), torch.zeros(frames, 4, 2, 64, 48)),
        windows=np.clip(np.arange(frames)[:, None] + np.arange(-2, 3), 0, frames - 1),
        cells_from_image=np.tile(HEATMAP_FROM_CROP, (frames, 1, 1)),
    )


def test_a_labels_gaussian_is_where_the_flow_carries_it_and_fades_with_each_frame() -> None:
    seen = person()
    truth = seen.tracklet.truth
    carried = CarriedLabels.of(labelled(seen.tracklet.track, LABELLED, RIGHT_WRIST, truth[LABELLED, RIGHT_WRIST]))
    maps = with_labels(seen, np.array([LABELLED + 1]), carried)
    for place, row in enumerate(seen.windows[LABELLED + 1]):
        own = maps.initial[0, place, RIGHT_WRIST]
        if row == LABELLED + 1:
            assert (own == 0.25).all()  # the key frame's own view is evidence too
            continue
        share = FADES ** abs(row - LABELLED)
        x, y = decode(own, blur_sigma=1.0)[0].tolist()
        assert (x, y) == pytest.approx(truth[row, RIGHT_WRIST] / 4, abs=0.6)
        assert own.min() == pytest.approx(0.25 * (1 - share), abs=1e-4)
    assert (maps.initial[0, :, NOSE] == 0.25).all()
    at_label = with_labels(seen, np.array([LABELLED]), carried).initial[0, 2, RIGHT_WRIST]
    assert at_label.max() == pytest.approx(1.0, abs=0.05) and at_label.min() < 1e-4


def test_the_nearer_of_two_labels_is_carried() -> None:
    seen = person()
    truth = seen.tracklet.truth[:, RIGHT_WRIST]
    both = labelled(seen.tracklet.track, 2, RIGHT_WRIST, truth[2])
    carried = CarriedLabels.of(labelled(both, 8, RIGHT_WRIST, truth[8] + [0, 9]))
    np.testing.assert_array_equal(carried.distance[:, RIGHT_WRIST], [2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3])
    np.testing.assert_allclose(carried.points[4, RIGHT_WRIST], truth[4], atol=0.1)
    np.testing.assert_allclose(carried.points[6, RIGHT_WRIST], truth[6] + [0, 9], atol=0.1)
    assert np.isinf(carried.distance[:, NOSE]).all()


def test_without_labels_the_recorded_maps_give_the_programs_own_prediction(tmp_path: Path) -> None:
    (clip,) = read_clips(write_films(tmp_path / "jhmdb", {"a": 5}))
    session = Session("cpu")
    seen = seen_person(session, clip)
    session.close()
    refiner = load_pose_network("jmpose_lite").eval().refiner
    rows = np.arange(FRAMES)
    found = refined(seen, rows, CarriedLabels.of(seen.tracklet.track), refiner)
    off = np.linalg.norm(found - seen.tracklet.track.predicted, axis=2)
    assert np.median(off) < 0.1  # half precision
    counts: Counts = {}
    count(seen, {"refiner": refiner}, np.random.default_rng(0), counts)
    joints = defaultdict[str, set[float]](set)
    for (which, distance, _), films in counts.items():
        joints[f"{which} {distance}"].add(films[5][2])
    assert all(len(same) == 1 for same in joints.values())  # every way is judged on the same joints
    assert counts["whole pose", (1, 1), FILL][5][2] == 3 * 2 * 15
    assert len(table(counts).splitlines()) == 2 + len(counts)
