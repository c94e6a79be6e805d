"""YOLO-pose: a folder with data.yaml and one text file an image.

A line is "class cx cy w h" and x y v of each joint, positions divided by the picture's size; v is 0 absent, 1 hidden,
2 visible. Labels that Ultralytics predicted have a confidence in place of v, and may end with the person's confidence
and track id. A picture without a label file has nobody in it. The format has no image sizes: they are read from
`image_sizes` in data.yaml, which `write_yolo_pose` puts there, or from the pictures.
"""

import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import yaml

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import (
    ExportSummary,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.files import not_written
from jmpose_core.formats.people import bbox_of, visibility_of, xywh_of
from jmpose_core.formats.yolo_reader import read_folder
from jmpose_core.geometry import Xyxy

KEPT: Final = ("images.file_name", "images.width", "images.height", "annotations.bbox_xywh")
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yolo_pose(folder: Path) -> PoseTrackDocument:
    """The people of a YOLO-pose folder, of Ultralytics' or Roboflow's layout; images in the order of their names.

    Objects of other classes are left out and noted. Lines with a confidence in place of visibility are predictions.

    Raises:
        FormatError: no data.yaml, a broken line, an image whose size is not known, or two splits with an image of
            one name.
    """
    return read_folder(folder)


def write_yolo_pose(document: PoseTrackDocument, folder: Path) -> ExportSummary:
    """Write data.yaml and labels/ into a new or empty folder, whole or not at all. Pictures are not copied.

    Ultralytics leaves out a whole picture of which one number lies outside of it. So boxes are cut at the picture's
    edge, joints outside are written as absent, and people wholly outside are left out; the summary counts them.

    Raises:
        FormatError: an image's size is not known, two images of one name, or the folder is not empty or not writable.
    """
    summary = summary_of(document, drops=fields_but(*KEPT))
    texts: dict[str, str] = {}
    sizes: dict[str, list[int]] = {}
    for image, entries in zip(document.images, document.people_by_image(), strict=True):
        stem = PurePosixPath(image.file_name).stem
        if not image.width or not image.height:
            raise FormatError(f"image {image.file_name}: size unknown; YOLO-pose divides by it, so give the image size")
        if stem in texts or not stem:
            raise FormatError(f"image {image.file_name}: YOLO-pose needs a different name for each image")
        size = (image.width, image.height)
        lines = [_line(person, size, len(document.joint_names), summary) for _, person in entries]
        texts[stem] = "".join(line for line in lines if line is not None)
        sizes[stem] = [*size]
    names = document.joint_names
    settings = {
        "path": ".",
        "train": "images",
        "val": "images",
        "names": {0: "person"},
        "kpt_shape": [len(names), 3],
        "flip_idx": _flip_indices(names),
        "kpt_names": {0: list(names)},
        "image_sizes": sizes,
    }
    _write_folder(folder, texts, _as_yaml(settings))
    return summary


def _as_yaml(settings: dict[str, Any]) -> str:
    return yaml.dump(settings, Dumper=_DUMPER, sort_keys=False, default_flow_style=None, width=1000, allow_unicode=True)


def _line(person: PersonRecord, size: tuple[int, int], joints: int, summary: ExportSummary) -> str | None:
    """A person's line; None where nothing of the person is in the picture."""
    keypoints = np.zeros((joints, 3)) if person.keypoints is None else person.keypoints
    visibility = visibility_of(keypoints)
    box = bbox_of(person, keypoints[visibility != Visibility.ABSENT, :2])
    inside = _cut(box, size)
    if inside is None:
        summary.drop("people outside the picture")
        summary.people -= 1
        return None
    if person.bbox_xywh is None:
        summary.synthesise("bbox")
    summary.drop("parts of boxes outside the picture", int(inside != box))
    summary.drop_fractions(keypoints)
    left, top, width, height = xywh_of(inside)
    scale = np.array(size, np.float64)
    values: list[float] = [*((np.array([left, top]) + np.array([width, height]) / 2) / scale).tolist()]
    values += [width / size[0], height / size[1]]
    for xy, code in zip((keypoints[:, :2] / scale).tolist(), visibility.tolist(), strict=True):
        outside = code != Visibility.ABSENT and not all(0 <= value <= 1 for value in xy)
        summary.drop("joints outside the picture", int(outside))
        values += [0, 0, 0] if outside else [*xy, code]
    return " ".join(["0", *(f"{value:.10g}" for value in values)]) + "\n"


def _cut(box: Xyxy, size: tuple[int, int]) -> Xyxy | None:
    """The part of a box that lies in the picture; None where there is none."""
    left, top, right, bottom = box
    inside = max(0.0, left), max(0.0, top), min(float(size[0]), right), min(float(size[1]), bottom)
    return inside if inside[2] > inside[0] and inside[3] > inside[1] else None


def _flip_indices(names: tuple[str, ...]) -> list[int]:
    """For each joint the one it becomes in a mirrored picture."""
    swapped = {"left": "right", "right": "left"}
    mirrored = [re.sub(r"^(left|right)(?=_)", lambda match: swapped[match[1]], name) for name in names]
    return [names.index(name) if name in names else index for index, name in enumerate(mirrored)]


def _write_folder(folder: Path, texts: dict[str, str], settings: str) -> None:
    """All files under their names at once, by renaming a folder that is complete."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FormatError(f"{folder}: exists and is not an empty folder; choose another name")
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
            whole = Path(place) / folder.name
            (whole / "labels").mkdir(parents=True)
            for stem, text in texts.items():
                (whole / "labels" / f"{stem}.txt").write_text(text, "utf-8")
            (whole / "data.yaml").write_text(settings, "utf-8")
            whole.replace(folder)
    except OSError as error:
        raise not_written(folder, error) from error
