"""timm and the official ImageNet classifiers: the official trunk without a pose head, and a classifier around it."""

from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.hrnet_names import TRUNK_START, backbone_name
from jmpose_core.checkpoints.layout import Layout


def _recognises(names: Collection[str]) -> bool:
    return TRUNK_START in names and "transition1.0.0.weight" in names and "classifier.weight" in names


HRNET_TIMM: Final = Layout(
    name="HRNet for ImageNet (timm)", recognises=_recognises, rename=backbone_name, headless=True
)
