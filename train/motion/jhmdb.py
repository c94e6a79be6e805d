"""JHMDB's clips of real motion: a label in every frame, and the split that judges the refiner.

Expects a folder a clip with video.mp4 and annotations.json (PoseTrack18 slots, one labelled person a frame), and
sources.json beside them, which tells the clips' source films apart. Clips of one film show the same people and places,
so the split goes by film: every fifth is held out, its clips are never trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError, VideoError
from jmpose_core.geometry import Xyxy
from jmpose_core.skeleton import NUM_JOINTS, SLOT_OF_JOINT
from train.people.films import films_of, is_held_out, labels_by_frame

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledClip:
    """A clip of N frames with one labelled person.

    source: number of the film that it comes from. keypoints: (N, 15, 2) pixels. weight: (N, 15), 0 where unlabelled.
    bbox_xyxy: (N, 4) pixels, about the whole body. witness: (N, 15, 3) joints as MultiPose sees them, with its
    confidence, 0 where that is not known.
    """

    name: str
    source: int
    video_path: Path
    keypoints: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    bbox_xyxy: npt.NDArray[np.float32]
    witness: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def is_held_out(self) -> bool:
        return is_held_out(self.source)

    def box(self, frame: int) -> Xyxy:
        left, top, right, bottom = self.bbox_xyxy[frame].tolist()
        return left, top, right, bottom

    def frames(self) -> Frames:
        """All frames (N, H, W, 3), RGB.

        Raises:
            VideoError: it cannot be decoded, or has another number of frames than labels.
        """
        reader = cv2.VideoCapture(str(self.video_path))
        images = []
        while True:
            read, image = reader.read()
            if not read:
                break
            images.append(image[..., ::-1])
        if len(images) != len(self):
            raise VideoError(f"{self.video_path}: {len(images)} frames decoded, {len(self)} labelled; copy it again")
        return np.stack(images)


def read_clips(folder: Path) -> list[LabelledClip]:
    """All clips, by name.

    Raises:
        FormatError: sources.json or a clip's annotations.json is missing or does not fit.
    """
    return [_clip(folder / name, film) for name, film in films_of(folder).items()]


def _clip(folder: Path, source: int) -> LabelledClip:
    place = folder / "annotations.json"
    try:
        labels = labels_by_frame(folder)
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"{place}: cannot be read ({error!r}); give data/videos/jhmdb") from error
    if sorted(labels) != list(range(len(labels))):
        raise FormatError(f"{place}: frames {_gaps(labels)} have no person; each frame needs one")
    ordered = [labels[frame] for frame in sorted(labels)]
    slots = np.array([person["keypoints"] for person in ordered], np.float32).reshape(-1, 17, 3)
    joints = slots[:, list(SLOT_OF_JOINT)]
    left_top, size = np.split(np.array([person["bbox"] for person in ordered], np.float32), 2, axis=1)
    return LabelledClip(
        folder.name,
        source,
        folder / "video.mp4",
        np.ascontiguousarray(joints[..., :2]),
        np.minimum(joints[..., 2], 1),
        np.concatenate([left_top, left_top + size], axis=1),
        np.zeros((len(ordered), NUM_JOINTS, 3), np.float32),
    )


def _gaps(labels: Mapping[int, object]) -> str:
    missing = sorted(set(range(max(labels, default=0) + 1)) - set(labels))
    return ", ".join(map(str, missing[:5])) or "of an empty clip"


class DecodedClips:
    """Clips whose frames lie decoded in one file, which worker processes share and the system may drop from memory.

    Args:
        clips: in this order.
        place: a file that is written; about 0.23 MB a frame of 320x240.
    """

    def __init__(self, clips: Sequence[LabelledClip], place: Path) -> None:
        self.clips = clips
        self._place = place
        self._first = np.cumsum([0, *(len(clip) for clip in clips)])
        decoded = clips[0].frames()
        shape = (int(self._first[-1]), *decoded.shape[1:])
        store = np.lib.format.open_memmap(place, mode="w+", dtype=np.uint8, shape=shape)
        for index, clip in enumerate(clips):
            store[self._first[index] : self._first[index + 1]] = clip.frames()
        store.flush()
        self._opened: list[Frames] = []

    def frame(self, clip: int, frame: int) -> Frames:
        """(H, W, 3) RGB of a frame of the clip at this place."""
        if not self._opened:  # opened where it is read: each worker process has its own view
            self._opened.append(np.load(self._place, mmap_mode="r"))
        return self._opened[0][self._first[clip] + frame]
