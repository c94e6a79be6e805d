import pytest
import torch

from train.objectives.gradient_share import GradientShare
from train.objectives.information import GaussianInformation, information_orthogonality


@pytest.fixture
def setting():
    torch.manual_seed(0)
    joint, motion = (torch.randn(2, 6, 12, 9, requires_grad=True) for _ in range(2))
    heatmaps = torch.rand(2, 3, 12, 9)
    mixed = motion + 0.5 * joint
    terms = information_orthogonality(GaussianInformation(), (joint,), (mixed,), heatmaps)
    fit = 4 * (joint.square().mean() + mixed.square().mean())
    return fit, terms, (joint, mixed)


def _norm(value, features):
    gradients = torch.autograd.grad(value, features, retain_graph=True)
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_alpha_gives_the_objective_its_share_of_the_gradient(setting, share):
    fit, terms, features = setting
    weight = GradientShare(share)
    weight.measure(fit, terms, features)
    assert _norm(weight.alpha * terms.total, features) == pytest.approx(share * _norm(fit, features), rel=1e-4)
    figures = weight.figures()
    assert figures["objective, share of the gradient"] == pytest.approx(share, rel=1e-4)
    for name in ("relevancy", "complement", "redundancy"):
        own = weight.alpha * _norm(getattr(terms, name), features) / _norm(fit, features)
        assert figures[f"{name}, share of the gradient"] == pytest.approx(own, rel=1e-4)


def test_a_given_alpha_is_kept_and_its_share_told(setting):
    fit, terms, features = setting
    weight = GradientShare(0.05, fixed=0.3)
    weight.measure(fit, terms, features)
    assert weight.alpha == 0.3
    assert weight.figures()["objective, share of the gradient"] > 0


def test_where_no_gradient_reaches_the_features_yet_alpha_waits(setting):
    fit, terms, features = setting
    weight = GradientShare(0.05)
    weight.measure(fit * 0, terms, features)
    assert weight.alpha == 0
    weight.measure(fit, terms, features)
    assert weight.alpha > 0
