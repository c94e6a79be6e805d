import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from jmpose_core.model.blocks import ModulatedDeformConv, chain, spatial_log_softmax

GROUPS = 2


def _deform_inputs():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 7, 6, generator=generator)
    # Between whole cells, where bilinear sampling has a gradient.
    offset = torch.randint(-3, 4, (2, 18 * GROUPS, 7, 6), generator=generator) + 0.3
    mask = torch.rand(2, 9 * GROUPS, 7, 6, generator=generator)
    return x.requires_grad_(), offset.requires_grad_(), mask.requires_grad_()


def test_deformable_convolution_on_a_cpu_is_torchvisions():
    conv = ModulatedDeformConv(4, 5, dilation=2)
    inputs = _deform_inputs()
    ours = conv(*inputs)
    x, offset, mask = inputs
    theirs = deform_conv2d(x, offset, conv.weight, conv.bias, padding=2, dilation=2, mask=mask)
    torch.testing.assert_close(ours, theirs)
    wrt = (*inputs, conv.weight, conv.bias)
    for own, other in zip(
        torch.autograd.grad(ours.sin().sum(), wrt), torch.autograd.grad(theirs.sin().sum(), wrt), strict=True
    ):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def test_without_offsets_it_is_a_plain_dilated_convolution():
    conv = ModulatedDeformConv(4, 5, dilation=3)
    x, offset, mask = _deform_inputs()
    plain = F.conv2d(x, conv.weight, conv.bias, padding=3, dilation=3)
    torch.testing.assert_close(conv(x, torch.zeros_like(offset), torch.ones_like(mask)), plain, rtol=1e-4, atol=1e-5)


def test_it_keeps_single_precision_under_autocast():
    conv = ModulatedDeformConv(4, 5, dilation=1)
    x, offset, mask = _deform_inputs()
    with torch.autocast("cpu", torch.bfloat16):
        low = conv(x, offset, mask)
    torch.testing.assert_close(low, conv(x, offset, mask))


def test_chain_projects_its_first_shortcut_only_and_is_not_negative():
    blocks = chain(6, 6, 3)
    assert [block.downsample is not None for block in blocks] == [True, False, False]
    out = blocks(torch.randn(2, 6, 5, 4))
    assert out.shape == (2, 6, 5, 4)
    assert (out >= 0).all()


def test_spatial_softmax_sums_to_one_also_from_half_precision():
    logits = (40 * torch.randn(2, 3, 8, 6)).bfloat16()
    log_probability = spatial_log_softmax(logits, temperature=0.05)
    assert log_probability.shape == (2, 3, 48)
    torch.testing.assert_close(log_probability.exp().sum(-1), torch.ones(2, 3))
