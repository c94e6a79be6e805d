"""The compact backbone of jmpose_lite: MobileNetV2 and a light top-down decoder to stride 4."""

from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.heatmaps import SIGMA_LITE, heatmaps_from_logits
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.mobilenet import FEATURE_CHANNELS, DepthwiseConv2d, MobileNetV2
from jmpose_core.skeleton import NUM_JOINTS

DECODER_CHANNELS: Final = (64, 32, 24, 24)  # of the sums at strides 16, 8 and 4, and of the last features


class Separable(nn.Sequential):
    """Depthwise 3x3, 1x1 and ReLU: (N, i, h, w) -> (N, o, h, w)."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__(DepthwiseConv2d(i, 1, bias=False), nn.Conv2d(i, o, 1), nn.ReLU(inplace=True))


class CompactBackbone(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> heatmaps (N, 15, H/4, W/4) and the decoder's last features (N, 24, H/4, W/4).

    H and W are multiples of 32. Layer for layer MoveNet Thunder's trunk, decoder and
    heatmap head, so that its public weights can be the start of the training
    (docs/decisions/backbone-from-thunder.md). The decoder adds each stride's features to the
    upsampled deeper ones (feature pyramid: Lin et al., CVPR 2017). Heatmaps are
    spatial softmaxes of the logits.
    """

    def __init__(self, *, joints: int = NUM_JOINTS) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.deepest = nn.Conv2d(FEATURE_CHANNELS[-1], DECODER_CHANNELS[0], 1)
        self.lateral = nn.ModuleList()
        self.mix = nn.ModuleList()
        for channels, i, o in zip(FEATURE_CHANNELS[2::-1], DECODER_CHANNELS[:-1], DECODER_CHANNELS[1:], strict=True):
            self.lateral.append(nn.Conv2d(channels, i, 1))
            self.mix.append(Separable(i, o))
        self.head = Separable(DECODER_CHANNELS[-1], 96)
        self.final_layer = nn.Conv2d(96, joints, 1)

    def forward(self, x: Tensor) -> BackboneOutput:
        *shallow, deepest = self.trunk(x)
        y = self.deepest(deepest)
        for feature, lateral, mix in zip(reversed(shallow), self.lateral, self.mix, strict=True):
            y = mix(F.interpolate(y, scale_factor=2.0, mode="bilinear") + lateral(feature))
        logits = self.final_layer(self.head(y)).float()
        return BackboneOutput(heatmaps=heatmaps_from_logits(logits, SIGMA_LITE), logits=logits, features=(y,))
