"""HiEve's labels as its authors lay them out: a folder a video, a file a frame, every number a text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jmpose_core.formats.hieve import JOINTS_OF_HIEVE


def hieve_object(name: str = "P-1", **joints: str) -> dict[str, Any]:
    """A person in a box of 100 x 300 at (200, 40); joint k at (210 + 5 k, 50 + 20 k) unless it is given.

    Names of joints are written with _ for -.
    """
    written = {joint: f"{210 + 5 * k},{50 + 20 * k},0" for k, joint in enumerate(JOINTS_OF_HIEVE)}
    written |= {joint.replace("_", "-"): value for joint, value in joints.items()}
    box = {"xmin": "200", "ymin": "40", "xmax": "300", "ymax": "340"}
    return {"name": name, "action": "standing-alone", "pose": "unspecified", "bndbox": box | written}


def write_frame(folder: Path, frame: int, objects: Any, suffix: str = ".json") -> Path:
    """One frame's file."""
    annotation = {
        "folder": folder.name,
        "filename": f"{frame}.jpg",
        "source": {"database": "Unknown"},
        "size": {"width": "640", "height": "360", "depth": "3"},
        "segmented": "0",
        "object": objects,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{frame:06d}{suffix}"
    path.write_text(json.dumps({"annotation": annotation}))
    return path


def write_hieve(folder: Path, frames: Mapping[int, Sequence[dict[str, Any]]], suffix: str = ".json") -> Path:
    """The folder of a video, with the people of each frame."""
    for frame, objects in frames.items():
        write_frame(folder, frame, list(objects), suffix)
    return folder
