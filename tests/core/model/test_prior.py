import pytest
import torch

from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.prior import PRIOR_CHANNELS, person_prior
from jmpose_core.model.systems import POSE_NETWORKS, compact_lite, pose_network
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.weights.files import WeightsCard, read_weights

SIZE = (64, 48)
CROP = (256, 192)


def _one_person(joint_xy, *, confidence=1.0, bbox=(10.0, 8.0, 30.0, 56.0)):
    joints = torch.tensor(joint_xy).expand(1, NUM_JOINTS, 2)
    return torch.tensor([bbox]), joints, torch.full((1, NUM_JOINTS), confidence)


def test_each_part_of_the_prior_lies_where_it_was_said():
    bbox, joints, confidence = _one_person((20.0, 30.0), confidence=0.5)
    others = torch.tensor((40.0, 12.0)).expand(1, 1, NUM_JOINTS, 2)
    prior = person_prior(
        bbox, joints, confidence, SIZE, others_in_cells=others, others_confidence=torch.full((1, 1, NUM_JOINTS), 0.8)
    )
    assert prior.shape == (1, PRIOR_CHANNELS, *SIZE)
    box, own, other = prior[0, 0], prior[0, 1 : 1 + NUM_JOINTS], prior[0, 1 + NUM_JOINTS :]
    assert box[30, 20] > 0.99 and box[30, 44] < 0.01 and box[2, 20] < 0.01
    assert box[30, 10] == pytest.approx(0.5, abs=0.01)
    assert own[3].argmax() == 30 * 48 + 20 and own[3].max() == pytest.approx(0.5)
    assert other[3].argmax() == 12 * 48 + 40 and other[3].max() == pytest.approx(0.8)


def test_without_witness_and_box_the_prior_is_zero():
    bbox, joints, confidence = _one_person((20.0, 30.0), confidence=0.0, bbox=(0.0, 0.0, 0.0, 0.0))
    assert not person_prior(bbox, joints, confidence, SIZE).any()


def test_of_several_others_each_is_in_the_map():
    bbox, joints, confidence = _one_person((20.0, 30.0))
    others = torch.tensor([[5.0, 5.0], [40.0, 50.0]])[None, :, None].expand(1, 2, NUM_JOINTS, 2)
    prior = person_prior(
        bbox, joints, confidence, SIZE, others_in_cells=others, others_confidence=torch.ones(1, 2, NUM_JOINTS)
    )
    assert prior[0, -1, 5, 5] == 1 and prior[0, -1, 50, 40] == 1


def test_others_without_their_confidence_are_refused():
    bbox, joints, confidence = _one_person((20.0, 30.0))
    with pytest.raises(ValueError, match="belong together"):
        person_prior(bbox, joints, confidence, SIZE, others_in_cells=joints[:, None])


@pytest.fixture(scope="module")
def bundled() -> PoseNetwork:
    """The bundled backbone alone, as its file says that it is built."""
    state, card = read_weights("jmpose_lite")
    own = {name: tensor for name, tensor in state.items() if name.startswith("backbone.")}
    options = {name: value for name, value in card.options.items() if name == "prior"}
    alone = WeightsCard(variant="compact_lite", crop_size=card.crop_size, options=options)
    return pose_network(own, alone, place="jmpose_lite").eval()


def _fresh_prior(bundled: PoseNetwork) -> CompactBackbone:
    """The bundled backbone with a prior that has learnt nothing."""
    network = CompactBackbone(prior=True)
    own = {name: value for name, value in bundled.backbone.state_dict().items() if not name.startswith("prior.")}
    network.load_state_dict(network.state_dict() | own)
    return network.eval()


def _random_prior(n: int) -> torch.Tensor:
    return torch.rand(n, PRIOR_CHANNELS, *SIZE, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_an_untrained_prior_changes_no_bit(bundled):
    backbone, images = _fresh_prior(bundled), torch.rand(2, 3, *CROP) * 2 - 1
    told, untold = backbone(images, _random_prior(2)), backbone(images)
    assert torch.equal(told.heatmaps, untold.heatmaps)
    assert torch.equal(told.features[0], untold.features[0])


@torch.inference_mode()
def test_a_prior_of_zeros_says_as_little_as_none_even_to_a_trained_network(bundled):
    backbone, images = _fresh_prior(bundled), torch.rand(2, 3, *CROP) * 2 - 1
    for parameter in backbone.prior.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.1)
    zeros = torch.zeros(2, PRIOR_CHANNELS, *SIZE)
    torch.testing.assert_close(backbone(images, zeros).logits, backbone(images).logits)
    assert (backbone(images, _random_prior(2)).logits - backbone(images).logits).abs().max() > 0.1


def test_every_place_where_the_prior_enters_can_learn(bundled):
    """What starts at zero must get a gradient at the first step, the embedding before it at the second."""
    backbone = _fresh_prior(bundled)
    optimiser = torch.optim.SGD(backbone.prior.parameters(), lr=0.1)
    images, prior = torch.rand(2, 3, *CROP) * 2 - 1, _random_prior(2)
    for _ in range(2):
        optimiser.zero_grad()
        backbone(images, prior).logits.square().mean().backward()
        optimiser.step()
    without = [name for name, one in backbone.prior.named_parameters() if one.grad is None or not one.grad.any()]
    assert not without


def test_a_network_without_a_prior_refuses_one():
    network = compact_lite()
    assert not network.takes_prior
    with pytest.raises(ValueError, match="takes no person prior"):
        network.of_frames(torch.rand(1, 3, *CROP), _random_prior(1))


@pytest.mark.parametrize("variant", [name for name in POSE_NETWORKS if name.endswith("_lite")])
def test_every_system_behind_the_compact_backbone_can_take_the_prior(variant):
    network = POSE_NETWORKS[variant](prior=True)
    assert network.takes_prior
    assert "backbone.prior.embed.weight" in network.state_dict()


def test_clips_carry_their_frames_priors_to_the_backbone():
    network = compact_lite(prior=True).eval()
    for parameter in network.backbone.prior.parameters():
        parameter.data.normal_(std=0.1)
    clips, priors = torch.rand(2, 1, 3, *CROP), _random_prior(2)[:, None]
    with torch.inference_mode():
        frames = network.of_frames(clips[:, 0], priors[:, 0])
        assert torch.equal(network(clips, priors).maps.initial[:, 0], frames.heatmaps)
