"""Tracks as boxes: the report of the metric "boxes", for MOT folders and for the boxes of PoseTrack and COCO files."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.box_hota import box_hota
from jmpose_core.evaluation.boxes import FrameBoxes, box_tracking, read_boxes
from jmpose_core.evaluation.files import mot_pairs, read_pairs
from jmpose_core.evaluation.matching import ImagePairs, Match, Source, match_images
from jmpose_core.evaluation.sequences import checked_track_id
from jmpose_core.formats.document import ImageRecord, PersonRecord
from jmpose_core.formats.people import bbox_of

OVERALL: Final = "OVERALL"
_PERCENT: Final = ("mota", "idf1", "idp", "idr", "recall", "precision")
_COUNTS: Final = (
    "num_objects", "num_matches", "num_false_positives", "num_misses", "num_switches", "num_fragmentations",
    "num_unique_objects", "mostly_tracked", "partially_tracked", "mostly_lost",
)  # fmt: skip
_COLUMNS: Final[Mapping[str, str]] = {
    "mota": "MOTA", "motp": "MOTP", "idf1": "IDF1", "recall": "Recall", "precision": "Precision",
    "hota": "HOTA", "deta": "DetA", "assa": "AssA",
    "num_false_positives": "FP", "num_misses": "FN", "num_switches": "IDs",
}  # fmt: skip


def box_report(gt: Path, pred: Path, match: Match = "auto") -> dict[str, Any]:
    """Box tracking of each sequence and OVERALL: CLEAR MOT, IDF1 and HOTA in percent, and counts.

    `motp` is the mean IoU of matched boxes. A MOT folder is read as the PoseTrack21 kit reads it
    (`boxes.box_tracking`); of JSON files the people's boxes and track ids are taken, in labelled images.

    Raises:
        FormatError: a file is missing or breaks its format, or images or track ids do not fit.
    """
    in_mot_layout = mot_pairs(gt, pred)
    if in_mot_layout:
        sequences = {truth.resolve().name: read_boxes(truth, predicted) for truth, predicted in in_mot_layout}
        images = [_mot_statement(truth, len(sequences[truth.resolve().name])) for truth, _ in in_mot_layout]
    else:
        sequences, images = {}, []
        for truth, predicted in read_pairs(gt, pred):
            matched = match_images(truth, predicted, match)
            images.append(matched.statement(truth, predicted))
            sequences[truth.path.stem] = _frames(truth, predicted, matched)
    if not any(sequences.values()):
        raise FormatError(f"{gt}: no labelled image; give ground truth with people in it")
    tracking = box_tracking(sequences, results_from_one=bool(in_mot_layout))
    located = {name: box_hota([frames]) for name, frames in sequences.items()}
    located[OVERALL] = box_hota(list(sequences.values()))
    rows = {name: _figures(tracking[name], located[name]) for name in (*sequences, OVERALL)}
    return {"metric": "boxes", "images": images, "boxes": rows}


def box_table(boxes: Mapping[str, Mapping[str, float | None]]) -> list[list[str]]:
    """A row a sequence, the last of all together; the head row first."""
    rows = [["", *_COLUMNS.values()]]
    for name, figures in boxes.items():
        rows.append([name, *(_cell(figures[column]) for column in _COLUMNS)])
    return rows


def _figures(tracking: Mapping[str, float], located: Mapping[str, float]) -> dict[str, float | None]:
    values = {name: 100 * tracking[name] for name in _PERCENT}
    values["motp"] = 100 * (1 - tracking["motp"])
    values |= {"hota": located["HOTA"], "deta": located["DetA"], "assa": located["AssA"], "loca": located["LocA"]}
    figures = {name: None if math.isnan(value) else value for name, value in values.items()}
    return figures | {name: int(tracking[name]) for name in _COUNTS}


def _mot_statement(folder: Path, count: int) -> dict[str, Any]:
    return {"gt": folder.name, "images": count, "by": "frame number", "left_out": 0}


def _frames(truth: Source, predicted: Source, match: ImagePairs) -> list[FrameBoxes]:
    wanted, found = truth.document.people_by_image(), predicted.document.people_by_image()
    frames = []
    for index, image in enumerate(truth.document.images):
        if _is_labelled(image):
            theirs = _boxes(truth, wanted[index])
            ours = _boxes(predicted, found[match.positions[index]])
            frames.append(FrameBoxes(*theirs, *ours, image.ignore_regions or ()))
    return frames


def _is_labelled(image: ImageRecord) -> bool:
    said = image.is_labeled if image.has_labeled_person is None else image.has_labeled_person
    return said is not False


def _boxes(
    source: Source, entries: Sequence[tuple[int, PersonRecord]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Track ids (N,) and corners (N, 4) of one image's people."""
    owner: dict[int, int] = {}
    ids, boxes = [], []
    for index, person in entries:
        ids.append(checked_track_id(source.path, index, person, owner))
        points = np.zeros((0, 3)) if person.keypoints is None else person.keypoints
        boxes.append(bbox_of(person, points[points.any(axis=1), :2]))
    return np.array(ids, np.int64), np.array(boxes, np.float64).reshape(-1, 4)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"
