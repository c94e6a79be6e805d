"""Ground truth files and the prediction files that belong to them."""

from collections.abc import Sequence
from pathlib import Path

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.matching import Source
from jmpose_core.formats.any_json import read_json_annotations


def paired_files(gt: Path, pred: Path) -> list[tuple[Path, Path]]:
    """Ground truth files and the prediction files of the same name, or one file and another.

    Raises:
        FormatError: a folder without .json files, or a prediction file that is missing.
    """
    truths = sorted(gt.glob("*.json")) if gt.is_dir() else [gt]
    if not truths:
        raise FormatError(f"{gt}: no .json file in it; give the folder that holds one annotation file a video")
    pairs = [(truth, pred / truth.name if pred.is_dir() else pred) for truth in truths]
    if len(pairs) > 1 and not pred.is_dir():
        raise FormatError(f"{pred}: one file for {len(pairs)} videos; give a folder with a file of each one's name")
    for truth, predicted in pairs:
        if not predicted.is_file():
            raise FormatError(
                f"{predicted}: no prediction file for {truth.name}; every video of the ground truth needs one, "
                "also a video in which nobody was found"
            )
    return pairs


def read_pairs(gt: Path, pred: Path) -> list[tuple[Source, Source]]:
    """The documents of `paired_files`, read.

    Raises:
        FormatError: a file is missing or breaks its format.
    """
    return [(_source(truth), _source(predicted)) for truth, predicted in paired_files(gt, pred)]


def _source(path: Path) -> Source:
    return Source(read_json_annotations(path), path)


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
