"""A PoseTrack data set on disk as a list of its sequences."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jmpose_core.errors import FormatError
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.document import PoseTrackDocument

# Where PoseTrack18 and PoseTrack21 keep their files; a plain folder of files is read too.
_FOLDERS: Final = ("annotations", "posetrack_data", ".")
_SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class PoseTrackSequence:
    """One video of a data set; its file is read when asked for."""

    name: str
    split: str  # "train", "val", "test", or "" where the folder does not say
    annotations: Path
    root: Path

    def read(self) -> PoseTrackDocument:
        """The annotations.

        Raises:
            FormatError: the file is broken; names the place of the fault.
        """
        return read_json_annotations(self.annotations)

    def images(self, document: PoseTrackDocument) -> Path | None:
        """The folder of the document's pictures, where it is there."""
        named = [PurePosixPath(image.file_name).parent for image in document.images[:1]]
        candidates = [self.root / folder for folder in named] + [self.root / "images" / self.split / self.name]
        return next((folder for folder in candidates if folder != self.root and folder.is_dir()), None)


def open_posetrack_folder(root: Path) -> list[PoseTrackSequence]:
    """The sequences of a PoseTrack18 or PoseTrack21 folder, of one of its splits, or of a folder of files.

    Raises:
        FormatError: no annotation file in it.
    """
    for folder in _FOLDERS:
        base = root / folder
        files = sorted(base.glob("*.json")) + [
            file for split in _SPLITS for file in sorted((base / split).glob("*.json"))
        ]
        if files:
            return [PoseTrackSequence(file.stem, _split(file), file, _root(root, base)) for file in files]
    raise FormatError(f"{root}: no annotations/*/*.json in it; give the folder that holds annotations and images")


def _split(file: Path) -> str:
    return file.parent.name if file.parent.name in _SPLITS else ""


def _root(root: Path, base: Path) -> Path:
    """Image names start at the data set's own folder, which is above annotations/val."""
    for folder in (root, *root.parents):
        if folder.name in ("annotations", "posetrack_data"):
            return folder.parent
    return root if base == root else base.parent
