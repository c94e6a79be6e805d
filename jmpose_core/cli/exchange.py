"""jmpose import and export: annotations in and out."""

from pathlib import Path
from typing import Annotated

import typer

from jmpose_core.cli.terminal import tell
from jmpose_core.errors import FormatError
from jmpose_core.formats.by_name import FORMATS, read_document, write_document
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.project_document import document_of
from jmpose_core.project import Project


def import_files(
    project: Annotated[Path, typer.Argument(help="The project to import into.")],
    files: Annotated[list[Path], typer.Argument(help="Annotation files, in the order of the project's videos.")],
) -> int:
    """Put annotation files into a project: one file a video, each as one undo step."""
    with Project.open(project) as opened:
        videos = opened.videos()
        if len(files) > len(videos):
            raise FormatError(f"{len(files)} files for the {len(videos)} videos of {project}; give one a video")
        for record, file in zip(videos, files, strict=False):
            document = read_document(file)
            if len(document.images) > record.frame_count:
                raise FormatError(
                    f"{file}: {len(document.images)} images, but {record.name} has {record.frame_count} frames"
                )
            people = annotations_of(document)
            with opened.step(f"Import {file.name}") as step:
                for person in people:
                    step.put(record.id, person)
            tell(f"{record.name}: {len(people)} people from {file}")
    return 0


def export_project(
    project: Annotated[Path, typer.Argument(help="The project.")],
    out: Annotated[Path, typer.Argument(help="A file for one video, a folder for several.")],
    format_name: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "posetrack18",
) -> int:
    """Write what the project's annotators see, and say what the format cannot hold."""
    with Project.open(project, read_only=True) as opened:
        videos = opened.videos()
        if not videos:
            raise FormatError(f"{project}: no video in it, nothing to export")
        for record in videos:
            name = Path(record.name).stem + _SUFFIX.get(format_name, "")
            place = out if len(videos) == 1 and out.suffix else out / name
            place.parent.mkdir(parents=True, exist_ok=True)
            summary = write_document(document_of(opened, record), place, format_name)
            tell(f"{place}: {summary.people} people on {summary.images} images")
            for what, count in summary.dropped.items():
                tell(f"  not kept by {format_name}: {what} ({count})")
            for what, count in summary.synthesised.items():
                tell(f"  made up for {format_name}: {what} ({count})")
    return 0


_SUFFIX = dict.fromkeys(FORMATS, ".json") | {"yolo-pose": "", "cvat": ".xml", "csv": ".csv", "slp": ".slp"}
