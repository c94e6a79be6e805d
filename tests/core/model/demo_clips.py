"""Eight real clips: two people at four moments of the demo clip, with joints as the program's own weights found them.

demo_poses.json holds a key frame, its box and the joints of five frames a clip, in image pixels. How
well they were found does not matter here: they are where a real body's joints lie and how they move.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

import resources
from jmpose_core import geometry
from jmpose_core.estimation.clip import cut
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.network import PoseNetwork
from jmpose_core.video import open_video
from tests.builders.family import SMALL_FEATURES

_POOLED = 4  # the bundled backbone's cells a side in one of `maps`
PIXELS_PER_CELL = 4 * _POOLED  # of `maps`
_POSES = Path(__file__).with_name("demo_poses.json")


class DemoClips(NamedTuple):
    """crops (8, 5, 3, H, W) RGB in [0, 1]; joints (8, 5, 15, 2) in crop pixels."""

    crops: Tensor
    joints: Tensor

    def key_joints(self, *, pixels_per_cell: int) -> Tensor:
        """Of the key frames, (8, 15, 2), in cells of maps so much smaller than the crops."""
        cell_from_crop = geometry.scaled(1 / pixels_per_cell)
        return torch.from_numpy(geometry.apply(cell_from_crop, self.joints[:, 2].numpy())).float()


def read(crop_size: tuple[int, int]) -> DemoClips:
    """Cut with room about the people: next to a map's border, even a perfect heatmap decodes half a cell off."""
    crops, joints = [], []
    with open_video(resources.DEMO_CLIP) as video:
        for clip in json.loads(_POSES.read_text()):
            crop_from_image = geometry.crop_from_image(clip["bbox_xyxy"], crop_size, enlarge=1.75)
            frames = range(clip["frame_index"] - 2, clip["frame_index"] + 3)
            crops.append(np.stack([cut(video.frame(index), crop_from_image, crop_size) for index in frames]))
            joints.append(geometry.apply(crop_from_image, np.array(clip["keypoints"])))
    images = torch.from_numpy(np.stack(crops)).permute(0, 1, 4, 2, 3).float() / 255
    return DemoClips(images, torch.from_numpy(np.stack(joints)))


def maps(clips: DemoClips, bundled: PoseNetwork) -> ClipMaps:
    """What the bundled backbone and RAFT make of the real pixels, on maps of a quarter of the cells a side.

    The backbone's features, standardised, are given as those of two stages, half of the channels each.
    """
    assert bundled.flow is not None
    height, width = (side // PIXELS_PER_CELL for side in clips.crops.shape[-2:])
    flow = bundled.flow.on_grid((height, width))
    with torch.no_grad():
        frames = bundled.of_frames(clips.crops.flatten(0, 1))
        between = flow(clips.crops[:, :-1].flatten(0, 1), clips.crops[:, 1:].flatten(0, 1))
    initial, features = (avg_pool2d(maps, _POOLED) for maps in (frames.heatmaps, frames.features[-1]))
    spread, mean = torch.std_mean(features, dim=(0, 2, 3), keepdim=True)
    stages = ((features - mean) / spread.clamp_min(1e-9)).split(SMALL_FEATURES, dim=1)
    clip_maps = [maps.unflatten(0, (len(clips.crops), -1)) for maps in (initial, *stages, between)]
    return ClipMaps(clip_maps[0], tuple(clip_maps[1:-1]), clip_maps[-1])
