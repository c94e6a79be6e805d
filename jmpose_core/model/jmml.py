"""JMML, the progressive joint-motion mutual learning, and its layer JMIB (paper eqs. 6-10, docs/model.md)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jmpose_core.model.blocks import chain


class CrossAttention(nn.Module):
    """Each cell of one stream asks the patches of the other: two maps (B, C, h, w) -> (B, C, h, w).

    One head. Keys and values are convolutions over patches of stride x stride
    cells (stride 1 is full attention); h and w are multiples of the stride.
    """

    def __init__(self, channels: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, stride, stride, bias=False)  # the softmax takes a bias out again
        self.value = nn.Conv2d(channels, channels, stride, stride)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        size = asking.shape[-2:]
        query = _tokens(self.query(asking) + sine_position(asking, stride=1))
        keys = self.key(asked)
        keys = _tokens(keys + sine_position(keys, stride=self.stride))
        values = _tokens(self.value(asked))
        answer = F.scaled_dot_product_attention(query, keys, values)
        return answer.squeeze(1).transpose(1, 2).unflatten(2, size)


class JointMotionBlock(nn.Module):
    """JMIB: joint and motion features (B, C, h, w) learn from each other and are gated together.

    Both attentions start from the features before either is updated (fig. 3).
    The paper prints the gate without a learned layer between the concatenation and the
    sigmoid, so that each stream becomes x * sigmoid(x) and nothing is exchanged; here there is one.

    Args:
        kv_stride: of keys and values, in cells; 1 is full attention.
        printed_gate: the gate as equations 9 and 10 print it.
    """

    def __init__(self, channels: int, *, kv_stride: int, printed_gate: bool = False) -> None:
        super().__init__()
        self.joint_chain = chain(channels, channels, 1)
        self.motion_chain = chain(channels, channels, 1)
        self.joint_from_motion = CrossAttention(channels, stride=kv_stride)
        self.motion_from_joint = CrossAttention(channels, stride=kv_stride)
        learnt = (chain(2 * channels, channels, 1), nn.Conv2d(channels, 2 * channels, 3, padding=1))
        self.gate = nn.Sequential(*(() if printed_gate else learnt), nn.Sigmoid())

    def forward(self, joint: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        joint, motion = self.joint_chain(joint), self.motion_chain(motion)
        joint, motion = (
            joint + self.joint_from_motion(joint, motion),
            motion + self.motion_from_joint(motion, joint),
        )
        joint_gate, motion_gate = self.gate(torch.cat([joint, motion], dim=1)).chunk(2, dim=1)
        return joint * joint_gate, motion * motion_gate


class MutualLearning(nn.Module):
    """JMML: L blocks in a row. Returns the joint and the motion features after each, so that the IO objective sees all.

    Without layers (the ablation without JMIB) the features come back as they are, as of one layer.
    """

    def __init__(self, channels: int, *, layers: int, kv_stride: int, printed_gate: bool = False) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            JointMotionBlock(channels, kv_stride=kv_stride, printed_gate=printed_gate) for _ in range(layers)
        )

    def forward(self, joint: Tensor, motion: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        if not self.blocks:
            return (joint,), (motion,)
        joints, motions = [], []
        for block in self.blocks:
            joint, motion = block(joint, motion)
            joints.append(joint)
            motions.append(motion)
        return tuple(joints), tuple(motions)


def sine_position(like: Tensor, *, stride: int) -> Tensor:
    """Sines and cosines of each cell's row and column: (C, h, w) for a map (..., C, h, w), C a multiple of 4.

    A map of patches gets the positions of their centres in cells, so that it
    speaks of the same places as the map it was made from. Wavelengths run from
    6 to 600 cells (as Carion et al., ECCV 2020, fitted to maps of this size).
    """
    channels, height, width = like.shape[-3:]
    centre = (stride - 1) / 2
    rows = torch.arange(height, device=like.device) * stride + centre
    columns = torch.arange(width, device=like.device) * stride + centre
    octave = torch.arange(channels // 4, device=like.device) / (channels // 4)
    frequency = 100.0**-octave
    y = (frequency[:, None] * rows)[:, :, None].expand(-1, height, width)
    x = (frequency[:, None] * columns)[:, None, :].expand(-1, height, width)
    return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()]).to(like.dtype)


def _tokens(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, 1, h * w, C), one head; contiguous, without which attention takes its slow path."""
    return maps.flatten(2).transpose(1, 2).contiguous().unsqueeze(1)
