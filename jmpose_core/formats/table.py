"""The table of formats: one row each. The dialogs, the command line and the tests read it.

To add a format: write a module beside this one with `read_X(path) -> PoseTrackDocument`, `write_X(document, path) ->
ExportSummary` and `KEPT`, the fields of `document` that the format holds; then add a row to FORMATS. A format that is
JSON also needs a mark in `any_json.read_named_json`, by which it is told from the others. The tests of the table
(tests/core/formats/test_table.py) then try it: what KEPT names must come back, what it does not name must be told.
Data sets that are read and never written stand in DATA_SETS, and `read_named_document` knows them by their files.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jmpose_core.errors import FormatError
from jmpose_core.formats import coco, csv_table, cvat, posetrack17, posetrack18, posetrack21, slp, yolo_pose
from jmpose_core.formats.any_json import read_named_json
from jmpose_core.formats.document import ALL_FIELDS, ExportSummary, PoseTrackDocument
from jmpose_core.formats.files import check_names
from jmpose_core.formats.hieve import is_hieve, read_hieve
from jmpose_core.formats.jhmdb import JOINT_POSITIONS, read_jhmdb
from jmpose_core.formats.joint_conversion import with_joints
from jmpose_core.formats.posetrack_conversion import KEPT_IN_17, posetrack17_from_18, posetrack18_from_17
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS

# What people ask of a format, and the field of the document that says it. Every format holds occluded joints.
QUESTIONS: Final[Mapping[str, str]] = {
    "track numbers": "annotations.track_id",
    "confidences": "annotations.scores",
    "boxes": "annotations.bbox_xywh",
    "head boxes": "annotations.bbox_head_xywh",
    "ignore regions": "images.ignore_regions",
    "image names": "images.file_name",
    "image sizes": "images.width",
}


@dataclass(frozen=True, slots=True)
class Format:
    """One row.

    name: on the command line.
    title: for people.
    suffix: of its files; empty where it is a folder.
    read: the document of a file or folder; raises FormatError.
    write: the document to a file or new folder, whole or not at all; raises FormatError.
    keeps: the fields of the document that it holds; what else a document has is counted in the writer's summary.
    """

    name: str
    title: str
    suffix: str
    read: Callable[[Path], PoseTrackDocument]
    write: Callable[[PoseTrackDocument, Path], ExportSummary]
    keeps: frozenset[str]

    @property
    def holds(self) -> tuple[str, ...]:
        """Those of QUESTIONS that it answers with yes."""
        return tuple(question for question, field in QUESTIONS.items() if field in self.keeps)


def _read_posetrack17(path: Path) -> PoseTrackDocument:
    return posetrack18_from_17(posetrack17.read_posetrack17(path))


def _write_posetrack17(document: PoseTrackDocument, path: Path) -> ExportSummary:
    converted, summary = posetrack17_from_18(document)
    posetrack17.write_posetrack17(converted, path)
    return summary


_EVERYTHING: Final = frozenset(ALL_FIELDS)

# fmt: off
FORMATS: Final = (
    Format("posetrack18", "PoseTrack18 JSON", ".json",
           posetrack18.read_posetrack18, posetrack18.write_posetrack18, _EVERYTHING),
    Format("posetrack21", "PoseTrack21 JSON", ".json",
           posetrack21.read_posetrack21, posetrack21.write_posetrack21, _EVERYTHING - {"images.has_no_densepose"}),
    Format("posetrack17", "PoseTrack17 JSON", ".json", _read_posetrack17, _write_posetrack17, frozenset(KEPT_IN_17)),
    Format("coco", "COCO keypoints", ".json", coco.read_coco, coco.write_coco, _EVERYTHING),
    Format("yolo-pose", "YOLO-pose (a folder)", "",
           yolo_pose.read_yolo_pose, yolo_pose.write_yolo_pose, frozenset(yolo_pose.KEPT)),
    Format("cvat", "CVAT video XML", ".xml", cvat.read_cvat, cvat.write_cvat, frozenset(cvat.KEPT)),
    Format("csv", "CSV table", ".csv", csv_table.read_csv, csv_table.write_csv, frozenset(csv_table.KEPT)),
    Format("slp", "SLEAP", ".slp", slp.read_slp, slp.write_slp, frozenset(slp.KEPT)),
)
# fmt: on
FORMAT_NAMES: Final = tuple(row.name for row in FORMATS)
SUFFIXES: Final = tuple(dict.fromkeys(row.suffix for row in FORMATS if row.suffix))
DATA_SETS: Final[Mapping[str, str]] = {"jhmdb": "JHMDB's joint_positions.mat", "hieve": "HiEve (a folder)"}  # titles
_JHMDB: Final = ".mat"
READ_SUFFIXES: Final = (*SUFFIXES, _JHMDB)
_SETTINGS: Final = (".yaml", ".yml")  # of a YOLO-pose folder: its data.yaml stands for the folder


def format_of(name: str) -> Format:
    """The row of a name.

    Raises:
        FormatError: unknown name.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    raise FormatError(f"format {name}: unknown; choose one of {', '.join(FORMAT_NAMES)}")


def title_of(name: str) -> str:
    """What people call a format or a data set.

    Raises:
        FormatError: unknown name.
    """
    return DATA_SETS[name] if name in DATA_SETS else format_of(name).title


def read_document(path: Path) -> PoseTrackDocument:
    """The annotations of a file (.json, .xml, .csv, .slp, JHMDB's .mat) or of a YOLO-pose or HiEve folder.

    Raises:
        FormatError: of no known format, or broken; names the place of the fault.
    """
    return read_named_document(path)[1]


def read_named_document(path: Path) -> tuple[str, PoseTrackDocument]:
    """As `read_document`, with the name of the format that was recognised.

    Raises:
        FormatError: of no known format, or broken; names the place of the fault.
    """
    suffix = path.suffix.lower()
    if suffix == _JHMDB and not path.is_dir():
        return "jhmdb", read_jhmdb(path)
    if is_hieve(path):
        return "hieve", read_hieve(path)
    if path.is_dir():
        suffix = ""
    elif suffix in _SETTINGS:
        path, suffix = path.parent, ""
    rows = [row for row in FORMATS if row.suffix == suffix]
    if not rows or (not suffix and not path.is_dir()):
        kinds = f"{', '.join(READ_SUFFIXES)}, YOLO-pose folders and HiEve's"
        raise FormatError(f"{path}: unknown kind of file; {kinds} can be read")
    if len(rows) > 1:
        return read_named_json(path)
    return rows[0].name, rows[0].read(path)


def video_name_of(path: Path) -> str:
    """The name of the video that a file or folder of labels is of, as far as its place says it."""
    if path.name == JOINT_POSITIONS:  # as all of JHMDB's are called
        return path.resolve().parent.name
    return path.resolve().name if path.is_dir() else path.stem


def preview_document(document: PoseTrackDocument, file_name: str, format_name: str) -> ExportSummary:
    """What `write_document` would say of a file of that name; nothing is left behind.

    The document is really written, to a folder that is thrown away: only the writers know what they leave out.

    Raises:
        FormatError: as `write_document`, but for what is wrong with the place of the file.
    """
    with tempfile.TemporaryDirectory(prefix="jmpose-preview-") as folder:
        try:
            return write_document(document, Path(folder) / file_name, format_name)
        except FormatError as error:
            raise FormatError(str(error).replace(f"{folder}{os.sep}", "")) from error


def write_document(document: PoseTrackDocument, path: Path, format_name: str) -> ExportSummary:
    """Write a document in a format of FORMATS; for PoseTrack its joints are brought to PoseTrack's by name.

    Raises:
        FormatError: unknown format, a document the format cannot hold, or a file that cannot be written.
    """
    row = format_of(format_name)
    if "image names" in row.holds:
        check_names(image.file_name for image in document.images)
    if not format_name.startswith("posetrack") or set(JOINTS) <= set(document.joint_names):
        return row.write(document, path)
    converted, conversion = with_joints(document, POSETRACK18_SLOTS, synthesise=True)
    summary = row.write(converted, path)
    for what, count in conversion.dropped.items():
        summary.drop(what, count)
    return summary
