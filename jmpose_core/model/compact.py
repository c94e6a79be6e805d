"""The compact backbone of jmpose_lite: EfficientNet-Lite0 and a top-down decoder to stride 4."""

import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.heatmaps import SIGMA_LITE, heatmaps_from_logits
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.efficientnet import FEATURE_CHANNELS, EfficientNetLite0
from jmpose_core.skeleton import NUM_JOINTS


def _conv(i: int, o: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(i, o, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)
    )


class CompactBackbone(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> heatmaps (N, 15, H/4, W/4) and the decoder's last features (N, 48, H/4, W/4).

    H and W are multiples of 32. The decoder joins each stride's features to the
    upsampled deeper ones, and a 3x3 convolution mixes them (feature pyramid:
    Lin et al., CVPR 2017). Heatmaps are spatial softmaxes of the logits.
    """

    def __init__(self, *, joints: int = NUM_JOINTS, widths: tuple[int, int, int, int] = (48, 64, 96, 128)) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0()
        deepest = widths[-1]
        self.context = _conv(FEATURE_CHANNELS[-1], deepest, 3)
        self.lateral = nn.ModuleList()
        self.mix = nn.ModuleList()
        for channels, width, deeper in zip(FEATURE_CHANNELS[2::-1], widths[2::-1], widths[:0:-1], strict=True):
            self.lateral.append(nn.Conv2d(channels, deeper, 1))
            self.mix.append(_conv(deeper, width, 3))
        self.final_layer = nn.Conv2d(widths[0], joints, 1)

    def forward(self, x: Tensor) -> BackboneOutput:
        *shallow, deepest = self.trunk(x)
        y = self.context(deepest)
        for feature, lateral, mix in zip(reversed(shallow), self.lateral, self.mix, strict=True):
            y = mix(F.interpolate(y, size=feature.shape[-2:], mode="bilinear") + lateral(feature))
        logits = self.final_layer(y).float()
        return BackboneOutput(heatmaps=heatmaps_from_logits(logits, SIGMA_LITE), logits=logits, features=(y,))
