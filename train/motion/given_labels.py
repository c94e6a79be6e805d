"""Labels given to the refiner of a person whose maps were recorded, as the program gives them."""

import numpy as np
import torch

from jmpose_core.fill.carried_labels import CarriedLabels
from jmpose_core.fill.track_frames import IntArray
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.given_labels import with_labels
from jmpose_core.model.heatmaps import SIGMA_LITE
from train.motion.refiner_inputs import SeenPerson


def labelled_maps(person: SeenPerson, rows: IntArray, carried: CarriedLabels) -> ClipMaps:
    """What the refiner is given of some frames, with the labels in it, in single precision."""
    windows, cells = person.windows[rows], person.cells_from_image[rows]
    points = carried.points[windows]
    places = np.einsum("rij,rtkj->rtki", cells[..., :2], points) + cells[:, None, None, :, 2]
    weight = carried.weight[windows]
    maps = person.maps[torch.from_numpy(rows)].to(torch.device("cpu"), torch.float32)
    given = (torch.from_numpy(array).float() for array in (places, weight))
    return ClipMaps(with_labels(maps.initial, *given, sigma=SIGMA_LITE), maps.features, maps.flow)
