"""Labelled stills out of a pack of `train.crowds`, and what its witness saw of JHMDB's frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from train.motion.jhmdb import LabelledClip
from train.people.pack import PEOPLE, read_columns, read_parts
from train.people.poses import LabelledPerson

STILLS: Final = ("lspet", "coco", "coco2")
_CLIP: Final = 1000  # numbers of a clip's frames in a pack start at a multiple of it
_NEAR: Final = 2  # frames over which the witness's joints are carried: the pack has every fourth frame


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A labelled person, and the joints that MultiPose saw (15, 3), in image pixels with its confidence."""

    person: LabelledPerson
    witness: npt.NDArray[np.float32]
    held_out: bool


def read_stills(folder: Path, sources: Sequence[str] = STILLS) -> list[Still]:
    """People of the still pictures of a pack, or of all packs in the folders of a folder.

    Raises:
        FormatError: there is no pack, or a part of it is missing.
    """
    return [still for pack in _packs(folder) for still in _stills(pack, sources)]


def with_witness(clips: Sequence[LabelledClip], folder: Path) -> list[LabelledClip]:
    """Clips, in the order of `read_clips`, with the witness's joints of the packed frame next to each."""
    seen: dict[tuple[int, int], npt.NDArray[np.float32]] = {}
    for pack in _packs(folder):
        columns = read_columns(pack)
        for row in np.flatnonzero(columns["source"] == "jhmdb"):
            clip, frame = divmod(int(columns["image_id"][row]), _CLIP)
            seen[clip, frame] = columns["witness"][row].astype(np.float32)
    witnesses = [clip.witness.copy() for clip in clips]
    for (clip, frame), joints in seen.items():
        witnesses[clip][max(0, frame - _NEAR) : frame + _NEAR + 1] = joints
    return [replace(clip, witness=witness) for clip, witness in zip(clips, witnesses, strict=True)]


def _packs(folder: Path) -> list[Path]:
    inner = sorted(place.parent for place in folder.glob(f"*/{PEOPLE}"))
    return [folder] if (folder / PEOPLE).is_file() or not inner else inner


def _stills(pack: Path, sources: Sequence[str]) -> Iterator[Still]:
    columns = read_columns(pack)
    parts = read_parts(pack, columns["places"])
    for row in np.flatnonzero(np.isin(columns["source"], sources)):
        part, start, length = (int(value) for value in columns["places"][row][:3])
        joints = columns["joints"][row].astype(np.float32)
        left, top, right, bottom = columns["bbox_xyxy"][row].tolist()
        person = LabelledPerson(
            str(columns["source"][row]),
            int(columns["image_id"][row]),
            parts[part][start : start + length],
            (left, top, right, bottom),
            joints[:, :2].copy(),
            joints[:, 2].copy(),
        )
        yield Still(person, columns["witness"][row].astype(np.float32), bool(columns["validation"][row]))
