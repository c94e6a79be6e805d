"""Predicted people find the track they continue."""

from collections.abc import Sequence

import numpy as np

from jmpose_core.project.track_matching import NO_TRACK, Appearances, match_tracks, similarity


def walk(track: int, frames: Sequence[int], x_of_frame, *, joints: bool = True) -> list[tuple]:
    """A person 40 wide and 100 tall whose left side is at x_of_frame(frame)."""
    people = []
    for frame in frames:
        x = x_of_frame(frame)
        points = np.column_stack([x + 20 + 10 * np.sin(np.arange(15)), np.linspace(2, 98, 15)])
        people.append((frame, track, (x, 0, x + 40, 100), points, np.full(15, joints)))
    return people


def appearances(*walks: list[tuple]) -> Appearances:
    columns = list(zip(*(person for walk in walks for person in walk), strict=True)) or [[], [], [], [], []]
    return Appearances(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.float64).reshape(-1, 4),
        np.array(columns[3], np.float64).reshape(-1, 15, 2),
        np.array(columns[4], bool).reshape(-1, 15),
    )


def test_similarity_is_one_for_the_same_and_falls_with_distance():
    same = appearances(walk(1, [0], lambda f: 0))
    assert similarity(same, same).tolist() == [1.0]
    near, far = (appearances(walk(1, [0], lambda f, x=x: x)) for x in (4, 200))
    assert 0.5 < similarity(same, near)[0] < 1
    assert similarity(same, far)[0] < 0.01


def test_people_without_joints_are_compared_by_their_boxes():
    first = appearances(walk(1, [0], lambda f: 0, joints=False))
    second = appearances(walk(1, [0], lambda f: 20))
    assert np.isclose(similarity(first, second)[0], 1 / 3)


def test_nobody_matches_nobody():
    empty = appearances()
    somebody = appearances(walk(1, [0, 1], lambda f: 0))
    assert match_tracks(empty, somebody).tolist() == []
    assert match_tracks(somebody, empty).tolist() == [NO_TRACK, NO_TRACK]


def test_people_who_pass_each_other_keep_their_tracks():
    frames = range(41)
    right, left = (lambda f: 10.0 * f), (lambda f: 400 - 10.0 * f)
    existing = appearances(walk(1, frames, right), walk(2, frames, left))
    predicted = appearances(walk(8, frames, lambda f: right(f) + 3), walk(7, frames, lambda f: left(f) - 3))
    assert match_tracks(predicted, existing).tolist() == [1] * 41 + [2] * 41


def test_a_whole_track_carries_the_frames_in_which_it_differs():
    existing = appearances(walk(4, range(10), lambda f: 0 if f < 8 else 300))
    predicted = appearances(walk(1, range(12), lambda f: 0))
    assert match_tracks(predicted, existing).tolist() == [4] * 12


def test_somebody_alone_beside_two_tracks_stays_on_its_own():
    existing = appearances(walk(1, range(10), lambda f: 0), walk(2, range(10), lambda f: 10))
    lone = walk(8, range(10), lambda f: 6 if f == 5 else 0)
    other = walk(9, [f for f in range(10) if f != 5], lambda f: 10)
    assert match_tracks(appearances(lone, other), existing).tolist() == [1] * 10 + [2] * 9


def test_no_track_is_given_twice_in_a_frame():
    existing = appearances(walk(1, range(5), lambda f: 0))
    predicted = appearances(walk(1, range(5), lambda f: 1), walk(2, range(5), lambda f: 2))
    assert match_tracks(predicted, existing).tolist() == [1] * 5 + [NO_TRACK] * 5


def test_two_predicted_pieces_of_one_track_are_joined():
    existing = appearances(walk(3, range(10), lambda f: 0))
    predicted = appearances(walk(1, range(6), lambda f: 1), walk(2, range(6, 10), lambda f: 1))
    assert match_tracks(predicted, existing).tolist() == [3] * 10
