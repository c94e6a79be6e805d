"""YOLO-pose: a folder with data.yaml and one text file an image under labels/.

A line is "0 cx cy w h" and x y v of each joint, positions divided by the picture's size;
v is 0 absent, 1 hidden, 2 visible. The format has no image sizes: they are read from
`image_sizes` in data.yaml, which `write_yolo_pose` puts there, or from pictures under images/.
"""

import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Visibility
from jmpose_core.errors import FormatError
from jmpose_core.formats.document import (
    Category,
    ExportSummary,
    ImageRecord,
    PersonRecord,
    PoseTrackDocument,
    fields_but,
    summary_of,
)
from jmpose_core.formats.files import fault, not_written, read_bytes
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.numerals import coordinate
from jmpose_core.formats.people import FIRST_IMAGE_ID, bbox_of, visibility_of, xywh_of

_DROPPED: Final = fields_but("images.file_name", "images.width", "images.height", "annotations.bbox_xywh")
_PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_SIZE = re.compile(r"^\s+(?P<stem>\S+): \[(?P<width>\d{1,6}), (?P<height>\d{1,6})\]\s*$")


def read_yolo_pose(folder: Path) -> PoseTrackDocument:
    """The people of a YOLO-pose folder; images in the order of their names.

    Raises:
        FormatError: no data.yaml or labels/, a broken line, or an image whose size is not known.
    """
    settings = _text(folder / "data.yaml")
    joints = _joint_names(folder / "data.yaml", settings)
    sizes = {
        m["stem"]: (int(m["width"]), int(m["height"])) for line in settings.splitlines() if (m := _SIZE.match(line))
    }
    files = sorted((folder / "labels").rglob("*.txt"))
    pictures = {path.stem: path for path in (folder / "images").rglob("*") if path.suffix.lower() in _PICTURES}
    stems = sorted({file.stem for file in files} | sizes.keys())
    if len({file.stem for file in files}) != len(files):
        raise FormatError(f"{folder / 'labels'}: two label files of the same name; read one split at a time")
    by_stem = {file.stem: file for file in files}
    images, people = [], []
    for index, stem in enumerate(stems):
        width, height = sizes.get(stem) or _picture_size(folder, pictures.get(stem), stem)
        name = pictures[stem].name if stem in pictures else f"{stem}.jpg"
        images.append(ImageRecord(id=FIRST_IMAGE_ID + index, file_name=name, width=width, height=height))
        if stem in by_stem:
            people += _people(by_stem[stem], images[-1], joints)
    return PoseTrackDocument(images, people, [Category(keypoints=joints, skeleton=None)])


def write_yolo_pose(document: PoseTrackDocument, folder: Path) -> ExportSummary:
    """Write data.yaml and labels/ into a new or empty folder, whole or not at all. Pictures are not copied.

    Raises:
        FormatError: an image's size is not known, two images of one name, or the folder is not empty or not writable.
    """
    summary = summary_of(document, drops=_DROPPED)
    texts: dict[str, str] = {}
    sizes: list[str] = []
    for image, entries in zip(document.images, document.people_by_image(), strict=True):
        stem = PurePosixPath(image.file_name).stem
        if not image.width or not image.height:
            raise FormatError(f"image {image.file_name}: size unknown; YOLO-pose divides by it, so give the image size")
        if stem in texts or not stem or any(character.isspace() for character in stem):
            raise FormatError(
                f"image {image.file_name}: YOLO-pose needs a different name without spaces for each image"
            )
        texts[stem] = "".join(_line(person, image, len(document.joint_names), summary) for _, person in entries)
        sizes.append(f"  {stem}: [{image.width}, {image.height}]\n")
    names = document.joint_names
    settings = (
        "path: .\ntrain: images\nval: images\nnames:\n  0: person\n"
        f"kpt_shape: [{len(names)}, 3]\nflip_idx: {_flip_indices(names)}\n"
        f"kpt_names:\n  0: [{', '.join(names)}]\nimage_sizes:\n" + "".join(sizes)
    )
    _write_folder(folder, texts, settings)
    return summary


def _joint_names(path: Path, settings: str) -> tuple[str, ...]:
    named = re.search(r"^kpt_names:\s*\n\s+0:\s*\[([^\]]*)\]", settings, re.MULTILINE)
    if named:
        names = tuple(name.strip() for name in named[1].split(","))
        if all(names) and len(set(names)) == len(names):
            return names
        raise fault(path, "kpt_names", "joint names are missing or repeated")
    shape = re.search(r"^kpt_shape:\s*\[\s*(\d{1,3})\s*,\s*([23])\s*\]", settings, re.MULTILINE)
    if shape is None or shape[2] != "3":
        raise fault(path, "kpt_shape", "missing, or without visibility", cure="give [K, 3], and kpt_names")
    if int(shape[1]) != len(COCO17):
        raise fault(path, "kpt_names", f"missing for {shape[1]} joints", cure="name them; 17 without names are COCO's")
    return COCO17


def _people(path: Path, image: ImageRecord, joints: tuple[str, ...]) -> list[PersonRecord]:
    assert image.width is not None  # read_yolo_pose gives every image its size
    assert image.height is not None
    scale = np.array([image.width, image.height])
    people = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        values = _numbers(path, number, fields)
        if len(values) != 5 + 3 * len(joints):
            raise fault(path, f"line {number}", f"{len(values)} numbers, {5 + 3 * len(joints)} expected")
        centre, size = values[1:3] * scale, values[3:5] * scale
        keypoints = values[5:].reshape(-1, 3) * (*scale, 1)
        keypoints[keypoints[:, 2] <= 0] = 0
        keypoints[:, 2] = keypoints[:, 2] > 1
        left, top = (centre - size / 2).tolist()
        bbox = (left, top, float(size[0]), float(size[1]))
        people.append(PersonRecord(image_id=image.id, keypoints=keypoints, bbox_xywh=bbox))
    return people


def _numbers(path: Path, line: int, fields: list[str]) -> npt.NDArray[np.float64]:
    values = np.array([coordinate(field) for field in fields])
    if np.isnan(values).any():
        raise fault(path, f"line {line}", "a field is not a number in range")
    return values


def _line(person: PersonRecord, image: ImageRecord, joints: int, summary: ExportSummary) -> str:
    assert image.width is not None  # write_yolo_pose refuses images without size
    assert image.height is not None
    keypoints = np.zeros((joints, 3)) if person.keypoints is None else person.keypoints
    visibility = visibility_of(keypoints)
    left, top, width, height = xywh_of(bbox_of(person, keypoints[visibility != Visibility.ABSENT, :2]))
    if person.bbox_xywh is None:
        summary.synthesise("bbox")
    summary.drop_fractions(keypoints)
    values: list[float] = [
        (left + width / 2) / image.width,
        (top + height / 2) / image.height,
        width / image.width,
        height / image.height,
    ]
    for (x, y, _), code in zip(keypoints.tolist(), visibility.tolist(), strict=True):
        values += [x / image.width, y / image.height, code]
    return " ".join(["0", *(f"{value:.10g}" for value in values)]) + "\n"


def _flip_indices(names: tuple[str, ...]) -> list[int]:
    """For each joint the one it becomes in a mirrored picture."""
    swapped = {"left": "right", "right": "left"}
    mirrored = [re.sub(r"^(left|right)(?=_)", lambda match: swapped[match[1]], name) for name in names]
    return [names.index(name) if name in names else index for index, name in enumerate(mirrored)]


def _picture_size(folder: Path, picture: Path | None, stem: str) -> tuple[int, int]:
    pixels = None if picture is None else cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FormatError(f"{folder}: size of {stem} unknown; put the picture into {folder / 'images'}")
    return pixels.shape[1], pixels.shape[0]


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not a text file; export the labels again") from error


def _write_folder(folder: Path, texts: dict[str, str], settings: str) -> None:
    """All files under their names at once, by renaming a folder that is complete."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FormatError(f"{folder}: exists and is not an empty folder; choose another name")
    temporary: Path | None = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        (temporary / "labels").mkdir()
        for stem, text in texts.items():
            (temporary / "labels" / f"{stem}.txt").write_text(text)
        (temporary / "data.yaml").write_text(settings)
        temporary.chmod(0o755)
        temporary.replace(folder)
    except OSError as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise not_written(folder, error) from error
