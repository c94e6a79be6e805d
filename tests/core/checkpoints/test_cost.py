"""The counter gives the figures that are published: parameters, and multiply-adds at 384x288."""

import pytest
import torch
from torch import nn
from torchvision.models.optical_flow import raft_large, raft_small

from jmpose_core.checkpoints.variants import overview_of
from jmpose_core.errors import WeightsError
from jmpose_core.model.blocks import GuidedDeformConv
from jmpose_core.model.cost import Cost, cost_of
from jmpose_core.model.hrnet import hrnet_w32, hrnet_w48
from jmpose_core.model.jmml import CrossAttention


def on_meta(build, *args, **kwargs) -> nn.Module:
    with torch.device("meta"):
        return build(*args, **kwargs)


@pytest.mark.parametrize(("build", "millions", "giga"), [(hrnet_w48, 63.6, 32.9), (hrnet_w32, 28.5, 16.0)])
def test_hrnet_costs_what_is_published(build, millions, giga):
    total = cost_of(on_meta(build, joints=17), (1, 3, 384, 288))[""]
    assert total.parameters / 1e6 == pytest.approx(millions, abs=0.05)
    assert total.multiply_adds / 2**30 == pytest.approx(giga, abs=0.05)  # the paper counts in units of 2^30


@pytest.mark.parametrize(
    ("build", "updates", "millions", "giga"), [(raft_large, 20, 5.26, 131), (raft_small, 12, 0.99, 19.6)]
)
def test_raft_costs_what_is_published(build, updates, millions, giga):
    costs = cost_of(on_meta(build), *2 * [(1, 3, 384, 288)], num_flow_updates=updates)
    assert costs[""].parameters / 1e6 == pytest.approx(millions, abs=0.005)
    assert costs[""].multiply_adds / 1e9 == pytest.approx(giga, abs=0.5)
    inside = sum(cost.multiply_adds for name, cost in costs.items() if name and "." not in name)
    features = {raft_large: 256, raft_small: 128}[build]
    assert costs[""].multiply_adds - inside == (48 * 36) ** 2 * features  # the correlation of all pairs of cells


class Mixed(nn.Module):
    """One of everything that is counted."""

    def __init__(self):
        super().__init__()
        self.attend = CrossAttention(8, stride=2)
        self.deform = GuidedDeformConv(8, groups=2, dilation=1, guide_dilation=1)
        self.linear = nn.Linear(12, 5)

    def forward(self, x):
        return self.linear(self.deform(x, self.attend(x, x)))


def test_attention_deformable_convolution_and_linear_layers_cost_their_products():
    """Written down, not asked of torch's counter: it leaves attention out where a processor has a fused kernel."""
    costs = cost_of(on_meta(Mixed), (2, 8, 8, 12))
    examples, channels, cells, patches = 2, 8, 8 * 12, 4 * 6
    projections = cells * channels**2 + 2 * patches * (2 * 2 * channels**2)  # queries; keys and values of 2 x 2 cells
    products = 2 * cells * patches * channels  # queries by keys, weights by values
    assert costs["attend"].multiply_adds == examples * (projections + products) == 110_592
    sampled = cells * 9 * channels**2
    guides = cells * 9 * channels * (18 + 9) * 2  # offsets and masks of two groups
    assert costs["deform.sample"].multiply_adds == examples * sampled
    assert costs["deform"].multiply_adds == examples * (sampled + guides) == 857_088
    assert costs["linear"] == Cost(12 * 5 + 5, examples * 8 * 8 * 12 * 5)
    assert costs[""].multiply_adds == 975_360
    parts = ("attend", "deform", "linear")
    assert costs[""].multiply_adds == sum(costs[part].multiply_adds for part in parts)
    assert costs[""].parameters == sum(costs[part].parameters for part in parts)


def test_an_overview_names_the_input_and_every_part():
    overview = overview_of("jmpose_lite")
    assert overview.receptive_input == (
        "frames 5, of 256 x 192; flow from frame -2 to -1, -1 to 0, 0 to +1, +1 to +2, at 192 x 144, 6 updates"
    )
    parts = [overview.costs[name] for name in ("backbone", "flow", "refiner")]
    assert sum(part.parameters for part in parts) == overview.costs["total"].parameters
    assert sum(part.multiply_adds for part in parts) == overview.costs["total"].multiply_adds
    assert {"refiner.cjl", "refiner.jmml", "refiner.head"} < overview.costs.keys()
    raft = overview_of("raft_small")
    assert raft.receptive_input == "two frames of 192 x 144, 6 updates"
    assert raft.costs["total"].parameters == 990_162
    with pytest.raises(WeightsError, match="no such variant"):
        overview_of("jmpose_huge")
