"""Ground truth files and the prediction files that belong to them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.matching import Source
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.hieve import is_hieve
from jmpose_core.formats.jhmdb import JOINT_POSITIONS
from jmpose_core.formats.table import read_document, video_name_of

_JHMDB_PLACES: Final = ("", "*/", "*/*/", "joint_positions/*/*/")  # in a video's folder, an action's or all of it


def paired_files(gt: Path, pred: Path) -> list[tuple[Path, Path]]:
    """Ground truth files and the prediction files of the same name, or one file and another.

    A data set's VIDEO/joint_positions.mat (JHMDB) or its folder VIDEO of frames' files (HiEve) goes with VIDEO.json.

    Raises:
        FormatError: a folder without such files, two videos of one name, or a prediction file that is missing.
    """
    truths = _truths(gt)
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
    return [(read_truth(truth), Source(read_json_annotations(found), found)) for truth, found in paired_files(gt, pred)]


def read_truth(path: Path) -> Source:
    """A PoseTrack or COCO file, JHMDB's joint_positions.mat, or a folder of HiEve's.

    Raises:
        FormatError: it breaks its format.
    """
    if _of_data_set(path):
        return Source(read_document(path), path, video_name_of(path))
    return Source(read_json_annotations(path), path)


def _truths(gt: Path) -> list[Path]:
    """The ground truth of each video."""
    if not gt.is_dir() or is_hieve(gt):
        return [gt]
    of_jhmdb = [path for place in _JHMDB_PLACES for path in gt.glob(f"{place}{JOINT_POSITIONS}")]
    return sorted(gt.glob("*.json")) or sorted(of_jhmdb) or sorted(filter(is_hieve, gt.iterdir()))


def _of_data_set(truth: Path) -> bool:
    """Whether its name is not that of the predictions."""
    return truth.is_dir() or truth.name == JOINT_POSITIONS


def _name_of_predictions(truth: Path) -> str:
    return f"{video_name_of(truth)}.json" if _of_data_set(truth) else truth.name


def _title(truth: Path) -> str:
    return video_name_of(truth) if _of_data_set(truth) else truth.name


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
