"""Labelled people in still images: what the pose networks learn from, and the split that judges them.

Validation is LSP-Extended image ids divisible by 20 and COCO image ids divisible by 5;
nothing is trained on these.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import SLOT_OF_JOINT

VALIDATION_EVERY: Final = {"lspet": 20, "coco": 5, "coco2": 5}


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPerson:
    """One person in one image.

    keypoints: (15, 2) image pixels. weight: (15,) 0 where unlabelled, up to 1
    (less for a teacher's labels). jpeg: the encoded image, so that an epoch reads no disk.
    """

    source: str
    image_id: int
    jpeg: bytes
    bbox_xyxy: Xyxy
    keypoints: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]

    def image(self) -> npt.NDArray[np.uint8]:
        """H x W x 3 RGB."""
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise FormatError(f"{self.source} image {self.image_id}: not a picture; copy the data again")
        return np.ascontiguousarray(decoded[..., ::-1], np.uint8)


def read_people(folder: Path) -> list[LabelledPerson]:
    """People of a folder with annotations.json (PoseTrack18 slots) and images/.

    Only people with at least three labelled joints. A keypoint's third value is its
    weight, capped at 1, so that a teacher's labels may carry their confidence.

    Raises:
        FormatError: the JSON is missing or an annotation names an image that is not listed.
    """
    place = folder / "annotations.json"
    try:
        document = json.loads(place.read_bytes())
    except (OSError, ValueError) as error:
        raise FormatError(f"{place}: cannot be read ({error}); give a folder with annotations.json") from error
    files = {image["id"]: folder / image["file_name"] for image in document["images"]}
    jpegs: dict[int, bytes] = {}
    people = []
    for index, person in enumerate(document["annotations"]):
        image_id = person["image_id"]
        if image_id not in files:
            raise FormatError(f"{place}: annotations[{index}].image_id {image_id} is not among images")
        slots = np.array(person["keypoints"], np.float32).reshape(17, 3)[list(SLOT_OF_JOINT)]
        weight = np.minimum(slots[:, 2], 1)
        if person.get("iscrowd") or (weight > 0).sum() < 3:
            continue
        x, y, width, height = person["bbox"]
        if image_id not in jpegs:
            jpegs[image_id] = files[image_id].read_bytes()
        people.append(
            LabelledPerson(
                folder.name, image_id, jpegs[image_id], (x, y, x + width, y + height), slots[:, :2].copy(), weight
            )
        )
    return people


def is_validation(person: LabelledPerson) -> bool:
    """Whether a person belongs to the split that is never trained on."""
    return is_validation_image(person.source, person.image_id)


def is_validation_image(source: str, image_id: int) -> bool:
    """Whether an image of "lspet", "coco" or "coco2" belongs to that split; those of other sources never do."""
    every = VALIDATION_EVERY.get(source)
    return every is not None and image_id % every == 0
