"""MMPose: trunk under `backbone.`, head under `keypoint_head.` (0.x) or `head.` (1.x)."""

from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.hrnet_names import TRUNK_START, backbone_name
from jmpose_core.checkpoints.layout import Layout, LeftOut

_HEADS: Final = ("keypoint_head.", "head.")


def _recognises(names: Collection[str]) -> bool:
    ours = any(name.startswith("backbone.final_layer.") for name in names)
    return f"backbone.{TRUNK_START}" in names and not ours


def _rename(name: str) -> str | LeftOut:
    if name.startswith("data_preprocessor."):
        return LeftOut("mean and deviation of the input, which the variant has")
    for prefix in ("backbone.", *_HEADS):
        if name.startswith(prefix):
            return backbone_name(name.removeprefix(prefix))
    return name


HRNET_MMPOSE: Final = Layout(name="MMPose", recognises=_recognises, rename=_rename)
