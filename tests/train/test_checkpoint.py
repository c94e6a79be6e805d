import pytest
import torch

from jmpose_core.errors import WeightsError
from train.loop.checkpoint import read_checkpoint, save_checkpoint


def test_what_is_saved_is_read(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.pt", {"network": {"w": torch.ones(2)}, "step": 3, "elapsed_secs": 1.5})
    state = read_checkpoint(tmp_path / "checkpoint.pt")
    assert (state["step"], state["elapsed_secs"]) == (3, 1.5)
    assert torch.equal(state["network"]["w"], torch.ones(2))


def test_a_crash_while_saving_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def torn(state, part):
        part.write_bytes(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(WeightsError, match="No space left"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert read_checkpoint(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_checkpoint_names_the_cure(tmp_path):
    with pytest.raises(WeightsError, match="leave --resume out"):
        read_checkpoint(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 torn"])
def test_a_torn_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_checkpoint(tmp_path / "checkpoint.pt")


def test_names_of_the_first_trainings_are_understood(tmp_path):
    torch.save({"raft": {}, "step": 1, "elapsed": 2.0}, tmp_path / "flow.pt")
    torch.save({"network": {}, "step": 1, "spent_secs": 2.0}, tmp_path / "detector.pt")
    for name in ("flow.pt", "detector.pt"):
        assert read_checkpoint(tmp_path / name) == {"network": {}, "step": 1, "elapsed_secs": 2.0}
