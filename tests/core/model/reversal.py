"""Weights that treat past and future alike, so that a clip shown backwards must give the same result, exactly.

The clip's frames, or its pairs of frames, are channels of some layers. Shown backwards these change
places, and differences and flow change their sign. A kernel that is the same with its
channels so changed cannot tell; any kernel is made such by the mean of both.
"""

import torch
from torch import nn

from jmpose_core.skeleton import NUM_JOINTS
from tests.core.model.mirror import Channels


def frames(count: int, channels: int) -> Channels:
    """Maps of `count` frames, or pairs of frames, in the order of time, of so many channels each."""
    place = torch.arange(count).flip(0)[:, None] * channels + torch.arange(channels)
    return Channels(place.flatten(), torch.ones(count * channels))


def frames_of_joints(places: list[int]) -> Channels:
    """Maps joint by joint; `places` says which of its maps each of a joint's maps becomes."""
    place = torch.arange(NUM_JOINTS)[:, None] * len(places) + torch.tensor(places)
    return Channels(place.flatten(), torch.ones(NUM_JOINTS * len(places)))


def negated(channels: Channels) -> Channels:
    return Channels(channels.place, -channels.sign)


def chain(name: str, given: Channels) -> dict[str, Channels]:
    """The layers of a chain of BasicBlocks that see its input."""
    return {f"{name}.0.conv1": given, f"{name}.0.downsample.0": given}


def rsb_chain(name: str, given: Channels) -> dict[str, Channels]:
    """Those of a chain of residual steps blocks."""
    return {f"{name}.0.spread.0": given, f"{name}.0.downsample.0": given}


def treat_past_and_future_alike(refiner: nn.Module, given: dict[str, Channels]) -> None:
    """Make the kernels of these layers, by name, the same backwards."""
    for name, channels in given.items():
        weight = refiner.get_parameter(f"{name}.weight")
        weight.copy_((weight + weight[:, channels.place] * channels.sign[:, None, None]) / 2)
