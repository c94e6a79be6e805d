"""HOTA of boxes as TrackEval has it, with PoseTrack21's ignore regions (Luiten et al., IJCV 2021)."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from jmpose_core.evaluation.boxes import MATCH_IOU, FrameBoxes
from jmpose_core.evaluation.hota import ALPHAS

_EPSILON: Final = float(np.finfo(np.float64).eps)


def box_hota(sequences: Sequence[Sequence[FrameBoxes]]) -> dict[str, float]:
    """HOTA, DetA, AssA and their parts in percent (Luiten et al., IJCV 2021), all sequences together.

    Predictions that match nothing at IoU 0.5 and lie in an ignore region are left out.
    """
    tp, fn, fp, located = (np.zeros(len(ALPHAS)) for _ in range(4))
    association = {name: np.zeros(len(ALPHAS)) for name in ("AssA", "AssRe", "AssPr")}
    for frames in sequences:
        counts = _hota_of([_without_unmatched(frame) for frame in frames])
        tp, fn, fp, located = tp + counts[0], fn + counts[1], fp + counts[2], located + counts[3]
        for name, value in counts[4].items():
            association[name] += value  # weighted by true positives
    shares = {name: value / np.maximum(1, tp) for name, value in association.items()}
    detection = tp / np.maximum(1, tp + fn + fp)
    shares |= {"DetA": detection, "DetRe": tp / np.maximum(1, tp + fn), "DetPr": tp / np.maximum(1, tp + fp)}
    shares |= {"HOTA": np.sqrt(detection * shares["AssA"]), "LocA": np.maximum(1e-10, located) / np.maximum(1e-10, tp)}
    return {name: 100 * float(value.mean()) for name, value in shares.items()}


def _without_unmatched(frame: FrameBoxes) -> FrameBoxes:
    overlap = frame.overlap()
    rows, columns = linear_sum_assignment(-np.where(overlap >= MATCH_IOU - _EPSILON, overlap, 0))
    matched = {
        int(column) for row, column in zip(rows, columns, strict=True) if overlap[row, column] >= MATCH_IOU - _EPSILON
    }
    unmatched = {track_id for index, track_id in enumerate(frame.predicted_ids.tolist()) if index not in matched}
    return frame.without(frame.in_regions(unmatched))


def _hota_of(frames: Sequence[FrameBoxes]) -> tuple[Any, Any, Any, Any, dict[str, npt.NDArray[np.float64]]]:
    """True positives, misses, false positives, summed IoU and association sums of one sequence, each (19,)."""
    truth_index = {value: i for i, value in enumerate(sorted({i for f in frames for i in f.truth_ids.tolist()}))}
    pred_index = {value: i for i, value in enumerate(sorted({i for f in frames for i in f.predicted_ids.tolist()}))}
    truth_count, pred_count = np.zeros((len(truth_index), 1)), np.zeros((1, len(pred_index)))
    potential = np.zeros((len(truth_index), len(pred_index)))
    for frame in frames:
        overlap, rows, columns = _indexed(frame, truth_index, pred_index)
        union = overlap.sum(axis=0)[None] + overlap.sum(axis=1)[:, None] - overlap
        potential[np.ix_(rows, columns)] += np.divide(
            overlap, union, out=np.zeros_like(overlap), where=union > _EPSILON
        )
        truth_count[rows, 0] += 1
        pred_count[0, columns] += 1
    alignment = potential / np.maximum(1, truth_count + pred_count - potential)
    tp, fn, fp, located = (np.zeros(len(ALPHAS)) for _ in range(4))
    matches = np.zeros((len(ALPHAS), *potential.shape))
    for frame in frames:
        overlap, rows, columns = _indexed(frame, truth_index, pred_index)
        matched_rows, matched_columns = linear_sum_assignment(-alignment[np.ix_(rows, columns)] * overlap)
        similarity = overlap[matched_rows, matched_columns]
        at_alpha = similarity[None] >= ALPHAS[:, None] - _EPSILON
        tp += at_alpha.sum(axis=1)
        fn += len(rows) - at_alpha.sum(axis=1)
        fp += len(columns) - at_alpha.sum(axis=1)
        located += at_alpha @ similarity
        matches[:, np.array(rows, int)[matched_rows], np.array(columns, int)[matched_columns]] += at_alpha
    union = truth_count + pred_count - matches
    association = {
        "AssA": (matches**2 / np.maximum(1, union)).sum(axis=(1, 2)),
        "AssRe": (matches**2 / np.maximum(1, truth_count)).sum(axis=(1, 2)),
        "AssPr": (matches**2 / np.maximum(1, pred_count)).sum(axis=(1, 2)),
    }
    return tp, fn, fp, located, association


def _indexed(
    frame: FrameBoxes, truth_index: dict[int, int], pred_index: dict[int, int]
) -> tuple[npt.NDArray[np.float64], list[int], list[int]]:
    rows = [truth_index[track_id] for track_id in frame.truth_ids.tolist()]
    return frame.overlap(), rows, [pred_index[track_id] for track_id in frame.predicted_ids.tolist()]
