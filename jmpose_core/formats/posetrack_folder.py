"""A PoseTrack data set on disk as a list of its sequences."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jmpose_core.errors import FormatError
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.document import PoseTrackDocument

# Where PoseTrack17, 18 and 21 keep their files; a plain folder of files is read too.
_FOLDERS: Final = ("annotations", "posetrack_data/annotations", "posetrack_data", ".")
_SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class PoseTrackSequence:
    """One video of a data set; its file is read when asked for."""

    name: str
    split: str  # "train", "val", "test", or "" where the folder does not say
    annotations: Path

    def read(self) -> PoseTrackDocument:
        """The annotations.

        Raises:
            FormatError: the file is broken; names the place of the fault.
        """
        return read_json_annotations(self.annotations)

    def image_folder(self, file_name: str) -> Path | None:
        """Where the image lies that the annotations call `file_name`; None where it is in no place that is known.

        Names start at a folder above the file, which differs between the data sets and how they were unpacked:
        beside `annotations`, beside `posetrack_data`, or in it. A bare name lies beside the file, or in images/SPLIT.
        """
        named = PurePosixPath(file_name).parent
        if not named.parts and (self.annotations.parent / file_name).is_file():
            return self.annotations.parent
        below = [part for part in (named, PurePosixPath("images", self.split, self.name)) if part.parts]
        folders = (above / part for above in self.annotations.resolve().parents for part in below)
        return next((folder for folder in folders if folder.is_dir()), None)


def open_posetrack_folder(root: Path) -> list[PoseTrackSequence]:
    """The sequences of a PoseTrack17, 18 or 21 folder, of one of its splits, or of a folder of files.

    Raises:
        FormatError: no annotation file in it.
    """
    for folder in _FOLDERS:
        base = root / folder
        files = sorted(base.glob("*.json")) + [
            file for split in _SPLITS for file in sorted((base / split).glob("*.json"))
        ]
        if files:
            return [PoseTrackSequence(file.stem, _split(file), file) for file in files]
    raise FormatError(f"{root}: no annotations/*/*.json in it; give the folder that holds annotations and images")


def _split(file: Path) -> str:
    return file.parent.name if file.parent.name in _SPLITS else ""
