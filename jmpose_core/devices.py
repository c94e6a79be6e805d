"""Which device computes, and how precisely."""

import torch

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
