"""MoveNet Thunder's public weights as the start of the compact backbone's training (MIT, data/teachers).

Needed for training only: pip install 'jmpose-studio[train]' brings the onnx package.
"""

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.skeleton import JOINTS
from train.teacher import COCO

_HEATMAP_HEAD: Final = "kpt_heatmap_0"
_OTHER_HEADS: Final = ("kpt_regress_0", "kpt_offset_0", "center_0")
_NEAREST: Final = {"head_bottom": ("left_shoulder", "right_shoulder"), "head_top": ("left_eye", "right_eye")}


def thunder_backbone(model: Path) -> CompactBackbone:
    """A compact backbone with Thunder's trunk, decoder and heatmap head.

    The joints that Thunder lacks, neck and head top, start from the mean of the nearest it has.

    Raises:
        WeightsError: onnx is not installed, or the file is not MoveNet Thunder.
    """
    convolutions = _convolutions(model)
    backbone = CompactBackbone()
    layers = [(name, layer) for name, layer in backbone.named_modules() if isinstance(layer, nn.Conv2d)]
    layers = _in_order_of_use(layers)
    if len(layers) != len(convolutions):
        raise WeightsError(f"{model}: {len(convolutions)} convolutions, the backbone has {len(layers)}; not Thunder?")
    for (name, layer), (weight, bias) in zip(layers, convolutions, strict=True):
        if name == "final_layer":
            rows = torch.stack([_row_of(joint) for joint in JOINTS])
            weight, bias = torch.einsum("jc,cihw->jihw", rows, weight), rows @ bias
        if weight.shape != layer.weight.shape:
            raise WeightsError(f"{model}: {name} is {tuple(weight.shape)}, {tuple(layer.weight.shape)} expected")
        with torch.no_grad():
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
    return backbone


def _row_of(joint: str) -> Tensor:
    """Which of Thunder's 17 maps a joint starts from, as weights (17,)."""
    row = torch.zeros(len(COCO))
    for source in _NEAREST.get(joint, (joint,)):
        row[COCO.index(source)] = 1
    return row / row.sum()


def _in_order_of_use(layers: list[tuple[str, nn.Conv2d]]) -> list[tuple[str, nn.Conv2d]]:
    """Modules in the order in which the file computes them: each lateral right before its mix."""
    order = {"trunk": 0, "deepest": 1, "head": 5, "final_layer": 6}

    def key(entry: tuple[str, nn.Conv2d]) -> tuple[int, int]:
        part, _, rest = entry[0].partition(".")
        if part in ("lateral", "mix"):
            return (2 + int(rest.split(".")[0]), 0 if part == "lateral" else 1)
        return (order[part], 0)

    return sorted(layers, key=key)


def _convolutions(model: Path) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution up to the heatmap head, in the file's order."""
    try:
        import onnx  # type: ignore[import-not-found] - an extra
        from onnx import numpy_helper
    except ImportError as error:
        raise WeightsError("reading MoveNet's weights needs onnx: pip install 'jmpose-studio[train]'") from error
    if not model.is_file():
        raise WeightsError(f"{model}: no MoveNet model here; name the data folder with --data")
    graph = onnx.load(str(model)).graph
    arrays = {entry.name: numpy_helper.to_array(entry).astype(np.float32) for entry in graph.initializer}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    found = []
    for node in graph.node:
        if node.op_type != "Conv" or any(head in node.output[0] for head in _OTHER_HEADS):
            continue
        weight = torch.from_numpy(arrays[node.input[1]].copy())
        bias = torch.from_numpy(arrays[node.input[2]].copy()) if len(node.input) > 2 else torch.zeros(len(weight))
        found.append((weight, bias))
    return found
