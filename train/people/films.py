"""JHMDB's labelled films: which are held out, and their people as single pictures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from jmpose_core.errors import FormatError
from jmpose_core.skeleton import SLOT_OF_JOINT
from train.people.poses import LabelledPerson

HELD_OUT_EVERY: Final = 5  # source films whose number this divides are never trained on


def films_of(folder: Path) -> dict[str, int]:
    """The number of the source film of every clip; clips of one film look alike, so a split goes by films.

    Raises:
        FormatError: sources.json is missing or broken.
    """
    place = folder / "sources.json"
    try:
        return {clip: int(film) for clip, film in sorted(json.loads(place.read_bytes()).items())}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise FormatError(f"{place}: cannot be read ({error}); check the data folder") from error


def is_held_out(film: int) -> bool:
    """Whether a source film belongs to the split that is never trained on."""
    return film % HELD_OUT_EVERY == 0


def labels_by_frame(clip: Path) -> dict[int, dict[str, Any]]:
    """The one labelled person of each frame of a clip's folder, as its annotations.json has it."""
    document = json.loads((clip / "annotations.json").read_bytes())
    frame_of = {image["id"]: int(Path(image["file_name"]).stem) for image in document["images"]}
    return {frame_of[person["image_id"]]: person for person in document["annotations"]}


def held_out_people(folder: Path, *, step: int) -> Iterator[LabelledPerson]:
    """The person of every `step`-th frame of the held-out films."""
    from jmpose_core.video import open_video  # not above: the split is asked for where PyAV is not installed, too

    for number, (clip, film) in enumerate(films_of(folder).items()):
        if not is_held_out(film):
            continue
        labels = labels_by_frame(folder / clip)
        with open_video(folder / clip / "video.mp4") as video:
            for frame in sorted(labels)[::step]:
                x, y, width, height = labels[frame]["bbox"]
                slots = np.array(labels[frame]["keypoints"], np.float32).reshape(17, 3)[list(SLOT_OF_JOINT)]
                picture = cv2.imencode(".png", video.frame(frame)[..., ::-1])[1].tobytes()
                weight = np.minimum(slots[:, 2], 1)
                bbox = (x, y, x + width, y + height)
                yield LabelledPerson("jhmdb", number * 1000 + frame, picture, bbox, slots[:, :2].copy(), weight)
