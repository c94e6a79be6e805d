"""Every system of the family at the lite and at the paper's size, and clips for any of them."""

from functools import partial

import torch

from jmpose_core.heatmaps import SIGMA_LITE, encode, heatmaps_from_logits
from jmpose_core.model import dcpose, famipose, jmpose, tdmi
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.dcpose import dcpose_lite_refiner, dcpose_w48_refiner
from jmpose_core.model.famipose import famipose_lite_refiner, famipose_w48_refiner
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.jmpose import jmpose_lite_refiner, jmpose_w48_refiner
from jmpose_core.model.tdmi import tdmi_lite_refiner, tdmi_w48_refiner
from jmpose_core.skeleton import NUM_JOINTS

LITE = {
    "jmpose": jmpose_lite_refiner,
    "jmpose_star": partial(jmpose_lite_refiner, motion="difference"),
    "without_cjl": partial(jmpose_lite_refiner, cjl=False),
    "without_jmml": partial(jmpose_lite_refiner, jmml=False),
    "without_jmib": partial(jmpose_lite_refiner, jmib=False),
    "dcpose": dcpose_lite_refiner,
    "famipose": famipose_lite_refiner,
    "tdmi": tdmi_lite_refiner,
    "tdmi_st": partial(tdmi_lite_refiner, spatio_temporal=True),
}
W48 = {
    "jmpose": jmpose_w48_refiner,
    "jmpose_star": partial(jmpose_w48_refiner, motion="difference"),
    "dcpose": dcpose_w48_refiner,
    "famipose": famipose_w48_refiner,
    "tdmi": tdmi_w48_refiner,
    "tdmi_st": partial(tdmi_w48_refiner, spatio_temporal=True),
}
# The lite systems again, narrow enough to be trained in a test.
SMALL_FEATURES = 12
_JMPOSE = jmpose._Size(
    channels=12, feature_channels=SMALL_FEATURES, stem_blocks=1, offset_groups=3, layers=2, head_blocks=1
)
_FAMIPOSE = famipose._Size(channels=SMALL_FEATURES, grid=(1, 1), offset_groups=3)
_TDMI = tdmi._Size(channels=SMALL_FEATURES, stages=1, offset_groups=3)
_LITE_HEAD = {"softmax_sigma": SIGMA_LITE, "residual": True}
SMALL = {
    "jmpose": partial(jmpose._refiner, _JMPOSE, **_LITE_HEAD),
    "jmpose_star": partial(jmpose._refiner, _JMPOSE, **_LITE_HEAD, motion="difference"),
    "without_cjl": partial(jmpose._refiner, _JMPOSE, **_LITE_HEAD, cjl=False),
    "without_jmml": partial(jmpose._refiner, _JMPOSE, **_LITE_HEAD, jmml=False),
    "without_jmib": partial(jmpose._refiner, _JMPOSE, **_LITE_HEAD, jmib=False),
    "dcpose": partial(
        dcpose._refiner,
        dcpose._Size(context_channels=12, dilations=(1, 2)),
        joints=NUM_JOINTS,
        head=DetectionHead(NUM_JOINTS, NUM_JOINTS, NUM_JOINTS, blocks=0, **_LITE_HEAD),
    ),
    "famipose": partial(famipose._refiner, _FAMIPOSE, affine=False, **_LITE_HEAD),
    "tdmi": partial(tdmi._refiner, _TDMI, spatio_temporal=False, **_LITE_HEAD),
    "tdmi_st": partial(tdmi._refiner, _TDMI, spatio_temporal=True, **_LITE_HEAD),
}
LITE_FEATURES = (24,)
W48_FEATURES = (48, 48, 48, 48)


def random_clips(batch, frames, size, *, features=LITE_FEATURES, seed=0):
    """Softmax heatmaps of blunt and displaced guesses, features and flow."""
    generator = torch.Generator().manual_seed(seed)
    guesses = torch.rand(batch, frames, NUM_JOINTS, 2, generator=generator) * torch.tensor([size[1] - 1.0, size[0] - 1])
    initial = heatmaps_from_logits(4 * encode(guesses, size, SIGMA_LITE), SIGMA_LITE)
    maps = tuple(torch.randn(batch, frames, channels, *size, generator=generator) for channels in features)
    return ClipMaps(initial, maps, torch.randn(batch, 4, 2, *size, generator=generator))


def still(clips):
    """The same clips standing still at their first frame."""
    frames = clips.initial.shape[1]
    initial, *features = (maps[:, :1].expand(-1, frames, -1, -1, -1) for maps in (clips.initial, *clips.features))
    return ClipMaps(initial, tuple(features), torch.zeros_like(clips.flow))


def reversed_in_time(clips):
    """Shown backwards. Flow between neighbours changes its place, and since it then runs backwards, its sign."""
    return ClipMaps(clips.initial.flip(1), tuple(maps.flip(1) for maps in clips.features), -clips.flow.flip(1))


def stir(refiner, std=0.1):
    """Weights that start at zero, or nearly, hide what lies before them: give them values."""
    for parameter in refiner.parameters():
        if parameter.dim() > 1 and parameter.abs().max() < 0.02:
            torch.nn.init.normal_(parameter, std=std)
