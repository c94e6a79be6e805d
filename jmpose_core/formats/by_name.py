"""Every format by its name on the command line: reading what a path holds, writing a named format."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from jmpose_core.errors import FormatError
from jmpose_core.formats.any_json import read_named_json
from jmpose_core.formats.coco import write_coco
from jmpose_core.formats.csv_table import read_csv, write_csv
from jmpose_core.formats.cvat import read_cvat, write_cvat
from jmpose_core.formats.document import ExportSummary, PoseTrackDocument
from jmpose_core.formats.joint_conversion import with_joints
from jmpose_core.formats.posetrack17 import write_posetrack17
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.formats.posetrack21 import write_posetrack21
from jmpose_core.formats.posetrack_conversion import posetrack17_from_18
from jmpose_core.formats.slp import read_slp, write_slp
from jmpose_core.formats.yolo_pose import read_yolo_pose, write_yolo_pose
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS


def read_document(path: Path) -> PoseTrackDocument:
    """The annotations of a file (.json, .xml, .csv, .slp) or of a YOLO-pose folder.

    Raises:
        FormatError: of no known format, or broken; names the place of the fault.
    """
    return read_named_document(path)[1]


def read_named_document(path: Path) -> tuple[str, PoseTrackDocument]:
    """As `read_document`, with the name in FORMATS of the format that was recognised.

    Raises:
        FormatError: of no known format, or broken; names the place of the fault.
    """
    if path.is_dir():
        return "yolo-pose", read_yolo_pose(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise FormatError(f"{path}: unknown kind of file; {known} and YOLO-pose folders can be read")
    return reader(path)


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
    writer = _WRITERS.get(format_name)
    if writer is None:
        raise FormatError(f"format {format_name}: unknown; choose one of {', '.join(FORMATS)}")
    if not format_name.startswith("posetrack") or set(JOINTS) <= set(document.joint_names):
        return writer(document, path)
    converted, conversion = with_joints(document, POSETRACK18_SLOTS, synthesise=True)
    summary = writer(converted, path)
    for what, count in conversion.dropped.items():
        summary.drop(what, count)
    return summary


def _write_posetrack17(document: PoseTrackDocument, path: Path) -> ExportSummary:
    converted, summary = posetrack17_from_18(document)
    write_posetrack17(converted, path)
    return summary


_READERS: Final[Mapping[str, Callable[[Path], tuple[str, PoseTrackDocument]]]] = {
    ".json": read_named_json,
    ".xml": lambda path: ("cvat", read_cvat(path)),
    ".csv": lambda path: ("csv", read_csv(path)),
    ".slp": lambda path: ("slp", read_slp(path)),
}
_WRITERS: Final[Mapping[str, Callable[[PoseTrackDocument, Path], ExportSummary]]] = {
    "posetrack17": _write_posetrack17,
    "posetrack18": write_posetrack18,
    "posetrack21": write_posetrack21,
    "coco": write_coco,
    "yolo-pose": write_yolo_pose,
    "cvat": write_cvat,
    "csv": write_csv,
    "slp": write_slp,
}
FORMATS: Final[tuple[str, ...]] = tuple(_WRITERS)
