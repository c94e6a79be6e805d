"""Each public layout finds every place of its network; half a match is refused. Files have full shapes, no weight."""

import pytest
import torch
from torchvision.models.optical_flow import raft_large, raft_small

from jmpose_core.checkpoints.conversion import convert
from jmpose_core.errors import WeightsError
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.model.dcpose import dcpose_w48_refiner
from jmpose_core.model.hrnet import hrnet_w32, hrnet_w48
from jmpose_core.model.systems import pose_network
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS, SLOT_OF_JOINT
from tests.builders.checkpoint_files import (
    Shapes,
    dcpose_temporal_shapes,
    hollow,
    hrnet_shapes,
    princeton_shapes,
    saved,
    shapes_of,
)


@pytest.fixture(scope="module")
def w48() -> Shapes:
    """Names and shapes of the official HRNet-W48 for COCO."""
    return hrnet_shapes(48)


def under(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def mmpose(shapes: Shapes, head: str) -> Shapes:
    return {
        (f"{head}.{name}" if name.startswith("final_layer") else f"backbone.{name}"): shape
        for name, shape in shapes.items()
    }


LAYOUTS = {
    "official": lambda shapes: hollow(shapes),
    "official, parallel": lambda shapes: hollow(under("module.", shapes)),
    "mmpose 0.x": lambda shapes: {
        "meta": {"epoch": 210},
        "state_dict": hollow(mmpose(shapes, "keypoint_head")),
        "optimizer": {},
    },
    "mmpose 1.x": lambda shapes: {"state_dict": hollow(mmpose(shapes, "head")), "meta": {}},
}


@pytest.mark.parametrize("width", [32, 48])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_hrnet_finds_every_place(layout, width, tmp_path):
    shapes = hrnet_shapes(width)
    file = saved(tmp_path / "hrnet_coco.pth", LAYOUTS[layout](shapes))
    conversion = convert([file], f"hrnet_w{width}")
    (report,) = conversion.files
    assert {f"backbone.{name}" for name in shapes} == conversion.state.keys() == report.matched.keys()
    assert conversion.state["backbone.final_layer.weight"].shape == (15, width, 1, 1)
    assert set(report.dropped_joints) == {"left_eye", "right_eye", "left_ear", "right_ear"}
    assert set(report.left_out) <= {"meta", "optimizer"}
    assert list(conversion.new) == ["backbone.final_layer.weight"]
    assert "head_bottom, head_top" in conversion.new["backbone.final_layer.weight"]
    assert (conversion.card.variant, conversion.card.crop_size) == (f"hrnet_w{width}", (384, 288))


@pytest.mark.parametrize(("build", "width"), [(hrnet_w32, 32), (hrnet_w48, 48)])
def test_the_official_names_and_shapes_are_those_of_our_network(build, width):
    with torch.device("meta"):
        assert shapes_of(build(joints=17)) == hrnet_shapes(width)


def test_counters_that_old_programs_did_not_keep_are_filled_in_and_named(w48, tmp_path):
    kept = {name: shape for name, shape in w48.items() if not name.endswith("num_batches_tracked")}
    conversion = convert([saved(tmp_path / "old.pth", hollow(kept))], "hrnet_w48")
    filled = [name for name, how in conversion.new.items() if "counter" in how]
    assert len(filled) == len(w48) - len(kept) == 292
    assert all(conversion.state[name] == 0 for name in filled)


@pytest.mark.parametrize(
    ("file_name", "joints", "names"),
    [
        ("hrnet_coco.pth", None, COCO17),
        ("hrnet_w48_posetrack18.pth", None, POSETRACK18_SLOTS),
        ("mine.pth", "posetrack18", POSETRACK18_SLOTS),
        ("ours.pth", None, JOINTS),
    ],
)
def test_head_rows_go_to_the_joints_of_their_names(file_name, joints, names, w48, tmp_path):
    tensors = hollow(w48)
    rows = torch.arange(1.0, len(names) + 1)
    tensors["final_layer.weight"] = rows[:, None, None, None].expand(-1, 48, 1, 1).clone()
    tensors["final_layer.bias"] = rows * 10
    first = convert([saved(tmp_path / file_name, tensors)], "hrnet_w48", joints=joints).state
    weight, bias = first["backbone.final_layer.weight"], first["backbone.final_layer.bias"]
    for joint, name in enumerate(JOINTS):
        if name in names:
            assert (weight[joint] == names.index(name) + 1).all() and bias[joint] == 10 * (names.index(name) + 1)
        else:
            assert name in ("head_bottom", "head_top") and bias[joint] == 0
            assert 0.0005 < weight[joint].std() < 0.0015
    if names == POSETRACK18_SLOTS:
        assert torch.equal(bias, rows[list(SLOT_OF_JOINT)] * 10)
    if file_name == "mine.pth":  # the same rows every time
        again = convert([tmp_path / file_name], "hrnet_w48", joints=joints).state
        assert torch.equal(again["backbone.final_layer.weight"], weight)


@pytest.mark.parametrize("small", [False, True])
def test_princetons_raft_is_torchvisions(small, tmp_path):
    variant = "raft_small" if small else "raft_large"
    theirs = princeton_shapes(small=small)
    conversion = convert([saved(tmp_path / "raft-things.pth", hollow(under("module.", theirs)))], variant)
    (report,) = conversion.files
    assert report.layout == "princeton-vl RAFT"
    assert not conversion.new
    assert set(report.matched.values()) | report.left_out.keys() == theirs.keys()
    with torch.device("meta"):
        whole = shapes_of((raft_small if small else raft_large)(weights=None))
    assert {name: tensor.shape for name, tensor in conversion.state.items()} == whole
    doubles = [name for name in report.left_out if ".norm3." in name]
    assert len(doubles) == len(report.left_out) == (0 if small else 10)
    assert conversion.state.keys() == report.matched.keys()
    if not small:
        sources = report.matched
        assert sources["context_encoder.layer2.0.downsample.1.running_var"] == "cnet.layer2.0.downsample.1.running_var"
        assert sources["update_block.recurrent_block.convgru2.convq.bias"] == "update_block.gru.convq2.bias"
        assert sources["update_block.recurrent_block.convgru1.convz.weight"] == "update_block.gru.convz1.weight"
        assert sources["mask_predictor.conv.weight"] == "update_block.mask.2.weight"
        assert sources["feature_encoder.layer3.1.convnormrelu2.0.weight"] == "fnet.layer3.1.conv2.weight"


def test_torchvisions_raft_large_finds_every_place(tmp_path):
    with torch.device("meta"):
        theirs = shapes_of(raft_large(weights=None))
    conversion = convert([saved(tmp_path / "raft_large_C_T_V2.pth", hollow(theirs))], "raft_large")
    (report,) = conversion.files
    assert report.layout == "torchvision RAFT"
    assert report.matched == {name: name for name in theirs}
    assert {name: tensor.shape for name, tensor in conversion.state.items()} == theirs
    assert not report.left_out and not conversion.new


def test_hrnet_and_raft_together_start_jmpose(w48, tmp_path):
    hrnet = saved(tmp_path / "hrnet.pth", hollow(w48))
    raft = saved(tmp_path / "raft.pth", hollow(princeton_shapes(small=False)))
    conversion = convert([hrnet, raft], "jmpose_w48")
    made = [name for name, how in conversion.new.items() if "untrained" in how]
    assert {name.split(".")[0] for name in conversion.state} == {"backbone", "flow", "refiner"}
    assert {name for name in conversion.state if name.startswith("refiner.")} == set(made) - {
        "backbone.final_layer.weight"
    }
    with pytest.raises(WeightsError, match="no file has its flow; give a RAFT checkpoint as well"):
        convert([hrnet], "jmpose_w48")
    with pytest.raises(WeightsError, match="another file has backbone"):
        convert([hrnet, raft, hrnet], "jmpose_w48")


def dcpose(w48: Shapes, joints: int) -> dict[str, torch.Tensor]:
    heads = {"final_layer.weight": torch.Size((joints, 48, 1, 1)), "final_layer.bias": torch.Size((joints,))}
    return hollow(under("rough_pose_estimation_net.", w48 | heads) | dcpose_temporal_shapes(joints))


def test_the_published_dcpose_is_taken_whole_and_gives_the_programs_joints(w48, tmp_path):
    """All names of the published layout: HRNet-W48 and PRF, PTM and PCN of PoseTrack18's 17 slots."""
    tensors = dcpose(w48, 17)
    rows = torch.arange(17.0)
    tensors["rough_pose_estimation_net.final_layer.bias"] = rows
    file = saved(tmp_path / "dcpose.pth", {"begin_epoch": 20, "state_dict": tensors, "optimizer": {}})
    conversion = convert([file], "dcpose_w48")
    (report,) = conversion.files
    assert set(report.matched.values()) == tensors.keys()
    assert set(report.left_out) == {"begin_epoch", "optimizer"}
    assert not conversion.new and not report.dropped_joints
    assert torch.equal(conversion.state["backbone.final_layer.bias"], rows)
    card = conversion.card
    assert (card.variant, card.options, card.joints) == ("dcpose_w48", {"joints": 17}, JOINTS)

    network = pose_network(conversion.state, card, place="dcpose").eval()  # all zeros: each map is its row's bias
    with torch.inference_mode():
        output = network(torch.rand(1, 3, 3, 64, 64))
    assert output.maps.initial.shape == (1, 3, 15, 16, 16)
    assert output.refined.refined.shape == output.refined.merged.shape == (1, 15, 16, 16)
    assert output.maps.initial[0, 1, :, 8, 8].tolist() == list(SLOT_OF_JOINT)


def test_another_variant_takes_of_dcpose_the_rows_of_its_joints(w48, tmp_path):
    file = saved(tmp_path / "dcpose.pth", dcpose(w48, 17))
    alone = convert([file], "hrnet_w48")
    assert set(alone.files[0].dropped_joints) == {"left_ear", "right_ear"}
    assert alone.files[0].left_out["offsets_list.0.0.weight"] == "DCPose's own temporal part; hrnet_w48 has another"
    assert not alone.card.options
    ours = saved(tmp_path / "ours.pth", convert([file], "dcpose_w48").state)
    again = convert([ours], "hrnet_w48")
    assert again.state.keys() == alone.state.keys() and again.files[0].dropped_joints == ("left_ear", "right_ear")


def test_dcpose_of_other_joints_than_posetracks_lends_its_backbone_alone(w48, tmp_path):
    conversion = convert([saved(tmp_path / "mine.pth", dcpose(w48, 17))], "dcpose_w48", joints="coco17")
    (report,) = conversion.files
    assert {f"backbone.{name}" for name in w48} == report.matched.keys()
    why = "DCPose's temporal part mixes its 17 maps; dcpose_w48 has 15"
    assert {name for name, reason in report.left_out.items() if reason == why} == set(dcpose_temporal_shapes(17))


def test_dcposes_temporal_part_finds_every_place_where_the_maps_are_15(w48, tmp_path):
    tensors = dcpose(w48, 15)
    tensors["diff_temporal_fuse.layers.0.conv_bn_relu2_3_2.conv.bias"] = torch.full((24,), 5.0)
    tensors["diff_temporal_fuse.layers.0.conv_bn_relu2_3_2.bn.running_mean"] = torch.full((24,), 7.0)
    conversion = convert([saved(tmp_path / "dcpose.pth", tensors)], "dcpose_w48")
    (report,) = conversion.files
    assert not report.left_out and not conversion.new
    with torch.device("meta"):
        refiner = {f"refiner.{name}" for name in dcpose_w48_refiner().state_dict()}
    assert {name for name in conversion.state if name.startswith("refiner.")} == refiner
    assert set(report.matched.values()) == tensors.keys()
    assert (conversion.state["refiner.residual_fusion.0.branches.2.1.1.running_mean"] == 2).all()


def damaged(shapes: Shapes, damage: str) -> dict[str, torch.Tensor]:
    tensors = hollow(shapes)
    if damage == "missing":
        del tensors["stage3.1.branches.2.3.bn2.weight"]
    elif damage == "left over":
        tensors["stage3.4.branches.0.0.conv1.weight"] = torch.zeros(48, 48, 3, 3)
    else:
        tensors["layer1.0.conv2.weight"] = torch.zeros(64, 64, 1, 1)
    return tensors


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", r"1 missing \(backbone\.stage3\.1\.branches\.2\.3\.bn2\.weight\).*likely torn"),
        ("left over", r"1 without a place \(backbone\.stage3\.4"),
        ("shape", r"1 of another shape \(backbone\.layer1\.0\.conv2\.weight \(64, 64, 1, 1\) for \(64, 64, 3, 3\)\)"),
    ],
)
def test_half_a_match_is_refused(damage, message, w48, tmp_path):
    file = saved(tmp_path / "torn.pth", damaged(w48, damage))
    with pytest.raises(WeightsError, match=f"half a match, refused: {message}"):
        convert([file], "hrnet_w48")


LACKS = {
    "weight": (
        ["final_layer.weight"],
        r"1 missing of its head \(backbone\.final_layer\.weight\), of which it has {}bias",
    ),
    "bias": (["final_layer.bias"], r"1 missing of its head \(backbone\.final_layer\.bias\), of which it has {}weight"),
    "both": (["final_layer.weight", "final_layer.bias"], r"2 missing of its head .* it has nothing\."),
}
HEADS = {
    "official": r"final_layer\.",
    "mmpose 0.x": r"keypoint_head\.final_layer\.",
    "mmpose 1.x": r"head\.final_layer\.",
    "ours": r"backbone\.final_layer\.",
}


@pytest.mark.parametrize("lacks", LACKS)
@pytest.mark.parametrize("layout", ["official", "mmpose 0.x", "mmpose 1.x", "ours"])
def test_a_head_that_is_not_whole_is_half_a_match(layout, lacks, w48, tmp_path):
    names, message = LACKS[lacks]
    left = {name: shape for name, shape in w48.items() if name not in names}
    content = hollow(under("backbone.", left)) if layout == "ours" else LAYOUTS[layout](left)
    with pytest.raises(WeightsError, match=f"half a match, refused: {message.format(HEADS[layout])}"):
        convert([saved(tmp_path / "torn.pth", content)], "hrnet_w48")


def test_another_size_is_named_as_the_cause(tmp_path):
    with pytest.raises(WeightsError, match="The file is an HRNet-W32, not a W48"):
        convert([saved(tmp_path / "w32.pth", hollow(hrnet_shapes(32)))], "hrnet_w48")
    small = saved(tmp_path / "raft-small.pth", hollow(princeton_shapes(small=True)))
    with pytest.raises(WeightsError, match="The file is a raft_small, not a raft_large"):
        convert([small], "raft_large")
    with pytest.raises(WeightsError, match="princeton-vl RAFT has nothing for hrnet_w48, which has backbone"):
        convert([small], "hrnet_w48")


def test_what_is_no_checkpoint_is_refused(w48, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        convert([tmp_path / "none.pth"], "hrnet_w48")
    with pytest.raises(WeightsError, match="no such variant; there are jmpose_lite"):
        convert([], "hrnet_w64")
    with pytest.raises(WeightsError, match="holds no weights, only epoch"):
        convert([saved(tmp_path / "empty.pth", {"epoch": 3})], "hrnet_w48")
    with pytest.raises(WeightsError, match="of no known layout"):
        convert([saved(tmp_path / "other.pth", {"fc.weight": torch.zeros(1)})], "hrnet_w48")
    with pytest.raises(WeightsError, match="its head has 17 joints, posetrack15 has 15"):
        convert([saved(tmp_path / "coco.pth", hollow(w48))], "hrnet_w48", joints="posetrack15")
    torn = tmp_path / "torn.pth"
    torn.write_bytes((tmp_path / "coco.pth").read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"torn\.pth: .*(copy it again|not read)"):
        convert([torn], "hrnet_w48")


class RunsOnLoad:
    def __reduce__(self):
        return (print, ("this must never be run",))


def test_code_in_a_checkpoint_is_never_run(tmp_path, capsys):
    file = saved(tmp_path / "bad.pth", {"state_dict": {"conv1.weight": torch.zeros(1)}, "meta": RunsOnLoad()})
    with pytest.raises(WeightsError, match="could run code"):
        convert([file], "hrnet_w48")
    assert "never" not in capsys.readouterr().out
