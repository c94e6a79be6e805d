import math

import numpy as np
import pytest
import torch
from torch import nn

from jmpose_core.model.heatmaps import encode
from train.objectives.information import (
    FAMILY_TEMPERATURE,
    FamilyInformation,
    GaussianInformation,
    VariationalInformation,
    coded_kl,
    gaussian_terms,
    information_orthogonality,
    orthogonality_terms,
)

EXACT = 1e-9


def _features(batch=2, channels=6, joints=3, size=(12, 9)):
    joint = torch.randn(batch, channels, *size, requires_grad=True)
    motion = torch.randn(batch, channels, *size, requires_grad=True)
    return joint, motion, torch.rand(batch, joints, *size, requires_grad=True)


def _sum_of(terms):
    return terms.relevancy + terms.complement + terms.redundancy


@pytest.mark.parametrize("seed", range(4))
def test_the_three_gaussian_terms_sum_to_the_conditional_information(seed):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(500, 14, dtype=torch.float64, generator=generator)
    rows = rows @ torch.randn(14, 14, dtype=torch.float64, generator=generator)
    joint, motion, heatmaps = rows.split([5, 6, 3], dim=1)
    terms = gaussian_terms(joint, motion, heatmaps, shrinkage=1e-2)
    assert float(_sum_of(terms)) == pytest.approx(float(terms.total), abs=EXACT)
    # As a figure of the authors has it: the same with J and M changed about.
    swapped = gaussian_terms(motion, joint, heatmaps, shrinkage=1e-2)
    assert float(_sum_of(swapped)) == pytest.approx(float(terms.total), abs=EXACT)


def test_gaussian_total_is_the_information_left_when_h_is_known():
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(400, 9, dtype=torch.float64, generator=generator)
    rows = rows @ torch.randn(9, 9, dtype=torch.float64, generator=generator)
    terms = gaussian_terms(*rows.split([3, 4, 2], dim=1), shrinkage=0.0)
    covariance = torch.cov(rows.T)
    known = covariance[7:, 7:]
    left = covariance[:7, :7] - covariance[:7, 7:] @ torch.linalg.solve(known, covariance[7:, :7])
    expected = (torch.logdet(left[:3, :3]) + torch.logdet(left[3:, 3:]) - torch.logdet(left)) / 2
    assert float(terms.total) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_terms_are_what_their_names_say_for_discrete_variables_too(seed):
    """Eq. 13 is the chain rule and no property of Gaussians: against each information's definition."""
    p = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(3 * 4 * 5)).reshape(3, 4, 5))  # axes J, M, H
    entropies = {
        name: _entropy(p.sum(dim=[axis for axis, variable in enumerate("jmh") if variable not in name]))
        for name in ("j", "m", "h", "jm", "jh", "mh")
    }
    terms = orthogonality_terms(**entropies, jmh=_entropy(p))
    assert float(terms.relevancy) == pytest.approx(_information(p.sum(2)), abs=EXACT)
    assert float(terms.complement) == pytest.approx(-_information(p.sum(1)), abs=EXACT)
    assert float(terms.redundancy) == pytest.approx(_mean_information(p.unbind(1)), abs=EXACT)
    assert float(terms.total) == pytest.approx(_mean_information(p.unbind(2)), abs=EXACT)
    assert float(_sum_of(terms)) == pytest.approx(float(terms.total), abs=EXACT)


def _entropy(p):
    return -(p * p.log()).sum()


def _information(p):
    """Of two variables, from their table: how far it is from that of independent ones."""
    return float((p * (p / torch.outer(p.sum(1), p.sum(0))).log()).sum())


def _mean_information(tables):
    """Of two variables where a third is known: one table for each of its values, which together sum to 1."""
    return sum(float(table.sum()) * _information(table / table.sum()) for table in tables)


def test_only_overlap_beyond_the_heatmaps_costs():
    torch.manual_seed(0)
    heatmaps, common, own_j, own_m = torch.randn(4, 4000, 3)
    noise = 0.3
    told_by_h = gaussian_terms(heatmaps + noise * own_j, heatmaps + noise * own_m, heatmaps, shrinkage=1e-2)
    beyond_h = gaussian_terms(common + noise * own_j, common + noise * own_m, heatmaps, shrinkage=1e-2)
    assert told_by_h.relevancy > 2
    assert told_by_h.total < 0.05
    assert beyond_h.total > 2


def test_gaussian_estimate_survives_dead_channels_and_spares_the_target():
    joint, motion, heatmaps = _features()
    dead = torch.tensor([0.0, 1, 1, 1, 1, 1]).view(1, 6, 1, 1)
    terms = GaussianInformation(cells=64)(joint * dead, motion, heatmaps)
    terms.total.backward()
    assert torch.isfinite(joint.grad).all() and joint.grad.any() and motion.grad.any()
    assert heatmaps.grad is None


def test_gaussian_estimate_keeps_single_precision_under_autocast():
    joint, motion, heatmaps = _features()
    with torch.autocast("cpu", torch.bfloat16):
        terms = GaussianInformation()(joint.bfloat16(), motion.bfloat16(), heatmaps)
    assert terms.total.dtype == torch.float32
    torch.testing.assert_close(_sum_of(terms), terms.total, rtol=0, atol=1e-4)


def test_layers_add_up_and_none_costs_nothing():
    joint, motion, heatmaps = _features()
    estimate = GaussianInformation(cells=10**6)
    once = estimate(joint, motion, heatmaps)
    twice = information_orthogonality(estimate, (joint, joint), (motion, motion), heatmaps)
    torch.testing.assert_close(twice.total, 2 * once.total)
    assert information_orthogonality(estimate, (), (), heatmaps).total == 0


def test_variational_terms_reach_the_features_and_their_probes_are_taught_apart():
    joint, motion, heatmaps = _features()
    estimate = VariationalInformation(channels=6, joints=3)
    terms = estimate(joint, motion, heatmaps)
    terms.total.backward()
    assert 0 <= terms.relevancy <= math.log(2)
    assert terms.redundancy >= 0
    assert joint.grad.any() and motion.grad.any() and heatmaps.grad is None
    assert all(parameter.grad is None for parameter in estimate.parameters())
    joint.grad = motion.grad = None
    estimate.probe_loss(joint, motion, heatmaps).backward()
    assert joint.grad is None and motion.grad is None
    assert all(parameter.grad.any() for parameter in estimate.parameters())


def test_variational_terms_have_the_signs_of_equation_13():
    """Telling H lowers the complement of J; what J alone tells of H is redundancy; both are added."""
    torch.manual_seed(0)
    heatmaps = encode(torch.tensor([[[3.0, 5.0], [8.0, 2.0], [6.0, 9.0]]]), (12, 9), 2.0)
    estimate = VariationalInformation(channels=3, joints=3)
    for probe in (estimate.joint_probe, estimate.motion_probe):
        nn.init.dirac_(probe.weight)
    nn.init.dirac_(estimate.both_probe.weight)  # reads the joint features, which come first
    telling, noise, other_noise = heatmaps / FAMILY_TEMPERATURE, *torch.randn(2, 1, 3, 12, 9)
    told, untold = estimate(telling, other_noise, heatmaps), estimate(noise, other_noise, heatmaps)
    assert told.complement < untold.complement - 1
    assert told.redundancy > 1
    assert estimate(telling, telling, heatmaps).redundancy == 0
    for terms in (told, untold):
        torch.testing.assert_close(_sum_of(terms), terms.total)


def test_streams_that_read_alike_are_most_relevant_to_each_other():
    joint, _, heatmaps = _features()
    estimate = VariationalInformation(channels=6, joints=3)
    estimate.motion_probe.load_state_dict(estimate.joint_probe.state_dict())
    assert estimate(joint, joint, heatmaps).relevancy.item() == pytest.approx(math.log(2), abs=1e-6)


def test_the_family_codes_an_entropy_and_no_divergence():
    heatmap = encode(torch.tensor([[[35.0, 47.0]]]), (96, 72), 3.0)
    uniform, peak = torch.zeros_like(heatmap), 100 * (heatmap == 1)
    assert float(coded_kl(heatmap, uniform)) == pytest.approx(-1.3e-3, abs=5e-5)
    assert float(coded_kl(heatmap, peak)) == pytest.approx(0, abs=1e-4)
    # A divergence would be least, and zero, for the truth itself.
    assert coded_kl(heatmap, uniform) < coded_kl(heatmap, heatmap) < coded_kl(heatmap, peak)


def test_family_terms_sum_and_reach_both_features():
    joint, motion, heatmaps = _features()
    final = nn.Conv2d(6, 3, 1)
    terms = FamilyInformation(final.weight)(joint, motion, heatmaps)
    terms.total.backward()
    torch.testing.assert_close(_sum_of(terms), terms.total)
    assert joint.grad.any() and motion.grad.any()
    assert final.weight.grad is None and heatmaps.grad is None


def test_the_familys_complement_is_lower_for_features_that_tell_h_and_lowest_for_sure_ones_that_do_not():
    """Against knowing nothing it points the right way; but it is an entropy of what J says, right or wrong."""
    heatmaps = encode(torch.tensor([[[35.0, 47.0]]]), (96, 72), 3.0)
    sure_elsewhere = 100 * (encode(torch.tensor([[[10.0, 10.0]]]), (96, 72), 3.0) == 1)
    estimate = FamilyInformation(torch.ones(1, 1, 1, 1))
    motion = torch.randn(1, 1, 96, 72)
    wrong, told, nothing = (
        estimate(joint, motion, heatmaps).complement.item()
        for joint in (sure_elsewhere.float(), heatmaps, torch.zeros_like(heatmaps))
    )
    assert wrong < told < nothing
    assert wrong == pytest.approx(0, abs=1e-6)
    assert nothing == pytest.approx(1.3e-3, abs=5e-5)
