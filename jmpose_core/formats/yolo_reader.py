"""The reading half of `yolo_pose`: data.yaml, the pictures and the label files of a folder, however it is laid out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import yaml

from jmpose_core.errors import FormatError, VideoError
from jmpose_core.formats.coco_family import PERSON_NAMES
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.files import fault, read_text
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.numerals import coordinate, whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID
from jmpose_core.video.image_files import IMAGE_SUFFIXES, read_image_size
from jmpose_core.video.image_folder import natural_key

_JOINT_KEYS: Final = ("kpt_names", "keypoint_names", "joint_names", "keypoints")
_COCO_FLIPS: Final = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
# Every scalar stays a text, so that an image called 000001 keeps its name.
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class _Settings:
    """What data.yaml says."""

    joints: tuple[str, ...]
    per_joint: int  # numbers: 2 without visibility, 3 with it
    person: int  # the class of people
    classes: Mapping[int, str]
    sizes: Mapping[str, tuple[int, int]]  # width, height by the image's name without suffix
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """One person as written."""

    image_id: int
    bbox_xywh: tuple[float, float, float, float]  # pixels
    points: npt.NDArray[np.float64]  # (K, 3) pixels, and the third value as it stands in the file
    extra: tuple[str, ...]  # what follows the joints


def read_folder(folder: Path) -> PoseTrackDocument:
    """The people of a YOLO-pose folder; images in the natural order of their names.

    Raises:
        FormatError: no data.yaml, two splits with an image of one name, a broken line, or an image of unknown size.
    """
    settings = _read_settings(folder)
    pictures, labels = _files(folder)
    images: list[ImageRecord] = []
    lines: list[_Line] = []
    others: Counter[str] = Counter()
    for index, stem in enumerate(sorted({*pictures, *labels, *settings.sizes}, key=natural_key)):
        width, height = settings.sizes.get(stem) or _picture_size(folder, pictures.get(stem), stem)
        name = pictures[stem].name if stem in pictures else f"{stem}.jpg"
        image = ImageRecord(id=FIRST_IMAGE_ID + index, file_name=name, width=width, height=height)
        images.append(image)
        if stem in labels:
            lines += _lines(labels[stem], image.id, (width, height), settings, others)
    notes = list(settings.notes)
    if others:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in others.items())
        notes.append(f"not persons, left out: {kinds}")
    people = _people(lines, has_visibility=settings.per_joint == 3)
    return PoseTrackDocument(images, people, [Category(keypoints=settings.joints, skeleton=None)], notes=notes)


def _read_settings(folder: Path) -> _Settings:
    path = _settings_file(folder)
    try:
        raw = yaml.load(read_text(path), Loader=_LOADER)  # noqa: S506 - it makes strings, lists and dicts alone
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise FormatError(f"{path}: not valid YAML ({error}); export the data set again") from error
    if not isinstance(raw, dict):
        raise FormatError(f"{path}: not the settings of a data set, which are names and values; export it again")
    classes = _classes(raw)
    person = _person_class(path, classes)
    notes: list[str] = []
    joints, per_joint = _joints(path, raw, person, notes)
    return _Settings(joints, per_joint, person, classes, _sizes(path, raw), notes)


def _settings_file(folder: Path) -> Path:
    for name in ("data.yaml", "data.yml"):
        if (folder / name).is_file():
            return folder / name
    others = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".yaml", ".yml")]
    if len(others) != 1:
        raise FormatError(f"{folder}: no data.yaml in it; give the folder of a YOLO-pose data set")
    return others[0]


def _classes(raw: Mapping[str, Any]) -> dict[int, str]:
    """Names by number; `names` is a list or a mapping."""
    names = raw.get("names")
    if isinstance(names, list):
        return {index: str(name) for index, name in enumerate(names)}
    if isinstance(names, dict):
        return {number: str(name) for key, name in names.items() if (number := whole_number(str(key))) is not None}
    return {}


def _person_class(path: Path, classes: Mapping[int, str]) -> int:
    if len(classes) <= 1:
        return next(iter(classes), 0)
    people = [number for number, name in classes.items() if name.casefold() in PERSON_NAMES]
    if len(people) != 1:
        some = ", ".join(list(classes.values())[:5])
        raise fault(path, "names", f"which of {some} is a person?", cure='name one of them "person"')
    return people[0]


def _joints(path: Path, raw: Mapping[str, Any], person: int, notes: list[str]) -> tuple[tuple[str, ...], int]:
    """The joints' names, and how many numbers each has."""
    shape = [whole_number(str(number)) for number in _list(raw.get("kpt_shape"))]
    if shape and (len(shape) != 2 or not shape[0] or shape[1] not in (2, 3)):
        raise fault(path, "kpt_shape", "expected [K, 2] or [K, 3]", cure="give the number of joints, and 3")
    names = _named_joints(raw, person)
    if names:
        if not all(names) or len(set(names)) < len(names):
            raise fault(path, "kpt_names", "joint names are missing or repeated")
        if shape and len(names) != shape[0]:
            raise fault(path, "kpt_names", f"{len(names)} names for {shape[0]} joints")
        return names, shape[1] or 3 if shape else 3
    if not shape:
        raise fault(path, "kpt_shape", "missing", cure="give [K, 3], and kpt_names")
    if shape[0] != len(COCO17):
        raise fault(path, "kpt_names", f"missing for {shape[0]} joints", cure="name them; 17 without names are COCO's")
    flips = [whole_number(str(index)) for index in _list(raw.get("flip_idx"))]
    if flips and flips != _COCO_FLIPS:
        raise fault(path, "kpt_names", "missing, and flip_idx is not that of COCO's 17 joints", cure="name the joints")
    notes.append("the joints have no names: read as COCO's 17")
    return COCO17, shape[1] or 3


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named_joints(raw: Mapping[str, Any], person: int) -> tuple[str, ...]:
    """Names under any of the usual keys: a list, or one for each class, or a mapping from the joint's number."""
    value = next((raw[key] for key in _JOINT_KEYS if raw.get(key)), None)
    if isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values()):
        return tuple(str(name) for _, name in sorted(value.items(), key=lambda item: natural_key(str(item[0]))))
    if isinstance(value, dict):
        value = value.get(str(person), next(iter(value.values())) if len(value) == 1 else None)
        if isinstance(value, dict):
            return _named_joints({_JOINT_KEYS[0]: value}, person)
    return tuple(str(name).strip() for name in _list(value))


def _sizes(path: Path, raw: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    value = raw.get("image_sizes")
    sizes = {}
    for stem, size in (value if isinstance(value, dict) else {}).items():
        numbers = [whole_number(str(number)) for number in _list(size)]
        if len(numbers) != 2 or not all(number and 0 < number < 1_000_000 for number in numbers):
            raise fault(path, f"image_sizes.{stem}", "expected [width, height] in pixels")
        sizes[str(stem)] = (numbers[0] or 0, numbers[1] or 0)
    return sizes


def _files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Pictures and label files by their name without suffix: images/ and labels/, with splits in them or above."""
    found = [path for path in sorted(folder.rglob("*")) if not path.name.startswith(".")]
    pictures = _in_folder(folder, [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES], "images")
    texts = [path for path in found if path.suffix.lower() == ".txt"]
    labels = _in_folder(folder, texts, "labels")
    if labels is texts:  # labels beside their pictures; other texts are notes
        stems = {path.stem for path in pictures}
        labels = [path for path in texts if path.stem in stems]
    return _by_stem(folder, pictures, "pictures"), _by_stem(folder, labels, "label files")


def _in_folder(root: Path, paths: list[Path], name: str) -> list[Path]:
    """Those below a folder of this name; all where there is none."""
    inside = [path for path in paths if name in path.relative_to(root).parts[:-1]]
    return inside or paths


def _by_stem(folder: Path, paths: Sequence[Path], what: str) -> dict[str, Path]:
    by_stem: dict[str, Path] = {}
    for path in paths:
        before = by_stem.setdefault(path.stem, path)
        if before != path:
            raise FormatError(f"{folder}: two {what} of the same name ({before}, {path}); read one split at a time")
    return by_stem


def _picture_size(folder: Path, picture: Path | None, stem: str) -> tuple[int, int]:
    if picture is None:
        raise FormatError(f"{folder}: size of {stem} unknown; put the picture into {folder / 'images'}")
    try:
        return read_image_size(picture)
    except VideoError as error:
        raise FormatError(str(error)) from error


def _lines(path: Path, image_id: int, size: tuple[int, int], settings: _Settings, others: Counter[str]) -> list[_Line]:
    """The persons of one label file; what is of other classes is counted."""
    scale = np.array(size, np.float64)
    expected = 5 + settings.per_joint * len(settings.joints)
    lines = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        values = np.array([coordinate(text) for text in fields])
        if np.isnan(values).any():
            raise fault(path, f"line {number}", "a field is not a number in range")
        if values[0] != settings.person:
            others[settings.classes.get(int(values[0]), f"class {fields[0]}")] += 1
            continue
        if not expected <= len(values) <= expected + 2:
            raise fault(path, f"line {number}", f"{len(values)} numbers, {expected} expected")
        centre, extent = values[1:3] * scale, values[3:5] * scale
        left, top = (centre - extent / 2).tolist()
        points = values[5:expected].reshape(len(settings.joints), -1)
        third = points[:, 2] if settings.per_joint == 3 else points.any(axis=1) * 2.0
        points = np.column_stack([points[:, :2] * scale, third]).astype(np.float64)
        box = (left, top, float(extent[0]), float(extent[1]))
        lines.append(_Line(image_id, box, points, tuple(fields[expected:])))
    return lines


def _people(lines: Sequence[_Line], *, has_visibility: bool) -> list[PersonRecord]:
    """The third values are visibility, 0, 1 or 2, unless one is a fraction: then all are a model's confidences."""
    confident = has_visibility and any((line.points[:, 2] % 1 != 0).any() for line in lines)
    people = []
    for line in lines:
        points = line.points.copy()
        third = points[:, 2].copy()
        points[third <= 0] = 0
        points[:, 2] = third > (0 if confident else 1)
        if confident:
            points[~points[:, :2].any(axis=1)] = 0  # Ultralytics writes joints that it is not sure of at 0, 0
        score, track_id = _score_and_track(line.extra)
        people.append(
            PersonRecord(
                image_id=line.image_id,
                keypoints=points,
                bbox_xywh=line.bbox_xywh,
                scores=tuple(np.clip(third, 0, 1).tolist()) if confident else None,
                score=score,
                track_id=track_id,
            )
        )
    return people


def _score_and_track(extra: Sequence[str]) -> tuple[float | None, int | None]:
    """The person's confidence and track id, of which either or both may follow the joints."""
    if not extra:
        return None, None
    track_id = whole_number(extra[-1])
    if track_id is None or len(extra) == 2:
        return coordinate(extra[0]), track_id
    return None, track_id
