"""The engine's work on real networks with random weights: what is estimated when, not how well."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from jmpose_core.annotations import Annotation
from jmpose_core.engine import first_look, people_search, stretches
from jmpose_core.engine.protocol import DrawnBox, Predict, Preview, Probe, Progress
from jmpose_core.engine.session import Session
from jmpose_core.errors import Cancelled, VideoError
from jmpose_core.estimation.options import EstimateOptions
from jmpose_core.geometry import Xyxy
from jmpose_core.model.systems import jmpose_lite
from jmpose_core.tracking import Detections
from jmpose_core.weights.files import WeightsCard, save_weights
from tests.builders.numbered_clips import write_clip

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


def initial_stage(
    clip: Path,
    weights: Path,
    *,
    first: int = 0,
    last: int = FRAMES,
    visible_frame: int = 0,
    boxes: dict[int, dict[int, Xyxy]] | None = None,
    seeds: Sequence[DrawnBox] = (),
) -> Predict:
    """A request for the cheap stage of the clip, whole unless the test says which part."""
    return Predict(
        video_path=str(clip),
        first=first,
        last=last,
        visible_frame=visible_frame,
        weights=str(weights),
        boxes=boxes,
        seeds=list(seeds),
        options=EstimateOptions(stage="initial"),
    )


Predicted = Callable[..., list[Annotation]]


@pytest.fixture
def predicted(session: Session, clip: Path, weights: Path) -> Predicted:
    """People of a request on the clip, by default its boxes and the cheap stage."""

    def run(
        *,
        boxes: dict[int, dict[int, Xyxy]] | None = BOXES,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
        **part: Any,
    ) -> list[Annotation]:
        request = initial_stage(clip, weights, boxes=boxes, **part)
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


def test_damaged_frames_are_left_out_and_the_frames_beside_them_are_estimated(
    session: Session, clip: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "walk"
    shutil.copytree(clip, folder)
    for frame in (4, 5):
        (folder / f"{frame:03d}.png").write_bytes(b"torn")
    request = Predict(video_path=str(folder), first=2, last=8, visible_frame=4, weights=str(weights))
    shown: list[Preview] = []
    people = list(
        session.predict(request, on_progress=lambda progress: None, should_stop=lambda: False, on_preview=shown.append)
    )
    assert [person.frame_index for person in people] == [2, 3, 6, 7]
    assert not {preview.frame_index for preview in shown} & {4, 5}
    assert session.damage_report().endswith("2 frames are damaged and left out: 004.png, 005.png. Copy it again.")


def test_only_the_frames_that_were_asked_for(predicted: Predicted) -> None:
    assert {person.frame_index for person in predicted(first=0, last=3, boxes=None)} == {0, 1, 2}


def test_people_are_found_and_followed_without_boxes(predicted: Predicted, session: Session) -> None:
    told: list[Progress] = []
    people = predicted(boxes=None, on_progress=told.append)
    lengths = sorted(len([p for p in people if p.track_id == track]) for track in {p.track_id for p in people})
    assert lengths == [30, 60]
    assert list(dict.fromkeys(progress.stage for progress in told)) == [
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
        counts = [(progress.done, progress.total) for progress in told]
        assert counts == sorted(counts)
        assert counts[-1] == (FRAMES, FRAMES)


@pytest.mark.usefixtures("small_stretches")
def test_what_a_stopped_prediction_has_given_is_whole(session: Session, clip: Path, weights: Path) -> None:
    request = initial_stage(clip, weights)
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
    people = predicted(boxes=None, seeds=(DrawnBox(7, 30, BOXES[9][30]),))
    assert {person.track_id for person in people} == {7}
    assert by_place(people)[7, 30].bbox_xyxy == BOXES[9][30]
    assert len(by_place(people)) == 30


def test_another_flow_is_for_the_refined_stage_alone(session: Session, clip: Path, weights: Path) -> None:
    """People are confirmed by the initial stage, which knows no flow."""
    request = Predict(
        video_path=str(clip),
        first=0,
        last=2,
        visible_frame=0,
        weights=str(weights),
        options=EstimateOptions(flow="dis"),
    )
    watched: list[Preview] = []
    people = list(
        session.predict(
            request, on_progress=lambda progress: None, should_stop=lambda: False, on_preview=watched.append
        )
    )
    assert {person.frame_index for person in people} == {0, 1}
    assert watched


def test_a_drawn_box_is_filled_before_anybody_is_looked_for(session: Session, clip: Path, weights: Path) -> None:
    request = initial_stage(clip, weights, visible_frame=30, seeds=[DrawnBox(7, 30, BOXES[9][30])])
    running = session.predict(request, on_progress=lambda progress: None, should_stop=lambda: False)
    person = next(running)
    assert (person.track_id, person.frame_index, person.bbox_xyxy) == (7, 30, BOXES[9][30])
    assert detector_of(session).looked_at == 1  # at the drawn frame itself, for the witness of whose joints are meant


def detector_of(session: Session) -> StandInDetector:
    detector = session._seen.detector
    assert isinstance(detector, StandInDetector)
    return detector


class Watcher:
    """The window's side of a prediction: what it looks at, and what it was shown before people were found."""

    def __init__(self, session: Session, clip: Path, weights: Path, visible_frame: int) -> None:
        self.session, self.visible_frame, self.previews = session, visible_frame, []
        self.request = initial_stage(clip, weights, visible_frame=visible_frame)

    def predict(self, should_stop: Callable[[], bool] = lambda: False) -> list[Annotation]:
        return list(
            self.session.predict(
                self.request,
                on_progress=lambda progress: None,
                should_stop=should_stop,
                visible_frame=lambda: self.visible_frame,
                on_preview=self.previews.append,
            )
        )

    @property
    def posed(self) -> list[int]:
        """Frames whose previews hold a pose."""
        return [seen.frame_index for seen in self.previews if any(person.source for person in seen.annotations)]


@pytest.fixture
def random_poses_are_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "people_among", list)


@pytest.mark.usefixtures("random_poses_are_people")
def test_the_visible_frames_people_are_shown_before_any_other_frame_is_searched(
    session: Session, clip: Path, weights: Path
) -> None:
    watcher = Watcher(session, clip, weights, visible_frame=30)
    with pytest.raises(Cancelled):
        watcher.predict(should_stop=lambda: bool(watcher.posed))
    assert detector_of(session).looked_at == 1
    boxes, poses = watcher.previews
    assert boxes.frame_index == poses.frame_index == 30
    assert [person.bbox_xyxy for person in boxes.annotations] == [BOXES[4][30], BOXES[9][30]]
    assert {person.bbox_xyxy for person in poses.annotations} == {BOXES[4][30], BOXES[9][30]}


@pytest.mark.usefixtures("random_poses_are_people")
def test_boxes_are_shown_while_the_search_goes_on(session: Session, clip: Path, weights: Path) -> None:
    watcher = Watcher(session, clip, weights, visible_frame=30)
    people = watcher.predict()
    assert {seen.frame_index for seen in watcher.previews} == set(range(FRAMES))
    assert watcher.posed == [30]
    assert len(by_place(people)) == len(people)  # previews are no people


@pytest.mark.usefixtures("random_poses_are_people")
def test_a_frame_that_the_user_moves_to_is_shown_next(session: Session, clip: Path, weights: Path) -> None:
    watcher = Watcher(session, clip, weights, visible_frame=30)
    looked_at: list[int] = []

    def move_after_ten_frames() -> bool:
        looked_at.append(detector_of(session).looked_at)
        if looked_at[-1] == 10:
            watcher.visible_frame = 50
        return False

    watcher.predict(move_after_ten_frames)
    assert watcher.posed == [30, 50]
    place = [seen.frame_index for seen in watcher.previews].index(50)
    assert place <= 14  # two of frame 30, one each of the first frames, and then frame 50


def test_a_prediction_without_a_window_makes_no_previews(predicted: Predicted, session: Session) -> None:
    predicted(boxes=None)
    assert detector_of(session).looked_at == FRAMES


@pytest.mark.parametrize("boxes", [None, BOXES])
def test_stopping_raises_and_what_came_before_is_whole(
    predicted: Predicted, boxes: dict[int, dict[int, Xyxy]] | None
) -> None:
    with pytest.raises(Cancelled):
        predicted(boxes=boxes, should_stop=lambda: True)


def test_a_video_that_was_replaced_since_the_last_request_is_opened_again(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "walk.mp4"
    write_clip(path, range(20))
    assert session._opened(path) is session._opened(path)
    write_clip(tmp_path / "other.mp4", range(7), options={"crf": "40"})
    (tmp_path / "other.mp4").replace(path)
    assert session._opened(path).frame_count == 7
    session.close()


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
    assert seen.flow_error.shape == (256, 192) and seen.flow_error.min() >= 0
    assert seen.crop_from_image.shape == (2, 3)
