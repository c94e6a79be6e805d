"""PoseTrack18 JSON, one file a video.

Annotated means: not x = y = third value = 0, which is poseval's rule. The third value
is 1 where labelled, and a score in many predictions.
"""

from pathlib import Path

from jmpose_core.formats.coco_family import document_of, values_of
from jmpose_core.formats.document import ExportSummary, PoseTrackDocument, summary_of
from jmpose_core.formats.files import encode_json, read_json, write_atomically


def read_posetrack18(path: Path) -> PoseTrackDocument:
    """A PoseTrack18 or PoseTrack21 file, with every field it has.

    Raises:
        FormatError: not such a file; the message names the place in it.
    """
    return document_of(read_json(path), path)


def write_posetrack18(document: PoseTrackDocument, path: Path) -> ExportSummary:
    """Write the document whole or not at all; the format holds everything a document has.

    Raises:
        FormatError: the file cannot be written.
    """
    write_atomically(path, encode_json(values_of(document)))
    return summary_of(document)
