"""Labels carried along the flow to the frames around them: what the network is told of them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from jmpose_core.fill.candidates import FADES, carried_from_labels
from jmpose_core.fill.track_frames import BEFORE, NEXT, FloatArray, TrackFrames
from jmpose_core.skeleton import NUM_JOINTS


@dataclass(frozen=True, slots=True, eq=False)
class CarriedLabels:
    """The nearest label of every joint in N frames, carried there along the flow.

    points: (N, 15, 2) image pixels. distance: (N, 15) frames from the label; infinite where none reaches.
    """

    points: FloatArray
    distance: FloatArray

    @property
    def given(self) -> FloatArray:
        """(N, 15, 3) x, y and weight: as the network is given them."""
        return np.concatenate([self.points, self.weight[..., None]], axis=2)

    @property
    def weight(self) -> FloatArray:
        """(N, 15) 1 at a label, FADES of it for each frame that it was carried, 0 where none reaches."""
        return FADES**self.distance

    @classmethod
    def of(cls, track: TrackFrames) -> Self:
        """Of two labels at one distance, the one before."""
        count = len(track)
        points, distance = np.zeros((count, NUM_JOINTS, 2)), np.full((count, NUM_JOINTS), np.inf)
        here = np.arange(count)
        for joint in np.flatnonzero(track.labelled.any(axis=0)).tolist():
            labels = np.flatnonzero(track.labelled[:, joint])
            after = np.searchsorted(labels, here)
            before = labels[np.maximum(np.searchsorted(labels, here, side="right") - 1, 0)]
            after = labels[np.minimum(after, len(labels) - 1)]
            for way, label in ((NEXT, before), (BEFORE, after)):
                carried, there = carried_from_labels(track, joint, way)
                nearer = there & (np.abs(here - label) < distance[:, joint])
                points[nearer, joint] = carried[nearer]
                distance[nearer, joint] = np.abs(here - label)[nearer]
        return cls(points, distance)
