import copy
import itertools
import json

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from jmpose_core.errors import JMPoseError, WeightsError
from train.loop import training as training_module
from train.loop.schedule import Schedule
from train.loop.training import Loss, Training, decay_groups, items_from, learn

STEPS = 20


@pytest.fixture(autouse=True)
def a_step_takes_a_second(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(training_module.time, "perf_counter", lambda: float(next(ticks)))


def new_training(seed: int = 0) -> Training:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)).train()
    optimiser = torch.optim.AdamW(decay_groups(network, 0.1), lr=1e-2)
    return Training(network, optimiser, Schedule(peak=1e-2), STEPS / 60, 1.0)


def numbered(first: int):
    for number in itertools.count(first):
        yield torch.randn(4, 3, generator=torch.Generator().manual_seed(number))


def run(training: Training, out, *, until: float = 1.0, **options) -> dict[str, float]:
    def loss_of(batch: torch.Tensor) -> Loss:
        loss = training.network(batch).square().mean()
        return Loss(loss, {"loss": loss})

    def judge() -> dict[str, float]:
        return {"figure": 0.5}

    return learn(training, numbered(training.step), loss_of, judge, out=out, until=until, **options)


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.allclose(first, second, atol=1e-7) for first, second in pairs)


def test_a_resumed_training_ends_where_an_unbroken_one_does(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    unbroken = new_training()
    run(unbroken, tmp_path / "a")

    stopped = new_training()
    run(stopped, tmp_path / "b", until=0.4)
    resumed = new_training(seed=7)
    resumed.resume(tmp_path / "b" / "checkpoint.pt")
    assert resumed.step == stopped.step == 0.4 * STEPS
    assert not same(resumed.network, unbroken.network)
    run(resumed, tmp_path / "b")

    assert resumed.step == unbroken.step == STEPS
    assert same(resumed.network, unbroken.network)
    assert same(resumed.average.network, unbroken.average.network)
    assert not same(unbroken.average.network, unbroken.network)


def test_the_log_has_mean_losses_and_figures_beside_each_checkpoint(tmp_path):
    assert run(new_training(), tmp_path, log_steps=5, save_secs=8) == {"figure": 0.5}
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [5, 10, 15, 20]
    assert [entry["step"] for entry in entries if "figure" in entry] == [8, 16, 20]
    assert all(entry["progress"] == entry["step"] / STEPS for entry in entries)


def test_a_spent_budget_learns_nothing_more(tmp_path):
    training = new_training()
    training.elapsed_secs = STEPS
    assert run(training, tmp_path) == {}
    assert training.step == 0
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.parametrize("minutes", [0.0, -1.0])
def test_a_budget_of_nothing_is_spent(minutes, tmp_path):
    training = new_training()
    training.minutes = minutes
    start = copy.deepcopy(training.network)
    assert run(training, tmp_path) == {}
    assert training.step == 0 and same(training.average.network, start)


def test_a_checkpoint_without_an_average_starts_it_at_the_network(tmp_path):
    training = new_training()
    state = {"raft": training.network.state_dict(), "optimiser": training.optimiser.state_dict()}
    torch.save({**state, "step": 9, "elapsed": 4.0}, tmp_path / "checkpoint.pt")
    resumed = new_training(seed=1)
    resumed.resume(tmp_path / "checkpoint.pt")
    assert (resumed.step, resumed.elapsed_secs) == (9, 4.0)
    assert same(resumed.average.network, training.network)


def test_another_networks_checkpoint_is_refused(tmp_path):
    other = nn.Linear(2, 2)
    Training(other, torch.optim.AdamW(other.parameters()), Schedule(), 1, 1).save(tmp_path / "checkpoint.pt")
    with pytest.raises(WeightsError, match="not this recipe's"):
        new_training().resume(tmp_path / "checkpoint.pt")


def test_a_batch_that_overflows_is_left_out_and_many_end_the_training(monkeypatch):
    monkeypatch.setattr(training_module, "_MOST_OVERFLOWS", 1)
    training = new_training()
    before = [parameter.clone() for parameter in training.network.parameters()]
    batch = torch.full((1, 3), torch.inf)
    training.descend(training.network(batch).mean())
    assert all(torch.equal(one, other) for one, other in zip(training.network.parameters(), before, strict=True))
    with pytest.raises(JMPoseError, match="PEAK_RATE"):
        training.descend(training.network(batch).mean())


def test_groups_share_the_rate():
    one, other = nn.Linear(1, 1), nn.Linear(1, 1)
    groups = [{"params": one.parameters(), "share": 0.25}, {"params": other.parameters()}]
    network = nn.Sequential(one, other)
    training = Training(network, torch.optim.AdamW(groups), Schedule(peak=1.0, rise=0.5), 1.0, 1.0)
    training.elapsed_secs = 30.0
    training.descend(network(torch.ones(1, 1)).mean())
    assert [group["lr"] for group in training.optimiser.param_groups] == pytest.approx([0.25, 1.0])


def test_the_rate_rises_then_falls():
    rates = [Schedule(peak=1e-3, rise=0.05).rate(progress) for progress in (0, 0.05, 0.5, 1.0, 1.2)]
    assert 0 < rates[0] < rates[1] > rates[2] > rates[3] == rates[4] > 0
    assert rates[1] == pytest.approx(1e-3)


def test_norms_and_biases_do_not_decay_and_fixed_parts_are_left_out():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[0].requires_grad_(False)
    decaying, free = decay_groups(network, 0.1)
    assert [parameter.ndim for parameter in decaying["params"]] == [2] and decaying["weight_decay"] == 0.1
    assert [parameter.ndim for parameter in free["params"]] == [1] and free["weight_decay"] == 0


class Numbers(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index


def test_items_go_on_from_a_number():
    items = items_from(Numbers(), first=6, batch=3)
    assert [next(items).tolist() for _ in range(2)] == [[6, 7, 8], [9, 10, 11]]
    items.close()
