"""A person's crops over a few frames: what the pose networks see.

A track is cut into segments that share one crop geometry, so that each frame
passes the backbone once and each frame pair passes RAFT once for all windows
that contain it. A segment of a single key frame is the paper's own way of
cropping ("exact"): every window by its key frame's box.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.geometry import Affine, Xyxy

DELTA: Final = 2  # supporting frames on either side of a key frame, as in the paper's experiments
ENLARGE: Final = 1.25  # of the box, as in the paper
_MAX_KEY_FRAMES: Final = 12
_MAX_GROWTH: Final = 1.2  # the shared crop may be this much wider than a key frame's own


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive key frames of one track that are cropped alike.

    frames: every frame that is cropped, supporting frames included, clamped to
    the video, first and last repeated at its ends. Key frame i is frames[i + delta].
    """

    track_id: int
    key_frames: range
    frames: tuple[int, ...]
    crop_from_image: Affine
    bboxes_xyxy: tuple[Xyxy, ...]  # of the key frames


def segments(
    track_id: int,
    boxes: Mapping[int, Xyxy],
    frame_count: int,
    crop_size: tuple[int, int],
    *,
    exact: bool,
    delta: int = DELTA,
) -> Iterator[Segment]:
    """Cut a track into segments.

    Args:
        boxes: frame index -> box of the person; gaps end a segment.
        frame_count: of the video.
        crop_size: height, width.
        exact: one key frame a segment.
        delta: supporting frames on either side; 0 where only initial heatmaps are wanted.
    """
    run: list[int] = []
    for frame in sorted(boxes):
        if run and (exact or frame != run[-1] + 1 or not _fit(run, frame, boxes, crop_size)):
            yield _segment(track_id, run, boxes, frame_count, crop_size, delta)
            run = []
        run.append(frame)
    if run:
        yield _segment(track_id, run, boxes, frame_count, crop_size, delta)


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


def _fit(run: list[int], frame: int, boxes: Mapping[int, Xyxy], crop_size: tuple[int, int]) -> bool:
    """Whether one crop still serves the run with one more frame."""
    if len(run) >= _MAX_KEY_FRAMES:
        return False
    aspect = crop_size[1] / crop_size[0]
    widths = [_crop_width(boxes[index], aspect) for index in (*run, frame)]
    return _crop_width(_union([boxes[index] for index in (*run, frame)]), aspect) <= _MAX_GROWTH * min(widths)


def _segment(
    track_id: int,
    run: list[int],
    boxes: Mapping[int, Xyxy],
    frame_count: int,
    crop_size: tuple[int, int],
    delta: int,
) -> Segment:
    own = [boxes[index] for index in run]
    aspect = crop_size[1] / crop_size[0]
    union = _union(own)
    # The union is wider than each box: enlarge it by less, so that people keep the size that the networks know.
    usual = float(np.median([_crop_width(box, aspect) for box in own]))
    enlarge = max(1.08, ENLARGE * usual / _crop_width(union, aspect))
    frames = tuple(min(max(index, 0), frame_count - 1) for index in range(run[0] - delta, run[-1] + delta + 1))
    return Segment(
        track_id,
        range(run[0], run[-1] + 1),
        frames,
        geometry.crop_from_image(union, crop_size, enlarge=enlarge),
        tuple(own),
    )


def _crop_width(bbox_xyxy: Xyxy, aspect: float) -> float:
    left, top, right, bottom = bbox_xyxy
    return max(right - left, (bottom - top) * aspect)


def _union(boxes: list[Xyxy]) -> Xyxy:
    array = np.array(boxes)
    low, high = array[:, :2].min(axis=0), array[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
