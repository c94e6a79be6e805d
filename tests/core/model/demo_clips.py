"""Eight real clips: two people at four moments of the demo clip, with joints as the program's own weights found them.

demo_poses.json holds a key frame, its box and the joints of five frames a clip, in image pixels. How
well they were found does not matter here: they are where a real body's joints lie and how they move.
"""

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

import resources
from jmpose_core import geometry
from jmpose_core.clip import cut
from jmpose_core.heatmaps import SIGMA_LITE, encode, heatmaps_from_logits
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.video import open_video
from tests.core.model.family import SMALL_FEATURES

CROP_SIZE = (64, 64)
SIZE = (16, 16)  # of the maps
_POSES = Path(__file__).with_name("demo_poses.json")


class DemoClips(NamedTuple):
    """crops (8, 5, 3, H, W) RGB in [0, 1]; cells (8, 5, 15, 2), the joints of every frame in heatmap cells."""

    crops: Tensor
    cells: Tensor


def read() -> DemoClips:
    heatmap_from_crop = geometry.scaled(SIZE[0] / CROP_SIZE[0])
    crops, cells = [], []
    with open_video(resources.DEMO_CLIP) as video:
        for clip in json.loads(_POSES.read_text()):
            crop_from_image = geometry.crop_from_image(clip["bbox_xyxy"], CROP_SIZE, enlarge=1.5)
            frames = range(clip["frame_index"] - 2, clip["frame_index"] + 3)
            crops.append(np.stack([cut(video.frame(index), crop_from_image, CROP_SIZE) for index in frames]))
            heatmap_from_image = geometry.compose(heatmap_from_crop, crop_from_image)
            cells.append(geometry.apply(heatmap_from_image, np.array(clip["keypoints"])))
    images = torch.from_numpy(np.stack(crops)).permute(0, 1, 4, 2, 3).float() / 255
    return DemoClips(images, torch.from_numpy(np.stack(cells)).float())


def disturbed_maps(clips: DemoClips, *, by: float) -> ClipMaps:
    """What an unsure initial stage would make of them: every joint of every frame `by` cells off, anywhere.

    Features are twelve of a compact backbone with random weights, standardised, and
    the flow between neighbours is OpenCV's: both see the real pixels.
    """
    generator = torch.Generator().manual_seed(0)
    angle = 2 * torch.pi * torch.rand(clips.cells.shape[:3], generator=generator)
    guesses = clips.cells + by * torch.stack([angle.cos(), angle.sin()], dim=-1)
    initial = heatmaps_from_logits(6 * encode(guesses, SIZE, SIGMA_LITE), SIGMA_LITE)
    torch.manual_seed(0)
    with torch.no_grad():
        (features,) = CompactBackbone().eval()(clips.crops.flatten(0, 1) * 2 - 1).features
    spread, mean = torch.std_mean(features, dim=(0, 2, 3), keepdim=True)
    loudest = spread.flatten().topk(SMALL_FEATURES).indices  # some channels are dead
    features = ((features - mean) / spread.clamp_min(1e-9))[:, loudest].unflatten(0, clips.crops.shape[:2])
    return ClipMaps(initial, (features,), _flow(clips.crops))


def _flow(crops: Tensor) -> Tensor:
    """Between neighbours, (B, 4, 2, h, w) in heatmap cells."""
    grey = np.ascontiguousarray((crops.mean(dim=2) * 255).byte().numpy())
    between = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    fields = [[between.calc(clip[step], clip[step + 1], None) for step in range(4)] for clip in grey]  # type: ignore[call-overload]
    stride = CROP_SIZE[0] // SIZE[0]
    flow = torch.from_numpy(np.array(fields)).permute(0, 1, 4, 2, 3)
    return torch.nn.functional.avg_pool2d(flow.flatten(0, 1), stride).unflatten(0, flow.shape[:2]) / stride
