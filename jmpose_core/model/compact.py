"""The compact backbone of jmpose_lite: the size of MoveNet Thunder."""

from collections.abc import Mapping
from typing import Final

from torch import Tensor, nn

from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.heatmaps import SIGMA_LITE, heatmaps_from_logits
from jmpose_core.model.mobilenet import DECODER_CHANNELS, SUM_CHANNELS, Separable, TopDownNet
from jmpose_core.model.prior import PriorEmbedding
from jmpose_core.skeleton import NUM_JOINTS

_OF_WHOLE: Final = "backbone."  # before its tensors' names in a whole network's file


class CompactBackbone(TopDownNet):
    """(N, 3, H, W) RGB in [-1, 1] -> heatmaps (N, 15, H/4, W/4) and the decoder's last features (N, 24, H/4, W/4).

    H and W are multiples of 32. Heatmaps are spatial softmaxes of the logits.

    Args:
        prior: whether it takes a person prior, which says which person is meant (`jmpose_core.model.prior`).
    """

    def __init__(self, *, joints: int = NUM_JOINTS, prior: bool = False) -> None:
        super().__init__(width=1.75)
        self.head = Separable(DECODER_CHANNELS, 96)
        self.final_layer = nn.Conv2d(96, joints, 1)
        trunk_channels = self.trunk.feature_channels[:-1]
        self.prior = (
            PriorEmbedding(trunk_channels=trunk_channels, sum_channels=SUM_CHANNELS[::-1], joints=joints)
            if prior
            else None
        )

    def forward(self, x: Tensor, prior: Tensor | None = None) -> BackboneOutput:
        """`prior`: (N, PRIOR_CHANNELS, H/4, W/4) of `person_prior`; None where nothing is known of the person.

        Raises:
            ValueError: a prior is given to a backbone that was built without one.
        """
        additions, to_logits = None, None
        if prior is not None:
            if self.prior is None:
                raise ValueError("this backbone takes no person prior; its weights were trained without one")
            additions, to_logits = self.prior(prior)
        y = self.decoded(x, additions)
        logits = self.final_layer(self.head(y)).float()
        if to_logits is not None:
            logits = logits + to_logits.float()
        return BackboneOutput(heatmaps=heatmaps_from_logits(logits, SIGMA_LITE), logits=logits, features=(y,))


def backbone_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's tensors out of those of a whole network, or of a backbone alone, by the backbone's own names."""
    own = {name.removeprefix(_OF_WHOLE): value for name, value in state.items() if name.startswith(_OF_WHOLE)}
    return own or dict(state)


def has_prior(state: Mapping[str, Tensor]) -> bool:
    """Whether these tensors are of a CompactBackbone that was built with `prior`."""
    return any(name.startswith("prior.") for name in state)
