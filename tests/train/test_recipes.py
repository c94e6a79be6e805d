import importlib

import pytest
import torch
from torch import nn

from jmpose_core.errors import WeightsError
from train.loop.schedule import Schedule
from train.loop.training import Training
from train.recipes import all as every_recipe
from train.recipes.command import Command, start

NAMES = ("all", *every_recipe.RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_tells_how_it_is_used(name, monkeypatch, capsys):
    module = importlib.import_module(f"train.recipes.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 0
    assert f"python -m train.recipes.{name} --data" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in every_recipe.RECIPES if name != "flow"])
def test_a_recipe_states_its_training_at_its_top(name):
    recipe = importlib.import_module(f"train.recipes.{name}")
    for constant in ("DATA", "BATCH", "SCHEDULE", "MINUTES", "SEED", "CHARTS"):
        assert hasattr(recipe, constant)


def test_the_flows_training_is_stated_where_a_gpu_machine_finds_it_too():
    learning = importlib.import_module("train.flow.learning")
    for constant in ("ON_GPU", "ON_CPU", "SCHEDULE", "SEED", "UPDATES"):
        assert hasattr(learning, constant)


def command(out, *, resume: bool) -> Command:
    return Command("backbone", out, out, 1.5, resume)


def training() -> Training:
    network = nn.Linear(1, 1)
    return Training(network, torch.optim.AdamW(network.parameters()), Schedule(), 1.0)


def test_a_training_is_never_overwritten_and_goes_on_when_asked(tmp_path):
    first = command(tmp_path, resume=False).take_up(training())
    first.step = 4
    first.save(tmp_path / "checkpoint.pt")
    with pytest.raises(WeightsError, match="--resume"):
        command(tmp_path, resume=False).take_up(training())
    assert command(tmp_path, resume=True).take_up(training()).step == 4


def test_a_command_is_told_without_paths(tmp_path):
    assert command(tmp_path, resume=True).text == "python -m train.recipes.backbone --minutes 1.5"


def test_an_error_that_explains_itself_ends_a_recipe_with_one_line(tmp_path, monkeypatch):
    def train(command: Command) -> None:
        raise WeightsError(f"{command.out}: nothing here")

    monkeypatch.setattr("sys.argv", ["x", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="nothing here"):
        start("x", "What it is.", 3.0, train)


def test_all_recipes_skip_what_is_finished_and_go_on_with_what_is_not(tmp_path):
    def left() -> list[tuple[str, bool]]:
        commands = every_recipe.commands(tmp_path / "data", tmp_path)
        return [(words[3].removeprefix("train.recipes."), "--resume" in words) for words in commands]

    data = [("train.teachers.labelling", False), ("train.crowds.packing", False)]
    assert left() == [*data, *((name, False) for name in every_recipe.RECIPES)]
    for part in ("teacher/lspet/annotations.json", "teacher/videos/annotations.json", "people/people.npz"):
        (tmp_path / part).parent.mkdir(parents=True)
        (tmp_path / part).touch()
    for part in ("backbone/report/report.md", "detector/checkpoint.pt"):
        (tmp_path / part).parent.mkdir(parents=True)
        (tmp_path / part).touch()
    assert left() == [("detector", True), ("flow", False), ("refiner", False)]


def test_all_stops_at_the_first_recipe_that_fails(tmp_path, monkeypatch):
    started = []

    def run(words, env, check):
        started.append(words[3])
        return type("Ended", (), {"returncode": 3})

    monkeypatch.setattr(every_recipe.subprocess, "run", run)
    monkeypatch.setattr("sys.argv", ["all", "--data", str(tmp_path), "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        every_recipe.main()
    assert end.value.code == 3
    assert started == ["train.teachers.labelling"]
