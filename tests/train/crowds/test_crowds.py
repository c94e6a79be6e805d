import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import resources
from jmpose_core.errors import FormatError, WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.prior import OWN_JOINTS, PRIOR_CHANNELS
from jmpose_core.skeleton import FLIP, JOINT_INDEX, NUM_JOINTS
from jmpose_core.weights.files import read_weights
from tests.builders.crowd_scenes import scene
from train.crowds import evaluation
from train.crowds.bank import read_bank
from train.crowds.batches import CrowdBatch, Variation, batch_of
from train.crowds.objective import neighbour_mass_loss, people_loss
from train.crowds.scenes import read_labels, read_pictures, write_pack
from train.crowds.training import PeopleTraining, published, started_from
from train.crowds.warps import crop_warps, inverse, sampled
from train.crowds.witness_errors import MAP_SIZE, WitnessErrors
from train.recipes import backbone
from train.recipes.command import Command

CPU = torch.device("cpu")
DRAWS = {"lspet": 1.0}
CALM = dataclasses.replace(evaluation.PLAIN, crowd_probability=0)
SILENT = WitnessErrors(nothing=1)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack with space")
    scenes = [scene(number, validation=number >= 8, colour=(60 + 18 * number, 60, 200)) for number in range(12)]
    assert write_pack(folder, scenes) == 12
    return folder


@pytest.fixture(scope="module")
def bank(pack):
    return read_bank([pack], validation=False, draws=DRAWS, device=CPU, threads=1)


def test_a_pack_gives_back_what_was_packed(pack):
    labels = read_labels(pack)
    pictures, _ = read_pictures(pack, range(12), threads=2)
    for number in (0, 11):
        packed = scene(number, colour=(60 + 18 * number, 60, 200))
        np.testing.assert_array_equal(labels.joints[number], packed.joints)
        np.testing.assert_allclose(labels.witness[number], packed.witness, atol=0.1)  # half precision
        height, width = labels.size[number]
        difference = np.abs(pictures[number, :height, :width].astype(int) - packed.picture)
        assert difference.mean() < 3
        assert not pictures[number, height:].any()
    assert labels.validation.sum() == 4


def test_a_mask_comes_back_to_the_bit(tmp_path):
    mask = np.zeros((240, 200), np.uint8)
    mask[40:90, 50:120] = 255
    write_pack(tmp_path, [scene(0), scene(1, mask=mask)])
    assert read_labels(tmp_path).has_mask.tolist() == [False, True]
    _, masks = read_pictures(tmp_path, [1], threads=1)
    np.testing.assert_array_equal(masks[0, :240, :200], mask)


def test_a_folder_without_a_pack_says_how_to_make_one(tmp_path):
    with pytest.raises(FormatError, match=r"train\.crowds\.packing"):
        read_labels(tmp_path)


def test_held_out_people_are_in_no_training_bank(pack, bank):
    held_out = read_bank([pack], validation=True, draws=DRAWS, device=CPU, threads=1)
    assert len(bank) == 8 and len(held_out) == 4
    assert not set(bank.labels.image_id) & set(held_out.labels.image_id)


@pytest.mark.parametrize(("angle", "flip"), [(0.0, False), (0.6, False), (-0.9, True)])
def test_joints_go_where_their_pixels_go(angle, flip):
    """A bright dot on a joint is the brightest place of the crop about that joint."""
    pictures = torch.zeros(1, 320, 320, 3, dtype=torch.uint8)
    pictures[0, 119:122, 79:82] = 255
    bbox = torch.tensor([[40.0, 30.0, 140.0, 200.0]])
    warps = crop_warps(bbox, enlarge=torch.tensor([1.25]), angle=torch.tensor([angle]), flip=torch.tensor([flip]))
    crop, inside = sampled(pictures, torch.tensor([[240, 150]]), warps.matrix)
    joints = torch.zeros(1, NUM_JOINTS, 3)
    joints[0, 6] = torch.tensor([80.0, 120.0, 1.0])
    moved = warps.joints(joints)[0, FLIP[6] if flip else 6]
    bright = (crop[0, 0] > 0.5).nonzero().float().mean(dim=0)
    assert torch.dist(bright.flip(0), moved[:2]) < 0.5
    assert inside.any() and not inside.all()  # the picture ends within the crop


def test_maps_and_their_inverses_cancel():
    bbox = torch.rand(5, 4) * 50 + torch.tensor([0.0, 0.0, 100.0, 150.0])
    warps = crop_warps(bbox, enlarge=torch.ones(5), angle=torch.linspace(-1, 1, 5), flip=torch.arange(5) % 2 == 0)
    back = inverse(inverse(warps.matrix))
    torch.testing.assert_close(back, warps.matrix, rtol=1e-4, atol=1e-3)


def test_a_plain_batch_is_the_crop_that_the_program_cuts(bank):
    batch = batch_of(bank, torch.arange(4), CALM)
    height, width = batch.images.shape[-2:]
    assert (height, width) == (256, 192)
    middle = (batch.cells.amin(dim=1) + batch.cells.amax(dim=1)) / 2
    torch.testing.assert_close(middle, torch.tensor([[23.5, 31.5]]).expand(4, 2), atol=0.6, rtol=0)
    assert (batch.weight == 1).all() and not batch.others_weight.any()


def test_a_pasted_person_brings_pixels_and_joints(bank):
    torch.manual_seed(0)
    alone = batch_of(bank, torch.arange(8), CALM)
    torch.manual_seed(0)
    crowd = batch_of(bank, torch.arange(8), dataclasses.replace(CALM, crowd_probability=1))
    assert (crowd.others_weight.sum(dim=(1, 2)) > 3).sum() >= 6
    changed = (crowd.images - alone.images).abs().amax(dim=1) > 0.05
    assert (changed.flatten(1).sum(dim=1) > 100).sum() >= 6
    torch.testing.assert_close(crowd.cells, alone.cells)


def test_a_joint_that_someone_stands_before_counts_half(bank):
    torch.manual_seed(1)
    crowd = batch_of(bank, torch.arange(8).repeat(4), dataclasses.replace(CALM, crowd_probability=1))
    assert set(crowd.weight.unique().tolist()) == {0.5, 1.0}


def test_a_silent_witness_gives_a_zero_prior(bank):
    batch = batch_of(bank, torch.arange(4), dataclasses.replace(CALM, witness=SILENT))
    assert not batch.prior.any()


def test_the_simulated_prior_lies_about_the_persons_own_joints(bank):
    exact = WitnessErrors(0, 0, 0, (0.0, 0.0), 0, 0, 0, 0, no_head=0, box=0)
    batch = batch_of(bank, torch.arange(4), dataclasses.replace(CALM, witness=exact))
    peaks = batch.prior[:, 1 : 1 + NUM_JOINTS].flatten(2).argmax(dim=2)
    found = torch.stack([peaks % MAP_SIZE[1], peaks // MAP_SIZE[1]], dim=2)
    assert (found - batch.cells).abs().amax() <= 0.51


def test_the_head_is_not_witnessed_where_multipose_has_no_joint(bank):
    neck, top = JOINT_INDEX["head_bottom"], JOINT_INDEX["head_top"]
    assert not bank.witness[:, [neck, top], 2].any() and bank.witness[:, :3, 2].all()
    batch = batch_of(bank, torch.arange(4), dataclasses.replace(CALM, witness=evaluation.EXACT))
    assert not batch.prior[:, [1 + neck, 1 + top]].any()


def test_noise_and_damage_leave_labels_alone_and_values_in_range(bank):
    torch.manual_seed(0)
    batch = batch_of(bank, torch.arange(8), Variation(rotation_probability=0, flip_probability=0))
    assert batch.images.isfinite().all() and batch.images.abs().max() <= 1
    assert batch.prior.isfinite().all() and batch.prior.min() >= 0 and batch.prior.max() <= 1


def _batch(cells, others, others_weight):
    return CrowdBatch(
        images=torch.empty(0),
        cells=torch.tensor(cells).expand(1, NUM_JOINTS, 2),
        weight=torch.ones(1, NUM_JOINTS),
        prior=torch.empty(0),
        others=torch.tensor(others).expand(1, 1, NUM_JOINTS, 2),
        others_weight=torch.full((1, 1, NUM_JOINTS), others_weight),
    )


def test_mass_on_a_neighbours_joint_costs_and_is_pushed_down():
    logits = torch.zeros(1, NUM_JOINTS, *MAP_SIZE)
    logits[:, :, 30, 40] = 8
    logits.requires_grad_()
    loss = neighbour_mass_loss(logits, _batch((10.0, 30.0), (40.0, 30.0), 1.0))
    loss.backward()
    assert loss > 0.3
    assert (logits.grad[:, :, 30, 40] > 0).all()


@pytest.mark.parametrize(("others", "weight"), [((13.0, 30.0), 1.0), ((40.0, 30.0), 0.0)])
def test_a_neighbours_joint_at_the_same_place_or_unlabelled_costs_nothing(others, weight):
    logits = torch.zeros(1, NUM_JOINTS, *MAP_SIZE)
    assert neighbour_mass_loss(logits, _batch((10.0, 30.0), others, weight)) == 0


def test_stolen_joints_are_those_nearer_to_the_neighbour():
    truth = torch.zeros(1, NUM_JOINTS, 2)
    others = torch.tensor([20.0, 0.0, 1.0]).expand(1, 1, NUM_JOINTS, 3)
    predicted = truth.clone()
    predicted[0, :5, 0] = 18
    judged = evaluation.Judged(predicted, truth, torch.ones(1, NUM_JOINTS, dtype=torch.bool), others)
    assert evaluation.stolen_share(judged) == pytest.approx(5 / NUM_JOINTS)


@pytest.fixture(scope="module")
def start():
    return load_file(resources.WEIGHTS / "jmpose_lite.safetensors")


@torch.inference_mode()
def test_a_start_without_a_prior_answers_as_before(start):
    plain = CompactBackbone()
    plain.load_state_dict({name: start[f"backbone.{name}"].float() for name in plain.state_dict()})
    images = torch.rand(1, 3, 256, 192) * 2 - 1
    expected = plain.eval()(images).logits
    assert torch.equal(started_from(start).eval()(images).logits, expected)


def test_what_is_published_believes_the_witness_half(bank, start):
    """Of an embedding, the part of the person's own joints; the training's network is left alone."""
    learnt = started_from(start)
    halved = published(learnt)
    own = torch.zeros(1, PRIOR_CHANNELS, *MAP_SIZE)
    own[:, OWN_JOINTS] = 1
    torch.testing.assert_close(halved.prior.embed(own), learnt.prior.embed(own) / 2)
    torch.testing.assert_close(halved.prior.embed(1 - own), learnt.prior.embed(1 - own))


def test_other_weights_are_refused_as_a_start():
    with pytest.raises(ValueError, match="is missing"):
        started_from({"backbone.something": torch.zeros(1)})


def test_the_loss_reaches_backbone_and_prior(bank, start):
    torch.manual_seed(0)
    network = started_from(start)
    people_loss(network, batch_of(bank, torch.arange(2), Variation(witness=evaluation.EXACT))).total.backward()
    assert network.final_layer.weight.grad.any() and network.prior.to_logits.weight.grad.any()


def test_a_training_leaves_weights_and_goes_on_from_its_checkpoint(pack, tmp_path):
    def training(**changes):
        return PeopleTraining(
            packs=[pack],
            start=resources.WEIGHTS / "jmpose_lite.safetensors",
            out=tmp_path / "out",
            state=tmp_path / "state",
            device=CPU,
            batch=2,
            threads=1,
            **changes,
        )

    training(minutes=0.001).run()
    first = load_file(tmp_path / "out" / "backbone.safetensors")
    learnt_secs = json.loads((tmp_path / "out" / "log.jsonl").read_text().splitlines()[-1])["elapsed_secs"]
    training(minutes=(learnt_secs + 0.01) / 60, resume=True).run()
    second = load_file(tmp_path / "out" / "backbone.safetensors")
    assert first.keys() == CompactBackbone(prior=True).state_dict().keys() == second.keys()
    assert not torch.equal(first["final_layer.weight"], second["final_layer.weight"])
    log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert {"PCK@0.2 lspet", "PCK@0.2 lspet, told", "stolen, pasted crowds"} <= log[-1].keys()
    assert log[-1]["step"] == 2


def test_the_recipe_leaves_a_card_and_a_report_and_is_not_written_over(pack, tmp_path, start):
    (tmp_path / "people").symlink_to(pack)
    out = tmp_path / "backbone"
    out.mkdir()
    save_file({name: start[name] for name in start if name.startswith("backbone.")}, out / "start.safetensors")
    command = Command("backbone", tmp_path, out, 0.0001, resume=False)
    backbone.train(command)
    state, card = read_weights(out / "backbone.safetensors")
    assert card.options == {"prior": True} and "PCK@0.2 lspet, told" in card.figures
    assert state.keys() == CompactBackbone(prior=True).state_dict().keys()
    assert (out / "report" / "report.md").is_file()
    with pytest.raises(WeightsError, match="--resume"):
        backbone.train(command)


def test_the_recipe_says_how_to_get_people(tmp_path):
    with pytest.raises(FormatError, match=r"train\.crowds\.packing"):
        backbone.packs(tmp_path)


def test_it_trains_where_only_torch_opencv_and_numpy_are():
    """The machine with a GPU has no PyAV, no msgspec and no Qt."""
    code = (
        "import sys\n"
        "for name in ('av', 'msgspec', 'PySide6', 'pyqtgraph', 'platformdirs', 'ncnn', 'onnxruntime'):\n"
        "    sys.modules[name] = None\n"
        "import train.crowds.training\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
