"""Predictions measured against ground truth: what `jmpose eval` prints and writes.

A report is plain values for JSON: figures by joint and in `total`, in percent (OKS as
fractions), None where a figure does not exist.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.average_precision import PARTS, average_precision, by_part
from jmpose_core.evaluation.box_report import box_report, box_table
from jmpose_core.evaluation.files import paired_files, read_pairs
from jmpose_core.evaluation.hota import HotaCounts, hota_counts
from jmpose_core.evaluation.matching import Match, Source, match_images
from jmpose_core.evaluation.mot import MotCounts, mot_counts
from jmpose_core.evaluation.oks import FIGURES
from jmpose_core.evaluation.oks_files import oks_of_files
from jmpose_core.evaluation.pck_report import heads_missing, pck_figures, pck_remarks
from jmpose_core.evaluation.sequences import FramePair, check_for_poseval, cleaned, paired
from jmpose_core.evaluation.sequences import Sequence as Video
from jmpose_core.formats.files import fault
from jmpose_core.skeleton import JOINTS

Report: TypeAlias = dict[str, Any]
METRICS: Final = ("posetrack", "posetrack21", "oks", "pck", "boxes")

_ROWS: Final[Mapping[str, str]] = {
    "ap": "AP", "precision": "AP precision", "recall": "AP recall",
    "mota": "MOTA", "motp": "MOTP", "mot_precision": "MOT precision", "mot_recall": "MOT recall", "idf1": "IDF1",
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "kit_ap": "AP (21 kit)",
    "pck": "PCK@0.2 torso", "pckh": "PCKh@0.5", "pck_person": "PCK@0.2 person", "pck_person_strict": "PCK@0.1 person",
}  # fmt: skip


def evaluate(
    gt: Path, pred: Path, metric: str = "posetrack", as_reference: bool = False, match: Match = "auto"
) -> Report:
    """Measure the files of `pred` against those of the same name in `gt`, or one file against another.

    Args:
        gt: a file, or a folder of .json files, one a video; for "pck" also JHMDB's or HiEve's labels.
        pred: a file, or a folder with files of the same names.
        metric: "posetrack" (poseval's AP and MOT, IDF1), "posetrack21" (pose HOTA, the kit's AP), "oks" (COCO's ten
            figures), "pck" (PCK of the torso, the head and the person, see `pck_report`), "boxes" (CLEAR MOT, IDF1 and
            HOTA of boxes, of JSON files or of PoseTrack21's MOT folders).
        as_reference: with the defects of the reference programs: poseval's MOTP, the PoseTrack21 kit's frames
            without predictions.
        match: which image is which, see `matching.match_images`; with "names" and "position" image folders may have
            other names than PoseTrack's. The report's `images` says what was matched by what.

    Raises:
        FormatError: a file is missing or breaks its format, or the two do not fit together; names place and cure.
    """
    if metric not in METRICS:
        raise FormatError(f"metric {metric}: unknown; choose one of {', '.join(METRICS)}")
    if metric == "boxes":
        return box_report(gt, pred, match)
    if metric == "oks":
        figures, images = oks_of_files(paired_files(gt, pred), match)
        return {"metric": metric, "images": images, "oks": _json_values(figures)}
    sources = read_pairs(gt, pred)
    if metric == "posetrack":
        for source in (source for pair in sources for source in pair):
            check_for_poseval(source, names=match == "auto")
    return evaluate_documents(sources, metric, as_reference=as_reference, match=match)


def evaluate_documents(
    sources: Sequence[tuple[Source, Source]], metric: str, *, as_reference: bool = False, match: Match = "auto"
) -> Report:
    """As `evaluate` for posetrack, posetrack21 and pck, for documents that are already read; folders of any name.

    Raises:
        FormatError: the two documents of a pair do not fit together.
    """
    matched = [match_images(truth, predicted, match) for truth, predicted in sources]
    pairs = list(zip(sources, matched, strict=True))
    heads_needed = metric != "pck"
    videos = [
        (video, truth.path)
        for (truth, found), images in pairs
        for video in paired(truth, found, images, heads_needed=heads_needed)
    ]
    if metric == "posetrack":
        for video, path in videos:
            _check_two_scored_frames(video, path)
    measured = {video.name: _measured(video, metric, as_reference) for video, _ in videos}
    said = [images.statement(truth, found) for (truth, found), images in pairs]
    report = {"metric": metric, "images": said, **_figures(list(measured.values()), metric, as_reference)}
    if metric == "pck":
        frames = [frame for video in measured.values() for frame in video.frames]
        report["remarks"] = pck_remarks(frames)
        report["missing"] = {"pckh": lack} if (lack := heads_missing(frames)) else {}
    if len(videos) > 1:
        report["per_sequence"] = {name: _figures([video], metric, as_reference) for name, video in measured.items()}
    return report


def table(report: Report) -> list[list[str]]:
    """The report as papers print it: a head row, then a row a figure."""
    if "boxes" in report:
        return box_table(report["boxes"])
    if "oks" in report:
        return [["", *FIGURES], ["OKS", *(_cell(report["oks"][name], 3) for name in FIGURES)]]
    rows = [["", *PARTS, "Total"]]
    for row in figure_rows(report):
        rows.append([row.title, *(_cell(value, 1) for value in (*row.parts.values(), row.total))])
    return rows


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of a report, in percent; NaN where it does not exist."""

    name: str  # its key in the report
    title: str
    parts: dict[str, float]  # by the papers' columns
    joints: dict[str, float]  # by joint
    total: float


def figure_rows(report: Report) -> list[FigureRow]:
    """The figures of a report but for COCO's, in the order that the papers print them."""
    rows = []
    for name, title in _ROWS.items():
        if name in report:
            values = {key: math.nan if value is None else value for key, value in report[name].items()}
            joints = {joint: values[joint] for joint in JOINTS}
            lack = report.get("missing", {}).get(name)
            title = f"{title} ({lack})" if lack else title
            rows.append(FigureRow(name, title, by_part(values), joints, values["total"]))
    return rows


def sequence_table(report: Report) -> list[list[str]]:
    """The totals of each sequence, a row each; the head row alone where there is one sequence."""
    names = [name for name in _ROWS if name in report]
    rows = [["", *(_ROWS[name] for name in names)]]
    for sequence, figures in report.get("per_sequence", {}).items():
        rows.append([sequence, *(_cell(figures[name]["total"], 1) for name in names)])
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """One video: the frames that count, cleaned, and what is summed over videos."""

    frames: list[FramePair]
    mot: MotCounts | None = None
    hota: HotaCounts | None = None


def _measured(video: Video, metric: str, as_reference: bool) -> _Measured:
    if metric == "posetrack21":
        frames = _labelled(video)
        return _Measured(frames, hota=hota_counts(frames, as_reference=as_reference))
    frames = _scored(video)
    return _Measured(frames, mot=mot_counts(frames) if metric == "posetrack" else None)


def _figures(videos: Sequence[_Measured], metric: str, as_reference: bool) -> Report:
    frames = [frame for video in videos for frame in video.frames]
    if metric == "posetrack":
        return _posetrack(frames, MotCounts.summed(video.mot for video in videos if video.mot), as_printed=as_reference)
    if metric == "posetrack21":
        return _posetrack21(frames, HotaCounts.summed(video.hota for video in videos if video.hota))
    return {name: _json_values(values) for name, values in pck_figures(frames).items()}


def _posetrack(frames: Sequence[FramePair], counts: MotCounts, *, as_printed: bool) -> Report:
    joints = average_precision(frames)
    return {
        "ap": _by_joint(joints.ap),
        "precision": _by_joint(joints.precision),
        "recall": _by_joint(joints.recall),
        "mota": _by_joint(counts.mota()),
        "motp": _by_joint(counts.motp(as_printed=as_printed)),
        "mot_precision": _by_joint(counts.precision()),
        "mot_recall": _by_joint(counts.recall()),
        "idf1": _by_joint(counts.idf1()),
    }


def _posetrack21(frames: Sequence[FramePair], counts: HotaCounts) -> Report:
    return {
        "hota": _by_joint(counts.hota()),
        "deta": _by_joint(counts.deta()),
        "assa": _by_joint(counts.assa()),
        "kit_ap": _by_joint(average_precision(frames, missing_joints_count=True).ap),
    }


def _labelled(video: Video) -> list[FramePair]:
    """The PoseTrack21 kit's frames."""
    pairs = zip(video.frames, video.regions, strict=True)
    return [cleaned(frame, regions, positive_only=True) for frame, regions in pairs if frame.is_labeled]


def _scored(video: Video) -> list[FramePair]:
    """poseval's frames: those whose ground truth has anyone, whatever is_labeled says."""
    pairs = zip(video.frames, video.regions, strict=True)
    return [cleaned(frame, regions) for frame, regions in pairs if len(frame.truth)]


def _check_two_scored_frames(video: Video, path: Path) -> None:
    count = sum(len(frame.truth) > 0 for frame in video.frames)
    if count < 2:
        raise fault(
            path,
            f"sequence {video.name}",
            f"{count} image with people, poseval's tracking figures need two",
            cure="label another image, leave this video out, or use the metric posetrack21 or oks",
        )


def _by_joint(values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Values (15,) by name with the mean of those that exist as total, or (16,) with the total last."""
    total = values[len(JOINTS)] if len(values) > len(JOINTS) else _mean(values)
    return _json_values(dict(zip((*JOINTS, "total"), (*values[: len(JOINTS)], total), strict=True)))


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _json_values(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else float(value) for name, value in values.items()}


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"
