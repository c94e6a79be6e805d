import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.cli import run
from jmpose_core.drawing import write_picture
from jmpose_core.errors import Cancelled, WeightsError
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.systems import jmpose_lite
from jmpose_core.weights.files import WeightsCard, read_weights, save_weights
from tests.builders.people import annotated
from train.finetune import corrected as module
from train.finetune.corrected import finetune
from train.labels import LabelledVideo, digest_of_labels
from train.people.cached_clips import CachedClips

STEPS = 6


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    """jmpose_lite as it is before any training."""
    torch.manual_seed(0)
    network = jmpose_lite()
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    save_weights(path, network.state_dict(), WeightsCard(variant="jmpose_lite", crop_size=network.crop_size))
    return path


def person(x: float) -> Annotation:
    return annotated(0, 1, (4.0, 4.0, 40.0, 60.0), keypoints=np.full((15, 2), x), origin=Origin.CORRECTED)


@pytest.fixture
def labels(tmp_path):
    """One corrected person: too few to hold any out, so that new weights are always written."""
    folder = tmp_path / "video"
    folder.mkdir()
    write_picture(folder / "0.png", np.zeros((64, 48, 3), np.uint8))
    return [LabelledVideo(folder, (person(20.0),))]


@pytest.fixture(autouse=True)
def small_maps(monkeypatch):
    """What the fixed parts would make of clips, an eighth of the size."""
    generator = torch.Generator().manual_seed(1)
    maps = ClipMaps(
        torch.rand(4, 5, 15, 8, 6, generator=generator), (), torch.randn(4, 4, 2, 8, 6, generator=generator)
    )
    cells = torch.rand(4, 15, 2, generator=generator) * torch.tensor([5.0, 7.0])
    clips = CachedClips(maps, cells, torch.ones(4, 15))
    monkeypatch.setattr(module.ClipReading, "clips", lambda _, labels, variants: clips if labels else None)
    monkeypatch.setattr(module, "SAVE_SECS", 0.0)


def stop_at(call: int, error: type[Exception] | None = None) -> Callable[[], bool]:
    """Asks to stop, or crashes, when it is asked for the `call`th time."""
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        if calls == call and error is not None:
            raise error
        return calls >= call

    return should_stop


@pytest.fixture
def unbroken(labels, init, tmp_path):
    result = finetune(labels, tmp_path / "unbroken", init=init, steps=STEPS, device="cpu")
    assert result.weights is not None
    return read_weights(result.weights)[0]


@pytest.mark.parametrize("ending", [Cancelled, OSError])
def test_a_resumed_training_gives_the_weights_of_an_unbroken_one(labels, init, unbroken, ending, tmp_path):
    out = tmp_path / "out"
    stop = stop_at(4) if ending is Cancelled else stop_at(4, OSError)
    with pytest.raises(ending):
        finetune(labels, out, init=init, steps=STEPS, device="cpu", should_stop=stop)
    assert (out / "checkpoint.pt").is_file()
    result = finetune(labels, out, init=init, steps=STEPS, device="cpu", resume=True)

    assert result.weights is not None
    resumed, start = read_weights(result.weights)[0], read_weights(init)[0]
    for name, tensor in resumed.items():
        torch.testing.assert_close(tensor, unbroken[name], rtol=1e-5, atol=1e-6)
    assert any(not torch.equal(tensor, start[name]) for name, tensor in resumed.items())
    assert not (out / "checkpoint.pt").exists()


def test_other_labels_or_options_are_refused(labels, init, tmp_path):
    with pytest.raises(Cancelled):
        finetune(labels, tmp_path, init=init, steps=STEPS, device="cpu", should_stop=stop_at(2))
    with pytest.raises(WeightsError, match="made with --steps 6; resume with the same"):
        finetune(labels, tmp_path, init=init, steps=STEPS + 1, device="cpu", resume=True)
    moved = [LabelledVideo(labels[0].video_path, (person(21.0),))]
    with pytest.raises(WeightsError, match="made with other labels;"):
        finetune(moved, tmp_path, init=init, steps=STEPS, device="cpu", resume=True)


def test_nothing_to_resume_is_refused(labels, init, tmp_path):
    with pytest.raises(WeightsError, match="leave --resume out"):
        finetune(labels, tmp_path, init=init, steps=STEPS, device="cpu", resume=True)


def test_the_digest_does_not_depend_on_where_the_video_lies(labels, tmp_path):
    digest = digest_of_labels(labels)
    moved = labels[0].video_path.rename(tmp_path / "elsewhere")
    assert digest_of_labels([LabelledVideo(moved, labels[0].people)]) == digest
    assert digest_of_labels([LabelledVideo(moved, (person(19.0),))]) != digest


@pytest.mark.parametrize("asked", [[], ["--resume"]])
def test_the_command_line_hands_resume_on(monkeypatch, asked):
    started = []

    class Ended:
        stdout = io.StringIO()

        def __init__(self, words, **_):
            started.extend(words)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(run.subprocess, "Popen", Ended)
    run.train([Path("a.jmpose")], Path("out"), resume=bool(asked))
    assert [word for word in started if word == "--resume"] == asked
    assert started[3:6] == ["train", "finetune", "a.jmpose"]
