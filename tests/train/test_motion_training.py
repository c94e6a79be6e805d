"""The refiner's training on moving people, from films and a pack to files, with a backbone of random weights."""

import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from jmpose_core.errors import FormatError, WeightsError
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.jmpose import BUNDLED, jmpose_lite_refiner
from jmpose_core.model.lite import lite_network
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.motion_clips import joints_at, write_films
from train.motion import command, family
from train.motion.encoding import Pool, dense_search_flow, varied_priors
from train.motion.jhmdb import DecodedClips
from train.motion.judging import Judge
from train.motion.learning import Plan, RefinerLearning
from train.motion.samples import MovingPeople
from train.motion.stills import read_stills, with_witness


@pytest.fixture
def data(tmp_path):
    write_films(tmp_path / "jhmdb", {"a": 5, "b": 6})
    _write_pack(tmp_path / "people")
    return tmp_path


def _write_pack(folder):
    """A still and one frame of film b, as train.crowds.packing writes them."""
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    encoded = cv2.imencode(".webp", picture)[1].tobytes()
    joints = np.column_stack([joints_at(0), np.ones(NUM_JOINTS)]).astype(np.float32)
    (folder / "pictures-0.bin").write_bytes(encoded * 2)
    np.savez_compressed(
        folder / "people.npz",
        places=np.array([[0, 0, len(encoded), 0], [0, len(encoded), len(encoded), 0]]),
        source=np.array(["coco", "jhmdb"]),
        image_id=np.array([7, 1 * 1000 + 4]),
        validation=np.array([False, False]),
        bbox_xyxy=np.tile(np.array([20, 14, 88, 66], np.float32), (2, 1)),
        joints=np.stack([joints, joints]),
        witness=np.stack([joints, joints + 1]).astype(np.float16),
    )


def test_a_pack_gives_its_stills_and_tells_what_the_witness_saw_in_films(data):
    (still,) = read_stills(data / "people")
    assert (still.person.source, still.person.image_id, still.held_out) == ("coco", 7, False)
    assert still.person.image().shape == (96, 128, 3)
    clips = with_witness(command.read_clips(data / "jhmdb"), data / "people")
    seen = [bool(frame.any()) for frame in clips[1].witness]
    assert seen == [frame in (2, 3, 4, 5, 6) for frame in range(len(seen))]
    assert not clips[0].witness.any()


def test_a_pack_that_lacks_a_part_is_refused_by_name(data):
    (data / "people" / "pictures-0.bin").unlink()
    with pytest.raises(FormatError, match=r"pictures-0\.bin"):
        read_stills(data / "people")


def test_other_weights_than_the_backbones_are_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not the compact backbone"):
        command.with_backbone(tmp_path / "other.safetensors", BUNDLED)


def test_priors_vary_and_some_clips_have_none():
    generator = torch.Generator().manual_seed(0)
    clips = 60
    batch = {
        "boxes": torch.tensor([4.0, 6, 40, 56]).expand(clips, 5, 4),
        "witness": torch.ones(clips, NUM_JOINTS, 3) * 20,
        "spoilt": torch.ones(clips, dtype=torch.bool),
    }
    batch["witness"] = torch.cat([batch["witness"][..., :2], torch.ones(clips, NUM_JOINTS, 1)], dim=2)
    priors = varied_priors(batch, (64, 48), generator)
    told = priors[:, :, 0].flatten(1).any(dim=1)
    seen = priors[:, :, 1:].flatten(2).any(dim=2)
    assert 0.6 < told.float().mean() < 0.95
    assert 0.1 < seen.any(dim=1).float().mean() < 0.7
    assert seen[:, 2].sum() < seen[:, 1].sum()  # the witness is blinder where the picture is spoilt


def test_a_full_pool_keeps_the_newest_clips():
    from tests.builders.family import random_clips

    pool = Pool(4, torch.device("cpu"))
    for number in range(3):
        clips = random_clips(2, 5, (8, 6), seed=number)
        pool.add(clips, torch.full((2, NUM_JOINTS, 2), float(number)), torch.ones(2, NUM_JOINTS))
    assert len(pool) == 4
    maps, joints, _ = pool.batch(torch.arange(4))
    assert sorted(joints[:, 0, 0].tolist()) == [1, 1, 2, 2]
    assert maps.initial.dtype == torch.float32 and maps.features[-1].shape[:2] == (4, 5)


@pytest.mark.slow
def test_the_command_leaves_a_refiner_a_checkpoint_and_a_log_with_every_stage(data, tmp_path):
    torch.manual_seed(0)
    save_file(CompactBackbone(prior=True).state_dict(), tmp_path / "backbone.safetensors")
    out = tmp_path / "out"
    words = ["--data", str(data), "--backbone", str(tmp_path / "backbone.safetensors"), "--out", str(out)]
    small = ["--seconds", "1", "--workers", "0", "--batch", "2", "--encode", "2", "--pool", "4", "--pairs", "1"]
    figures = command.run(command.parser().parse_args([*words, *small, "--device", "cpu"]))
    assert figures.keys() >= {"clean, PCK@0.1 person, oracle", "key frame spoilt, jitter, refined"}
    state = load_file(out / "refiner.safetensors")
    jmpose_lite_refiner(**BUNDLED).load_state_dict(state)
    assert all(value.dtype != torch.float32 for value in state.values())
    assert (out / "checkpoint.pt").is_file()
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] >= 1
    assert lines[-1].keys() >= figures.keys()
    assert any(line.keys() >= {"loss", "relevancy", "objective, share of the gradient"} for line in lines)


def test_a_comparison_that_is_begun_again_makes_no_row_twice(data, tmp_path, monkeypatch):
    """Small clips: one sibling, and one row with the IO objective's weight set."""
    chosen = {name: family.systems()[name] for name in (family.WITHOUT_IO, "tdmi_lite")}
    monkeypatch.setattr(family, "systems", lambda: chosen)
    network = lite_network(CompactBackbone(), None, jmpose_lite_refiner(**BUNDLED))
    held_out = DecodedClips(command.read_clips(data / "jhmdb")[:1], tmp_path / "held-out.npy")
    judge = Judge.of(network.eval(), dense_search_flow, held_out, pairs=1, batch=2, workers=0)
    learning = RefinerLearning(network, dense_search_flow, Plan(seconds=1.0, encode=2, capacity=2, workers=0))
    learning.encode_clips(MovingPeople(held_out, [], crop_size=network.crop_size, seed=0), 2)

    def rows(steps):
        family.compare(learning, judge, tmp_path, steps=steps, batch=2, seeds=1)
        return [json.loads(line) for line in (tmp_path / family.ROWS_FILE).read_text().splitlines()]

    first = rows(1)
    assert [(row["system"], row["seed"], row["steps"], row["clips"]) for row in first] == [
        (name, 0, 1, 2) for name in chosen
    ]
    state = load_file(tmp_path / family.SIBLINGS_FILE)
    assert {name.split(".")[0] for name in state} == {"tdmi_lite"}
    assert rows(1) == first
    assert [row["steps"] for row in rows(2)] == [1, 1, 2, 2], "another recipe is another row"
