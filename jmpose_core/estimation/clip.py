"""A person's crops over a few frames: what the pose networks see.

Every frame of a track is cropped by its own box, so that it passes the networks once for all windows that contain
it; what a window needs of its supporting frames is carried into the key frame's crop afterwards. "Exact" is the
paper's own way of cropping: every frame of a window by its key frame's box.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.geometry import Affine, Xyxy

DELTA: Final = 2  # supporting frames on either side of a key frame, as in the paper's experiments
ENLARGE: Final = 1.25  # of the box, as in the paper


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Key frames of one track whose windows are worked on together.

    frames: every frame that is cropped, each once, in the order of time: the key frames and their supporting frames.
    crops_from_image: (F, 2, 3), the crop of each of `frames`.
    boxes: (F, 4), the person's own box in each of them, whatever it is cropped by.
    windows: of each key frame the places in `frames` of its 2 * delta + 1 frames, itself in the middle; a video's
        first and last frame are repeated at its ends.
    bboxes_xyxy: of the key frames.
    """

    track_id: int
    key_frames: tuple[int, ...]
    frames: tuple[int, ...]
    crops_from_image: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.float64]
    windows: tuple[tuple[int, ...], ...]
    bboxes_xyxy: tuple[Xyxy, ...]


def segments(
    track_id: int,
    boxes: Mapping[int, Xyxy],
    key_frames: Sequence[int],
    frame_count: int,
    crop_size: tuple[int, int],
    *,
    exact: bool,
    delta: int = DELTA,
) -> Iterator[Segment]:
    """The key frames of a track with their crops: one segment for all, or one for each where `exact`.

    Args:
        boxes: frame index -> box of the person. A supporting frame without one is cropped by the boxes before and
            after it, in between in proportion to the time.
        key_frames: those of `boxes` that are estimated, in the order of time.
        frame_count: of the video.
        crop_size: height, width.
        exact: crop supporting frames by their key frame's box.
        delta: supporting frames on either side; 0 where only initial heatmaps are wanted.
    """
    if exact:
        for key in key_frames:
            yield _segment(track_id, (key,), boxes, {key: boxes[key]}, frame_count, crop_size, delta)
    elif key_frames:
        yield _segment(track_id, tuple(key_frames), boxes, boxes, frame_count, crop_size, delta)


def cut(frame_rgb: npt.NDArray[np.uint8], crop_from_image: Affine, crop_size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The crop (H, W, 3) of a frame, black outside it; shrinks by area so that nothing aliases."""
    height, width = crop_size
    scale = float(np.hypot(crop_from_image[0, 0], crop_from_image[1, 0]))
    if scale < 0.5:
        # Bilinear sampling skips pixels when it shrinks by more than half: shrink the person's surroundings first.
        return _cut_shrunk(frame_rgb, crop_from_image, crop_size, scale)
    return np.asarray(cv2.warpAffine(frame_rgb, crop_from_image, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def _cut_shrunk(
    frame_rgb: npt.NDArray[np.uint8], crop_from_image: Affine, crop_size: tuple[int, int], scale: float
) -> npt.NDArray[np.uint8]:
    height, width = crop_size
    corners = geometry.apply(
        geometry.inverse(crop_from_image), np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    )
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.ceil(corners.max(axis=0)).astype(int) + 3
    part = frame_rgb[low[1] : high[1], low[0] : high[0]]
    if part.size == 0:
        return np.zeros((height, width, 3), np.uint8)
    small = cv2.resize(
        part,
        (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))),
        interpolation=cv2.INTER_AREA,
    )
    factors = small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]
    part_from_small = np.array(
        [[1 / factors[0], 0, (1 / factors[0] - 1) / 2], [0, 1 / factors[1], (1 / factors[1] - 1) / 2]]
    )
    image_from_part = np.array([[1.0, 0, low[0]], [0, 1.0, low[1]]])
    crop_from_small = geometry.compose(crop_from_image, geometry.compose(image_from_part, part_from_small))
    return np.asarray(cv2.warpAffine(small, crop_from_small, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def window_of(key: int, delta: int, frame_count: int, *, step: int = 1) -> list[int]:
    """The key frame and `delta` supporting frames on either side; beyond the video's ends, its last ones again.

    Args:
        step: frames from one to the next.
    """
    return [min(max(key + step * place, 0), frame_count - 1) for place in range(-delta, delta + 1)]


def _segment(
    track_id: int,
    keys: tuple[int, ...],
    boxes: Mapping[int, Xyxy],
    cropped_by: Mapping[int, Xyxy],
    frame_count: int,
    crop_size: tuple[int, int],
    delta: int,
) -> Segment:
    windows = [window_of(key, delta, frame_count) for key in keys]
    frames = sorted({frame for window in windows for frame in window})
    place = {frame: index for index, frame in enumerate(frames)}
    return Segment(
        track_id,
        keys,
        tuple(frames),
        np.stack([geometry.crop_from_image(box, crop_size, enlarge=ENLARGE) for box in _boxes_at(frames, cropped_by)]),
        np.array(_boxes_at(frames, boxes)),
        tuple(tuple(place[frame] for frame in window) for window in windows),
        tuple(boxes[key] for key in keys),
    )


def _boxes_at(frames: Sequence[int], boxes: Mapping[int, Xyxy]) -> list[Xyxy]:
    """A box for every frame: its own, else between its neighbours' in time, else the nearest."""
    known = sorted(boxes)
    sides = np.array([boxes[frame] for frame in known], np.float64).T
    found = np.column_stack([np.interp(frames, known, side) for side in sides])
    return [(float(left), float(top), float(right), float(bottom)) for left, top, right, bottom in found]
