"""People of JHMDB's films as the program predicts them, beside what its refiner was given in each frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from jmpose_core import geometry
from jmpose_core.engine.session import Session
from jmpose_core.estimation.clip import DELTA, ENLARGE, window_of
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.geometry import HEATMAP_FROM_CROP
from jmpose_core.model.clip_maps import ClipMaps, Refiner, middle
from train.motion.jhmdb import LabelledClip
from train.motion.judging import joined
from train.motion.tracklets import predicted_tracklet

_CROP_SIZE: Final = (256, 192)  # height, width, of the lite networks


@dataclass(frozen=True, slots=True, eq=False)
class SeenPerson:
    """A person in N frames.

    film: number of the source film. tracklet: as predicted, and as it is. maps: what the refiner was given of each
    frame, N windows in half precision, of the features those of the key frame alone. windows: (N, T) rows of each
    window's frames. cells_from_image: (N, 2, 3), of each key frame's heatmaps.
    """

    film: int
    tracklet: Tracklet
    maps: ClipMaps
    windows: np.ndarray
    cells_from_image: np.ndarray


def seen_person(session: Session, clip: LabelledClip) -> SeenPerson:
    """The person of a clip, in the boxes of the truth.

    Raises:
        JMPoseError: the clip or the bundled weights cannot be used.
    """
    with _recorded() as given:
        tracklet = predicted_tracklet(session, clip)
    frames = range(len(clip))
    crops = [geometry.crop_from_image(clip.box(frame), _CROP_SIZE, enlarge=ENLARGE) for frame in frames]
    return SeenPerson(
        clip.source,
        tracklet,
        joined(given),
        np.array([window_of(frame, DELTA, len(clip)) for frame in frames]),
        np.stack([geometry.compose(HEATMAP_FROM_CROP, crop) for crop in crops]),
    )


@contextmanager
def _recorded() -> Iterator[list[ClipMaps]]:
    """What any refiner is given meanwhile, one after another."""
    given: list[ClipMaps] = []

    def record(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(module, Refiner):
            (maps,) = inputs
            key = ClipMaps(maps.initial, tuple(middle(level, 1) for level in maps.features), maps.flow)
            given.append(key.to(torch.device("cpu"), torch.float16))

    handle = register_module_forward_pre_hook(record)
    try:
        yield given
    finally:
        handle.remove()
