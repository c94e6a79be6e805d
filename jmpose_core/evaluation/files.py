"""Ground truth files and the prediction files that belong to them."""

from collections.abc import Sequence
from pathlib import Path

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.matching import Source
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.jhmdb import JOINT_POSITIONS, read_jhmdb, video_name_of


def paired_files(gt: Path, pred: Path) -> list[tuple[Path, Path]]:
    """Ground truth files and the prediction files of the same name, or one file and another.

    JHMDB's VIDEO/joint_positions.mat, at any depth of the folder, goes with VIDEO.json.

    Raises:
        FormatError: a folder without such files, two videos of one name, or a prediction file that is missing.
    """
    truths = [gt]
    if gt.is_dir():
        truths = sorted(gt.glob("*.json")) or sorted(gt.rglob(JOINT_POSITIONS))
    if not truths:
        raise FormatError(
            f"{gt}: no .json file and no {JOINT_POSITIONS} in it; give the folder that holds a file of labels a video"
        )
    pairs = [(truth, pred / _name_of_predictions(truth) if pred.is_dir() else pred) for truth in truths]
    if len(pairs) > 1 and not pred.is_dir():
        raise FormatError(f"{pred}: one file for {len(pairs)} videos; give a folder with a file of each one's name")
    truth_of: dict[Path, Path] = {}
    for truth, predicted in pairs:
        if predicted in truth_of:
            raise FormatError(
                f"{truth}: {truth_of[predicted]} is a video of that name too; measure their folders one at a time"
            )
        truth_of[predicted] = truth
        if not predicted.is_file():
            raise FormatError(
                f"{predicted}: no prediction file for {_title(truth)}; every video of the ground truth needs one, "
                "also a video in which nobody was found"
            )
    return pairs


def read_pairs(gt: Path, pred: Path) -> list[tuple[Source, Source]]:
    """The documents of `paired_files`, read.

    Raises:
        FormatError: a file is missing or breaks its format.
    """
    return [(read_source(truth), read_source(predicted)) for truth, predicted in paired_files(gt, pred)]


def read_source(path: Path) -> Source:
    """A PoseTrack or COCO file, or JHMDB's joint_positions.mat, whose video is named by its folder.

    Raises:
        FormatError: it breaks its format.
    """
    if path.suffix == ".mat":
        return Source(read_jhmdb(path), path, video_name_of(path))
    return Source(read_json_annotations(path), path)


def _name_of_predictions(truth: Path) -> str:
    return truth.name if truth.suffix != ".mat" else f"{video_name_of(truth)}.json"


def _title(truth: Path) -> str:
    return truth.name if truth.name != JOINT_POSITIONS else f"{video_name_of(truth)}/{truth.name}"


def mot_pairs(gt: Path, pred: Path) -> list[tuple[Path, Path]]:
    """Sequence folders of PoseTrack21's MOT layout, and their result files; empty where `gt` is of another layout.

    Args:
        gt: SEQUENCE/image_info.json and SEQUENCE/gt/gt.txt; a sequence or the folder of several.
        pred: SEQUENCE.txt (or SEQUENCE) in a folder; one file for one sequence.

    Raises:
        FormatError: a result file is missing.
    """
    folders = [gt] if (gt / "image_info.json").is_file() else [p.parent for p in sorted(gt.glob("*/image_info.json"))]
    return [(folder, _result_file(folder.resolve().name, pred, folders)) for folder in folders]


def _result_file(name: str, pred: Path, folders: Sequence[Path]) -> Path:
    if not pred.is_dir():
        if len(folders) > 1:
            raise FormatError(f"{pred}: one file for {len(folders)} sequences; give a folder with {name}.txt and so on")
        return pred
    found = next((file for file in (pred / f"{name}.txt", pred / name) if file.is_file()), None)
    if found is None:
        raise FormatError(f"{pred / name}.txt: no result file for sequence {name}; every sequence needs one")
    return found
