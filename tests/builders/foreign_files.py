"""Files in the shapes that other programs write, small: what the tests of foreign files are made of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jmpose_core.formats.people import annotations_of
from jmpose_core.skeleton import JOINT_INDEX, JOINTS

NOSE = JOINT_INDEX["nose"]
WIDTH, HEIGHT = 640, 360


def numbers(joints: int, x: float = 300.0, visibility: float = 2) -> list[float]:
    """Keypoints as a COCO file has them: the first joint at (x, 60), each next 5 to the right and 12 below."""
    return [value for index in range(joints) for value in (x + 5 * index, 60.0 + 12 * index, visibility)]


def coco_person(image_id: int, joints: int = 15, **keys: Any) -> dict[str, Any]:
    person = {
        "id": image_id * 100 + 1,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": numbers(joints),
        "bbox": [280, 40, 100, 300],
        "area": 30000,
        "iscrowd": 0,
        "num_keypoints": joints,
    }
    return person | keys


def coco_values(
    names: Sequence[str] | Mapping[int, str],
    people: Sequence[Mapping[str, Any]],
    joints: Sequence[str] = JOINTS,
    **keys: Any,
) -> dict[str, Any]:
    """A COCO file's values; images have the ids that `names` gives, or their positions."""
    entries = names.items() if isinstance(names, Mapping) else enumerate(names)
    return {
        "images": [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in entries],
        "annotations": [dict(person) for person in people],
        "categories": [{"id": 1, "name": "person", "keypoints": list(joints), "skeleton": []}],
    } | keys


def write_json(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values))
    return path


def noses(document: Any) -> list[tuple[str, float]]:
    """Image name and x of the nose of each person who has one, in the document's order."""
    people = annotations_of(document)
    return [
        (document.images[person.frame_index].file_name, round(float(person.keypoints[NOSE, 0]), 2))
        for person in people
        if person.visibility[NOSE]
    ]


def yolo_line(
    joints: int = 17, *, cls: int = 0, third: float = 2, x: float = 0.5, extra: str = "", per_joint: int = 3
) -> str:
    """One person; the first joint at x, 0.1."""
    points = []
    for index in range(joints):
        points += [f"{x + 0.005 * index:.6f}", f"{0.1 + 0.02 * index:.6f}"] + ([f"{third:g}"] if per_joint == 3 else [])
    return " ".join([str(cls), "0.5", "0.5", "0.2", "0.8", *points, *extra.split()]) + "\n"


def cvat_points(labels: Sequence[str], x: float, *, outside: str = "0", occluded: str = "0") -> str:
    flags = f'outside="{outside}" occluded="{occluded}"'
    return "".join(
        f'<points label="{label}" {flags} points="{x + 5 * index:.2f},{60 + 12 * index:.2f}"/>'
        for index, label in enumerate(labels)
    )


def cvat_skeleton(frame: int, x: float, labels: Sequence[str] = JOINTS, **flags: str) -> str:
    return f'<skeleton frame="{frame}" keyframe="1">{cvat_points(labels, x, **flags)}</skeleton>'


def cvat_track(track_id: int, *shapes: str, attributes: str = "") -> str:
    return f'<track id="{track_id}" label="person" {attributes}>{"".join(shapes)}</track>'


def cvat_file(path: Path, *tracks: str, size: int | None = 30, meta: str = "") -> Path:
    task = meta or ("" if size is None else f"<task><id>7</id><name>walk</name><size>{size}</size></task>")
    path.write_text(f"<annotations><version>1.1</version><meta>{task}</meta>{''.join(tracks)}</annotations>")
    return path
