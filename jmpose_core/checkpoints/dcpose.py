"""Pose-Group/DCPose: HRNet under `rough_pose_estimation_net.`, and its temporal part (PRF, PTM, PCN).

The published ones have PoseTrack18's 17 slots, two of them ears that are never labelled. The blocks of the
temporal part mix all slots, so that none can be cut out of it: they stay, and `dcpose_w48(joints=17)` picks its 15
joints at the end.
"""

import re
from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.hrnet_names import TRUNK_START, backbone_name
from jmpose_core.checkpoints.layout import Layout, LeftOut, Tensors

_BACKBONE: Final = "rough_pose_estimation_net."
_FUSIONS: Final = {
    "diff_temporal_fuse.layers.": "refiner.residual_fusion.",  # PRF
    "support_temporal_fuse.layers.": "refiner.temporal_merger.",  # PTM
    "offset_mask_combine_conv.layers.": "refiner.combine.",
}
_CONV_OR_NORM: Final = {"conv": "0", "bn": "1"}
_FOLDED_BIAS: Final = re.compile(r"refiner\.(residual_fusion|temporal_merger|combine)\..*\.0\.bias$")


def _recognises(names: Collection[str]) -> bool:
    return f"{_BACKBONE}{TRUNK_START}" in names


def _rename(name: str) -> str | LeftOut:
    if name.startswith(_BACKBONE):
        return backbone_name(name.removeprefix(_BACKBONE))
    for theirs, ours in _FUSIONS.items():
        if name.startswith(theirs):
            return ours + _step_name(name.removeprefix(theirs))
    name = re.sub(r"^offsets_list\.(\d)\.0\.", r"refiner.correction.offsets.\1.", name)
    name = re.sub(r"^masks_list\.(\d)\.0\.", r"refiner.correction.masks.\1.", name)
    return re.sub(r"^modulated_deform_conv_list\.(\d)\.deform_conv\.", r"refiner.correction.samples.\1.", name)


def _step_name(name: str) -> str:
    """Name inside a chain of residual steps blocks: branches and steps count from 1 there, from 0 here."""
    name = re.sub(r"\.(conv|bn)\.(\w+)$", lambda found: f".{_CONV_OR_NORM[found[1]]}.{found[2]}", name)
    name = name.replace(".conv_bn_relu1.", ".spread.").replace(".conv_bn_relu3.", ".gather.")
    return re.sub(
        r"\.conv_bn_relu2_(\d)_(\d)\.", lambda found: f".branches.{int(found[1]) - 1}.{int(found[2]) - 1}.", name
    )


def _fold_biases(tensors: Tensors) -> Tensors:
    """A bias before a batch norm shifts its mean and nothing else; our blocks have no such biases."""
    folded = {name: tensor for name, tensor in tensors.items() if not _FOLDED_BIAS.match(name)}
    for name in tensors.keys() - folded.keys():
        mean = name.removesuffix("0.bias") + "1.running_mean"
        if mean not in folded or folded[mean].shape != tensors[name].shape:
            return tensors  # a torn file: matching names what is wrong
        folded[mean] = folded[mean] - tensors[name]
    return folded


DCPOSE: Final = Layout(
    name="DCPose", recognises=_recognises, rename=_rename, finish=_fold_biases, system="dcpose", joints="posetrack18"
)
