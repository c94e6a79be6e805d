"""princeton-vl/RAFT (raft-things, -sintel, -kitti, -chairs, -small): the same network under its authors' names."""

import re
from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.layout import Layout, LeftOut

# A residual block keeps its shortcut's norm twice: as the last of its own norms, and in `downsample`.
_SHORTCUT_NORM: Final = re.compile(r"cnet\.layer[23]\.0\.norm3\.")
_SHORTCUT_NORM_IS_DOUBLE = LeftOut("the same tensor as downsample.1, which is used")
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^fnet\.", "feature_encoder."),
        (r"^cnet\.", "context_encoder."),
        (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
        (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
        (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
        (r"^(\w+_encoder\.layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
        (r"^(\w+_encoder\.layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
        (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
        (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
        (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
        (r"^update_block\.gru\.conv([zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
        (r"^update_block\.gru\.conv([zrq])\.", r"update_block.recurrent_block.convgru1.conv\1."),
        (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
        (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
    )
)


def _recognises(names: Collection[str]) -> bool:
    return "fnet.conv1.weight" in names


def _rename(name: str) -> str | LeftOut:
    if _SHORTCUT_NORM.match(name):
        return _SHORTCUT_NORM_IS_DOUBLE
    for pattern, replacement in _RULES:
        name = pattern.sub(replacement, name)
    return f"flow.raft.{name}"


RAFT_PRINCETON: Final = Layout(name="princeton-vl RAFT", recognises=_recognises, rename=_rename)
