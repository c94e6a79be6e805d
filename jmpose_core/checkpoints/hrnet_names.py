"""Names that every HRNet checkpoint shares: the trunk has those of the official program, ours too."""

import re
from typing import Final

from jmpose_core.checkpoints.layout import LeftOut

TRUNK_START: Final = "conv1.weight"
_CLASSIFIER = LeftOut("ImageNet's classifier; pose has none")
_COARSE = LeftOut("mixes into coarse branches after the last module; pose reads the finest alone")
_OF_CLASSIFIER: Final = re.compile(r"(incre_modules|downsamp_modules|classifier|final_layer\.[01])\.")
_TO_COARSE: Final = re.compile(r"stage4\.2\.fuse_layers\.[123]\.")


def backbone_name(trunk_name: str) -> str | LeftOut:
    """Our name of a trunk's or head's tensor, or why it is left out."""
    if _OF_CLASSIFIER.match(trunk_name):
        return _CLASSIFIER
    if _TO_COARSE.match(trunk_name):
        return _COARSE
    return f"backbone.{trunk_name}"
