"""The compact backbone of jmpose_lite: the size of MoveNet Thunder."""

from torch import Tensor, nn

from jmpose_core.heatmaps import SIGMA_LITE, heatmaps_from_logits
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.mobilenet import DECODER_CHANNELS, Separable, TopDownNet
from jmpose_core.skeleton import NUM_JOINTS


class CompactBackbone(TopDownNet):
    """(N, 3, H, W) RGB in [-1, 1] -> heatmaps (N, 15, H/4, W/4) and the decoder's last features (N, 24, H/4, W/4).

    H and W are multiples of 32. Heatmaps are spatial softmaxes of the logits.
    """

    def __init__(self, *, joints: int = NUM_JOINTS) -> None:
        super().__init__(width=1.75)
        self.head = Separable(DECODER_CHANNELS, 96)
        self.final_layer = nn.Conv2d(96, joints, 1)

    def forward(self, x: Tensor) -> BackboneOutput:
        y = self.decoded(x)
        logits = self.final_layer(self.head(y)).float()
        return BackboneOutput(heatmaps=heatmaps_from_logits(logits, SIGMA_LITE), logits=logits, features=(y,))
