import torch
from torch import nn

from jmpose_core.model.efficientnet import EfficientNetLite0
from jmpose_core.model.fusing import fuse_batch_norms


def test_fused_trunk_says_the_same_without_batch_norms():
    torch.manual_seed(0)
    trunk = EfficientNetLite0().eval()
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        expected = trunk(image)
        fuse_batch_norms(trunk)
        for before, after in zip(expected, trunk(image), strict=True):
            torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
