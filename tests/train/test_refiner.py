import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.flow import GuidedFlow
from jmpose_core.model.guided_raft import guided_raft_lite
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.systems import jmpose_lite, pose_network
from jmpose_core.weights.files import WeightsCard, save_weights
from tests.builders.labelled_stills import labelled_still
from train.lite.refinement import RandomClips, drawn_batches, encoded, held_out_clips, refiner_loss, validate
from train.loop.schedule import Schedule
from train.loop.training import Training
from train.objectives.information import GaussianInformation
from train.people.augment import CropAugmentation
from train.people.cached_clips import CachedClips
from train.recipes import refiner as recipe
from train.recipes.command import Command
from train.report.samples import refined_people


@pytest.fixture(scope="module")
def network() -> PoseNetwork:
    torch.manual_seed(0)
    return jmpose_lite().eval()


@pytest.fixture
def clips() -> CachedClips:
    """What the fixed parts would make of clips, an eighth of the size."""
    generator = torch.Generator().manual_seed(1)
    maps = ClipMaps(
        torch.rand(6, 5, 15, 8, 6, generator=generator), (), torch.randn(6, 4, 2, 8, 6, generator=generator)
    )
    cells = torch.rand(6, 15, 2, generator=generator) * torch.tensor([5.0, 7.0])
    return CachedClips(maps, cells, torch.ones(6, 15))


def test_a_batch_depends_on_the_seed_and_its_number_and_every_other_is_mirrored(clips):
    whole = list(itertools.islice(drawn_batches(clips, batch=3, seed=2, first=0), 3))
    resumed = next(drawn_batches(clips, batch=3, seed=2, first=1))
    assert torch.equal(whole[1][1], resumed[1])
    assert not torch.equal(whole[0][1], whole[2][1])
    index = np.random.default_rng([2, 1]).integers(6, size=3)
    straight, _, _ = clips.batch(torch.from_numpy(index), flip=False)
    assert torch.equal(resumed[0].flow[:, :, 0], -straight.flow[:, :, 0].flip(-1))


def test_the_loss_is_the_fit_and_the_weighed_terms(network, clips):
    torch.manual_seed(0)
    batch = next(drawn_batches(clips, batch=3, seed=2, first=0))
    loss = refiner_loss(network, batch, GaussianInformation(), 0.5)
    parts = {name: part.item() for name, part in loss.parts.items()}
    terms = parts["relevancy"] + parts["complement"] + parts["redundancy"]
    assert loss.total.item() == pytest.approx(parts["loss"] + 0.5 * terms, rel=1e-3)


def test_a_step_moves_the_refiner_and_its_average_alone(clips):
    torch.manual_seed(0)
    network = jmpose_lite().train()
    fixed = [parameter.clone() for parameter in network.backbone.parameters()]
    before = network.refiner.get_submodule("head.last").weight.clone()
    training = Training(network.refiner, torch.optim.AdamW(network.refiner.parameters()), Schedule(), 1.0)
    batch = next(drawn_batches(clips, batch=3, seed=2, first=0))
    training.descend([(1.0, refiner_loss(network, batch, GaussianInformation(), 1e-4))], 1e-3)
    assert not torch.equal(network.refiner.get_submodule("head.last").weight, before)
    assert not torch.equal(training.average.network.get_submodule("head.last").weight, before)
    assert all(torch.equal(one, other) for one, other in zip(network.backbone.parameters(), fixed, strict=True))


def test_a_random_clip_depends_on_the_seed_and_its_number_only():
    def row() -> RandomClips:
        return RandomClips(
            [labelled_still("a"), labelled_still("b")], crop_size=(64, 48), augmentation=CropAugmentation(), seed=1
        )

    whole = row()
    earlier, later = whole[0], whole[1]
    assert all(torch.equal(one, other) for one, other in zip(later, row()[1], strict=True))
    assert not torch.equal(earlier[1], later[1])
    assert earlier[0].shape == (5, 64, 48, 3)


def test_held_out_clips_are_encoded_judged_and_drawn(network):
    held_out = list(held_out_clips([labelled_still("a")], (64, 48), degraded=True))
    again = next(iter(held_out_clips([labelled_still("a")], (64, 48), degraded=True)))
    np.testing.assert_array_equal(held_out[0].crops, again.crops)
    cached = encoded(network, next(iter(held_out_clips([labelled_still("a")], network.crop_size, degraded=False))))
    figures = validate(network.refiner, {"clean": cached})
    assert figures.keys() == {"clean clips, initial PCK@0.2", "clean clips, refined PCK@0.2"}
    assert all(0 <= value <= 1 for value in figures.values())
    clip = next(iter(held_out_clips([labelled_still("a")], network.crop_size, degraded=True)))
    sheet = refined_people(network, [clip])
    assert sheet.dtype == np.uint8 and sheet.std() > 0


def test_the_card_keeps_the_values_of_the_switches(network, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "SWITCHES", {"align": False, "reach": 4})
    command = Command("refiner", tmp_path, tmp_path, 3.0, resume=False)
    card = recipe.card_of(network, WeightsCard(variant="compact_backbone", recipe="x"), command, {})
    assert card.options == {"align": False, "reach": 4, "prior": True, "flow": "guided_lite"}


def test_the_fixed_parts_are_those_that_the_recipes_before_it_leave(tmp_path):
    torch.manual_seed(0)
    backbone, raft = CompactBackbone(prior=True), guided_raft_lite()
    (tmp_path / "flow").mkdir()
    card = WeightsCard(variant="compact_backbone", recipe="python -m train.recipes.backbone", options={"prior": True})
    save_weights(tmp_path / "backbone" / "backbone.safetensors", backbone.state_dict(), card)
    save_file(raft.state_dict(), tmp_path / "flow" / "raft_lite.safetensors")
    command = Command("refiner", tmp_path, tmp_path / "refiner", 3.0, resume=False)
    network, read = recipe.network_with_fixed_parts(command)
    assert read == card
    assert network.takes_prior and isinstance(network.flow, GuidedFlow)
    for part, saved in ((network.backbone, backbone), (network.flow.raft, raft)):
        assert all(torch.equal(value, saved.state_dict()[name]) for name, value in part.state_dict().items())
    rebuilt = pose_network(network.state_dict(), recipe.card_of(network, read, command, {}), place="memory")
    assert rebuilt.takes_prior
