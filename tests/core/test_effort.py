"""What the simulated annotator counts, and that its work leaves nothing to correct."""

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.evaluation.effort import Edit, TruePerson, correct, from_scratch
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.people import annotated

TOLERANCE = 10.0
ANKLE, KNEE = 0, 1


def person(frame, track, *, place=0.0, seed=0):
    """A person with all joints visible, 1000 pixels beside one at the next whole place."""
    spots = np.random.default_rng(seed).uniform(0, 400, (NUM_JOINTS, 2)) + np.array([1000 * place, 0])
    return annotated(frame, track, (1000 * place, 0.0, 1000 * place + 400, 400.0), keypoints=spots)


def moved(one, joint, pixels):
    return one.with_joint(joint, xy=tuple(one.keypoints[joint] + [pixels, 0]), origin=Origin.PREDICTED)


def flagged(one, joint, visibility):
    return one.with_joint(joint, visibility=visibility, origin=Origin.PREDICTED)


def edits(truth, predicted, **options):
    return correct([TruePerson(one, TOLERANCE) for one in truth], predicted, **options).effort.edits


def test_a_joint_within_tolerance_is_left_and_one_beyond_is_dragged():
    truth = person(0, 0)
    assert edits([truth], [moved(moved(truth, ANKLE, 9.9), KNEE, 10.1)]) == {Edit.MOVE_JOINT: 1}


def test_flags_cost_a_click_less_where_the_joint_was_just_moved():
    hidden = flagged(flagged(person(0, 0), ANKLE, Visibility.OCCLUDED), KNEE, Visibility.OCCLUDED)
    found = moved(person(0, 0), KNEE, 50)
    counted = correct([TruePerson(hidden, TOLERANCE)], [found]).effort
    assert counted.edits == {Edit.MARK_JOINT: 1, Edit.MOVE_JOINT: 1, Edit.MARK_SAME_JOINT: 1}
    assert counted.inputs == (1, 1, 2)
    assert (counted.steps, counted.actions) == (3, 4)
    assert edits([hidden], [found], occlusion=False) == {Edit.MOVE_JOINT: 1}


def test_joints_that_are_missing_or_too_many():
    truth = person(0, 0)
    assert edits([truth], [flagged(truth, ANKLE, Visibility.ABSENT)]) == {Edit.PLACE_JOINT: 1}
    assert edits([flagged(truth, ANKLE, Visibility.ABSENT)], [truth]) == {Edit.MARK_JOINT: 1}
    known = np.arange(NUM_JOINTS) != ANKLE
    assert edits([flagged(truth, ANKLE, Visibility.ABSENT)], [truth], judged=known) == {}


def test_exchanged_sides_are_one_edit():
    assert edits([person(0, 0)], [person(0, 0).mirrored_sides()]) == {Edit.SWAP_SIDES: 1}


def test_false_and_missing_people():
    here, elsewhere = person(0, 0), person(0, 1, place=3)
    assert edits([here], [here, elsewhere]) == {Edit.DELETE_PERSON: 1}
    assert edits([here, elsewhere], [here]) == {Edit.DRAW_PERSON: 1, Edit.PLACE_NEXT_JOINT: NUM_JOINTS}
    # Nothing of the predicted person is right: it is not dragged over joint by joint.
    assert edits([here], [elsewhere])[Edit.DELETE_PERSON] == 1


def test_an_exchange_of_tracks_is_made_once_for_all_frames_that_follow():
    truth = [person(frame, track, place=track) for frame in range(6) for track in (0, 1)]
    crossed = [replace(one, track_id=1 - one.track_id if one.frame_index >= 2 else one.track_id) for one in truth]
    assert edits(truth, crossed) == {Edit.SET_TRACK: 3}
    assert edits(truth, [replace(one, track_id=one.track_id + 7) for one in truth]) == {}


def test_an_exchange_costs_the_same_when_both_leave_before_the_video_ends():
    truth = [person(frame, track, place=track) for frame in range(6) for track in (0, 1)]
    crossed = [replace(one, track_id=1 - one.track_id if one.frame_index >= 2 else one.track_id) for one in truth]
    stayer = [person(frame, 2, place=2) for frame in range(20)]
    assert edits([*truth, *stayer], [*crossed, *stayer]) == edits(truth, crossed)


def test_a_track_that_runs_on_over_two_people_is_split_and_a_broken_one_is_joined():
    one_then_other = [person(frame, int(frame >= 3), place=int(frame >= 3)) for frame in range(6)]
    assert edits(one_then_other, [replace(one, track_id=5) for one in one_then_other]) == {Edit.SET_TRACK: 1}
    alone = [person(frame, 0) for frame in range(6)]
    broken = [replace(one, track_id=one.frame_index // 3) for one in alone]
    assert edits(alone, broken) == {Edit.SET_TRACK: 1}


def test_without_predictions_it_takes_what_annotating_from_scratch_takes():
    truth = [flagged(person(0, 4), ANKLE, Visibility.OCCLUDED), flagged(person(0, 5, place=1), KNEE, Visibility.ABSENT)]
    wanted = [TruePerson(one, TOLERANCE) for one in truth]
    assert correct(wanted, []).effort == from_scratch(wanted)
    assert from_scratch(wanted).inputs == (2, 29, 3)  # two boxes; 29 joints; N twice and Q once


@st.composite
def videos(draw):
    """A truth of a few people, and predictions with joints off, flags wrong, people missing, false and renamed."""
    truth, predicted = [], []
    for frame in range(draw(st.integers(1, 4))):
        names = draw(st.permutations(range(3)))
        for track in range(3):
            real = person(frame, track, place=track, seed=track)
            for joint, visibility in draw(
                st.dictionaries(st.integers(0, 14), st.sampled_from(Visibility), max_size=3)
            ).items():
                real = flagged(real, joint, visibility)
            if draw(st.booleans()):
                truth.append(real)
            found = draw(st.sampled_from([real, person(frame, track, place=track, seed=track).mirrored_sides()]))
            for joint, pixels in draw(st.dictionaries(st.integers(0, 14), st.floats(-60, 60), max_size=15)).items():
                found = moved(found, joint, pixels)
            if draw(st.booleans()):
                predicted.append(replace(found, track_id=names[track]))
    return truth, predicted


@settings(max_examples=40, deadline=None)
@given(videos())
def test_what_was_corrected_needs_nothing_more_and_never_more_than_starting_over(video):
    truth, predicted = video
    wanted = [TruePerson(one, TOLERANCE) for one in truth]
    first = correct(wanted, predicted)
    assert len(first.people) == len(truth)
    assert correct(wanted, first.people).effort.edits == Counter()
    start_over = from_scratch(wanted).actions + 2 * len(predicted)
    without_tracks = replace(
        first.effort, edits=Counter({e: n for e, n in first.effort.edits.items() if e is not Edit.SET_TRACK})
    )
    assert without_tracks.actions <= start_over
