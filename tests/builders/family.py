"""Every system of the family at the lite and at the paper's size, and clips for any of them."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from jmpose_core.model import dcpose, famipose, jmpose, tdmi
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.dcpose import dcpose_lite_refiner, dcpose_w48_refiner
from jmpose_core.model.famipose import famipose_lite_refiner, famipose_w48_refiner
from jmpose_core.model.heads import DetectionHead
from jmpose_core.model.heatmaps import SIGMA_LITE, encode, heatmaps_from_logits
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
    "without_cjl": partial(jmpose_w48_refiner, cjl=False),
    "without_jmml": partial(jmpose_w48_refiner, jmml=False),
    "without_jmib": partial(jmpose_w48_refiner, jmib=False),
    "dcpose": dcpose_w48_refiner,
    "famipose": famipose_w48_refiner,
    "tdmi": tdmi_w48_refiner,
    "tdmi_st": partial(tdmi_w48_refiner, spatio_temporal=True),
}
# Both again, narrow enough to be trained in a test: with the lite systems' residual softmax heads (SMALL), and as the
# papers have them (SMALL_PAPER), heatmaps regressed, not added to the initial ones, of features of two stages.
SMALL_FEATURES = 12
_JMPOSE = jmpose._Size(
    channels=12, feature_channels=SMALL_FEATURES, stem_blocks=1, offset_groups=3, layers=2, head_blocks=1
)
_FAMIPOSE = famipose._Size(channels=SMALL_FEATURES, grid=(1, 1), offset_groups=3)
_TDMI = tdmi._Size(channels=SMALL_FEATURES, stages=1, offset_groups=3)
_TWO_STAGES = tdmi._Size(channels=SMALL_FEATURES, stages=2, offset_groups=3)
_DCPOSE = dcpose._Size(context_channels=12, dilations=(1, 2))


def _small(tdmi_size, dcpose_head, **head):
    return {
        "jmpose": partial(jmpose._refiner, _JMPOSE, **head),
        "jmpose_star": partial(jmpose._refiner, _JMPOSE, **head, motion="difference"),
        "without_cjl": partial(jmpose._refiner, _JMPOSE, **head, cjl=False),
        "without_jmml": partial(jmpose._refiner, _JMPOSE, **head, jmml=False),
        "without_jmib": partial(jmpose._refiner, _JMPOSE, **head, jmib=False),
        "dcpose": lambda: dcpose._refiner(_DCPOSE, joints=NUM_JOINTS, head=dcpose_head()),
        "famipose": partial(famipose._refiner, _FAMIPOSE, affine=False, **head),
        "tdmi": partial(tdmi._refiner, tdmi_size, spatio_temporal=False, **head),
        "tdmi_st": partial(tdmi._refiner, tdmi_size, spatio_temporal=True, **head),
    }


_LITE_HEAD = {"softmax_sigma": SIGMA_LITE, "residual": True}
_DCPOSE_LITE_HEAD = partial(DetectionHead, NUM_JOINTS, NUM_JOINTS, NUM_JOINTS, blocks=0, **_LITE_HEAD)
SMALL = _small(_TDMI, _DCPOSE_LITE_HEAD, **_LITE_HEAD)
SMALL_PAPER = _small(_TWO_STAGES, lambda: None, softmax_sigma=None, residual=False)
LITE_FEATURES = (24,)
W48_FEATURES = (48, 48, 48, 48)
SMALL_PAPER_FEATURES = (SMALL_FEATURES, SMALL_FEATURES)


class Form(NamedTuple):
    """All nine systems in one form, and the channels of the features that they take."""

    systems: dict[str, Callable[[], Refiner]]
    features: tuple[int, ...]


FORMS = {
    "lite": Form(LITE, LITE_FEATURES),
    "small_paper": Form(SMALL_PAPER, SMALL_PAPER_FEATURES),
    "w48": Form(W48, W48_FEATURES),
}


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
