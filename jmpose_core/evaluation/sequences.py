"""Ground truth and predictions of videos, paired and checked, as arrays that every metric reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.evaluation.matching import ImagePairs, Source, match_images
from jmpose_core.evaluation.pck import HEAD_FACTOR
from jmpose_core.evaluation.regions import inside_any
from jmpose_core.formats.document import ImageRecord, PersonRecord, Polygon
from jmpose_core.formats.files import fault
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.people import has_area, joints_and_slots
from jmpose_core.formats.posetrack_conversion import parsed_image_name
from jmpose_core.skeleton import JOINTS, NUM_JOINTS

NO_SCORE: Final = -9999.0  # poseval's stand-in for a joint without a score
TRACK_ID_LIMIT: Final = 10_000  # poseval's


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people of one frame."""

    points: npt.NDArray[np.float64]  # (N, 15, 3) x, y, third value; zeros where there is no joint
    joints: npt.NDArray[np.bool_]  # (N, 15) joint exists: not all three values 0
    track_ids: npt.NDArray[np.int64]  # (N,)
    head_sizes: npt.NDArray[np.float64]  # (N,) 0.6 times the head box's diagonal; NaN without one
    scores: npt.NDArray[np.float64]  # (N, 15)
    box_sizes: npt.NDArray[np.float64]  # (N,) pixels, longer side of the person's box; NaN without one

    def __len__(self) -> int:
        return len(self.points)

    def selected(self, people: npt.NDArray[np.bool_], joints: npt.NDArray[np.bool_]) -> "People":
        """Those `people` (N,) with those `joints` (N, 15)."""
        return People(
            self.points[people],
            joints[people],
            self.track_ids[people],
            self.head_sizes[people],
            self.scores[people],
            self.box_sizes[people],
        )


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """One frame of ground truth with what was predicted there."""

    name: str
    is_labeled: bool
    truth: People
    predicted: People

    def distances(self, units: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
        """(P, G, 15) distances in `units` (G,), by default head sizes; infinite unless both people have the joint."""
        units = self.truth.head_sizes if units is None else units
        offset = self.predicted.points[:, None, :, :2] - self.truth.points[None, :, :, :2]
        both = self.predicted.joints[:, None] & self.truth.joints[None]
        distance = np.full(both.shape, np.inf)
        np.divide(np.linalg.norm(offset, axis=3), units[None, :, None], out=distance, where=both)
        return distance


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One video."""

    name: str
    frames: tuple[FramePair, ...]
    regions: tuple[tuple[Polygon, ...], ...]  # a frame's ignore regions


def cleaned(frame: FramePair, regions: tuple[Polygon, ...], *, positive_only: bool = False) -> FramePair:
    """The frame without the joints that lie in ignore regions, and without people who have no joint left.

    With `positive_only` a joint exists only where x > 0 and y > 0, as the PoseTrack21 kit has it.
    """
    return FramePair(
        frame.name,
        frame.is_labeled,
        _cleaned(frame.truth, regions, positive_only),
        _cleaned(frame.predicted, regions, positive_only),
    )


def _cleaned(people: People, regions: tuple[Polygon, ...], positive_only: bool) -> People:
    joints = people.joints
    if positive_only:
        joints = joints & (people.points[..., :2] > 0).all(axis=2)
    if regions and len(people):
        joints = joints & ~inside_any(people.points[..., :2], regions)
    return people.selected(np.any(joints, axis=1), joints)


def paired(
    truth: Source, predicted: Source, match: ImagePairs | None = None, *, heads_needed: bool = True
) -> list[Sequence]:
    """The videos of a pair of documents, frame by frame.

    Args:
        match: which image is which; by default what both lists have in common decides.
        heads_needed: refuse people of the ground truth without a head box; else their head size is NaN.

    Raises:
        FormatError: the images do not match; a track id missing or twice in a frame; a ground truth person
            without the head box that is needed; an ignore region that is no polygon. Names file, place and cure.
    """
    match = match or match_images(truth, predicted)
    truth_people, found_people = _people(truth, heads_needed=heads_needed), _people(predicted, heads_needed=False)
    predicted_people = [found_people[position] for position in match.positions]
    sequences = []
    for name, indices in _videos(truth):
        images = [truth.document.images[index] for index in indices]
        sequences.append(
            Sequence(
                name=name,
                frames=tuple(
                    FramePair(
                        image.file_name, image.is_labeled is not False, truth_people[index], predicted_people[index]
                    )
                    for index, image in zip(indices, images, strict=True)
                ),
                regions=tuple(image.ignore_regions or () for image in images),
            )
        )
    return sequences


def check_for_poseval(source: Source, *, names: bool) -> None:
    """What only poseval demands: PoseTrack's image names, categories, track ids below 10000.

    Args:
        names: whether image folders must be named as PoseTrack's are. Names without any folder, as this
            program writes them for a video, are taken.

    Raises:
        FormatError: with file, place and cure.
    """
    document, path = source.document, source.path
    other = "or evaluate with the metric posetrack21"
    if document.categories is None:
        raise fault(path, "categories", "missing", cure=f"add PoseTrack18's category with its joint names, {other}")
    missing = [name for name in JOINTS if name not in our_names(document.joint_names)]
    if missing:
        raise fault(
            path, "categories[0].keypoints", f"no {missing[0]}", cure="name all 15 joints, or use the metric pck"
        )
    for index, image in enumerate(document.images):
        foreign = "/" in image.file_name and parsed_image_name(image.file_name) is None
        if names and foreign:
            raise fault(
                path,
                f"images[{index}].file_name",
                f'"{image.file_name}" is not .../SSSSSS_mpii_test/000000.jpg (or _bonn, _mpiinew)',
                cure=f"rename the folder and the files as PoseTrack has them, give --match names or position, {other}",
            )
    for index, person in enumerate(document.people):
        if person.track_id is not None and person.track_id >= TRACK_ID_LIMIT:
            raise fault(
                path,
                f"annotations[{index}].track_id",
                f"{person.track_id}, poseval takes ids below {TRACK_ID_LIMIT}",
                cure=f"number the tracks of each video from 0, {other}",
            )


def _videos(source: Source) -> Iterator[tuple[str, list[int]]]:
    """Names and image positions of the videos in a document; one alone is named as its source."""
    groups: dict[str, list[int]] = {}
    for index, image in enumerate(source.document.images):
        groups.setdefault(_video_of(image), []).append(index)
    for name, indices in groups.items():
        yield (source.name if len(groups) == 1 else f"{source.name}/{name}"), indices


def _video_of(image: ImageRecord) -> str:
    return PurePosixPath(image.file_name).parent.name or str(image.vid_id)


def _people(source: Source, *, heads_needed: bool) -> list[People]:
    document = source.document
    joints, slots = joints_and_slots(document.joint_names)
    frames = []
    for image_index, entries in enumerate(document.people_by_image()):
        _check_regions(source.path, image_index, document.images[image_index])
        points = np.zeros((len(entries), NUM_JOINTS, 3))
        scores = np.full((len(entries), NUM_JOINTS), NO_SCORE)
        heads = np.full(len(entries), np.nan)
        boxes = np.full(len(entries), np.nan)
        track_ids = np.zeros(len(entries), np.int64)
        owner: dict[int, int] = {}
        for row, (index, person) in enumerate(entries):
            if person.keypoints is not None:
                points[row, joints] = person.keypoints[slots]
            if person.scores:
                scores[row, joints] = np.array(person.scores)[slots]
            track_ids[row] = checked_track_id(source.path, index, person, owner)
            heads[row] = _head_size(source.path, index, person, needed=heads_needed)
            if person.bbox_xywh is not None and has_area(person.bbox_xywh):
                boxes[row] = max(person.bbox_xywh[2:])
        frames.append(People(points, (points != 0).any(axis=2), track_ids, heads, scores, boxes))
    return frames


def checked_track_id(path: Path, index: int, person: PersonRecord, owner: dict[int, int]) -> int:
    """The person's track id, noted in `owner` (its position by track id) of the image.

    Raises:
        FormatError: it is missing, beyond 64 bits, or another person's of the same image.
    """
    place = f"annotations[{index}].track_id"
    if person.track_id is None:
        raise fault(path, place, "missing", cure="track the people first: every person needs a track id")
    if not -(2**63) <= person.track_id < 2**63:
        raise fault(path, place, f"{person.track_id} is out of range", cure="number the tracks from 0")
    if person.track_id in owner:
        raise fault(
            path,
            place,
            f"{person.track_id} is also annotations[{owner[person.track_id]}]'s in the same image",
            cure="give each person of an image an id of its own",
        )
    owner[person.track_id] = index
    return person.track_id


def _head_size(path: Path, index: int, person: PersonRecord, *, needed: bool) -> float:
    has_joints = person.keypoints is not None and bool((person.keypoints != 0).any())
    box = person.bbox_head_xywh
    size = HEAD_FACTOR * float(np.hypot(box[2], box[3])) if box is not None else 0.0
    if needed and has_joints and not size > 0:
        what = "missing" if box is None else "of no size"
        cure = (
            "every labelled person of the ground truth needs a head box, which is the unit of distances; "
            "the metric pck does without"
        )
        raise fault(path, f"annotations[{index}].bbox_head", what, cure=cure)
    return size or float("nan")


def _check_regions(path: Path, index: int, image: ImageRecord) -> None:
    for number, polygon in enumerate(image.ignore_regions or ()):
        if len(polygon) < 3:
            raise fault(
                path,
                f"images[{index}].ignore_regions_x[{number}]",
                f"a polygon of {len(polygon)} points",
                cure="give it three corners at least, or remove it",
            )
