"""JHMDB's joint_positions.mat: one person in every frame of a video, in MATLAB's pixels, which are counted from 1.

The data set lies as joint_positions/ACTION/VIDEO/joint_positions.mat, puppet_mask/ACTION/VIDEO/puppet_mask.mat and
Rename_Images/ACTION/VIDEO/00001.png. Of the 15 joints the belly and the face have no counterpart among PoseTrack's;
every joint counts as visible, also where it was supposed behind something or outside of the picture. The file has no
boxes; a person's box is that of the silhouette in puppet_mask.mat, where that lies beside it or at its place above.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument, Xywh
from jmpose_core.formats.files import fault
from jmpose_core.formats.matlab import read_array
from jmpose_core.formats.numerals import LARGEST_COORDINATE
from jmpose_core.formats.people import FIRST_IMAGE_ID

JOINT_POSITIONS: Final = "joint_positions.mat"
JOINTS_OF_JHMDB: Final = (
    "neck", "belly", "face", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow",
    "right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle",
)  # fmt: skip
_IMAGES: Final = "Rename_Images"
_MASKS: Final = "puppet_mask"


def read_jhmdb(path: Path) -> PoseTrackDocument:
    """The labels of one video, its images named as the data set lays them out.

    Raises:
        FormatError: not a joint_positions.mat, or its puppet_mask.mat is broken; names what is wrong with which.
    """
    positions = _positions(path)
    frames = positions.shape[2]
    boxes = _boxes(path, frames)
    folder = "/".join([_IMAGES, *path.resolve().parts[-3:-1]])
    images = [
        ImageRecord(
            id=FIRST_IMAGE_ID + frame,
            file_name=f"{folder}/{frame + 1:05d}.png",
            nframes=frames,
            is_labeled=True,
            frame_index=frame,
        )
        for frame in range(frames)
    ]
    people = [
        PersonRecord(
            image_id=image.id,
            keypoints=np.column_stack([positions[:, :, frame].T - 1, np.ones(len(JOINTS_OF_JHMDB))]),
            track_id=0,
            bbox_xywh=boxes[frame],
        )
        for frame, image in enumerate(images)
    ]
    return PoseTrackDocument(images, people, [Category(keypoints=JOINTS_OF_JHMDB, skeleton=None)], frame_count=frames)


def _positions(path: Path) -> npt.NDArray[np.float64]:
    """`pos_img` (2, 15, N), x first, from 1."""
    positions = _array(path, "pos_img", cure=f"give JHMDB's {JOINT_POSITIONS}")
    if positions.shape[:2] != (2, len(JOINTS_OF_JHMDB)):
        raise fault(path, "pos_img", f"numbers (2, 15, frames) expected, got {positions.shape}")
    positions = positions.astype(np.float64)
    if not (np.abs(positions) <= LARGEST_COORDINATE).all():  # NaN too
        raise fault(path, "pos_img", "a coordinate is no number or out of range")
    return positions


def _boxes(path: Path, frames: int) -> list[Xywh | None]:
    """Of each frame, that of the silhouette; None where no mask is, or it is empty."""
    own = path.resolve()
    places = [own.with_name("puppet_mask.mat")]
    if len(own.parts) > 4:
        places.append(own.parents[3] / _MASKS / own.parts[-3] / own.parts[-2] / "puppet_mask.mat")
    place = next((place for place in places if place.is_file()), None)
    if place is None:
        return [None] * frames
    masks = _array(place, "part_mask", cure=f"copy it again, or move it away: {JOINT_POSITIONS} is read without it")
    some = [_box_of(masks[:, :, frame]) for frame in range(min(frames, masks.shape[2]))]
    return some + [None] * (frames - len(some))  # masks end before the joints in some videos


def _box_of(mask: npt.NDArray[np.number]) -> Xywh | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return float(left), float(top), float(columns[-1] + 1 - left), float(rows[-1] + 1 - top)


def _array(path: Path, name: str, *, cure: str) -> npt.NDArray[np.number]:
    """An array of three axes, the last the frames.

    Raises:
        FormatError: no MATLAB file, or no such array in it.
    """
    array = read_array(path, name, cure=cure)
    if array.ndim == 2:  # MATLAB drops the last axis of a single frame
        array = array[:, :, None]
    if array.ndim != 3:
        raise fault(path, name, f"an array of three axes expected, got {array.shape}", cure=cure)
    return array
