"""Corrected people become clips; who cannot be learnt from is left out and told of."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.drawing import write_picture
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.training_messages import LeftOut, Preparing
from train.finetune import video_clips as module
from train.finetune.video_clips import ClipReading
from train.labels import LabelledVideo
from train.people.cached_clips import CachedClips

GOOD = Annotation(
    1,
    3,
    (4.0, 4.0, 40.0, 60.0),
    np.full((15, 2), 20.0),
    np.full(15, Visibility.VISIBLE, np.uint8),
    origin=np.full(15, Origin.CORRECTED, np.uint8),
)


@pytest.fixture
def walk(tmp_path, monkeypatch):
    """Three frames, the last of them damaged, and a network that makes nothing of clips."""
    folder = tmp_path / "walk"
    folder.mkdir()
    for frame in range(4):
        write_picture(folder / f"{frame}.png", np.zeros((64, 48, 3), np.uint8))
    (folder / "3.png").write_bytes((folder / "3.png").read_bytes()[:60])
    monkeypatch.setattr(
        module, "encode", lambda _, crops, cells, weight: CachedClips(ClipMaps(crops, (), None), cells, weight)
    )
    return folder


def read(walk, *people, variants=(None, None)):
    told = []
    network = SimpleNamespace(crop_size=(64, 48), delta=1)
    clips = ClipReading(network, told.append, lambda: False, total=len(variants) * len(people)).clips(
        [LabelledVideo(walk, people)], variants
    )
    left_out = [message.what for message in told if isinstance(message, LeftOut)]
    progress = [(message.done, message.total) for message in told if isinstance(message, Preparing)]
    assert progress[-1] == (len(variants) * len(people),) * 2, "the count comes to its end whoever is left out"
    return clips, left_out


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"bbox_xyxy": (30.0, 10.0, 30.0, 60.0)}, "frame 2, person 3: the box has no area; draw it again"),
        ({"bbox_xyxy": (30.0, 10.0, 20.0, 60.0)}, "frame 2, person 3: the box has no area"),
        ({"bbox_xyxy": (np.nan, 10.0, 20.0, 60.0)}, "frame 2, person 3: the box has no area"),
        ({"bbox_xyxy": (0.0, 10.0, np.inf, 60.0)}, "frame 2, person 3: the box has no area"),
        ({"frame_index": 9}, "frame 10, person 3: the video has only 4 frames"),
        ({"frame_index": 3}, "frame 4, person 3: "),
        ({"keypoints": np.full((15, 2), np.nan)}, "frame 2, person 3: a joint has no position; place it again"),
    ],
)
def test_who_cannot_be_learnt_from_is_left_out_and_the_others_are_not(walk, changes, why):
    clips, left_out = read(walk, replace(GOOD, **changes), GOOD)
    assert clips is not None and len(clips) == 2
    assert torch.isfinite(clips.cells).all()
    assert len(left_out) == 1 and left_out[0].startswith(f"walk, {why}")


def test_with_nobody_left_there_are_no_clips(walk):
    assert read(walk, replace(GOOD, bbox_xyxy=(5.0, 5.0, 5.0, 9.0)))[0] is None
