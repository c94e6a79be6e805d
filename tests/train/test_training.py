import copy
import itertools
import json

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from jmpose_core.errors import Cancelled, JMPoseError, WeightsError
from train.loop import learning
from train.loop import training as training_module
from train.loop.clock import Epochs, TimeBudget
from train.loop.items import items_from
from train.loop.learning import Passes, learn
from train.loop.schedule import Schedule
from train.loop.training import Loss, Training, decay_groups

STEPS = 20
BUDGET = TimeBudget(STEPS / 60)


@pytest.fixture(autouse=True)
def a_step_takes_a_second(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(learning.time, "perf_counter", lambda: float(next(ticks)))


def new_training(seed: int = 0) -> Training:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)).train()
    optimiser = torch.optim.AdamW(decay_groups(network, 0.1), lr=1e-2)
    return Training(network, optimiser, Schedule(peak=1e-2), 1.0)


def numbered(first: int):
    for number in itertools.count(first):
        yield torch.randn(4, 3, generator=torch.Generator().manual_seed(number))


def _loss_of(training: Training):
    def loss_of(batch: torch.Tensor) -> Loss:
        loss = training.network(batch).square().mean()
        return Loss(loss, {"loss": loss})

    return loss_of


def run(training: Training, out, clock=BUDGET, **options) -> dict[str, float]:
    def judge() -> dict[str, float]:
        return {"figure": 0.5}

    return learn(
        training, numbered(training.step), clock, loss_of=_loss_of(training), validate=judge, out=out, **options
    )


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


@pytest.mark.parametrize("clock", [BUDGET, Epochs(4, STEPS // 4)])
def test_a_training_asked_to_stop_keeps_its_checkpoint(tmp_path, clock):
    asked = itertools.count()
    stopped = new_training()
    with pytest.raises(Cancelled, match="after 7 steps; go on with --resume"):
        run(stopped, tmp_path, clock, should_stop=lambda: next(asked) == 7)
    resumed, unbroken = new_training(seed=7), new_training()
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.step == 7 and same(resumed.network, stopped.network)
    run(resumed, tmp_path, clock)
    run(unbroken, tmp_path, clock)
    assert same(resumed.network, unbroken.network)


def test_the_two_clocks_lead_to_the_same_weights(tmp_path):
    trainings = [new_training(), new_training()]
    for training, clock in zip(trainings, (BUDGET, Epochs(4, STEPS // 4)), strict=True):
        run(training, tmp_path, clock)
    assert trainings[0].step == trainings[1].step == STEPS
    assert same(trainings[0].network, trainings[1].network)
    assert [training.rounds for training in trainings] == [1, 4]


def test_a_training_stopped_while_it_is_validated_is_validated_on_resuming(tmp_path):
    def broken() -> dict[str, float]:
        raise KeyboardInterrupt

    training = new_training()
    with pytest.raises(KeyboardInterrupt):
        learn(training, numbered(0), Epochs(2, 3), loss_of=_loss_of(training), validate=broken, out=tmp_path)
    resumed, validated = new_training(), []
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.step == 3
    run(resumed, tmp_path, Epochs(2, 3), on_figures=lambda _: validated.append(resumed.step))
    assert validated == [3, 6]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(new_training(), None) == {"figure": 0.5}
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().out


def test_the_parts_of_a_batch_weigh_as_the_whole_and_come_one_at_a_time(tmp_path):
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    batch = torch.randn(4, 3)
    trained = []
    for parts in ([batch], [batch[:3], batch[3:]]):
        own = copy.deepcopy(network)
        training = Training(own, torch.optim.SGD(own.parameters()), Schedule(rise=0), 9.0, decay=None)
        passes = Passes([len(part) / 4 for part in parts], iter(parts))
        noted: list[float] = []
        learn(
            training,
            iter([passes]),
            Epochs(1, 1),
            loss_of=_loss_of(training),
            on_step=lambda _, means, noted=noted: noted.append(float(means["loss"])),
        )
        trained.append((own.weight.detach().clone(), noted))
    assert torch.allclose(trained[0][0], trained[1][0]) and trained[0][1] == pytest.approx(trained[1][1])
    assert not torch.equal(trained[0][0], network.weight)


def test_other_settings_are_refused_by_the_names_a_person_knows(tmp_path):
    training = new_training()
    training.settings = {"--steps": 6, "labels": "a" * 64, "people": 8}
    training.save(tmp_path / "checkpoint.pt")
    training.settings = {"--steps": 7, "labels": "b" * 64, "people": 8}
    with pytest.raises(WeightsError, match=r"made with --steps 6 and other labels; resume with the same"):
        training.resume(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_to_is_found_out_at_once(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"no folder that can be written to .*name another --out"):
        new_training().take_up(tmp_path / place, resume=False)


def test_the_log_has_mean_losses_and_figures_beside_each_checkpoint(tmp_path):
    assert run(new_training(), tmp_path, TimeBudget(STEPS / 60, round_secs=8), log_steps=5) == {"figure": 0.5}
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [5, 10, 15, 20]
    assert [entry["step"] for entry in entries if "figure" in entry] == [8, 16, 20]
    assert all(entry["progress"] == entry["step"] / STEPS for entry in entries)


def test_a_spent_budget_learns_nothing_more(tmp_path):
    run(new_training(), tmp_path)
    log = (tmp_path / "log.jsonl").read_text()
    training = new_training()
    training.resume(tmp_path / "checkpoint.pt")
    assert run(training, tmp_path) == {}
    assert training.step == STEPS
    assert (tmp_path / "log.jsonl").read_text() == log


@pytest.mark.parametrize("minutes", [0.0, -1.0])
def test_a_budget_of_nothing_is_spent(minutes, tmp_path):
    training = new_training()
    start = copy.deepcopy(training.network)
    assert run(training, tmp_path, TimeBudget(minutes)) == {}
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
    Training(other, torch.optim.AdamW(other.parameters()), Schedule(), 1).save(tmp_path / "checkpoint.pt")
    with pytest.raises(WeightsError, match="not this recipe's"):
        new_training().resume(tmp_path / "checkpoint.pt")


def test_a_batch_that_overflows_is_left_out_and_many_end_the_training(monkeypatch):
    monkeypatch.setattr(training_module, "_MOST_OVERFLOWS", 1)
    training = new_training()
    before = [parameter.clone() for parameter in training.network.parameters()]
    batch = torch.full((1, 3), torch.inf)
    training.descend([(1.0, Loss(training.network(batch).mean(), {}))], 1e-2)
    assert all(torch.equal(one, other) for one, other in zip(training.network.parameters(), before, strict=True))
    with pytest.raises(JMPoseError, match="peak rate"):
        training.descend([(1.0, Loss(training.network(batch).mean(), {}))], 1e-2)


def test_groups_share_the_rate():
    one, other, third = nn.Linear(1, 1), nn.Linear(1, 1), nn.Linear(1, 1)
    groups = [
        {"params": one.parameters(), "share": 0.25},
        {"params": other.parameters()},
        {"params": third.parameters(), "rate": 0.3},
    ]
    network = nn.Sequential(one, other, third)
    training = Training(network, torch.optim.AdamW(groups), Schedule(), 1.0)
    training.descend([(1.0, Loss(network(torch.ones(1, 1)).mean(), {}))], 0.8)
    assert [group["lr"] for group in training.optimiser.param_groups] == pytest.approx([0.2, 0.8, 0.3])


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
