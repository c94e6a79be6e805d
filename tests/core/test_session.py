"""The engine's work on real networks with random weights: what is estimated when, not how well."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from jmpose_core.annotations import Annotation
from jmpose_core.engine import people_search, stretches
from jmpose_core.engine.protocol import Predict, Probe, Progress, Seed
from jmpose_core.engine.session import Session
from jmpose_core.errors import Cancelled, VideoError
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.geometry import Xyxy
from jmpose_core.model.systems import jmpose_lite
from jmpose_core.tracking import Detections
from jmpose_core.weights.files import WeightsCard, save_weights

FRAMES = 60
BOXES = {
    4: {frame: (10.0 + frame, 10.0, 60.0 + frame, 90.0) for frame in range(FRAMES)},
    9: {frame: (80.0, 5.0, 110.0 + frame / 2, 95.0) for frame in range(20, 50)},
}


class StandInDetector:
    """Finds the people of BOXES by their number of frame, written in the picture's brightness."""

    sure_score = 0.5

    def __init__(self, weights: str | Path, device: str) -> None:
        self.looked_at = 0

    def detect(self, image: np.ndarray, *, min_score: float) -> Detections:
        frame = round(float(image[0, 0, 0]) / 4)
        self.looked_at += 1
        found = [boxes[frame] for boxes in BOXES.values() if frame in boxes]
        return Detections(np.array(found, float).reshape(-1, 4), np.full(len(found), 0.9))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_weights(path, jmpose_lite().state_dict(), WeightsCard(variant="jmpose_lite", crop_size=(256, 192)))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for frame in range(FRAMES):
        assert cv2.imwrite(str(folder / f"{frame:03d}.png"), np.full((100, 160, 3), 4 * frame, np.uint8))
    return folder


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(people_search, "PersonDetector", StandInDetector)
    # Random poses confirm nobody; `confirmed` has tests of its own.
    monkeypatch.setattr(people_search, "confirmed", lambda tracks, looks, seen: seen if list(looks) else {})
    return Session("cpu")


Predicted = Callable[..., list[Annotation]]


@pytest.fixture
def predicted(session: Session, clip: Path, weights: Path) -> Predicted:
    """People of a request on the clip, by default its boxes and the cheap stage."""

    def run(
        *,
        visible_frame: int = 0,
        first: int = 0,
        last: int = FRAMES,
        boxes: dict[int, dict[int, Xyxy]] | None = BOXES,
        seeds: tuple[Seed, ...] = (),
        on_progress: Callable[[Progress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> list[Annotation]:
        request = Predict(
            video_path=str(clip),
            first=first,
            last=last,
            visible_frame=visible_frame,
            weights=str(weights),
            boxes=boxes,
            seeds=list(seeds),
            options=EstimateOptions(stage="initial"),
        )
        return list(session.predict(request, on_progress=on_progress, should_stop=should_stop))

    return run


def by_place(people: list[Annotation]) -> dict[tuple[int, int], Annotation]:
    return {(person.track_id, person.frame_index): person for person in people}


def test_every_box_is_estimated_once_and_the_visible_frame_first(predicted: Predicted) -> None:
    people = predicted(visible_frame=50)
    assert len(people) == len(by_place(people)) == sum(len(boxes) for boxes in BOXES.values())
    frames = [person.frame_index for person in people]
    assert abs(frames[0] - 50) <= 30
    assert frames.index(50) < frames.index(0)


def test_the_numbers_do_not_depend_on_where_the_user_looks(predicted: Predicted) -> None:
    """The command line begins at the first frame, the window at the visible one."""
    from_start, from_middle = by_place(predicted(visible_frame=0)), by_place(predicted(visible_frame=50))
    assert from_start.keys() == from_middle.keys()
    assert [place for place in from_start if from_start[place] != from_middle[place]] == []


def test_only_the_frames_that_were_asked_for(predicted: Predicted) -> None:
    assert {person.frame_index for person in predicted(first=0, last=3, boxes=None)} == {0, 1, 2}


def test_people_are_found_and_followed_without_boxes(predicted: Predicted, session: Session) -> None:
    told: list[Progress] = []
    people = predicted(boxes=None, on_progress=told.append)
    lengths = sorted(len([p for p in people if p.track_id == track]) for track in {p.track_id for p in people})
    assert lengths == [30, 60]
    assert list(dict.fromkeys(progress.stage for progress in told if progress.done == progress.total)) == [
        "finding people",
        "confirming people",
        "estimating poses",
    ]
    detector = session._seen.detector
    assert isinstance(detector, StandInDetector)
    predicted(boxes=None)
    assert detector.looked_at == FRAMES  # the second time nothing is detected again


@pytest.fixture
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """0..24, 24..48 and 48..60."""
    monkeypatch.setattr(stretches, "STRETCH_FRAMES", 24)


def test_a_long_range_is_predicted_in_stretches_by_need(predicted: Predicted, request: pytest.FixtureRequest) -> None:
    in_one = predicted(boxes=None)
    request.getfixturevalue("small_stretches")
    for visible_frame, order in ((30, [24, 48, 0]), (59, [48, 24, 0])):
        told: list[Progress] = []
        people = predicted(boxes=None, visible_frame=visible_frame, on_progress=told.append)
        starts = [person.frame_index // 24 * 24 for person in people]
        assert list(dict.fromkeys(starts)) == order
        assert abs(people[0].frame_index - visible_frame) <= 24
        # Ids are numbered from the first stretch on; the people and their poses are those of one go.
        assert len({person.track_id for person in people}) == 2
        assert without_ids(people) == without_ids(in_one)
        for stage in ("finding people", "confirming people", "estimating poses"):
            counts = [(progress.done, progress.total) for progress in told if progress.stage == stage]
            assert counts == sorted(counts)
            assert counts[-1] == (FRAMES, FRAMES)


@pytest.mark.usefixtures("small_stretches")
def test_what_a_stopped_prediction_has_given_is_whole(session: Session, clip: Path, weights: Path) -> None:
    request = Predict(
        video_path=str(clip),
        first=0,
        last=FRAMES,
        visible_frame=0,
        weights=str(weights),
        options=EstimateOptions(stage="initial"),
    )
    whole = list(session.predict(request, on_progress=lambda progress: None, should_stop=lambda: False))
    people: list[Annotation] = []
    running = session.predict(request, on_progress=lambda progress: None, should_stop=lambda: len(people) >= 30)
    with pytest.raises(Cancelled):
        people.extend(running)
    assert 30 <= len(people) < len(whole)
    assert people == whole[: len(people)]
    done = {person.frame_index for person in people}
    assert people == [person for person in whole if person.frame_index in done]


def without_ids(people: list[Annotation]) -> list[Annotation]:
    by_place = sorted(people, key=lambda person: (person.frame_index, person.bbox_xyxy))
    return [replace(person, track_id=0) for person in by_place]


def test_a_drawn_box_is_followed_and_nobody_else_is_touched(predicted: Predicted) -> None:
    people = predicted(boxes=None, seeds=(Seed(7, 30, BOXES[9][30]),))
    assert {person.track_id for person in people} == {7}
    assert by_place(people)[7, 30].bbox_xyxy == BOXES[9][30]
    assert len(people) == 30


@pytest.mark.parametrize("boxes", [None, BOXES])
def test_stopping_raises_and_what_came_before_is_whole(
    predicted: Predicted, boxes: dict[int, dict[int, Xyxy]] | None
) -> None:
    with pytest.raises(Cancelled):
        predicted(boxes=boxes, should_stop=lambda: True)


def test_a_video_that_is_gone_is_explained(session: Session, weights: Path, tmp_path: Path) -> None:
    request = Predict(video_path=str(tmp_path / "gone"), first=0, last=1, visible_frame=0, weights=str(weights))
    with pytest.raises(VideoError, match="gone"):
        list(session.predict(request, on_progress=lambda progress: None, should_stop=lambda: False))


def test_the_users_own_pose_networks_are_offered_and_a_broken_file_is_left_out(
    session: Session,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bundled = session.ready().weights
    assert "jmpose_lite" in bundled
    assert "detector" not in bundled
    monkeypatch.setattr("jmpose_core.weights.files.user_weights", lambda: tmp_path)
    for name in ("mine", "jmpose_lite"):  # the bundled one goes before one of its name
        shutil.copy(weights, tmp_path / f"{name}.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(weights.read_bytes()[:1000])
    save_weights(tmp_path / "flow.safetensors", {}, WeightsCard(variant="raft_small"))
    assert session.ready().weights == [*bundled, "mine"]
    assert "torn.safetensors" in caplog.text


def test_a_probe_shows_the_whole_inside_of_the_model(session: Session, clip: Path, weights: Path) -> None:
    seen = session.probe(
        Probe(video_path=str(clip), frame_index=0, bbox_xyxy=(10.0, 10.0, 60.0, 90.0), weights=str(weights))
    )
    assert seen.crop_rgb.shape == (256, 192, 3)
    assert seen.initial.shape == seen.refined.shape == (15, 64, 48)
    assert seen.flow.shape == (2, 256, 192)
    assert seen.crop_from_image.shape == (2, 3)
