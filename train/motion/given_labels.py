"""Labels given to the refiner: heatmaps of labelled joints replaced by Gaussians, carried along the flow."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from jmpose_core.fill.candidates import carried_from_labels
from jmpose_core.fill.track_frames import BEFORE, NEXT, FloatArray, IntArray, TrackFrames
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmaps import SIGMA_LITE, encode
from jmpose_core.skeleton import NUM_JOINTS
from train.motion.refiner_inputs import SeenPerson

FADES: Final = 0.8  # a frame: how fast a carried label loses its weight; as in the fill


@dataclass(frozen=True, slots=True, eq=False)
class CarriedLabels:
    """The nearest label of every joint in N frames, carried there along the flow.

    points: (N, 15, 2) image pixels. distance: (N, 15) frames from the label; infinite where none reaches.
    """

    points: FloatArray
    distance: FloatArray

    @classmethod
    def of(cls, track: TrackFrames) -> "CarriedLabels":
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


def with_labels(person: SeenPerson, rows: IntArray, carried: CarriedLabels, *, fades: float = FADES) -> ClipMaps:
    """What the refiner is given of some frames, with the labels in it, in single precision.

    In the supporting frames a labelled joint's heatmap becomes the mean of itself and of a Gaussian at the label, which
    has all the weight in the label's own frame and `fades` of it for each frame that it was carried. The key frame's
    own heatmap is kept, but for a label of this very frame: what the network sees there is evidence too.
    """
    windows = person.windows[rows]
    cells = person.cells_from_image[rows]
    points = carried.points[windows]
    places = np.einsum("rij,rtkj->rtki", cells[..., :2], points) + cells[:, None, None, :, 2]
    weight = fades ** carried.distance[windows]
    key = weight[:, weight.shape[1] // 2]
    key[key < 1] = 0
    maps = person.maps[torch.from_numpy(rows)].to(torch.device("cpu"), torch.float32)
    share = torch.from_numpy(weight).float()[..., None, None]
    gaussians = encode(torch.from_numpy(places).float(), (maps.initial.shape[-2], maps.initial.shape[-1]), SIGMA_LITE)
    return ClipMaps(maps.initial * (1 - share) + gaussians * share, maps.features, maps.flow)
