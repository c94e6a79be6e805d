"""Which device computes, how precisely, and how pictures get there."""

import torch
from torch import Tensor

from jmpose_core.errors import EngineError


def pick_device(name: str) -> torch.device:
    """ "auto": the GPU where there is one.

    Raises:
        EngineError: a GPU is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise EngineError("no CUDA device found: use --device cpu, or check the driver with `jmpose doctor`")
    return torch.device(name)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where the processor computes in it, float32 elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())


def backbone_precision(device: torch.device) -> torch.autocast:
    """For a backbone that only answers: float16 on a GPU, float32 on a CPU, never bfloat16.

    bfloat16 moved the bundled backbone's sure joints by 0.7 pixels of the crop, float16 by 0.04
    (docs/decisions/engines.md).
    """
    if device.type == "cuda":
        return torch.autocast("cuda", torch.float16)
    return torch.autocast("cpu", enabled=False)  # also of the meta device, on which costs are counted


def as_images(pictures: Tensor, device: torch.device) -> Tensor:
    """RGB pictures (..., H, W, 3) uint8 -> (..., 3, H, W) in [0, 1] on a device, as every network takes them."""
    return pictures.to(device, non_blocking=True).movedim(-1, -3).float() / 255
