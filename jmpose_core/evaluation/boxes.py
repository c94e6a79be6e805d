"""PoseTrack21MOT: tracks as boxes, with ignore regions (docs/posetrack.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import motmetrics
import msgspec
import numpy as np
import numpy.typing as npt

from jmpose_core.evaluation.regions import iou_with_box
from jmpose_core.formats.document import Polygon
from jmpose_core.formats.files import converted, fault, read_json, read_text
from jmpose_core.geometry import iou

MATCH_IOU: Final = 0.5
REGION_IOU: Final = 0.1  # a box that overlaps an ignore region by more is no false positive
_MOT_FIGURES: Final = (
    "idf1", "idp", "idr", "recall", "precision", "num_unique_objects", "mostly_tracked", "partially_tracked",
    "mostly_lost", "num_false_positives", "num_misses", "num_switches", "num_fragmentations", "mota", "motp",
    "num_transfer", "num_ascend", "num_migrate", "num_matches", "num_objects",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FrameBoxes:
    """One frame of a video."""

    truth_ids: npt.NDArray[np.int64]  # (G,)
    truth_xyxy: npt.NDArray[np.float64]  # (G, 4)
    predicted_ids: npt.NDArray[np.int64]  # (P,)
    predicted_xyxy: npt.NDArray[np.float64]  # (P, 4)
    regions: tuple[Polygon, ...]

    def overlap(self) -> npt.NDArray[np.float64]:
        """(G, P) intersection over union."""
        return iou(self.truth_xyxy, self.predicted_xyxy)

    def without(self, removed: set[int]) -> "FrameBoxes":
        """The frame without the predictions of these ids."""
        kept = np.array([track_id not in removed for track_id in self.predicted_ids.tolist()], bool)
        return FrameBoxes(
            self.truth_ids, self.truth_xyxy, self.predicted_ids[kept], self.predicted_xyxy[kept], self.regions
        )

    def in_regions(self, candidates: set[int]) -> set[int]:
        """Those predictions of `candidates` that overlap an ignore region."""
        return {
            track_id
            for track_id, box in zip(self.predicted_ids.tolist(), self.predicted_xyxy.tolist(), strict=True)
            if track_id in candidates and any(iou_with_box(region, tuple(box)) > REGION_IOU for region in self.regions)
        }


class _ImageInfo(msgspec.Struct):
    frame_index: int
    ignore_regions_x: list[list[float]] = []
    ignore_regions_y: list[list[float]] = []


def read_boxes(truth: Path, predicted: Path) -> list[FrameBoxes]:
    """A sequence's folder (image_info.json, gt/gt.txt) and a result file in MOT's layout.

    Raises:
        FormatError: a file is missing, a line is not frame,id,left,top,width,height,..., or an id is twice in a frame.
    """
    infos = converted(read_json(truth / "image_info.json"), list[_ImageInfo], path=truth / "image_info.json", place="")
    truth_rows = _rows(truth / "gt" / "gt.txt")
    predicted_rows = _rows(predicted)
    return [_frame(info, truth_rows, predicted_rows) for info in sorted(infos, key=lambda info: info.frame_index)]


def box_tracking(
    sequences: Mapping[str, Sequence[FrameBoxes]], *, ignore_regions: bool = True, results_from_one: bool = True
) -> dict[str, Any]:
    """CLEAR MOT and IDF1 per sequence and OVERALL, as fractions and counts; motp is the mean distance 1 - IoU.

    Args:
        ignore_regions: false positives in them do not count.
        results_from_one: as the kit does for these figures (not for HOTA), results are read as counted from 1 with
            their right and bottom pixels inside, ground truth as counted from 0.
    """
    accumulators = {}
    for name, raw_frames in sequences.items():
        frames = [_with_inclusive_predictions(frame) for frame in raw_frames] if results_from_one else raw_frames
        accumulator = _accumulated(frames)
        if ignore_regions:
            accumulator = _accumulated(_without_ignored(frames, accumulator))
        accumulators[name] = accumulator
    table = motmetrics.metrics.create().compute_many(
        list(accumulators.values()), names=list(accumulators), metrics=list(_MOT_FIGURES), generate_overall=True
    )
    values = table[list(_MOT_FIGURES)].to_numpy(np.float64).tolist()
    return {str(name): dict(zip(_MOT_FIGURES, row, strict=True)) for name, row in zip(table.index, values, strict=True)}


def _with_inclusive_predictions(frame: FrameBoxes) -> FrameBoxes:
    return replace(frame, predicted_xyxy=frame.predicted_xyxy - np.array([1, 1, 2, 2]))


def _accumulated(frames: Sequence[FrameBoxes]) -> motmetrics.MOTAccumulator:
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        distance = 1 - frame.overlap()
        reachable = np.where(distance <= 1 - MATCH_IOU, distance, np.nan)
        accumulator.update(frame.truth_ids, frame.predicted_ids, reachable)
    return accumulator


def _without_ignored(frames: Sequence[FrameBoxes], accumulator: motmetrics.MOTAccumulator) -> list[FrameBoxes]:
    """The frames without the false positives in ignore regions. They matched nothing, so no match changes."""
    events = accumulator.mot_events.reset_index()
    false_positives = events[events["Type"] == "FP"]
    candidates: dict[int, set[int]] = {}
    for frame_index, track_id in zip(false_positives["FrameId"], false_positives["HId"], strict=True):
        candidates.setdefault(int(frame_index), set()).add(int(track_id))
    return [frame.without(frame.in_regions(candidates.get(index, set()))) for index, frame in enumerate(frames)]


def _frame(info: _ImageInfo, truth: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> FrameBoxes:
    regions = tuple(
        tuple(zip(xs, ys, strict=False)) for xs, ys in zip(info.ignore_regions_x, info.ignore_regions_y, strict=False)
    )
    return FrameBoxes(*_boxes_of(info, truth), *_boxes_of(info, predicted), regions)


def _boxes_of(info: _ImageInfo, rows: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ids (N,) and corners (N, 4) of one frame's rows."""
    own = rows[rows[:, 0] == info.frame_index]
    return own[:, 1].astype(np.int64), np.column_stack([own[:, 2:4], own[:, 2:4] + own[:, 4:6]])


def _rows(path: Path) -> npt.NDArray[np.float64]:
    """(N, 6) frame, id, left, top, width, height."""
    rows: list[list[float]] = []
    line_of: dict[tuple[float, float], int] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.replace(",", " ").split()
        if not fields:
            continue
        try:
            row = [float(field) for field in fields[:6]]
        except ValueError:
            row = []
        if len(row) != 6 or not np.isfinite(row).all():
            raise fault(path, f"line {number}", "not frame,id,left,top,width,height,...")
        frame, track_id = row[:2]
        before = line_of.setdefault((frame, track_id), number)
        if before != number:
            what = f"id {track_id:g} is in frame {frame:g} already, on line {before}"
            raise fault(path, f"line {number}", what, cure="give each person of a frame an id of its own")
        rows.append(row)
    return np.array(rows).reshape(-1, 6)
