"""People who are looked for a stretch at a time, by a detector that sees whom the test says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import resources
from jmpose_core.engine import people_search, stretches
from jmpose_core.engine.confirmation import confirmed
from jmpose_core.engine.people_search import CONFIRMING, FINDING, PeopleSearch, SeenPeople
from jmpose_core.engine.run_progress import RunProgress
from jmpose_core.errors import Cancelled, DamagedFrameError
from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.geometry import iou
from jmpose_core.tracking import Seed
from jmpose_core.video import open_video
from tests.builders.walks import owners, seen, walker

STRETCH = 40
OVERLAP = 12  # at ten frames a second
FRAMES = range(200)
REAL_FRAMES = range(40, 88)  # two people


class StandInVideo:
    """A picture holds its number."""

    fps = 10.0

    def __init__(self):
        self.damaged_frames = set()

    def frame(self, index):
        return np.full((4, 4, 3), (index % 256, index // 256, 0), np.uint8)


class StandInDetector:
    sure_score = 0.5

    def __init__(self, weights, device):
        self.people, self.score = [], 0.9
        self.looked_at = []

    def detect(self, image, *, min_score):
        low, high, _ = (int(value) for value in image[0, 0])
        frame = low + 256 * high
        self.looked_at.append(frame)
        return seen(self.people, range(frame, frame + 1), score=self.score)[frame]


class StandInEstimator:
    def estimate(self, video, tracks, **options):
        return iter(())


@pytest.fixture(scope="module", autouse=True)
def small_stretches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "STRETCH_FRAMES", STRETCH)
        patch.setattr(people_search, "PersonDetector", StandInDetector)
        # No poses, no witnesses: `confirmed` has tests of its own.
        patch.setattr(people_search, "confirmed", lambda tracks, looks, seen: seen)
        yield


def search_of(
    video,
    frames,
    seen_people,
    *,
    should_stop=lambda: False,
    visible_frame=lambda: 0,
    on_progress=lambda progress: None,
    on_found=lambda frame, boxes: None,
):
    progress = RunProgress({FINDING: 0.1, CONFIRMING: 0.1}, len(frames), on_progress)
    return PeopleSearch(
        video, frames, seen_people, progress, should_stop, visible_frame=visible_frame, on_found=on_found
    )


class Case:
    """A search among people of a video, and what came of it."""

    def __init__(self, people, *, score=0.9, frames=FRAMES):
        self.frames, self.video, self.seen = frames, StandInVideo(), SeenPeople("", "cpu")
        self.detector.people, self.detector.score = people, score
        self.told = []

    @property
    def detector(self) -> StandInDetector:
        detector = self.seen.detector
        assert isinstance(detector, StandInDetector)
        return detector

    def search(self, should_stop=lambda: False, visible_frame=lambda: 0):
        self.found = []
        return search_of(
            self.video,
            self.frames,
            self.seen,
            should_stop=should_stop,
            visible_frame=visible_frame,
            on_progress=self.told.append,
            on_found=lambda frame, boxes: self.found.append(frame),
        )

    def everybody(self, visible_frame=0):
        return self.search(visible_frame=lambda: visible_frame).everybody(StandInEstimator())

    def drawn(self, *seeds):
        return self.search().drawn([Seed(frame, track_id, tuple(box)) for frame, track_id, box in seeds])


def whole(parts) -> dict:
    """The tracks of all parts; no frame may come twice."""
    tracks: dict = {}
    done = set()
    for own, found in parts:
        assert not done & set(own)
        done |= set(own)
        for track_id, boxes in found.items():
            tracks.setdefault(track_id, {}).update({frame: box for frame, box in boxes.items() if frame in own})
    return {track_id: boxes for track_id, boxes in tracks.items() if boxes}


def boxes_by_frame(tracks) -> dict:
    frames = sorted({frame for boxes in tracks.values() for frame in boxes})
    return {frame: sorted(boxes[frame] for boxes in tracks.values() if frame in boxes) for frame in frames}


def test_a_damaged_frame_is_passed_over_and_the_person_keeps_the_id():
    case = Case([walker(100, 0.1, FRAMES)])
    read = case.video.frame

    def frame(index):
        if index in (50, 51, 90):
            case.video.damaged_frames.add(index)
            raise DamagedFrameError("torn")
        return read(index)

    case.video.frame = frame
    tracks = whole(case.everybody())
    assert len(tracks) == 1
    assert set(FRAMES) - {50, 51, 90} <= set(tracks[0])


def test_the_first_people_come_after_a_bounded_search():
    case = Case([walker(100, 0.1, range(10_000))], frames=range(10_000))
    own, tracks = next(case.everybody(visible_frame=5000))
    assert 5000 in own
    assert tracks
    assert len(case.detector.looked_at) <= STRETCH * 3 // 2 + 2 * OVERLAP


@pytest.mark.parametrize("visible_frame", [0, 39, 40, 111, 199])
def test_everybody_is_followed_through_all_stretches_from_wherever_it_begins(visible_frame):
    people = [walker(100, 2, FRAMES), walker(900, -1, range(30, 170)), walker(300, 0, range(75, 90), y=600)]
    case = Case(people)
    tracks = whole(case.everybody(visible_frame))
    assert [len(ids) for ids in owners(people, tracks)] == [1, 1, 1]
    assert sorted(map(len, tracks.values())) == [15, 140, 200]
    assert sorted(case.detector.looked_at) == list(FRAMES)  # each once


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), visible_frame=st.integers(0, 199))
def test_boxes_do_not_depend_on_where_the_user_looks(seed, visible_frame):
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(4):
        first, length = int(rng.integers(0, 150)), int(rng.integers(8, 150))
        path = walker(rng.uniform(0, 800), rng.uniform(-5, 5), range(first, min(first + length, FRAMES.stop)))
        people.append({frame: box + rng.normal(0, 1, 4) for frame, box in path.items() if rng.random() > 0.1})
    from_start, from_there = (whole(Case(people).everybody(frame)) for frame in (0, visible_frame))
    assert boxes_by_frame(from_start) == boxes_by_frame(from_there)


def test_a_range_that_fits_is_searched_as_a_whole():
    people = [walker(100, 2, range(60)), walker(900, -1, range(60))]
    case = Case(people, frames=range(60))
    ((own, tracks),) = case.everybody(visible_frame=59)
    assert own == range(60)
    assert owners(people, tracks) == [{0}, {1}]


def test_progress_counts_the_frames_of_the_whole_range_and_never_goes_back():
    case = Case([walker(100, 2, FRAMES)])
    whole(case.everybody(visible_frame=100))
    assert {progress.stage for progress in case.told} == {FINDING, CONFIRMING}
    assert all(before.done <= after.done for before, after in pairwise(case.told))
    assert {progress.total for progress in case.told} == {len(FRAMES)}
    assert case.told[-1].done == len(FRAMES)
    assert case.told[-1].seconds_left == 0
    assert all(progress.per_second >= 0 for progress in case.told)


def test_each_frame_is_handed_on_as_soon_as_it_was_searched():
    case = Case([walker(100, 2, FRAMES)])
    next(case.everybody())
    assert case.found == case.detector.looked_at


def test_the_search_goes_on_towards_the_frame_that_the_user_moves_to():
    case = Case([walker(100, 2, FRAMES)])
    visible = [100]
    owns = []
    for own, _ in case.search(visible_frame=lambda: visible[0]).everybody(StandInEstimator()):
        owns.append(own.start)
        visible[0] = 0
    assert owns == [80, 40, 0, 120, 160]


def test_stopping_keeps_the_stretches_that_are_done():
    people = [walker(100, 2, FRAMES)]
    case = Case(people)
    done = []
    search = case.search(should_stop=lambda: len(case.detector.looked_at) >= 100)
    with pytest.raises(Cancelled):
        done.extend(search.everybody(StandInEstimator()))
    assert [own for own, _ in done] == [range(40), range(40, 80)]
    assert owners(people, whole(iter(done))) == [{0}]


def test_memory_of_detections_is_bounded(monkeypatch):
    monkeypatch.setattr(people_search, "_REMEMBERED_FRAMES", 100)
    case = Case([walker(100, 2, FRAMES)])
    assert len(whole(case.everybody())[0]) == 200
    whole(case.everybody())
    assert len(case.seen._seen) == 100


def test_what_was_seen_in_one_video_is_not_taken_for_another():
    case = Case([walker(100, 2, FRAMES)])
    assert len(whole(case.everybody())[0]) == 200
    case.video, case.detector.people = StandInVideo(), []
    assert whole(case.everybody()) == {}


@pytest.mark.parametrize("drawn_on", [3, 39, 40, 100, 199])
@pytest.mark.parametrize("score", [0.9, 0.2])
def test_a_drawn_person_is_followed_both_ways_over_all_borders(drawn_on, score):
    """Also where the detector is not sure: a drawn box vouches for them in all stretches."""
    people = [walker(100, 2, FRAMES), walker(900, -1, FRAMES)]
    box = people[1][drawn_on] + 1
    case = Case(people, score=score)
    parts = list(case.drawn((drawn_on, 7, box)))
    assert drawn_on in parts[0][0]
    tracks = whole(iter(parts))
    assert tracks.keys() == {7}
    assert tracks[7].keys() == people[1].keys()
    assert tracks[7][drawn_on] == tuple(box)
    assert owners([people[1]], tracks) == [{7}]


def test_no_frame_is_looked_at_once_the_drawn_person_has_gone():
    person = walker(100, 2, range(95, 106))
    case = Case([person, walker(900, 0, FRAMES)])
    tracks = whole(case.drawn((100, 3, person[100])))
    assert tracks.keys() == {3}
    assert tracks[3].keys() == person.keys()
    assert case.detector.looked_at == list(range(80 - OVERLAP, 120 + OVERLAP))
    told = [progress.done for progress in case.told]
    assert told == sorted(told)


def test_boxes_drawn_in_two_stretches_name_one_person_and_fill_what_lies_between():
    person = {frame: box for frame, box in walker(100, 2, FRAMES).items() if not 70 <= frame < 150}
    tracks = whole(Case([person]).drawn((180, 2, person[180]), (10, 2, person[10])))
    assert tracks.keys() == {2}
    assert tracks[2].keys() == person.keys()


def test_a_drawn_occlusion_over_a_border_keeps_the_drawn_name():
    person = {frame: box for frame, box in walker(100, 2, FRAMES).items() if not 34 <= frame < 50}
    tracks = whole(Case([person]).drawn((0, 5, person[0])))
    assert tracks.keys() == {5}
    assert tracks[5].keys() >= person.keys()


def test_a_real_video_gives_the_same_people_in_stretches_as_in_one(monkeypatch):
    monkeypatch.setattr(people_search, "PersonDetector", PersonDetector)
    monkeypatch.setattr(people_search, "confirmed", confirmed)
    estimator, seen_people = PoseEstimator("jmpose_lite", "cpu"), SeenPeople("detector", "cpu")
    found = []
    with open_video(resources.DEMO_CLIP) as video:
        for length in (REAL_FRAMES.stop, 24):
            monkeypatch.setattr(stretches, "STRETCH_FRAMES", length)
            search = search_of(video, REAL_FRAMES, seen_people, visible_frame=lambda: 60)
            found.append(whole(search.everybody(estimator)))
    in_one, in_stretches = found
    assert len(in_one) == len(in_stretches) == 2
    for boxes in in_one.values():
        same = max(in_stretches.values(), key=lambda other: len(boxes.keys() & other.keys() - apart(boxes, other)))
        assert len(boxes.keys() ^ same.keys() | apart(boxes, same)) <= 0.1 * len(boxes)


def test_what_the_detector_sees_in_the_bushes_of_the_demo_clip_is_nobody(monkeypatch):
    monkeypatch.setattr(people_search, "PersonDetector", PersonDetector)
    monkeypatch.setattr(people_search, "confirmed", confirmed)
    monkeypatch.setattr(stretches, "STRETCH_FRAMES", 60)
    frames = range(8, 33)  # one person on the box; the detector boxes a bush as well
    with open_video(resources.DEMO_CLIP) as video:
        search = search_of(video, frames, SeenPeople("detector", "cpu"), visible_frame=lambda: 8)
        tracks = whole(search.everybody(PoseEstimator("jmpose_lite", "cpu")))
    assert [len(boxes) for boxes in tracks.values()] == [len(frames)]


def apart(boxes, others):
    """Frames in which two tracks are not at one place."""
    shared = boxes.keys() & others.keys()
    return {frame for frame in shared if iou(np.array([boxes[frame]]), np.array([others[frame]]))[0, 0] < 0.8}
