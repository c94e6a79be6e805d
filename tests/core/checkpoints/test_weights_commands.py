"""jmpose weights, as a user meets it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.models.optical_flow import raft_small

from jmpose_core import cli
from jmpose_core.checkpoints import downloads, fetching
from jmpose_core.checkpoints.downloads import Download
from jmpose_core.checkpoints.variants import variants
from jmpose_core.cli import terminal
from jmpose_core.model.calibration import PeakCalibration, with_calibrations
from jmpose_core.weights.files import (
    WeightsCard,
    find_weights,
    load_into,
    read_card,
    read_weights,
    save_weights,
    user_weights,
)
from tests.builders.checkpoint_files import dcpose_temporal_shapes, hollow, hrnet_shapes, princeton_shapes, saved

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `jmpose weights` with these words in this process, with a data folder of its own; the exit code."""
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")
    monkeypatch.setattr(terminal.console, "width", 200)

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["jmpose", "weights", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return code if isinstance(code, int) else 0

    return run


def test_convert_tells_where_every_tensor_went_and_writes_a_file_to_be_named(run, tmp_path, capsys):
    shapes = princeton_shapes(small=True)
    file = saved(tmp_path / "raft-small.pth", {"step": 3, "model": hollow(shapes)})
    assert run("convert", file, "--variant", "raft_small") == 0
    told = capsys.readouterr().out
    assert "princeton-vl RAFT" in told and str(len(shapes)) in told and "left out: step: no weights" in told
    assert find_weights("raft_small") == user_weights() / "raft_small.safetensors"
    state, card = read_weights("raft_small")
    load_into(raft_small(weights=None), state, place="raft_small")
    assert card.variant == "raft_small" and card.training_data == ("as published: raft-small.pth",)
    assert run("show", "raft_small") == 0
    told = capsys.readouterr().out
    assert "0.99 M" in told and "two frames of 192 x 144" in told and "as published: raft-small.pth" in told


def test_convert_names_every_key_where_asked(run, tmp_path, capsys):
    shapes = princeton_shapes(small=True)
    file = saved(tmp_path / "raft-small.pth", {"step": 3, "model": hollow(shapes)})
    assert run("convert", file, "--variant", "raft_small", "--keys") == 0
    told = capsys.readouterr().out.splitlines()
    pairs = dict(line.strip().split(" -> ") for line in told if " -> " in line)
    assert pairs.keys() == shapes.keys()
    assert set(pairs.values()) == raft_small(weights=None).state_dict().keys()
    assert pairs["fnet.conv2.bias"] == "feature_encoder.conv.bias"
    assert "  step: left out: no weights" in told


def test_convert_names_what_it_folded_and_what_it_made(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("jmpose_core.weights.files.save_weights", lambda *_: None)  # of full size
    hrnet = {f"rough_pose_estimation_net.{name}": shape for name, shape in hrnet_shapes(48, joints=15).items()}
    shapes = hrnet | dcpose_temporal_shapes(15)
    del shapes["rough_pose_estimation_net.bn1.num_batches_tracked"]
    file = saved(tmp_path / "dcpose.pth", hollow(shapes))
    assert run("convert", file, "--variant", "dcpose_w48", "--keys") == 0
    told = capsys.readouterr().out.splitlines()
    pairs = dict(line.strip().split(" -> ") for line in told if " -> " in line)
    assert pairs.keys() == shapes.keys()
    folded = {name for name, ours in pairs.items() if "folded" in ours}
    assert folded == {name for name in shapes if name.endswith(".conv.bias")}
    (new,) = [line for line in told if line.startswith("  (new) ")]
    assert new.startswith("  (new) backbone.bn1.num_batches_tracked: 0: ")


def test_a_half_match_writes_nothing(run, tmp_path, capsys):
    tensors = hollow(princeton_shapes(small=True))
    del tensors["fnet.conv2.bias"]
    out = tmp_path / "out.safetensors"
    assert run("convert", saved(tmp_path / "raft.pth", tensors), "--variant", "raft_small", "--out", out) == 1
    assert "1 missing (flow.raft.feature_encoder.conv.bias)" in capsys.readouterr().err
    assert not out.exists()
    assert run("convert", tmp_path / "raft.pth", "--variant", "jmpose_lite") == 1
    assert "name a file with --out" in capsys.readouterr().err


def test_download_fetches_converts_and_is_then_a_name(run, tmp_path, monkeypatch, capsys):
    download = Download(
        name="tiny", variant="raft_small", url="https://x/raft.pth", megabytes=1, trained_on=("Chairs",)
    )
    monkeypatch.setattr(downloads, "DOWNLOADS", (download,))
    torch.manual_seed(0)
    source = raft_small(weights=None).state_dict()

    def served(found: Download, folder: Path, *, on_progress, should_stop) -> fetching.Fetched:
        on_progress(1, 2)
        assert found is download and not should_stop()
        return fetching.Fetched(saved(folder / found.file_name, source), "ab" * 32, verified=False)

    monkeypatch.setattr(fetching, "fetch", served)
    assert run("download", "tiny") == 0
    told = capsys.readouterr().out
    assert f"SHA-256 {'ab' * 32}\nnot checked against a published digest: " in told and "https://x/raft.pth" in told
    state, card = read_weights("tiny")
    assert card.training_data == ("Chairs",)
    assert all(torch.equal(state[name], tensor) for name, tensor in source.items())


def test_list_names_what_is_here_and_what_can_be_had(run, capsys):
    assert run("list") == 0
    told = capsys.readouterr().out
    assert "jmpose_lite" in told and "raft_large_c_t_v2" in told and "1bb1363a" in told
    assert "hrnet_w48_posetrack18" in told and "not stated" in told


def test_show_says_whether_confidence_is_calibrated_and_where_the_fixed_parts_are(run, tmp_path, capsys):
    raw, calibrated, raft = (tmp_path / f"{name}.safetensors" for name in ("raw", "calibrated", "raft"))
    card = WeightsCard(variant="dcpose_lite", crop_size=(256, 192), base="jmpose_lite", base_digest="0")
    tensors = {"refiner.head.bias": torch.zeros(1)}
    save_weights(raw, tensors, card)
    save_weights(calibrated, with_calibrations(tensors, {"refined": PeakCalibration()}), card)
    save_weights(raft, tensors, WeightsCard(variant="raft_small"))
    told = {}
    for file in (raw, calibrated, raft):
        assert run("show", file) == 0
        told[file] = capsys.readouterr().out.splitlines()
    assert "confidence: uncalibrated (raw peak)" in told[raw]
    assert "confidence: calibrated" in told[calibrated]
    assert "base            jmpose_lite: the backbone and the flow are read from there" in told[raw]
    assert not any(line.startswith(("confidence", "base")) for line in told[raft])


def test_every_variant_is_shown_without_weights(run, capsys):
    for variant in variants():
        assert run("show", "--variant", variant) == 0
        assert "total" in capsys.readouterr().out


def test_a_variant_is_shown_with_the_figures_of_its_weights(run, capsys):
    figures = read_card("jmpose_lite").figures
    assert figures
    save_weights(user_weights() / "mine.safetensors", {}, WeightsCard(variant="jmpose_lite", figures={"PCK": 0.25}))
    assert run("show", "--variant", "jmpose_lite") == 0
    told = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    bundled, own = told.index("weights         jmpose_lite"), told.index("weights         mine")
    assert told[bundled + 1 : own] == [f"  {figure}: {value:.4f}" for figure, value in figures.items()]
    assert told[own + 1 :] == ["  PCK: 0.2500"]
    assert run("show", "--variant", "jmpose_w48") == 0
    assert "weights         none are installed" in capsys.readouterr().out


def test_show_says_what_its_unit_is(run, capsys):
    assert run("show", "--variant", "hrnet_w48") == 0
    told = capsys.readouterr().out
    (total,) = [line for line in told.splitlines() if line.startswith("total")]
    giga = float(total.split()[-2])
    assert "their 32.9 GFLOPs (W48, 384 x 288) are 35.3 G here" in told
    assert round(giga, 1) == 35.3 and round(giga * 10**9 / 2**30, 1) == 32.9


def test_show_wants_one_of_weights_and_variant(run, capsys):
    assert run("show") == 1
    assert run("show", "jmpose_lite", "--variant", "jmpose_lite") == 1
    assert run("show", "--variant", "compact_lite") == 0
    assert "backbone" in capsys.readouterr().out
    assert run("show", "nothing") == 1
    assert "jmpose weights list" in capsys.readouterr().err


def test_list_says_which_files_it_leaves_out(run, capsys):
    user_weights().mkdir(parents=True, exist_ok=True)
    (user_weights() / "notes.safetensors").write_text("not weights")
    assert run("list") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "jmpose_lite" in printed and "left out: " in printed and "notes.safetensors: cannot be read" in printed


def test_a_checkpoint_with_nan_is_not_converted(run, tmp_path, capsys):
    state = raft_small(weights=None).state_dict()
    state["update_block.flow_head.conv2.bias"][0] = torch.nan
    torch.save(state, tmp_path / "raft.pth")
    assert run("convert", tmp_path / "raft.pth", "--variant", "raft_small", "--out", tmp_path / "new.safetensors") == 1
    assert "update_block.flow_head.conv2.bias holds NaN or infinity" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new.safetensors").exists()
