"""Weights that treat left and right alike, so that mirroring a clip must mirror the result exactly.

Channels of a mirrored map either stay (features), change places (joints), change sign (u of a flow), or both
(learned offsets). A convolution keeps this in order if its kernel is its own mirror picture
with its channels so changed; any kernel is made such by the mean of both.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.warping import mirrored as mirrored_flow
from jmpose_core.skeleton import FLIP, NUM_JOINTS


class Channels(NamedTuple):
    """mirrored[i] = sign[i] * map[place[i]], columns reversed."""

    place: Tensor
    sign: Tensor


def features(count: int) -> Channels:
    return Channels(torch.arange(count), torch.ones(count))


def joints(maps_each: int = 1) -> Channels:
    place = torch.tensor(FLIP)[:, None] * maps_each + torch.arange(maps_each)
    return Channels(place.flatten(), torch.ones(NUM_JOINTS * maps_each))


def flow(fields: int) -> Channels:
    return Channels(torch.arange(2 * fields), torch.tensor([-1.0, 1.0]).repeat(fields))


def masks(groups: Tensor) -> Channels:
    """Of deformable groups, and where each group goes: taps are row by row, so rows are reversed."""
    taps = torch.tensor([2, 1, 0, 5, 4, 3, 8, 7, 6])
    return Channels((groups[:, None] * 9 + taps).flatten(), torch.ones(9 * len(groups)))


def offsets(groups: Tensor) -> Channels:
    """As masks, each (dy, dx): dx changes its sign."""
    taps = masks(groups).place
    place = (taps[:, None] * 2 + torch.arange(2)).flatten()
    return Channels(place, torch.tensor([1.0, -1.0]).repeat(len(taps)))


def both(first: Channels, second: Channels) -> Channels:
    """One map's channels after another's."""
    return Channels(torch.cat([first.place, second.place + len(first.place)]), torch.cat([first.sign, second.sign]))


def mirrored(clips: ClipMaps) -> ClipMaps:
    turned = None if clips.flow is None else mirrored_flow(clips.flow.flatten(0, 1)).view_as(clips.flow)
    return ClipMaps(mirrored_joints(clips.initial), tuple(maps.flip(-1) for maps in clips.features), turned)


def mirrored_joints(heatmaps: Tensor) -> Tensor:
    return heatmaps[..., list(FLIP), :, :].flip(-1)


def treat_sides_alike(refiner: torch.nn.Module, i: dict[str, Channels], o: dict[str, Channels]) -> None:
    """Make every kernel of `refiner` its own mirror picture.

    i, o: what the channels of a layer's input and output are, by the layer's name; features where nothing is said.
    """
    names = {name for name, _ in refiner.named_modules()}
    assert set(i) | set(o) <= names, "a layer has another name now"
    with torch.no_grad():
        for name, module in refiner.named_modules():
            weight = getattr(module, "weight", None)
            if weight is None or weight.dim() != 4:
                continue
            given = i.get(name, features(weight.shape[1]))
            made = o.get(name, features(weight.shape[0]))
            turned = weight[made.place][:, given.place].flip(-1) * made.sign[:, None, None, None]
            weight.copy_((weight + turned * given.sign[:, None, None]) / 2)
            if module.bias is not None:
                module.bias.copy_((module.bias + made.sign * module.bias[made.place]) / 2)
