import itertools
import json
import math

import cv2
import numpy as np
import pytest
import torch

from jmpose_core.errors import JMPoseError, WeightsError
from jmpose_core.weights import read_weights
from tests.train.flow_folder import write_data
from train import flow
from train.flow import Phase, Trainer, learning_rate, matching_loss, sequence_loss, write_weights
from train.flow_data import FlowPair
from train.flow_evaluation import dis_method, endpoint_errors, zero_method


def test_later_updates_weigh_more():
    flow = torch.zeros(1, 2, 4, 4)
    one = torch.ones(1, 2, 4, 4)
    assert sequence_loss([one, flow], flow).item() == pytest.approx(0.8)
    assert sequence_loss([flow, one], flow).item() == pytest.approx(1.0)


def correlation_peaking_at(shift_x: int, shift_y: int) -> torch.Tensor:
    """Features 4 x 6, each matching its neighbour at that distance."""
    correlation = torch.zeros(4, 6, 4, 6)
    for y in range(4):
        for x in range(6):
            if 0 <= x + shift_x < 6 and 0 <= y + shift_y < 4:
                correlation[y, x, y + shift_y, x + shift_x] = 20.0
    return correlation.view(24, 1, 4, 6)


def test_matching_rewards_the_place_where_a_pixel_went():
    flow = torch.zeros(1, 2, 32, 48)
    flow[:, 0], flow[:, 1] = 16, -8
    visible = torch.ones(1, 32, 48, dtype=torch.bool)
    assert matching_loss(correlation_peaking_at(2, -1), flow, visible) < 1e-3
    assert matching_loss(correlation_peaking_at(0, 0), flow, visible) > 10
    assert matching_loss(correlation_peaking_at(-1, 2), flow, visible) > 5


def test_matching_leaves_occluded_pixels_out():
    flow = torch.zeros(1, 2, 32, 48)
    visible = torch.zeros(1, 32, 48, dtype=torch.bool)
    assert matching_loss(correlation_peaking_at(2, 1), flow, visible) == 0


def test_the_learning_rate_makes_one_cycle():
    rates = [learning_rate(step / 100, 1e-3) for step in range(101)]
    assert rates[0] > 0
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) == 5
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[5:]))


def shifted_batch() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    wide = torch.randint(0, 256, (1, 3, 128, 132), dtype=torch.uint8)
    flow = torch.zeros(1, 2, 128, 128)
    flow[:, 0] = -4
    return wide[..., :128], wide[..., 4:], flow, torch.ones(1, 128, 128, dtype=torch.bool)


def test_a_resumed_training_goes_on_where_the_checkpoint_was(tmp_path):
    trainer = Trainer(tmp_path, tmp_path, minutes=1, peak=1e-3, seed=1)
    phase = Phase(until=1.0, size=(128, 128), batch=1, updates=1, matching_weight=0.5)
    before = {name: tensor.clone() for name, tensor in trainer.raft.state_dict().items()}
    losses = trainer._train_step(shifted_batch(), phase)
    assert all(math.isfinite(loss) for loss in losses)
    trainer.step, trainer.elapsed = 7, 30.0
    trainer._save_checkpoint()

    resumed = Trainer(tmp_path, tmp_path, minutes=1, peak=1e-3, seed=2)
    resumed.resume()
    assert (resumed.step, resumed.progress) == (7, 0.5)
    for name, tensor in resumed.raft.state_dict().items():
        torch.testing.assert_close(tensor, trainer.raft.state_dict()[name])
    assert any(not torch.equal(tensor, before[name]) for name, tensor in resumed.raft.state_dict().items())
    assert len(resumed.optimiser.state_dict()["state"]) == len(list(resumed.raft.parameters()))


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no checkpoint"):
        Trainer(tmp_path, tmp_path, minutes=1, peak=1e-3, seed=1).resume()


def test_written_weights_carry_their_figures(tmp_path):
    trainer = Trainer(tmp_path, tmp_path, minutes=1, peak=1e-3, seed=1)
    write_weights(trainer.raft, tmp_path / "raft_small.safetensors", {"dis": {"epe_all": 1.5}})
    tensors, card = read_weights(tmp_path / "raft_small.safetensors")
    assert card.variant == "raft_small"
    assert card.figures == {"dis epe_all": 1.5}
    assert tensors.keys() == trainer.raft.state_dict().keys()


def test_a_training_ends_with_weights_log_and_evaluation(tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    phase = Phase(until=1.0, size=(128, 128), batch=1, updates=1, matching_weight=0.5)
    monkeypatch.setattr(flow, "_PHASES", (phase,))
    monkeypatch.setattr(flow, "_VALIDATION_PAIRS", 1)
    monkeypatch.setattr(flow, "_EVALUATION_PAIRS", 1)
    monkeypatch.setattr(flow, "_batches", lambda sources, phase, seed, start: itertools.repeat(shifted_batch()))
    out = tmp_path / "out"
    out.mkdir()
    Trainer(out, tmp_path / "data", minutes=1e-6, peak=1e-3, seed=1).run()

    report = json.loads((out / "evaluation.json").read_text())
    assert report.keys() == {"raft_small", "dis", "zero"}
    assert report["zero"]["davis_warping_error_1"] == 0  # the frames are all the same
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line.keys() & {"step", "evaluation"} for line in lines] == [{"step"}, {"evaluation"}]
    assert all(line["elapsed"] >= 0 for line in lines)
    assert read_weights(out / "raft_small.safetensors")[1].figures["dis epe_all"] == report["dis"]["epe_all"]
    assert (out / "checkpoint.pt").exists()


def test_a_training_never_overwrites_another(tmp_path, monkeypatch):
    (tmp_path / "checkpoint.pt").touch()
    monkeypatch.setattr("sys.argv", ["train.flow", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="--resume"):
        flow.main()


def test_many_overflows_end_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "_MOST_OVERFLOWS", 1)
    trainer = Trainer(tmp_path, tmp_path, minutes=1, peak=1e-3, seed=1)
    before = {name: tensor.clone() for name, tensor in trainer.raft.state_dict().items()}
    for parameter in trainer.raft.parameters():
        parameter.grad = torch.full_like(parameter, torch.inf)
    trainer._apply_gradients()
    for name, tensor in trainer.raft.state_dict().items():
        assert torch.equal(tensor, before[name])
    with pytest.raises(JMPoseError, match="--peak"):
        trainer._apply_gradients()


def shifted_pair(shift: int) -> FlowPair:
    noise = np.random.default_rng(0).integers(0, 256, (192, 144 + shift, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    wide = cv2.normalize(smooth, smooth.copy(), 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    flow = np.zeros((192, 144, 2), np.float32)
    flow[..., 0] = shift
    visible = np.ones((192, 144), bool)
    visible[:, -shift:] = False
    return FlowPair(np.ascontiguousarray(wide[:, shift:]), np.ascontiguousarray(wide[:, :144]), flow, visible)


def test_endpoint_errors_measure_the_distance_in_pixels():
    figures = endpoint_errors(zero_method, [shifted_pair(10)])
    assert figures == {"epe_all": 10.0, "epe_visible": 10.0, "epe_visible_large": 10.0, "share_over_3px": 1.0}
    assert endpoint_errors(dis_method(), [shifted_pair(10)])["epe_visible"] < 1.0
