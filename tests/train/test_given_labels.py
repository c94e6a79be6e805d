"""Labels in the refiner's heatmaps: carried with the flow, weaker with each frame, nothing else changed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmpose_core.engine.protocol import Predict
from jmpose_core.engine.session import Session
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.fill.candidates import FADES
from jmpose_core.fill.carried_labels import CarriedLabels
from jmpose_core.fill.track_frames import FloatArray
from jmpose_core.geometry import HEATMAP_FROM_CROP
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.systems import load_pose_network
from tests.builders.labelled_tracks import NOSE, RIGHT_WRIST, labelled, track, true_joints
from tests.builders.motion_clips import FRAMES, write_films
from train.motion.given_labels import labelled_maps
from train.motion.jhmdb import read_clips
from train.motion.refiner_inputs import SeenPerson, seen_person
from train.studies.evidence import DISTANCES, FILL, Counts, count, refined, table

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
    maps = labelled_maps(seen, np.array([LABELLED + 1]), carried)
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
    at_label = labelled_maps(seen, np.array([LABELLED]), carried).initial[0, 2, RIGHT_WRIST]
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


def test_the_engine_heeds_labels_as_the_study_does(tmp_path: Path) -> None:
    (clip,) = read_clips(write_films(tmp_path / "jhmdb", {"a": 5}))
    session = Session("cpu")
    seen = seen_person(session, clip)
    predicted = seen.tracklet.track.predicted
    refiner = load_pose_network("jmpose_lite").eval().refiner
    rows = np.arange(FRAMES)
    assert median_gap(refined(seen, rows, CarriedLabels.of(seen.tracklet.track), refiner), predicted) < 0.1

    place = predicted[LABELLED, RIGHT_WRIST] + [20, 0]
    carried = CarriedLabels.of(labelled(seen.tracklet.track, LABELLED, RIGHT_WRIST, place))
    studied = refined(seen, rows, carried, refiner)
    request = Predict(
        video_path=str(clip.video_path),
        first=0,
        last=FRAMES,
        visible_frame=0,
        boxes={0: {frame: clip.box(frame) for frame in range(FRAMES)}},
        labels={0: {row: [tuple(joint) for joint in carried.given[row].tolist()] for row in rows.tolist()}},
    )
    people = session.predict(request, on_progress=lambda _: None, should_stop=lambda: False)
    found = np.stack([person.keypoints for person in sorted(people, key=lambda person: person.frame_index)])
    session.close()
    assert median_gap(found, studied) < 0.1
    assert np.linalg.norm(found[LABELLED, RIGHT_WRIST] - place) < 3
    assert np.linalg.norm(found - predicted, axis=2)[LABELLED + 1, RIGHT_WRIST] > 10


def median_gap(found: FloatArray, other: FloatArray) -> float:
    """In pixels: recorded maps are of half precision, which may exchange two peaks of one height."""
    return float(np.median(np.linalg.norm(found - other, axis=2)))


def test_every_way_is_judged_on_the_same_joints() -> None:
    seen = person()
    counts: Counts = {}
    count(seen, {}, np.random.default_rng(0), counts)
    for distance, frames in zip(DISTANCES, (6, 6, 10, 11), strict=True):
        for way in ("prediction", "carried", FILL):
            assert counts["whole pose", distance, way][0][2] == 15 * frames
            assert counts["corrected", distance, way][0][2] == frames  # the wrist
    right, harmed, _ = counts["corrected", (1, 1), "carried"][0]
    assert (right, harmed) == (6, 0) and counts["corrected", (1, 1), "prediction"][0][0] == 0
    assert len(table(counts).splitlines()) == 2 + len(counts)
