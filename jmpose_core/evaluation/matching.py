"""Which image of the predictions is which image of the ground truth: never guessed, always said."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, TypeAlias

from jmpose_core.formats.document import ImageRecord, PoseTrackDocument
from jmpose_core.formats.files import fault

Match: TypeAlias = Literal["auto", "names", "position"]
_NUMBER: Final = re.compile(r"\d{1,18}$")
_SAY_HOW: Final = "or say how to match them: --match names or --match position"


@dataclass(frozen=True, slots=True)
class Source:
    """A document and the file it came from, for messages."""

    document: PoseTrackDocument
    path: Path
    video: str = ""  # where the file's own name does not tell, as JHMDB's joint_positions.mat

    @property
    def name(self) -> str:
        """Of the video, or of the file if it holds several."""
        return self.video or self.path.stem


@dataclass(frozen=True, slots=True)
class ImagePairs:
    """For each image of the ground truth, one of the predictions."""

    positions: list[int]  # in the predictions' images
    by: str  # what the two have in common
    left_out: int  # images of the predictions that the ground truth has not

    def statement(self, truth: Source, predicted: Source) -> dict[str, Any]:
        """What was matched, for the report."""
        return {
            "gt": truth.video or truth.path.name,
            "pred": predicted.path.name,
            "images": len(self.positions),
            "by": self.by,
            "left_out": self.left_out,
        }


def match_images(truth: Source, predicted: Source, match: Match = "auto") -> ImagePairs:
    """Match the images of two documents of one video.

    Args:
        match: "auto": both list the same images in the same order, and each pair has the same image id, file name
            or frame number. "names": by file name (with its folder where names alone are not unique), in any
            order; images that only the predictions have are left out. "position": the first to the first and so
            on, whatever they are called.

    Raises:
        FormatError: an image is missing, or the two lists disagree; names file, place and cure.
    """
    if match == "names":
        return _by_name(truth, predicted)
    _check_count(truth, predicted)
    positions = list(range(len(truth.document.images)))
    if match == "position":
        return ImagePairs(positions, "position, as was asked for", 0)
    return ImagePairs(positions, _common(truth, predicted), 0)


def _by_name(truth: Source, predicted: Source) -> ImagePairs:
    wanted, found = ([PurePosixPath(i.file_name) for i in s.document.images] for s in (truth, predicted))
    short = len({p.name for p in wanted}) == len(wanted) and len({p.name for p in found}) == len(found)
    key = (lambda path: path.name) if short else (lambda path: "/".join(path.parts[-2:]))
    position_of: dict[str, int] = {}
    for index, path in enumerate(found):
        if key(path) in position_of:
            what = f"{path} is also images[{position_of[key(path)]}]"
            raise fault(predicted.path, f"images[{index}].file_name", what, cure="match by position instead")
        position_of[key(path)] = index
    for path in wanted:
        if key(path) not in position_of:
            what = f"no {key(path)}, which the ground truth has"
            raise fault(predicted.path, "images", what, cure="list every image of the ground truth under its name")
    return ImagePairs([position_of[key(path)] for path in wanted], "file name", len(found) - len(wanted))


def _check_count(truth: Source, predicted: Source) -> None:
    ours, theirs = predicted.document.images, truth.document.images
    if len(ours) == len(theirs):
        return
    known = {image.id for image in ours}
    absent = next((image.file_name for image in theirs if image.id not in known), None)
    raise fault(
        predicted.path,
        "images",
        f"{len(ours)} images, the ground truth has {len(theirs)}" + (f" ({absent} is missing)" if absent else ""),
        cure="list every image of the ground truth, in its order, also those without people; "
        "where there are more, --match names leaves them out",
    )


def _common(truth: Source, predicted: Source) -> str:
    """What all pairs at the same position have in common; the first that have nothing are the fault."""
    said: dict[str, None] = {}
    for index, (ours, theirs) in enumerate(zip(predicted.document.images, truth.document.images, strict=True)):
        common = _same(ours, theirs)
        if common is None:
            raise fault(
                predicted.path,
                f"images[{index}]",
                f"{ours.file_name} (id {ours.id}) where the ground truth has {theirs.file_name} (id {theirs.id})",
                cure=f"list the images in the ground truth's order, {_SAY_HOW}",
            )
        said[common] = None
    return " or ".join(said)


def _same(ours: ImageRecord, theirs: ImageRecord) -> str | None:
    if ours.id == theirs.id:
        return "image id"
    first, second = PurePosixPath(ours.file_name), PurePosixPath(theirs.file_name)
    if first.name == second.name:
        return "file name"
    numbers = [_NUMBER.search(path.stem) for path in (first, second)]
    if numbers[0] and numbers[1] and int(numbers[0][0]) == int(numbers[1][0]):
        return "frame number"
    return None
