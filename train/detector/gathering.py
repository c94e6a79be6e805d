"""Pictures and boxes that the person detector learns from, gathered once into one file.

COCO's people are labelled; unlabelled ones that the MoveNet teacher sees there
are neither person nor background. LSP-Extended labels one person a picture.
Video frames have the teacher's boxes alone. Held-out images (COCO ids divisible
by 5, LSP-Extended ids divisible by 20) and the demo clip are left out.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.drawing import Picture
from jmpose_core.errors import FormatError
from jmpose_core.geometry import iou
from jmpose_core.whole_files import whole_file
from train.people.pictures import read_picture, shrunk
from train.people.poses import is_validation_image
from train.teachers.movenet import MultiPose

_LONGEST_SIDE: Final = 640
_LSPE_STEP: Final = 3  # every third crop: they are alike, and none shows a whole scene
_SURE: Final = 0.3  # teacher's score from which a box is a person
_PERHAPS: Final = 0.1  # and from which it is not background either
_WITH_PEOPLE: Final = {"Kleiber_by_Lukas_Baubkus.jpg"}  # blurred legs behind the tree (seen by eye)
_PEOPLE_MASKS: Final = ("breakdance", "dance-twirl", "parkour")  # DAVIS masks of a person without a vehicle or horse
_VIDEOS: Final = (  # files, frames between two pictures, longest side that suits the teacher
    ("vtest/*.avi", 6, 1024),
    ("pose2sim/*.mp4", 6, 512),
    ("intel/*.mp4", 12, 512),
    ("intel/asl_gestures/*.mkv", 10, 256),
)

Boxes = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

log = logging.getLogger(__name__)


class Source(msgspec.Struct, frozen=True):
    """One picture, compressed, with its boxes in its own pixels."""

    kind: str  # "coco", "lspe", "video" or "background"
    picture: bytes  # JPEG
    people: list[Box]
    weights: list[float]  # of each person in the loss, 0..1
    ignored: list[Box]  # neither person nor background
    mask: bytes = b""  # PNG of the one person of the picture, where it can be cut out


def read_sources(path: Path) -> list[Source]:
    """The gathered sources.

    Raises:
        FormatError: the file is missing or torn.
    """
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=list[Source])
    except (OSError, msgspec.MsgspecError) as error:
        cure = "delete it, and python -m train.recipes.detector gathers it again"
        raise FormatError(f"{path}: {error}; {cure}") from error


def gather(data: Path) -> Iterator[Source]:
    """Every source of the data folder, each picture with its longest side at most 640 pixels."""
    teacher = MultiPose(data / "teachers" / "movenet-multipose.onnx")
    yield from _coco(data / "coco", teacher)
    yield from _lsp_extended(data / "lspet", teacher)
    yield from _videos(data / "videos", teacher)
    yield from _davis(data / "flow" / "davis_people", teacher)
    for path in sorted((data / "flow" / "debian_photos").glob("*.jpg")):
        if path.name not in _WITH_PEOPLE:
            yield _source("background", read_picture(path), [], [], [])


def _coco(folder: Path, teacher: MultiPose) -> Iterator[Source]:
    for image, people in labelled_images(folder / "annotations.json"):
        if is_validation_image("coco", image["id"]):
            continue
        picture = read_picture(folder / image["file_name"])
        boxes, scores = teacher.boxes(picture)
        mask = folder / "masks" / f"{image['id']:012d}.png"
        yield _source(
            "coco",
            picture,
            people,
            [1.0] * len(people),
            _unmatched(boxes[scores > _PERHAPS], people),
            mask=read_picture(mask)[..., 0] if len(people) == 1 and mask.is_file() else None,
        )


def _lsp_extended(folder: Path, teacher: MultiPose) -> Iterator[Source]:
    teacher.longest_side = 256
    for image, people in labelled_images(folder / "annotations.json"):
        if is_validation_image("lspet", image["id"]) or image["id"] % _LSPE_STEP:
            continue
        picture = read_picture(folder / image["file_name"])
        boxes, scores = teacher.boxes(picture)
        yield _source("lspe", picture, people, [0.5] * len(people), _unmatched(boxes[scores > _PERHAPS], people))


def _videos(folder: Path, teacher: MultiPose) -> Iterator[Source]:
    for pattern, step, longest_side in _VIDEOS:
        teacher.longest_side = longest_side
        for path in sorted(folder.glob(pattern)):
            for frame in _frames(path, step):
                yield _taught("video", frame, teacher)


def _davis(folder: Path, teacher: MultiPose) -> Iterator[Source]:
    teacher.longest_side = 640
    for path in sorted(folder.glob("*/*.jpg")):
        if int(path.stem) % 4 == 0:
            source = _taught("video", read_picture(path), teacher)
            mask = path.with_name(f"{path.stem}_mask.png")
            if path.parent.name in _PEOPLE_MASKS and len(source.people) == 1:
                source = msgspec.structs.replace(source, mask=mask.read_bytes())
            yield source


def _taught(kind: str, picture: Picture, teacher: MultiPose) -> Source:
    boxes, scores = teacher.boxes(picture)
    sure = _without_duplicates(boxes, scores >= _SURE)
    people = boxes[sure].tolist()
    weights = [min(1.0, 0.3 + score) for score in scores[sure].tolist()]
    ignored = _unmatched(boxes[scores > _PERHAPS], people)
    if (scores >= _SURE).all():  # it gives no more boxes than these: there may be people beyond them
        ignored.append((0.0, 0.0, float(picture.shape[1]), float(picture.shape[0])))
    return _source(kind, picture, people, weights, ignored)


def labelled_images(path: Path) -> Iterator[tuple[dict[str, Any], list[Box]]]:
    """Images of a COCO or PoseTrack file with the xyxy boxes of their people."""
    content = json.loads(path.read_text())
    people: dict[int, list[Box]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        people[annotation["image_id"]].append((x, y, x + width, y + height))
    for image in content["images"]:
        yield image, people[image["id"]]


def _unmatched(boxes: Boxes, people: list[Box]) -> list[Box]:
    """Boxes that are none of `people`."""
    if not len(boxes) or not people:
        return boxes.tolist()
    return boxes[iou(boxes, np.array(people)).max(axis=1) < 0.4].tolist()


def _without_duplicates(boxes: Boxes, wanted: npt.NDArray[np.bool_]) -> list[int]:
    """Indices of the wanted boxes, each that repeats an earlier one left out."""
    kept: list[int] = []
    overlap = iou(boxes, boxes)
    for index in np.flatnonzero(wanted).tolist():
        if all(overlap[index, other] < 0.6 for other in kept):
            kept.append(index)
    return kept


def _source(
    kind: str,
    picture: Picture,
    people: list[Box],
    weights: list[float],
    ignored: list[Box],
    mask: npt.NDArray[np.uint8] | None = None,
) -> Source:
    scale = min(1.0, _LONGEST_SIDE / max(picture.shape[:2]))
    picture = shrunk(picture, _LONGEST_SIDE)
    if mask is not None:
        size = (picture.shape[1], picture.shape[0])
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return Source(
        kind,
        cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes(),
        [_scaled(box, scale) for box in people],
        weights,
        [_scaled(box, scale) for box in ignored],
        b"" if mask is None else cv2.imencode(".png", mask)[1].tobytes(),
    )


def _scaled(box: Box, scale: float) -> Box:
    left, top, right, bottom = (scale * value for value in box)
    return left, top, right, bottom


def _frames(path: Path, step: int) -> Iterator[Picture]:
    capture = cv2.VideoCapture(str(path))
    index = 0
    while True:
        found, frame = capture.read()
        if not found:
            break
        if index % step == 0:
            yield np.ascontiguousarray(frame[..., ::-1], np.uint8)
        index += 1
    capture.release()


def gather_to_file(data: Path, path: Path) -> None:
    """Gather every source into `path`, whole or not at all. Takes some minutes: the teacher sees each picture."""
    sources = []
    for source in gather(data):
        sources.append(source)
        if len(sources) % 200 == 0:
            log.info("%d pictures", len(sources))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_bytes(msgspec.msgpack.encode(sources))
    log.info("%s: %d pictures, %d people", path, len(sources), sum(len(source.people) for source in sources))
