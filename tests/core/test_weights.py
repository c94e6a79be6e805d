import msgspec
import pytest
import torch
from torch import nn

import resources
from jmpose_core.errors import WeightsError
from jmpose_core.weights.files import (
    WeightsCard,
    installed_cards,
    load_into,
    read_card,
    read_weights,
    save_weights,
    tensor_names,
    user_weights,
    weights_of_variant,
)


def card():
    return WeightsCard(variant="test", crop_size=(256, 192), figures={"PCK": 0.5}, training_data=("a", "b"))


def test_weights_come_back_with_their_card(tmp_path):
    layer = nn.Conv2d(3, 4, 3)
    path = tmp_path / "new folder" / "layer.safetensors"
    save_weights(path, layer.state_dict(), card())
    state, found = read_weights(path)
    assert found == card() == read_card(path)
    assert sorted(tensor_names(path)) == sorted(state) == ["bias", "weight"]
    other = nn.Conv2d(3, 4, 3)
    load_into(other, state, place="layer")
    assert torch.equal(other.weight, layer.weight)
    assert list(path.parent.iterdir()) == [path]


def test_half_a_match_is_refused_with_its_first_names():
    state = nn.Conv2d(3, 4, 3).state_dict()
    with pytest.raises(WeightsError, match=r"1 of another shape \(first: weight\)"):
        load_into(nn.Conv2d(3, 4, 1), state, place="layer")
    with pytest.raises(WeightsError, match=r"1 left over \(first: bias\)"):
        load_into(nn.Conv2d(3, 4, 3, bias=False), state, place="layer")


def test_missing_torn_and_foreign_files_say_what_to_do(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        read_weights(tmp_path / "none.safetensors")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"\x00" * 40)
    with pytest.raises(WeightsError, match="copy the file again"):
        read_weights(torn)
    foreign = tmp_path / "foreign.safetensors"
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, foreign)
    with pytest.raises(WeightsError, match="weights convert"):
        read_card(foreign)


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(WeightsError, match="weights not written"):
        save_weights(blocked / "layer.safetensors", {"a": torch.zeros(1)}, card())


def test_a_variant_is_that_of_its_own_name_or_the_only_one(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "WEIGHTS", tmp_path / "bundled")
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")

    def install(folder, name, variant, crop_size=(256, 192)):
        save_weights(
            folder / f"{name}.safetensors", {"a": torch.zeros(1)}, WeightsCard(variant=variant, crop_size=crop_size)
        )

    install(resources.WEIGHTS, "jmpose_lite", "jmpose_lite")
    install(resources.WEIGHTS, "detector", "detector", crop_size=(0, 0))
    install(user_weights(), "dancers", "jmpose_lite")
    install(user_weights(), "coco", "hrnet_w48")
    assert weights_of_variant("jmpose_lite") == "jmpose_lite"
    assert weights_of_variant("hrnet_w48") == "coco"
    install(user_weights(), "posetrack", "hrnet_w48")
    with pytest.raises(WeightsError, match="several weights of it are installed; choose by --weights: coco, posetrack"):
        weights_of_variant("hrnet_w48")
    for missing in ("tdmi_lite", "detector"):
        with pytest.raises(WeightsError, match=r"only of jmpose_lite, hrnet_w48; get others with .*download.*convert"):
            weights_of_variant(missing)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_with_nan_or_infinity_are_neither_written_nor_read(tmp_path, value, kind):
    state = {"a": torch.zeros(2, dtype=kind), "steps": torch.tensor(3), "b": torch.tensor([1.0, value], dtype=kind)}
    with pytest.raises(WeightsError, match=r"not written: b holds NaN or infinity"):
        save_weights(tmp_path / "new.safetensors", state, card())
    assert not list(tmp_path.iterdir())
    from safetensors.torch import save_file

    save_file(state, tmp_path / "broken.safetensors", metadata={"jmpose": msgspec.json.encode(card()).decode()})
    with pytest.raises(WeightsError, match=r"broken.safetensors: b holds NaN or infinity; .* take other weights"):
        read_weights(tmp_path / "broken.safetensors")


def foreign_files(folder):
    """What may lie in the user's weights folder, by name."""
    folder.mkdir(parents=True)
    (folder / "torn.safetensors").write_bytes(b"\x00" * 40)
    (folder / "empty.safetensors").touch()
    (folder / "folder.safetensors").mkdir()
    (folder / "gone.safetensors").symlink_to(folder / "nowhere")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, folder / "foreign.safetensors")
    save_file({"a": torch.zeros(1)}, folder / "newer.safetensors", metadata={"jmpose": '{"variant": 3}'})
    return {"torn", "empty", "folder", "gone", "foreign", "newer"}


def test_foreign_files_among_the_weights_hide_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "WEIGHTS", tmp_path / "bundled")
    monkeypatch.setattr("jmpose_core.app_folders.user_data_path", lambda *_: tmp_path / "data")
    names = foreign_files(user_weights())
    save_weights(user_weights() / "good.safetensors", {"a": torch.zeros(1)}, card())
    cards, faults = installed_cards()
    assert [path.stem for path in cards] == ["good"]
    assert {path.stem for path in faults} == names and all("safetensors" in fault for fault in faults.values())
    assert weights_of_variant("test") == "good"
