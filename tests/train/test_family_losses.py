import math

import pytest
import torch

from jmpose_core.model.famipose import FAMIPoseOutput
from jmpose_core.model.tdmi import TDMIOutput
from train.objectives.family import (
    ALPHA,
    BETA,
    JointGaussian,
    famipose_coded,
    famipose_corrected,
    tdmi_coded,
    tdmi_corrected,
)
from train.objectives.information import coded_kl

B, C, K, H, W = 2, 4, 3, 24, 18


def _mixed(columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(columns, columns, dtype=torch.float64, generator=generator)
    return torch.randn(600, columns, dtype=torch.float64, generator=generator) @ mixing


@pytest.mark.parametrize("seed", range(3))
def test_famiposes_identity_holds_with_the_term_that_its_code_drops(seed):
    """I(y; z~ | z) = I(y; z~) - I(z~; z) + I(z~; z | y)."""
    y, tilde, z = _mixed(9, seed).split([2, 3, 4], dim=1)
    joint = JointGaussian({"y": y, "tilde": tilde, "z": z})
    parts = (
        joint.information("y", "tilde") - joint.information("tilde", "z") + joint.information("tilde", "z", given="y")
    )
    assert float(joint.information("y", "tilde", given="z")) == pytest.approx(float(parts), abs=1e-9)


def test_information_of_two_gaussians_is_that_of_their_correlation():
    cause, noise = torch.randn(2, 20000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    joint = JointGaussian({"a": cause, "b": 0.8 * cause + 0.6 * noise}, shrinkage=0.0)
    assert float(joint.information("a", "b")) == pytest.approx(-math.log(1 - 0.8**2) / 2, abs=0.02)
    assert float(joint.information("b", "a")) == pytest.approx(float(joint.information("a", "b")))


def _maps(count, channels=C, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, channels, H, W, generator=generator).requires_grad_() for _ in range(count)]


def _prediction():
    return torch.rand(B, K, H, W, generator=torch.Generator().manual_seed(9)).requires_grad_()


def _fami(key, merged, fused):
    prediction = _prediction()
    return FAMIPoseOutput(prediction, prediction, key, merged, fused)


def _tdmi(motion, useful, noisy, appearance, fused):
    prediction = _prediction()
    return TDMIOutput(prediction, prediction, motion, useful, noisy, appearance, fused)


def test_famiposes_loss_as_coded():
    key, merged, fused = _maps(3)
    output = _fami(key, merged, fused)
    read_out = torch.nn.Conv2d(C, K, 1)
    terms = famipose_coded(output, read_out)
    y = output.refined
    expected = ALPHA * (
        -BETA * coded_kl(read_out(fused), y)
        + BETA * coded_kl(key, fused)
        + coded_kl(read_out(merged), y)
        - coded_kl(merged, fused)
        + coded_kl(read_out(key), y)
        - coded_kl(key, fused)
    )
    torch.testing.assert_close(terms.total, expected)
    terms.total.backward()
    assert fused.grad.any() and y.grad.any()
    assert key.grad is None and merged.grad is None and read_out.weight.grad is None
    assert len(terms.named) == 5 and not any(value.requires_grad for value in terms.named.values())


def test_tdmis_loss_as_coded():
    motion, useful, noisy, appearance, fused = _maps(5)
    output = _tdmi(motion, useful, noisy, appearance, fused)
    read_out = torch.nn.Conv2d(C, K, 1)
    terms = tdmi_coded(output, read_out)
    y = output.refined
    to_fused = coded_kl(useful, fused) + coded_kl(appearance, fused)
    expected = (
        (2 * coded_kl(useful, noisy, fix_first=False) - coded_kl(motion, useful))
        + (coded_kl(useful, appearance) - to_fused)
        + (coded_kl(read_out(useful), y) + coded_kl(read_out(appearance), y) - to_fused)
    )
    torch.testing.assert_close(terms.total, expected)
    terms.total.backward()
    assert all(maps.grad.any() for maps in (useful, noisy, appearance, fused, y))
    assert motion.grad is None and read_out.weight.grad is None


def test_famipose_corrected_asks_for_what_the_key_frame_does_not_tell():
    truth, key, other, noise = _maps(4, channels=C)
    truth = truth.detach()
    idle = famipose_corrected(_fami(key, other, noise), truth)
    telling = famipose_corrected(_fami(key, other, truth + 0.3 * noise), truth)
    assert telling.named["I(y;fused|key)"] > idle.named["I(y;fused|key)"] + 0.5
    assert telling.total < idle.total


def test_famipose_corrected_punishes_what_is_not_handed_on():
    truth, noise, other = _maps(3)
    truth = truth.detach()
    knows = truth + 0.3 * noise
    lost = famipose_corrected(_fami(other, knows, other), truth)
    kept = famipose_corrected(_fami(other, knows, knows), truth)
    assert lost.named["I(y;merged|fused)"] > 0.5
    assert kept.named["I(y;merged|fused)"] < 0.05
    assert kept.total < lost.total


def test_the_fixed_sources_are_not_taught_to_forget():
    key, merged, fused = _maps(3)
    truth = torch.randn(B, K, H, W)
    famipose_corrected(_fami(key, merged, fused), truth).total.backward()
    assert key.grad is None and merged.grad is None and fused.grad.any()
    motion, useful, noisy, appearance, fused = _maps(5)
    tdmi_corrected(_tdmi(motion, useful, noisy, appearance, fused), truth).total.backward()
    assert appearance.grad is None
    assert all(maps.grad.any() for maps in (useful, noisy, fused))


def test_tdmi_corrected_wants_each_channel_in_one_gate_and_the_telling_ones_in_the_useful():
    motion, appearance, fused = (maps.detach() for maps in _maps(3))
    truth = motion[:, :2] + 0.3 * torch.randn(B, 2, H, W)
    first, last = (torch.tensor(gate).view(1, C, 1, 1) for gate in ([0.99, 0.99, 0.01, 0.01], [0.01, 0.01, 0.99, 0.99]))

    def loss(useful, noisy):
        return tdmi_corrected(_tdmi(motion, useful * motion, noisy * motion, appearance, fused), truth)

    apart, swapped, alike = loss(first, last), loss(last, first), loss(first, first)
    assert apart.named["I(useful;noisy)"] < 0.1 < alike.named["I(useful;noisy)"]
    assert apart.named["I(y;useful)"] > swapped.named["I(y;useful)"] + 0.2
    assert apart.total < swapped.total < alike.total


def test_estimates_stay_in_single_precision_under_autocast():
    key, merged, fused = (maps.detach().bfloat16() for maps in _maps(3))
    with torch.autocast("cpu", torch.bfloat16):
        total = famipose_corrected(_fami(key, merged, fused), torch.rand(B, K, H, W)).total
    assert total.dtype == torch.float32 and torch.isfinite(total)
