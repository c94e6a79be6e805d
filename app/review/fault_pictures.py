"""A fault of tracks as it is and as it would be: two rows of small pictures. No Qt; read from the files themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.drawing import Picture, draw_tracks
from jmpose_core.geometry import Xyxy
from jmpose_core.project import Project
from jmpose_core.project.mending import as_mended
from jmpose_core.queue.proposals import Fault, Proposal
from jmpose_core.video import open_video

_BACK: Final = 31  # frames: as long as somebody may be lost
_MARGIN: Final = 0.12  # of the people's larger side
_GAP: Final = 6  # pixels between pictures


def fault_pictures(
    project_path: Path, video_path: Path, video_id: int, fault: Proposal, size: tuple[int, int]
) -> tuple[Picture, Picture]:
    """What is there, and what would be, each size[0] x size[1] pixels.

    Raises:
        ProjectError, VideoError: one of them cannot be read.
    """
    with Project.open(project_path, read_only=True) as project:
        people = list(project.people_between(video_id, max(fault.frame_index - _BACK, 0), fault.frame_index + 1))
    frames = _frames(fault, people)
    width = (size[0] - _GAP * (len(frames) - 1)) // len(frames)
    now, mended = [], []
    with open_video(video_path) as video:
        for frame_index in frames:
            there = [person for person in people if person.frame_index == frame_index]
            frame = video.frame(frame_index)
            crop, to_crop = _cropped(frame, _region(fault, frames, people, frame), (width, size[1]))
            now.append(draw_tracks(crop, _moved(_concerned(there, fault), to_crop)))
            mended.append(draw_tracks(crop, _moved(_concerned(as_mended(there, fault), fault), to_crop)))
    return _row(now, size), _row(mended, size)


def _frames(fault: Proposal, people: Sequence[Annotation]) -> list[int]:
    """The frame to look at and, where tracks go wrong in time, the last one before."""
    if fault.fault in (Fault.TWICE, Fault.NOBODY):
        return [fault.frame_index]
    before = [one.frame_index for one in people if one.frame_index < fault.first and one.track_id == fault.track_id]
    return [*before[-1:], fault.frame_index]


def _concerned(people: Iterable[Annotation], fault: Proposal) -> list[Annotation]:
    """Those of the two tracks, or of a new one: others only hide what is meant."""
    if fault.fault is Fault.JUMP and fault.other is None:
        return list(people)
    return [person for person in people if person.track_id in (fault.track_id, fault.other)]


def _region(fault: Proposal, frames: Sequence[int], people: Iterable[Annotation], frame: Picture) -> Xyxy:
    """Around everybody concerned in these frames, in image pixels; all of the frame where they are gone by now."""
    found = [
        person.bbox_xyxy
        for person in people
        if person.frame_index in frames and person.track_id in (fault.track_id, fault.other)
    ]
    boxes = np.array(found or [(0, 0, frame.shape[1], frame.shape[0])])
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = boxes[:, 2:].max(axis=0).tolist()
    margin = _MARGIN * max(right - left, bottom - top)
    return left - margin, top - margin, right + margin, bottom + margin


def _cropped(frame: Picture, region: Xyxy, size: tuple[int, int]) -> tuple[Picture, np.ndarray]:
    """The region in a picture of `size`, with what lies around it in the frame, and the affine map (2, 3) to it."""
    left, top, right, bottom = region
    scale = min(size[0] / (right - left), size[1] / (bottom - top))
    seen = np.array(size) / scale
    most = np.maximum(np.array(frame.shape[1::-1]) - seen, 0)  # further, and there would be nothing to see
    shift = -scale * np.clip((np.array([left + right, top + bottom]) - seen) / 2, 0, most)
    to_crop = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(frame, to_crop, size, flags=way).astype(np.uint8), to_crop


def _moved(people: Iterable[Annotation], to_crop: np.ndarray) -> list[Annotation]:
    scale, shift = to_crop[0, 0], to_crop[:, 2]
    return [replace(person, keypoints=person.keypoints * scale + shift) for person in people]


def _row(pictures: Sequence[Picture], size: tuple[int, int]) -> Picture:
    """Side by side; RGBA, clear between them."""
    row = np.zeros((size[1], size[0], 4), np.uint8)  # clear where there is no picture
    left = 0
    for picture in pictures:
        height, width = picture.shape[:2]
        row[:height, left : left + width, :3], row[:height, left : left + width, 3] = picture, 255
        left += width + _GAP
    return row
