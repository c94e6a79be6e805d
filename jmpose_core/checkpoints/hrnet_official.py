"""leoxiaobin/deep-high-resolution-net.pytorch: bare names, head `final_layer` with COCO's 17 joints."""

from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.hrnet_names import TRUNK_START, backbone_name
from jmpose_core.checkpoints.layout import Layout


def _recognises(names: Collection[str]) -> bool:
    return TRUNK_START in names and "transition1.0.0.weight" in names and "classifier.weight" not in names


HRNET_OFFICIAL: Final = Layout(name="HRNet official", recognises=_recognises, rename=backbone_name)
