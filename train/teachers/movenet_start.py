"""MoveNet's public weights as the start of our trainings (data/teachers; MIT package of Google's models).

Thunder for the compact backbone, MultiPose for the person detector.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from jmpose_core.errors import WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.detector import PersonNet
from jmpose_core.model.mobilenet import TopDownNet
from jmpose_core.skeleton import JOINTS
from train.teachers.labelling import COCO

_DECODER: Final = ("model_1/conv2d", "model_1/separable_conv2d", "model_1/re_lu")  # in the names of the file's nodes
_HEADS: Final = ("kpt_", "box_", "center_0/")
_CURE: Final = "give the MoveNet model that data/teachers has under this name"
# Joints that MoveNet lacks start from the mean of the nearest it has.
_NEAREST: Final = {"head_bottom": ("left_shoulder", "right_shoulder"), "head_top": ("left_eye", "right_eye")}


def thunder_backbone(model: Path) -> CompactBackbone:
    """A compact backbone with Thunder's trunk, decoder and heatmap head.

    Raises:
        WeightsError: the file is not MoveNet Thunder.
    """
    backbone = CompactBackbone()
    graph = _Convolutions(model)
    *head, last = graph.of("kpt_heatmap_0/")
    rows = torch.stack([_row_of(joint) for joint in JOINTS])
    last = (torch.einsum("jc,cihw->jihw", rows, last[0]), rows @ last[1])
    _fill_body(backbone, graph)
    _fill([*_convs(backbone.head), backbone.final_layer], [*head, last])
    return backbone


def multipose_detector(model: Path) -> PersonNet:
    """A person detector with MultiPose's trunk, decoder, and heads for centres, boxes and joints.

    Raises:
        WeightsError: the file is not MoveNet MultiPose.
    """
    network = PersonNet()
    graph = _Convolutions(model)
    _fill_body(network, graph)
    for head in ("center", "box_scale", "box_offset"):
        _fill(_convs(network.get_submodule(head)), graph.of(f"{head}_0/"))
    for head, name in (("heatmap", "kpt_heatmap"), ("regression", "kpt_regress"), ("offset", "kpt_offset")):
        _fill(_convs(network.get_submodule(f"witness.{head}")), graph.of(f"{name}_0/"))
    return network


def _row_of(joint: str) -> Tensor:
    """Which of MoveNet's 17 maps a joint starts from, as weights (17,)."""
    row = torch.zeros(len(COCO))
    for source in _NEAREST.get(joint, (joint,)):
        row[COCO.index(source)] = 1
    return row / row.sum()


def _fill_body(network: TopDownNet, graph: "_Convolutions") -> None:
    """Trunk and decoder; the files differ in when they compute a lateral, not in the order of the laterals."""
    _fill(_convs(network.trunk), graph.but(*_DECODER, *_HEADS))
    _fill([network.deepest, *_convs(network.lateral)], graph.of(_DECODER[0]))
    _fill(_convs(network.mix), graph.of(*_DECODER[1:]))


def _convs(part: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in part.modules() if isinstance(layer, nn.Conv2d)]


def _fill(layers: Sequence[nn.Conv2d], given: Sequence[tuple[Tensor, Tensor]]) -> None:
    if len(layers) != len(given):
        raise WeightsError(f"the ONNX file has {len(given)} convolutions where {len(layers)} are expected: {_CURE}")
    for number, (layer, (weight, bias)) in enumerate(zip(layers, given, strict=True)):
        if weight.shape != layer.weight.shape:
            raise WeightsError(
                f"convolution {number} of a part of the ONNX file is {tuple(weight.shape)}, "
                f"{tuple(layer.weight.shape)} is expected: {_CURE}"
            )
        with torch.no_grad():
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)


class _Convolutions:
    """Weight and bias of each convolution of an ONNX file, in the file's order; half precision becomes single."""

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise WeightsError(f"{model}: no MoveNet model here; name the data folder with --data")
        graph: Any = onnx.load(str(model)).graph
        arrays = {entry.name: numpy_helper.to_array(entry).astype(np.float32) for entry in graph.initializer}
        for node in graph.node:
            if node.op_type == "Cast" and node.input[0] in arrays:
                arrays[node.output[0]] = arrays[node.input[0]]
        self._found: list[tuple[str, Tensor, Tensor]] = []
        for node in graph.node:
            if node.op_type == "Conv":
                weight = torch.from_numpy(arrays[node.input[1]].copy())
                bias = arrays[node.input[2]] if len(node.input) > 2 else np.zeros(len(weight), np.float32)
                self._found.append((node.output[0], weight, torch.from_numpy(bias.copy())))

    def of(self, *parts: str) -> list[tuple[Tensor, Tensor]]:
        """Those whose output's name holds one of `parts`."""
        return [(weight, bias) for name, weight, bias in self._found if any(part in name for part in parts)]

    def but(self, *parts: str) -> list[tuple[Tensor, Tensor]]:
        """All others."""
        return [(weight, bias) for name, weight, bias in self._found if not any(part in name for part in parts)]
