"""The paper's recipe: its schedule, its loop, and all of it on a PoseTrack folder that the test writes."""

import argparse
import json
import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from jmpose_core import cli
from jmpose_core.errors import Cancelled, FormatError, JMPoseError, WeightsError
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.hrnet import HRNet
from jmpose_core.model.jmpose import JMPoseOutput
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.single_frame import SingleFrame
from jmpose_core.model.systems import POSE_NETWORKS, compact_lite, jmpose_lite, load_pose_network
from jmpose_core.training_messages import EpochDone, decode_line
from jmpose_core.weights.files import WeightsCard, read_card, save_weights
from tests.builders.posetrack_folder import write_posetrack
from train.loop.learning import learn
from train.loop.reports import StepReports
from train.loop.training import Loss, Training
from train.objectives.of_system import InformationObjective
from train.posetrack.dataset import PoseTrackAugmentation, PoseTrackClips, read_posetrack
from train.posetrack.epochs import EpochPlan, batches
from train.posetrack.preset import PoseTrackCommand, PoseTrackResult
from train.posetrack.start_weights import take_start_weights
from train.posetrack.validation import GroundTruthBoxValidation
from train.recipes import hrnet, jm_pose
from train.recipes import preset_cli as jm_pose_cli

PLAN = EpochPlan(epochs=2, batch=4, at_once=2, peak_rate=1e-2, drops=(1,), largest_gradient=1.0, log_steps=1)


class Tiny(nn.Module):
    """Joints from a shrunk key frame; dropout draws from torch's generator, as the IO estimate does."""

    def __init__(self, *, norm=True):
        super().__init__()
        self.last = nn.Linear(3 * 12, 30)
        self.norm = nn.BatchNorm1d(36) if norm else nn.Identity()
        self.drop = nn.Dropout(0.5 if norm else 0.0)

    def loss(self, batch):
        crops, cells, weight = batch
        key = nn.functional.adaptive_avg_pool2d(crops[:, 2].permute(0, 3, 1, 2).float() / 255, (4, 3)).flatten(1)
        found = self.last(self.drop(self.norm(key))).unflatten(1, (15, 2))
        total = ((found - cells / 10) * weight[..., None]).square().mean()
        return Loss(total, {"loss": total.detach()})


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = write_posetrack(tmp_path_factory.mktemp("data"), "posetrack18", frames=8, labelled=tuple(range(8)))
    poses = read_posetrack([root], "train")[0].poses
    return PoseTrackClips(poses, (64, 48), augmentation=PoseTrackAugmentation())


def _training(**options):
    torch.manual_seed(1)
    network = Tiny(**options)
    optimiser = torch.optim.AdamW(network.parameters())
    return Training(network, optimiser, PLAN.schedule, 1.0, decay=None, settings={"people": 8})


def _learn(training, clips, out, plan=PLAN, **options):
    learn(
        training,
        batches(plan, clips, first=training.step, workers=0),
        plan.clock(len(clips)),
        loss_of=training.network.loss,
        out=out,
        log_steps=plan.log_steps,
        **options,
    )
    return training.network.state_dict()


def _log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "plan, rates", [(jm_pose.PLAN, (1e-4, 1e-5, 1e-6, 1e-7)), (hrnet.PLAN, (5e-4, 5e-4, 5e-5, 5e-6))]
)
def test_the_rate_drops_at_the_papers_epochs(plan, rates):
    for first, rate in zip((0, 5, 10, 15), rates, strict=True):
        clock = plan.clock(7 * plan.batch)
        at = [
            SimpleNamespace(step=7 * epoch + 3 * last, elapsed_secs=0.0)
            for epoch in range(first, first + 5)
            for last in (0, 2)
        ]
        assert [plan.schedule.rate(clock.progress(each)) for each in at] == pytest.approx([rate] * 10)
    assert plan.epochs == 20


def test_an_epoch_has_every_example_once_in_an_order_of_its_own():
    plan = replace(PLAN, batch=4, at_once=3)
    first, second = (plan.order(10, epoch) for epoch in range(2))
    assert [[len(one_pass) for one_pass in step] for step in first] == [[3, 1], [3, 1], [2]]
    flat = [index for step in first for one_pass in step for index in one_pass]
    assert sorted(flat) == list(range(10))
    assert first != second and first == plan.order(10, 0)
    assert plan.clock(10).steps == 3


def test_gradients_of_passes_add_up_to_the_batchs(clips, tmp_path):
    states = [
        _learn(_training(norm=False), clips, tmp_path, replace(PLAN, batch=8, at_once=at_once)) for at_once in (8, 3)
    ]
    for whole, parts in zip(*(state.values() for state in states), strict=True):
        assert torch.allclose(whole, parts, atol=1e-6)


@pytest.mark.parametrize("stopped_at", [1, 2, 3])
def test_a_resumed_training_ends_where_an_unbroken_one_does(clips, tmp_path, stopped_at):
    for name in ("unbroken", "stopped"):
        (tmp_path / name).mkdir()
    expected = _learn(_training(), clips, tmp_path / "unbroken")
    asked = iter(range(10))
    with pytest.raises(Cancelled, match="--resume"):
        _learn(_training(), clips, tmp_path / "stopped", should_stop=lambda: next(asked) == stopped_at)
    training = _training()
    training.network.last.weight.data.zero_()
    training.resume(tmp_path / "stopped/checkpoint.pt")
    found = _learn(training, clips, tmp_path / "stopped")
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [[line["loss"] for line in _log(tmp_path / name) if "loss" in line] for name in ("unbroken", "stopped")]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_the_log_tells_the_rate(clips, tmp_path):
    _learn(_training(), clips, tmp_path)
    steps = [line for line in _log(tmp_path) if "loss" in line]
    assert [line["learning_rate"] for line in steps] == [1e-2, 1e-2, 1e-3, 1e-3]
    assert all(line["steps_per_second"] > 0 for line in steps)


def test_progress_counts_to_the_end(clips, tmp_path):
    told = []
    _learn(_training(), clips, tmp_path, on_step=StepReports(4, told.append))
    assert (told[-1].step, told[-1].steps) == (4, 4)
    assert told[-1].per_second > 0 and math.isfinite(told[-1].loss)


def test_the_best_epoch_is_published_and_the_next_learns_in_training_mode(tmp_path, start, monkeypatch):
    command = PoseTrackCommand(
        (_tiny_posetrack(tmp_path / "data"),), tmp_path / "out", (str(start),), "jmpose_lite", workers=0
    )
    figures = iter([{"mAP": 10.0}, {"mAP": 30.0}, {"mAP": 20.0}])
    modes, published = [], []

    def measured(_, network):
        modes.append(network.refiner.training)
        network.eval()
        return next(figures)

    monkeypatch.setattr(GroundTruthBoxValidation, "figures", measured)
    monkeypatch.setattr(PoseTrackCommand, "_publish", lambda _, figures, learnt: published.append(figures))
    told = []
    result = jm_pose.train(replace(command, on_progress=told.append), replace(jm_pose.PLAN, epochs=3, batch=2))
    assert published == [{"mAP": 10.0}, {"mAP": 30.0}] and result.mean_ap == 30
    assert modes == [True, True, True]
    assert [message for message in told if isinstance(message, EpochDone)] == [
        EpochDone(1, {"mAP": 10.0}),
        EpochDone(2, {"mAP": 30.0}),
        EpochDone(3, {"mAP": 20.0}),
    ]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Random weights in a file, as an --init; nothing here depends on what they know."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("init") / "start.safetensors"
    save_weights(path, jmpose_lite().state_dict(), WeightsCard(variant="jmpose_lite", training_data=("noise",)))
    return path


def _tiny_posetrack(root):
    write_posetrack(root, "posetrack18", labelled=(2, 4))
    return write_posetrack(root, "posetrack18", split="val", sequence="000002_bonn", labelled=(3,))


def test_the_whole_recipe_on_a_posetrack_folder(tmp_path, start):
    command = PoseTrackCommand(
        (_tiny_posetrack(tmp_path / "posetrack18"),), tmp_path / "out", (str(start),), "jmpose_lite", workers=0
    )
    result = jm_pose.train(command, replace(jm_pose.PLAN, epochs=1, batch=1))
    assert 0 <= result.mean_ap <= 100
    before, after = load_pose_network(start).state_dict(), load_pose_network(result.weights).state_dict()
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"refiner"}, "backbone and flow are fixed, batch statistics included"
    card = read_card(result.weights)
    assert card.training_data == ("noise", "posetrack18: train, 2 people in 1 videos")
    assert card.figures["mAP, posetrack18 val, ground-truth boxes"] == pytest.approx(result.mean_ap / 100)
    (line,) = [line for line in _log(tmp_path / "out") if "loss" in line]
    assert line["step"] == 2
    assert {"relevancy", "complement", "redundancy", "learning_rate", "steps_per_second"} <= line.keys()
    titles = [path.read_text().partition("</text>")[0] for path in sorted((tmp_path / "out/report").glob("*.svg"))]
    for number, name in enumerate(("loss", "relevancy", "complement", "redundancy", "mAP")):
        assert titles[number].endswith(f">{name}")
    with pytest.raises(WeightsError, match="already holds a training; go on with --resume"):
        jm_pose.train(command)


def test_stage_0_changes_the_backbone(tmp_path, start):
    data = _tiny_posetrack(tmp_path / "posetrack18")
    command = PoseTrackCommand((data,), tmp_path / "out", (str(start),), "compact_lite", workers=0)
    result = hrnet.train(command, replace(hrnet.PLAN, epochs=1, batch=2, at_once=2))
    before, after = load_pose_network(start), load_pose_network(result.weights)
    assert not torch.equal(_last(before), _last(after))
    assert after.delta == 0
    refiner_start = jmpose_lite()
    with pytest.raises(WeightsError, match="fixed flow, which would be random noise"):
        take_start_weights(refiner_start, "jmpose_lite", [result.weights])
    flow = tmp_path / "raft.safetensors"
    save_weights(flow, before.flow.raft.state_dict(), WeightsCard(variant="raft_small"))
    take_start_weights(refiner_start, "jmpose_lite", [result.weights, flow])
    assert torch.equal(_last(refiner_start), _last(after))


def _last(network):
    return network.get_submodule("backbone.final_layer").weight


def test_a_variant_without_start_weights_is_refused():
    with pytest.raises(WeightsError, match=r"backbone, which would be random noise.*weights convert.*--init"):
        take_start_weights(_small_hrnet(), "hrnet_w48", [])
    with pytest.raises(WeightsError, match=r"backbone, which would be random noise\. Start from .*--init jmpose_lite"):
        take_start_weights(compact_lite(), "compact_lite", [])


def _small_hrnet():
    return PoseNetwork(
        backbone=HRNet(width=4),
        flow=None,
        refiner=SingleFrame(),
        crop_size=(64, 64),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        heatmap_sigma=3.0,
        softmax=False,
    )


def test_a_foreign_backbone_alone_is_a_start(tmp_path):
    """As `jmpose weights convert` leaves an HRNet: its own names, without those of the network around it."""
    given, network = _small_hrnet(), _small_hrnet()
    path = tmp_path / "hrnet.safetensors"
    save_weights(path, given.backbone.state_dict(), WeightsCard(variant="hrnet", training_data=("COCO",)))
    assert take_start_weights(network, "hrnet_w48", [path]) == ("COCO",)
    assert torch.equal(_last(network), _last(given))


def test_weights_that_fit_nothing_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_weights(path, {"a": torch.zeros(1)}, WeightsCard(variant="detector"))
    with pytest.raises(WeightsError, match="holds detector, which fits neither"):
        take_start_weights(compact_lite(), "compact_lite", [path])


def test_a_folder_without_a_train_split_is_refused(tmp_path, start):
    root = write_posetrack(tmp_path / "data", "posetrack17", split="val")
    command = PoseTrackCommand((root,), tmp_path / "out", (str(start),), "jmpose_lite", workers=0)
    with pytest.raises(FormatError, match="no labelled people in a train split"):
        jm_pose.train(command)


def test_an_ablation_takes_the_fixed_parts_of_the_whole(start):
    network, whole = jmpose_lite(cjl=False), load_pose_network(start)
    before = network.refiner.state_dict()
    take_start_weights(network, "jmpose_lite", [start])
    for part in ("backbone", "flow"):
        own, expected = network.get_submodule(part).state_dict(), whole.get_submodule(part).state_dict()
        assert all(torch.equal(own[name], expected[name]) for name in expected)
    assert network.refiner.state_dict().keys() == before.keys()


def test_ablations_are_jm_poses_alone(tmp_path, start):
    command = PoseTrackCommand((tmp_path,), tmp_path, (str(start),), "compact_lite", without=("cjl",))
    with pytest.raises(WeightsError, match="compact_lite cannot be built with cjl=False"):
        jm_pose.train(command)


def test_a_training_goes_on_with_the_switches_of_its_start_weights(tmp_path):
    """The bundled form is not the paper's: without its switches its refiner would be left behind unseen."""
    command = PoseTrackCommand((tmp_path,), tmp_path, ("jmpose_lite",), "jmpose_lite", switches={"printed_gate": False})
    network, _ = command.start
    bundled = load_pose_network("jmpose_lite")
    assert network.refiner.align and network.refiner.heatmap_skip
    assert all(torch.equal(own, bundled.state_dict()[name]) for name, own in network.state_dict().items())
    assert command.text.endswith(" --switch printed_gate=False")


@pytest.mark.parametrize(
    "words, switches",
    [
        ("--switch feature_skip --switch reach=4", {"feature_skip": True, "reach": 4}),
        (
            "--switch motion=difference --switch align=false --switch frame_selection=false",
            {"motion": "difference", "align": False, "frame_selection": False},
        ),
    ],
)
def test_switches_are_read_from_the_command_line(tmp_path, words, switches, monkeypatch):
    reached = []
    monkeypatch.setattr(jm_pose, "train", lambda command: _noted(reached, jm_pose, command))
    parser = argparse.ArgumentParser()
    jm_pose_cli.add_command(parser.add_subparsers())
    words = [
        "jm-pose",
        "data",
        "--out",
        str(tmp_path),
        "--init",
        "jmpose_lite",
        "--variant",
        "jmpose_lite",
        *words.split(),
    ]
    arguments = parser.parse_args(words)
    assert arguments.run(arguments, lambda: False) == 0
    assert reached[0][1].switches == switches


def test_a_switch_that_the_builder_refuses_says_why(tmp_path):
    command = PoseTrackCommand((tmp_path,), tmp_path, (), switches={"align": True})
    with pytest.raises(WeightsError, match=r"jmpose_w48 cannot be built with align=True .*they need consecutive_flow"):
        jm_pose.train(command)


@pytest.mark.parametrize("switches", [{"heatmap_skip": True}, {"feature_skip": True}, {"align": True}])
def test_vsd_probes_fit_whatever_else_the_head_sees(switches):
    network = jmpose_lite(**switches)
    probes = InformationObjective(network, "vsd", 1.0).probes
    widths = {layer.in_channels for layer in probes.modules() if isinstance(layer, torch.nn.Conv2d)}
    assert widths == {32, 64}


def test_ground_truth_that_cannot_be_judged_is_found_before_training(tmp_path):
    root = write_posetrack(tmp_path, "posetrack18", split="val")
    place = next(root.glob("annotations/val/*.json"))
    content = json.loads(place.read_text())
    del content["annotations"][0]["bbox_head"]
    place.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"annotations\[0\]\.bbox_head: missing"):
        GroundTruthBoxValidation(read_posetrack([root], "val"), at_once=1, workers=0)


def _output(channels):
    maps = [torch.rand(2, count, 16, 12, requires_grad=True) for count in (15, channels, channels)]
    return JMPoseOutput(maps[0], maps[0], maps[0].detach(), (maps[1],), (maps[2],)), maps[1:]


def test_vsd_trains_its_probes_on_their_own_loss():
    objective = InformationObjective(jmpose_lite(), "vsd", weight=0.0)
    output, (joint, motion) = _output(channels=32)
    loss = objective(output, torch.rand(2, 15, 16, 12))
    loss.total.backward()
    assert all(probe.grad.abs().sum() > 0 for probe in objective.probes.parameters())
    assert not joint.grad.any() and not motion.grad.any(), "the probes' loss stays out of the features"
    assert loss.parts.keys() == {"relevancy", "complement", "redundancy", "probes"}


def test_gauss_reaches_both_features():
    objective = InformationObjective(jmpose_lite(), "gauss", weight=1e-4)
    output, (joint, motion) = _output(channels=8)
    loss = objective(output, torch.rand(2, 15, 16, 12))
    loss.total.backward()
    assert joint.grad.any() and motion.grad.any()
    terms = sum(loss.parts[name] for name in ("relevancy", "complement", "redundancy"))
    assert float(terms) * 1e-4 == pytest.approx(loss.total.item(), rel=1e-3)


def test_family_reads_features_through_the_fixed_last_layer():
    network = _small_hrnet()
    output, (joint, motion) = _output(channels=4)
    loss = InformationObjective(network, "family", weight=1.0)(output, torch.rand(2, 15, 16, 12))
    loss.total.backward()
    assert joint.grad.any() and motion.grad.any()
    assert _last(network).grad is None


@pytest.mark.parametrize("variant", ["jmpose_lite", "dcpose_lite", "famipose_lite", "tdmi_lite", "tdmi_st_lite"])
def test_every_sibling_has_its_objective(variant):
    network = POSE_NETWORKS[variant]()
    refiner = network.refiner.train()
    torch.manual_seed(0)
    maps = ClipMaps(
        torch.rand(2, refiner.frames, 15, 32, 24),
        (torch.randn(2, refiner.frames, 24, 32, 24),) if refiner.uses_features else (),
        torch.randn(2, 4, 2, 32, 24) if refiner.uses_flow else None,
    )
    output = refiner(maps)
    loss = InformationObjective(network, "gauss", weight=1e-4)(output, torch.rand(2, 15, 32, 24))
    if variant == "dcpose_lite":
        assert loss.total == 0 and not loss.parts
        return
    assert loss.parts and all(math.isfinite(part) for part in loss.parts.values())
    loss.total.backward()
    reached = [parameter.grad for parameter in refiner.parameters() if parameter.grad is not None]
    assert any(gradient.any() for gradient in reached)
    assert all(gradient.isfinite().all() for gradient in reached)


def test_an_estimator_that_does_not_fit_says_what_to_do():
    with pytest.raises(JMPoseError, match="as an HRNet does; train this variant with gauss or vsd"):
        InformationObjective(jmpose_lite(), "family", 1.0)
    with pytest.raises(JMPoseError, match="vsd needs JM-Pose"):
        InformationObjective(compact_lite(), "vsd", 1.0)


def test_the_command_line_reaches_the_recipe_of_the_variant(tmp_path, start, monkeypatch, capsys):
    reached = []
    for recipe in (jm_pose, hrnet):
        monkeypatch.setattr(recipe, "train", lambda command, recipe=recipe: _noted(reached, recipe, command))
    parser = argparse.ArgumentParser()
    jm_pose_cli.add_command(parser.add_subparsers())
    for variant in ("jmpose_lite", "compact_lite"):
        words = ["jm-pose", str(tmp_path), "--out", str(tmp_path), "--init", str(start), "--variant", variant]
        arguments = parser.parse_args(words)
        assert arguments.run(arguments, lambda: False) == 0
    assert [recipe for recipe, _ in reached] == [jm_pose, hrnet]
    done = [decode_line(line) for line in capsys.readouterr().out.splitlines()]
    assert done[0].measured.startswith("mAP 12.3 on the val split")
    assert "nothing was measured" in done[1].measured


def _noted(reached, recipe, command):
    reached.append((recipe, command))
    return PoseTrackResult(command.out / "x.safetensors", 12.3 if recipe is jm_pose else math.nan)


@pytest.fixture
def jmpose_train(monkeypatch):
    """`jmpose train` with these words: its exit code and the training's command line."""

    def run(*words):
        started = []

        def stand_in(command, **options):
            started.append(list(command[4:]))
            return subprocess_popen([sys.executable, "-c", ""], **options)

        subprocess_popen = subprocess.Popen
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "Popen", stand_in)
            patched.setattr(sys, "argv", ["jmpose", "train", *words])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        return ended.value.code or 0, started[0] if started else []

    return run


def test_jmpose_train_starts_the_preset(jmpose_train):
    words = "POSETRACK --preset jm-pose --out runs --init a --init b --variant tdmi_w48"
    words += " --without io --switch a=b --at-once 4 --resume"
    code, started = jmpose_train(*words.split())
    assert code == 0
    parser = argparse.ArgumentParser()
    jm_pose_cli.add_command(parser.add_subparsers())
    arguments = parser.parse_args(started)
    assert (started[0], arguments.init, arguments.variant) == ("jm-pose", ["a", "b"], "tdmi_w48")
    assert (arguments.without, arguments.switch) == (["io"], [("a", "b")])
    assert (arguments.at_once, arguments.resume) == (4, True)


def test_jmpose_train_alone_is_fine_tuning(jmpose_train):
    assert jmpose_train("a.jmpose", "--out", "runs") == (
        0,
        ["finetune", "a.jmpose", "--out", "runs", "--device", "auto"],
    )


@pytest.mark.parametrize(
    "words, cure",
    [
        ("--variant jmpose_w48", "add --preset jm-pose"),
        ("--preset jm-pose --steps 3", "leave --steps out"),
        ("--init a --init b", "give --init once"),
    ],
)
def test_options_that_do_not_fit_say_so(jmpose_train, capsys, words, cure):
    assert jmpose_train("data", "--out", "runs", *words.split()) == (1, [])
    assert cure in " ".join(capsys.readouterr().err.split())
