"""How many actions it takes a person to correct predictions into ground truth. No Qt, no torch, no files.

A simulated annotator looks at every frame and knows the truth. It corrects each joint that is
further off than the person's tolerance and puts it exactly where it belongs; it leaves the others.
An edit is one undo step of the program, made of the inputs in INPUTS. Where several edits do,
the annotator takes those with the fewest inputs.

Not counted: going from frame to frame, zooming and thinking, which both ways need alike, and what
the model would do with the annotator's joints (refining again, propagation), which makes the
figures upper bounds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.skeleton import FLIP, NUM_JOINTS

T = TypeVar("T")
_ALL_JOINTS: Final = np.ones(NUM_JOINTS, bool)


class Edit(Enum):
    """What the annotator does, each one undo step."""

    MOVE_JOINT = "joint moved"
    PLACE_JOINT = "missing joint placed"
    MARK_JOINT = "joint marked visible, occluded or absent"
    MARK_SAME_JOINT = "visibility of the joint just placed"
    SWAP_SIDES = "left and right of a person swapped"
    DELETE_PERSON = "false person deleted in a frame"
    DRAW_PERSON = "box drawn about a missing person"
    PLACE_NEXT_JOINT = "joint of a drawn person placed"
    SET_TRACK = "person put on a free or another track"


# The window's keys that INPUTS counts on; a test looks them up in the window.
KEYS: Final = {
    Edit.MARK_JOINT: ("Q", "O"),
    Edit.MARK_SAME_JOINT: ("Q", "O"),
    Edit.SWAP_SIDES: ("X",),
    Edit.DELETE_PERSON: ("Del",),
    Edit.DRAW_PERSON: ("N",),
    Edit.SET_TRACK: ("T",),
}
# One track moves out of the way, the other takes its place, the first comes back.
EXCHANGE: Final = Counter({Edit.SET_TRACK: 3})


class Inputs(NamedTuple):
    """What the hands do."""

    drags: int
    clicks: int
    keys: int


INPUTS: Final = {
    Edit.MOVE_JOINT: Inputs(1, 0, 0),
    Edit.PLACE_JOINT: Inputs(0, 2, 0),  # in the joint table, then in the picture
    Edit.MARK_JOINT: Inputs(0, 1, 1),  # on the joint, then Q or O
    Edit.MARK_SAME_JOINT: Inputs(0, 0, 1),  # it is still selected
    Edit.SWAP_SIDES: Inputs(0, 1, 1),  # on the person, then X
    Edit.DELETE_PERSON: Inputs(0, 1, 1),  # on the person, then Del
    Edit.DRAW_PERSON: Inputs(1, 0, 1),  # N, then the box
    Edit.PLACE_NEXT_JOINT: Inputs(0, 1, 0),
    Edit.SET_TRACK: Inputs(0, 1, 3),  # on the person, T, the number, Enter
}


@dataclass(slots=True)
class Effort:
    """Edits by kind."""

    edits: Counter[Edit] = field(default_factory=Counter)

    @property
    def steps(self) -> int:
        """Edits, each of which is one undo step."""
        return self.edits.total()

    @property
    def inputs(self) -> Inputs:
        """Drags, clicks and key presses of all edits."""
        return Inputs(*(sum(count * INPUTS[edit][kind] for edit, count in self.edits.items()) for kind in range(3)))

    @property
    def actions(self) -> int:
        """Drags, clicks and key presses together."""
        return sum(self.inputs)


@dataclass(frozen=True, slots=True, eq=False)
class TruePerson:
    """One person as it should be."""

    person: Annotation
    tolerance: float  # pixels that a joint may be off


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What the annotator did, and what came of it."""

    effort: Effort
    people: list[Annotation]  # as corrected, by frame
    kept: int  # predicted people who were corrected or right; the others were deleted


def from_scratch(truth: Iterable[TruePerson], *, occlusion: bool = True) -> Effort:
    """The effort of annotating without predictions: for each person in each frame a box, and a click a joint.

    Kinder than the program: people get their tracks for nothing, and joints are placed one after the
    other without being selected.

    Args:
        occlusion: the truth says which joints are occluded; each of these takes a key.
    """
    edits: Counter[Edit] = Counter()
    for wanted in truth:
        edits += _drawing(wanted.person, occlusion)
    return Effort(edits)


def correct(
    truth: Iterable[TruePerson],
    predicted: Iterable[Annotation],
    *,
    judged: npt.NDArray[np.bool_] = _ALL_JOINTS,
    occlusion: bool = True,
) -> Correction:
    """Correct the predictions of a video.

    A predicted person is taken for one of the truth's if at least one joint is within tolerance, as it
    is or with left and right exchanged; who is taken for whom is chosen for the fewest inputs in the
    frame. Predicted people who are left are deleted, true ones who are left are drawn.

    Args:
        truth: people of the labelled frames, in any order.
        predicted: people of the same frames.
        judged: (15,) joints that the truth's format has; the others are neither right nor wrong.
        occlusion: the truth tells occluded from visible joints; else only present and absent are distinguished.
    """
    wanted_by_frame, found_by_frame = _by_frame(truth, lambda w: w.person), _by_frame(predicted, lambda p: p)
    last_frames: dict[int, int] = {}
    for frame, found in found_by_frame.items():
        for one in found:
            last_frames[one.track_id] = max(frame, last_frames.get(one.track_id, frame))
    tracks = _Tracks(last_frames)
    edits: Counter[Edit] = Counter()
    people: list[Annotation] = []
    kept = 0
    for frame_index in sorted(wanted_by_frame.keys() | found_by_frame.keys()):
        wanted, found = wanted_by_frame.get(frame_index, []), found_by_frame.get(frame_index, [])
        pairs = _paired(wanted, found, judged, occlusion)
        kept += len(pairs)
        edits[Edit.DELETE_PERSON] += len(found) - len(pairs)
        for row, (column, change) in pairs.items():  # before those who are drawn, whose tracks they may have to leave
            edits += change.edits
            edits += tracks.follow(found[column].track_id, wanted[row].person.track_id, frame_index)
            people.append(replace(change.person, track_id=tracks.name_of(wanted[row].person.track_id)))
        for row in sorted(set(range(len(wanted))) - pairs.keys()):
            drawn = wanted[row].person
            edits += _drawing(drawn, occlusion)
            edits += tracks.draw(drawn.track_id)
            people.append(replace(drawn, track_id=tracks.name_of(drawn.track_id)))
    return Correction(Effort(edits), people, kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """A predicted person made into a true one."""

    person: Annotation
    edits: Counter[Edit]

    @property
    def actions(self) -> int:
        return Effort(self.edits).actions


def _paired(
    wanted: Sequence[TruePerson], found: Sequence[Annotation], judged: npt.NDArray[np.bool_], occlusion: bool
) -> dict[int, tuple[int, _Change]]:
    """For the true people who are kept from the predictions: which of them, and what it takes."""
    saved = np.zeros((len(wanted), len(found)))  # inputs, against deleting the one and drawing the other
    changes: dict[tuple[int, int], _Change] = {}
    for row, column in np.argwhere(_alike(wanted, found, judged)).tolist():
        anew = Effort(_drawing(wanted[row].person, occlusion) + Counter([Edit.DELETE_PERSON])).actions
        changes[row, column] = _change(found[column], wanted[row], judged, occlusion)
        saved[row, column] = max(0, anew - changes[row, column].actions)
    rows, columns = linear_sum_assignment(saved, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: (column, changes[row, column]) for row, column in pairs if saved[row, column] > 0}


def _alike(
    wanted: Sequence[TruePerson], found: Sequence[Annotation], judged: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(G, P) whether any joint is within tolerance, as it is or with left and right exchanged."""
    if not wanted or not found:
        return np.zeros((len(wanted), len(found)), bool)
    tolerance = np.array([one.tolerance for one in wanted])[:, None, None]
    due, places = _joints([one.person for one in wanted])
    there, found_places = _joints(found)
    alike = np.zeros((len(wanted), len(found)), bool)
    for order in (slice(None), list(FLIP)):
        near = np.linalg.norm(found_places[None, :, order] - places[:, None], axis=3) <= tolerance
        alike |= (near & (due & judged)[:, None] & there[None, :, order]).any(axis=2)
    return alike


def _joints(people: Sequence[Annotation]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Which joints are there (N, 15), and where (N, 15, 2)."""
    there = np.stack([person.visibility for person in people]) != Visibility.ABSENT
    return there, np.stack([person.keypoints for person in people])


def _change(person: Annotation, wanted: TruePerson, judged: npt.NDArray[np.bool_], occlusion: bool) -> _Change:
    as_it_is = _joint_edits(person, wanted, judged, occlusion)
    swapped = _joint_edits(person.mirrored_sides(), wanted, judged, occlusion)
    swapped.edits[Edit.SWAP_SIDES] += 1
    return min(as_it_is, swapped, key=lambda change: change.actions)


def _joint_edits(person: Annotation, wanted: TruePerson, judged: npt.NDArray[np.bool_], occlusion: bool) -> _Change:
    truth = wanted.person
    there, due = ((p.visibility != Visibility.ABSENT) & judged for p in (person, truth))
    far = np.linalg.norm(person.keypoints - truth.keypoints, axis=1) > wanted.tolerance
    moved, placed, unwanted = there & due & far, due & ~there, there & ~due
    hidden = placed & (truth.visibility == Visibility.OCCLUDED)  # a joint that is placed is visible at first
    misjudged = there & due & (person.visibility != truth.visibility)
    if not occlusion:
        hidden, misjudged = np.zeros_like(hidden), np.zeros_like(misjudged)
    counts = {
        Edit.MOVE_JOINT: moved,
        Edit.PLACE_JOINT: placed,
        Edit.MARK_JOINT: unwanted | (misjudged & ~moved),
        Edit.MARK_SAME_JOINT: hidden | (misjudged & moved),
    }
    new_visibility = np.where(hidden | misjudged | unwanted, truth.visibility, person.visibility)
    new_visibility[placed & ~hidden] = Visibility.VISIBLE
    touched = moved | placed | unwanted | misjudged
    corrected = replace(
        person,
        keypoints=np.where((moved | placed)[:, None], truth.keypoints, person.keypoints),
        visibility=new_visibility.astype(np.uint8),
        origin=np.where(touched, Origin.CORRECTED, person.origin).astype(np.uint8),
    )
    edits = Counter({edit: int(joints.sum()) for edit, joints in counts.items() if joints.any()})
    return _Change(corrected, edits)


def _drawing(person: Annotation, occlusion: bool) -> Counter[Edit]:
    labelled = int((person.visibility != Visibility.ABSENT).sum())
    hidden = int((person.visibility == Visibility.OCCLUDED).sum()) if occlusion else 0
    return Counter({Edit.DRAW_PERSON: 1, Edit.PLACE_NEXT_JOINT: labelled, Edit.MARK_SAME_JOINT: hidden})


class _Tracks:
    """Which track the annotator has made of each predicted one, from the current frame on.

    The number of a track means nothing: a true track is called whatever its first person was predicted as.

    Args:
        last_frames: of each predicted track.
    """

    def __init__(self, last_frames: Mapping[int, int]) -> None:
        self._last_frames = last_frames
        self._next_free = 1 + max(last_frames, default=-1)
        self._name_of_truth: dict[int, int] = {}
        self._name_of_predicted: dict[int, int] = {}
        self._predicted_of_name: dict[int, int] = {}

    def name_of(self, truth: int) -> int:
        return self._name_of_truth[truth]

    def follow(self, predicted: int, truth: int, frame: int) -> Counter[Edit]:
        """Somebody on the track `predicted` is `truth` in this frame; the edits that make it so."""
        name = self._name_of_predicted.get(predicted, predicted)
        known = self._name_of_truth.get(truth)
        if known == name:
            return Counter()
        if known is not None:
            other = self._predicted_of_name.get(known, known)
            self._exchange(predicted, known)
            is_taken = self._last_frames.get(other, -1) >= frame  # then the window refuses to put another person there
            return Counter(EXCHANGE) if is_taken else Counter([Edit.SET_TRACK])
        if name not in self._name_of_truth.values():
            self._name_of_truth[truth] = name
            return Counter()
        self._name_of_truth[truth] = self._free_name()
        self._exchange(predicted, self._name_of_truth[truth])
        return Counter([Edit.SET_TRACK])

    def draw(self, truth: int) -> Counter[Edit]:
        """Somebody is drawn, on a track that is free; the edit that puts it onto its own where it has one."""
        if truth in self._name_of_truth:
            return Counter([Edit.SET_TRACK])
        self._name_of_truth[truth] = self._free_name()
        return Counter()

    def _free_name(self) -> int:
        self._next_free += 1
        return self._next_free - 1

    def _exchange(self, predicted: int, name: int) -> None:
        old_name = self._name_of_predicted.get(predicted, predicted)
        other = self._predicted_of_name.get(name, name)
        for track, new_name in ((predicted, name), (other, old_name)):
            self._name_of_predicted[track] = new_name
            self._predicted_of_name[new_name] = track


def _by_frame(people: Iterable[T], person_of: Callable[[T], Annotation]) -> dict[int, list[T]]:
    grouped: dict[int, list[T]] = {}
    for entry in people:
        grouped.setdefault(person_of(entry).frame_index, []).append(entry)
    return grouped
