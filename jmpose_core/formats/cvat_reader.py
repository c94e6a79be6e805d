"""The reading half of `cvat`: images and people of one XML tree."""

import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.files import fault
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.numerals import LARGEST_FRAME, coordinate, whole_number
from jmpose_core.formats.people import FIRST_IMAGE_ID
from jmpose_core.skeleton import POSETRACK18_SLOTS

_LONGEST_GAP: Final = 100_000  # frames between two skeletons that are filled; more is a slip of a key
_SHAPES: Final = ("box", "polygon", "polyline", "points", "cuboid", "ellipse", "mask", "tag")


@dataclass(frozen=True, slots=True)
class _Task:
    """One task of a project's export: its frames are counted from 0."""

    name: str  # of its video
    first_id: int  # of its images in the document


class CvatReader:
    """Collects images and people of one file; the path is for messages."""

    def __init__(self, path: Path, root: ET.Element) -> None:
        self._path, self._root, self._joints = path, root, _joint_names(root)
        self._images: dict[int, ImageRecord] = {}  # by id
        self._people: list[PersonRecord] = []
        self._other_shapes: Counter[str] = Counter()
        self._filled = 0
        self._tasks = self._read_tasks()
        self._frame_count: int | None = None

    def read_tracks(self) -> None:
        """CVAT for video."""
        alone = len(self._tasks) == 1
        count = self._declared_frames() if alone else 0
        self._frame_count = count or None
        width, height = self._size()
        if not alone:
            for task in self._tasks.values():
                self._image(task, 0, width, height)  # a task without people is one of the file's videos too
        for track in self._root.iter("track"):
            if track.find("skeleton") is None:
                self._other_shapes.update({f"{_kind(track)} track": 1})
                continue
            track_id = self._whole("track", track.get("id"))
            task = self._task(track, track_id)
            for frame, keypoints in self._frames_of(track, track_id, count):
                image = self._image(task, frame, width, height)
                self._people.append(PersonRecord(image_id=image.id, keypoints=keypoints, track_id=track_id))

    def read_images(self) -> None:
        """CVAT for images."""
        for index, element in enumerate(self._root.iter("image")):
            number = whole_number(element.get("id", ""))
            image = ImageRecord(
                id=FIRST_IMAGE_ID + index,
                file_name=element.get("name") or f"{index:06d}.jpg",
                width=whole_number(element.get("width", "")),
                height=whole_number(element.get("height", "")),
                frame_index=number if len(self._tasks) == 1 else None,
            )
            self._images[image.id] = image
            for shape in element:
                if shape.tag == "skeleton":
                    place = f"image {image.file_name}"
                    keypoints = self._keypoints(shape, place)
                    if keypoints.any():
                        self._people.append(PersonRecord(image_id=image.id, keypoints=keypoints))
                elif shape.tag in _SHAPES:
                    self._other_shapes.update({shape.tag: 1})

    def document(self) -> PoseTrackDocument:
        """What was read.

        Raises:
            FormatError: shapes of other kinds alone.
        """
        shapes = ", ".join(f"{kind} ({count})" for kind, count in self._other_shapes.items())
        if shapes and not self._people:
            what = f"no skeleton in it, but {shapes}"
            raise fault(self._path, "annotations", what, cure="draw people as skeletons whose points are the joints")
        notes = [f"left out, as they are no skeletons: {shapes}"] if shapes else []
        if self._filled:
            notes.append(f"people between keyframes, interpolated as CVAT shows them ({self._filled})")
        self._people.sort(key=lambda person: person.image_id)
        return PoseTrackDocument(
            images=[self._images[image_id] for image_id in sorted(self._images)],
            people=self._people,
            categories=[Category(keypoints=self._joints, skeleton=None)] if self._joints else [Category()],
            notes=notes,
            frame_count=self._frame_count,
            names_made_up=self._root.find("image") is None,
        )

    def _read_tasks(self) -> dict[str, _Task]:
        found = self._root.findall("./meta/project/tasks/task") or self._root.findall("./meta/task")
        names = [task.findtext("source") or task.findtext("name") or "" for task in found] or [""]
        ids = [task.findtext("id") or str(index) for index, task in enumerate(found)] or [""]
        return {
            task_id: _Task(name.replace("/", "_"), FIRST_IMAGE_ID + index * (LARGEST_FRAME + 1))
            for index, (task_id, name) in enumerate(zip(ids, names, strict=True))
        }

    def _task(self, track: ET.Element, track_id: int) -> _Task:
        if len(self._tasks) == 1:
            return next(iter(self._tasks.values()))
        task = self._tasks.get(track.get("task_id", ""))
        if task is None:
            raise fault(self._path, f"track {track_id}", "of no task that the file names", cure="export one task alone")
        return task

    def _image(self, task: _Task, frame: int, width: int | None, height: int | None) -> ImageRecord:
        image_id = task.first_id + frame
        if image_id not in self._images:
            folder = "" if len(self._tasks) == 1 else f"{task.name or 'task'}/"
            name = f"{folder}{frame:06d}.jpg"
            self._images[image_id] = ImageRecord(
                id=image_id, file_name=name, width=width, height=height, frame_index=frame
            )
        return self._images[image_id]

    def _declared_frames(self) -> int:
        """How many frames the video has; 0 where the file does not say it. A step between frames counts them all."""
        texts = [self._root.findtext(f"./meta/*/{tag}") for tag in ("size", "stop_frame")]
        size, stop = (0 if text is None else self._whole("meta", text) for text in texts)
        count = max(size, stop + 1 if texts[1] is not None else 0)
        if not 0 <= count <= LARGEST_FRAME:
            raise fault(self._path, "meta size", f"{count} frames")
        return count

    def _size(self) -> tuple[int | None, int | None]:
        texts = [self._root.findtext(f".//original_size/{side}") for side in ("width", "height")]
        width, height = (None if text is None else self._whole("original_size", text) for text in texts)
        return width, height

    def _frames_of(self, track: ET.Element, track_id: int, count: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        """Frames and keypoints of a track, also of the frames between its skeletons."""
        known: dict[int, npt.NDArray[np.float64]] = {}
        for skeleton in track.iter("skeleton"):
            place = f"track {track_id}"
            frame = self._whole(place, skeleton.get("frame"))
            if frame in known or not 0 <= frame <= LARGEST_FRAME:
                raise fault(self._path, f"{place}, frame {frame}", "a frame twice, or out of range")
            if count and frame >= count:
                # CVAT closes a track that goes on to the end with joints outside on the frame after it.
                if self._keypoints(skeleton, place).any():
                    raise fault(self._path, f"{place}, frame {frame}", f"the file has {count} frames")
                continue
            known[frame] = self._keypoints(skeleton, f"{place}, frame {frame}")
        frames = sorted(known)
        for frame, following in zip(frames, [*frames[1:], None], strict=True):
            if not known[frame].any():
                continue
            yield frame, known[frame]
            if following is not None and following > frame + 1:
                yield from self._between(track_id, frame, following, known[frame], known[following])

    def _between(
        self,
        track_id: int,
        first: int,
        last: int,
        before: npt.NDArray[np.float64],
        after: npt.NDArray[np.float64],
    ) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        """Joints on a straight line between two skeletons; those that the later one has not stay where they are."""
        if last - first > _LONGEST_GAP:
            place = f"track {track_id}, frames {first} to {last}"
            raise fault(self._path, place, "too far apart to be filled in", cure="check the frame numbers")
        goal = np.where(np.any(after, axis=1, keepdims=True), after, before)
        for frame in range(first + 1, last):
            points = before.copy()
            points[:, :2] += (goal[:, :2] - before[:, :2]) * (frame - first) / (last - first)
            points[~before.any(axis=1)] = 0
            self._filled += 1
            yield frame, points

    def _keypoints(self, skeleton: ET.Element, place: str) -> npt.NDArray[np.float64]:
        """(K, 3); zeros for joints that are outside."""
        keypoints = np.zeros((len(self._joints), 3))
        if skeleton.get("outside") == "1":
            return keypoints
        for point in skeleton.iter("points"):
            if point.get("outside") != "1":
                value = 0.0 if point.get("occluded") == "1" else 1.0
                xy = self._xy(f"{place}, {point.get('label')}", point.get("points"))
                keypoints[self._joints.index(point.get("label", ""))] = (*xy, value)
        return keypoints

    def _xy(self, place: str, text: str | None) -> tuple[float, float]:
        numbers = [coordinate(part) for part in (text or "").split(",")]
        if len(numbers) != 2 or any(math.isnan(number) for number in numbers):
            raise fault(self._path, place, f'points="{(text or "")[:40]}", expected "x,y" in pixels')
        return numbers[0], numbers[1]

    def _whole(self, place: str, text: str | None) -> int:
        number = whole_number(text or "")
        if number is None:
            raise fault(self._path, place, f'"{(text or "")[:40]}" is not a whole number')
        return number


def _kind(track: ET.Element) -> str:
    return next((shape.tag for shape in track if shape.tag in _SHAPES), "empty")


def _joint_names(root: ET.Element) -> tuple[str, ...]:
    """A known joint set that holds the labels of all skeletons' points, or these in the order of appearance."""
    points = (point for skeleton in root.iter("skeleton") for point in skeleton.iter("points"))
    found = dict.fromkeys(point.get("label", "") for point in points)
    for known in (POSETRACK18_SLOTS, COCO17):
        if found and found.keys() <= set(known):
            return known
    return tuple(found)
