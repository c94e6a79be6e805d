"""Checkpoint files in the layouts of other programs, of full shapes but next to no size: every tensor is one number."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

Shapes = dict[str, torch.Size]


def shapes_of(network: nn.Module) -> Shapes:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def hollow(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these shapes that share one stored number each."""
    return {
        name: torch.zeros((), dtype=torch.long if name.endswith("num_batches_tracked") else torch.float).expand(shape)
        for name, shape in shapes.items()
    }


def saved(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def hrnet_shapes(width: int, *, joints: int = 17) -> Shapes:
    """Names and shapes of the official HRNet, put down from the description of its stages, not from our network."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv_bn(conv: str, norm: str, i: int, o: int, kernel: int) -> None:
        shapes[f"{conv}.weight"] = (o, i, kernel, kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{part}"] = (o,)
        shapes[f"{norm}.num_batches_tracked"] = ()

    def step(name: str, i: int, o: int, kernel: int = 3) -> None:
        conv_bn(f"{name}.0", f"{name}.1", i, o, kernel)

    conv_bn("conv1", "bn1", 3, 64, 3)
    conv_bn("conv2", "bn2", 64, 64, 3)
    for block in range(4):
        widths = (64 if block == 0 else 256, 64, 64, 256)
        for layer, kernel in enumerate((1, 3, 1)):
            name = f"layer1.{block}."
            conv_bn(f"{name}conv{layer + 1}", f"{name}bn{layer + 1}", widths[layer], widths[layer + 1], kernel)
    step("layer1.0.downsample", 64, 256, 1)
    step("transition1.0", 256, width)
    step("transition1.1.0", 256, 2 * width)
    step("transition2.2.0", 2 * width, 4 * width)
    step("transition3.3.0", 4 * width, 8 * width)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        branches = [width * 2**branch for branch in range(stage)]
        for module in range(modules):
            name = f"stage{stage}.{module}"
            for branch, channels in enumerate(branches):
                for block in range(4):
                    for layer in (1, 2):
                        inside = f"{name}.branches.{branch}.{block}."
                        conv_bn(f"{inside}conv{layer}", f"{inside}bn{layer}", channels, channels, 3)
            last = (stage, module) == (4, 2)  # reads the finest branch alone
            for to, o in enumerate(branches[:1] if last else branches):
                for start, i in enumerate(branches):
                    fuse = f"{name}.fuse_layers.{to}.{start}"
                    if start > to:
                        step(fuse, i, o, 1)
                    for halving in range(to - start):
                        step(f"{fuse}.{halving}", i, o if halving == to - start - 1 else i)
    shapes |= {"final_layer.weight": (joints, width, 1, 1), "final_layer.bias": (joints,)}
    return {name: torch.Size(shape) for name, shape in shapes.items()}


def princeton_shapes(*, small: bool) -> Shapes:
    """Names and shapes of princeton-vl/RAFT's two networks, put down from the description of its parts."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, o: int, i: int, *kernel: int) -> None:
        shapes[f"{name}.weight"] = (o, i, *kernel)
        shapes[f"{name}.bias"] = (o,)

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)
        shapes[f"{name}.num_batches_tracked"] = ()

    widths = (32, 32, 64, 96) if small else (64, 64, 96, 128)
    for net, out in (("fnet", 128 if small else 256), ("cnet", 160 if small else 256)):
        normed = net == "cnet" and not small  # instance norms have no tensors, and the small context none at all
        conv(f"{net}.conv1", widths[0], 3, 7, 7)
        if normed:
            norm(f"{net}.norm1", widths[0])
        for layer in (1, 2, 3):
            for block in (0, 1):
                o, i = widths[layer], widths[layer - 1] if block == 0 else widths[layer]
                name = f"{net}.layer{layer}.{block}"
                if small:
                    conv(f"{name}.conv1", o // 4, i, 1, 1)
                    conv(f"{name}.conv2", o // 4, o // 4, 3, 3)
                    conv(f"{name}.conv3", o, o // 4, 1, 1)
                else:
                    conv(f"{name}.conv1", o, i, 3, 3)
                    conv(f"{name}.conv2", o, o, 3, 3)
                halves = layer > 1 and block == 0
                if halves:
                    conv(f"{name}.downsample.0", o, i, 1, 1)
                if normed:
                    names = ("norm1", "norm2", "norm3", "downsample.1") if halves else ("norm1", "norm2")
                    for part in names:
                        norm(f"{name}.{part}", o)
        conv(f"{net}.conv2", out, widths[3], 1, 1)
    hidden, encoder = (96, "update_block.encoder") if small else (128, "update_block.encoder")
    if small:
        conv(f"{encoder}.convc1", 96, 4 * 7 * 7, 1, 1)
        conv(f"{encoder}.convf1", 64, 2, 7, 7)
        conv(f"{encoder}.convf2", 32, 64, 3, 3)
        conv(f"{encoder}.conv", 80, 128, 3, 3)
        for gate in "zrq":
            conv(f"update_block.gru.conv{gate}", hidden, hidden + 64 + 82, 3, 3)
    else:
        conv(f"{encoder}.convc1", 256, 4 * 9 * 9, 1, 1)
        conv(f"{encoder}.convc2", 192, 256, 3, 3)
        conv(f"{encoder}.convf1", 128, 2, 7, 7)
        conv(f"{encoder}.convf2", 64, 128, 3, 3)
        conv(f"{encoder}.conv", 126, 256, 3, 3)
        for gate in "zrq":
            conv(f"update_block.gru.conv{gate}1", hidden, 3 * hidden, 1, 5)
            conv(f"update_block.gru.conv{gate}2", hidden, 3 * hidden, 5, 1)
        conv("update_block.mask.0", 256, 128, 3, 3)
        conv("update_block.mask.2", 576, 256, 1, 1)
    conv("update_block.flow_head.conv1", 128 if small else 256, hidden, 3, 3)
    conv("update_block.flow_head.conv2", 2, 128 if small else 256, 3, 3)
    return {name: torch.Size(shape) for name, shape in shapes.items()}


def dcpose_temporal_shapes(joints: int) -> Shapes:
    """Names and shapes of DCPose's PRF, PTM and PCN for this many maps, put down from the description of its parts."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv_bn(name: str, i: int, o: int, kernel: int) -> None:
        shapes[f"{name}.conv.weight"] = (o, i, kernel, kernel)
        for part in ("conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
            shapes[f"{name}.{part}"] = (o,)
        shapes[f"{name}.bn.num_batches_tracked"] = ()

    chains = {
        "diff_temporal_fuse": (4 * joints, 2 * joints, 2),
        "support_temporal_fuse": (3 * joints, joints, 1),
        "offset_mask_combine_conv": (3 * joints, 64, 2),
    }
    for chain, (i, o, blocks) in chains.items():
        for block in range(blocks):
            name, width = f"{chain}.layers.{block}", (i if block == 0 else o) * 26 // 64
            conv_bn(f"{name}.conv_bn_relu1", i if block == 0 else o, 4 * width, 1)
            for branch in range(1, 5):
                for step in range(1, branch + 1):
                    conv_bn(f"{name}.conv_bn_relu2_{branch}_{step}", width, width, 3)
            conv_bn(f"{name}.conv_bn_relu3", 4 * width, o, 1)
            if block == 0:
                conv_bn(f"{name}.downsample", i, o, 1)
    for index in range(5):
        shapes[f"offsets_list.{index}.0.weight"] = (18 * joints, 64, 3, 3)
        shapes[f"masks_list.{index}.0.weight"] = (9 * joints, 64, 3, 3)
        shapes[f"modulated_deform_conv_list.{index}.deform_conv.weight"] = (joints, joints, 3, 3)
        shapes[f"modulated_deform_conv_list.{index}.deform_conv.bias"] = (joints,)
    return {name: torch.Size(shape) for name, shape in shapes.items()}
