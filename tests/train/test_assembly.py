"""Parts that were trained apart become one weights file."""

import pytest
import torch
from safetensors.torch import save_file

from jmpose_core.errors import WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.guided_raft import guided_raft_lite
from jmpose_core.model.jmpose import BUNDLED, jmpose_lite_refiner
from jmpose_core.model.systems import load_pose_network
from jmpose_core.weights.files import WeightsCard, save_weights
from train.recipes.assembly import assembled


@pytest.fixture
def parts(tmp_path):
    """The files that train.recipes.backbone, train.recipes.flow and train.motion.command leave, of random weights."""
    torch.manual_seed(0)
    card = WeightsCard(
        variant="compact_backbone",
        crop_size=(256, 192),
        training_data=("stills",),
        recipe="python -m train.recipes.backbone",
        figures={"PCK@0.2 coco": 0.8},
        options={"prior": True},
    )
    halves = {name: value.half() for name, value in CompactBackbone(prior=True).state_dict().items()}
    save_weights(tmp_path / "backbone.safetensors", halves, card)
    save_file(guided_raft_lite().state_dict(), tmp_path / "raft_lite.safetensors")
    save_file(jmpose_lite_refiner(**BUNDLED).state_dict(), tmp_path / "refiner.safetensors")
    return tmp_path


def whole_of(folder, base):
    flow, refiner = folder / "raft_lite.safetensors", folder / "refiner.safetensors"
    return assembled(str(base), flow, "guided_lite", refiner, recipe="python -m train.motion.command")


def test_a_backbone_alone_and_the_network_that_was_made_of_it_give_the_same_whole(parts):
    state, card = whole_of(parts, parts / "backbone.safetensors")
    assert (card.variant, card.crop_size) == ("jmpose_lite", (256, 192))
    assert card.recipe == "python -m train.recipes.backbone; python -m train.motion.command"
    assert card.figures == {"PCK@0.2 coco": 0.8}
    save_weights(parts / "whole.safetensors", state, card)
    assert load_pose_network(parts / "whole.safetensors").takes_prior
    again, card_again = whole_of(parts, parts / "whole.safetensors")
    assert again.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in again.items())
    assert (card_again.variant, card_again.options) == (card.variant, card.options)


def test_a_base_without_a_backbone_is_refused_by_name(parts):
    save_weights(parts / "other.safetensors", {"x": torch.zeros(1)}, WeightsCard(variant="detector"))
    with pytest.raises(WeightsError, match=r"other\.safetensors.*does not fit"):
        whole_of(parts, parts / "other.safetensors")
