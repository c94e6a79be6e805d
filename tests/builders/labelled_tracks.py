"""Invented tracks for the tests of the fill: a person whose joints are known exactly, and what a model said of it."""

from dataclasses import replace

import numpy as np

from jmpose_core.fill.evidence import GRID, PEAKS, Evidence
from jmpose_core.fill.packing import EvidenceArrays
from jmpose_core.fill.track_frames import FloatArray, TrackFrames
from jmpose_core.skeleton import NUM_JOINTS

SIZE = 100.0  # pixels: square root of the box's area
RIGHT_ANKLE, LEFT_ANKLE, RIGHT_WRIST, NOSE = 0, 5, 6, 13


def true_joints(frames: int, *, speed: float = 2.0) -> FloatArray:
    """(N, 15, 2): a standing person who moves to the right; joints are 20 pixels or more apart."""
    still = np.column_stack([np.tile([0.0, 30.0, 60.0], 5), np.repeat(np.arange(5) * 30.0, 3)]) + 40
    still[LEFT_ANKLE] = still[RIGHT_ANKLE] + [40.0, 0.0]
    return still[None] + np.arange(frames)[:, None, None] * np.array([speed, 0.0])


def track(
    predicted: FloatArray, *, speed: float = 2.0, height: float = 0.9, second: FloatArray | None = None
) -> TrackFrames:
    """What a model said of N frames, with flow of `speed` pixels to the right everywhere.

    Args:
        predicted: (N, 15, 2) its highest peaks.
        second: (N, 15, 2) its second peaks, half as high.
    """
    count = len(predicted)
    peaks = np.zeros((count, NUM_JOINTS, PEAKS, 3), np.float32)
    peaks[:, :, 0, :2], peaks[:, :, 0, 2] = predicted, height
    if second is not None:
        peaks[:, :, 1, :2], peaks[:, :, 1, 2] = second, height / 2
    flow = np.zeros((count, 2, 2, *GRID), np.float32)
    flow[:, 0, 0], flow[:, 1, 0] = speed, -speed
    has_flow = np.ones((count, 2), bool)
    has_flow[-1, 0] = has_flow[0, 1] = False
    whole_picture = np.array([[0.02, 0.0, 0.0], [0.0, 0.02, 0.0]])
    return TrackFrames(
        frame_index=np.arange(count),
        size=np.full(count, SIZE),
        predicted=predicted,
        labelled=np.zeros((count, NUM_JOINTS), bool),
        labels=np.zeros((count, NUM_JOINTS, 2)),
        absent=np.zeros((count, NUM_JOINTS), bool),
        evidence=EvidenceArrays(
            peaks=peaks,
            initial=peaks[:, :, 0],
            spread=np.full((count, NUM_JOINTS), 3.0, np.float32),
            grid_from_image=np.broadcast_to(whole_picture, (count, 2, 3)).copy(),
            flow=flow,
            has_flow=has_flow,
        ),
    )


def evidence_of(track: TrackFrames, row: int) -> Evidence:
    """What is kept of one frame."""
    seen = track.evidence
    return Evidence(
        peaks=seen.peaks[row],
        initial=seen.initial[row],
        spread=seen.spread[row],
        grid_from_image=seen.grid_from_image[row],
        forward=seen.flow[row, 0],
        backward=seen.flow[row, 1],
        has_forward=bool(seen.has_flow[row, 0]),
        has_backward=bool(seen.has_flow[row, 1]),
    )


def labelled(track: TrackFrames, row: int, joint: int, xy: FloatArray) -> TrackFrames:
    """The track with one more label."""
    mask, places = track.labelled.copy(), track.labels.copy()
    mask[row, joint], places[row, joint] = True, xy
    return replace(track, labelled=mask, labels=places)
