"""JHMDB's joint_positions.mat: one person in every frame of a video, in MATLAB's pixels, which are counted from 1.

The data set lies as joint_positions/ACTION/VIDEO/joint_positions.mat and Rename_Images/ACTION/VIDEO/00001.png. Of the
15 joints the belly and the face have no counterpart among PoseTrack's; every joint counts as visible, also where it was
supposed behind something or outside of the picture. The file has no boxes.
"""

import io
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

from jmpose_core.errors import FormatError
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.files import fault, read_bytes
from jmpose_core.formats.numerals import LARGEST_COORDINATE
from jmpose_core.formats.people import FIRST_IMAGE_ID

JOINTS_OF_JHMDB: Final = (
    "neck", "belly", "face", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow",
    "right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle",
)  # fmt: skip
_IMAGES: Final = "Rename_Images"


def read_jhmdb(path: Path) -> PoseTrackDocument:
    """The labels of one video, its images named as the data set lays them out.

    Raises:
        FormatError: not a joint_positions.mat; names what is wrong with it.
    """
    positions = _positions(path)
    action, video = path.resolve().parts[-3:-1] if len(path.resolve().parts) > 3 else ("", path.stem)
    frames = positions.shape[2]
    images = [
        ImageRecord(
            id=FIRST_IMAGE_ID + frame,
            file_name=f"{_IMAGES}/{action}/{video}/{frame + 1:05d}.png",
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
        )
        for frame, image in enumerate(images)
    ]
    return PoseTrackDocument(images, people, [Category(keypoints=JOINTS_OF_JHMDB, skeleton=None)], frame_count=frames)


def _positions(path: Path) -> npt.NDArray[np.float64]:
    """`pos_img` (2, 15, N), x first, from 1."""
    try:
        values = loadmat(io.BytesIO(read_bytes(path)), variable_names=["pos_img"])
    except FormatError:
        raise
    except Exception as error:  # scipy lets zlib's, struct's and its own errors through, of every kind
        raise FormatError(f"{path}: not a MATLAB file that can be read ({error}); copy it again") from error
    if "pos_img" not in values:
        raise fault(path, "pos_img", "missing", cure="give JHMDB's joint_positions.mat")
    positions = np.asarray(values["pos_img"])
    if positions.ndim == 2:  # MATLAB drops the last axis of a single frame
        positions = positions[:, :, None]
    if positions.shape[:2] != (2, len(JOINTS_OF_JHMDB)) or positions.dtype.kind not in "fiu":
        raise fault(path, "pos_img", f"numbers (2, 15, frames) expected, got {positions.shape}")
    positions = positions.astype(np.float64)
    if not (np.abs(positions) <= LARGEST_COORDINATE).all():  # NaN too
        raise fault(path, "pos_img", "a coordinate is no number or out of range")
    return positions
