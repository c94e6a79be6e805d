"""jmpose import and export: annotations in and out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from jmpose_core.cli.terminal import tell
from jmpose_core.errors import FormatError
from jmpose_core.formats.by_name import FORMATS, write_document
from jmpose_core.project import Project
from jmpose_core.project.as_document import document_of
from jmpose_core.project.importing import ImportAs, ImportPlan, plan_import, write_import


def import_files(
    project: Annotated[Path, typer.Argument(help="The project to import into.")],
    files: Annotated[list[Path], typer.Argument(help="Annotation files, in the order of the project's videos.")],
    import_as: Annotated[
        ImportAs | None,
        typer.Option("--as", help="What the people are.", show_default="predictions if they have scores"),
    ] = None,
) -> int:
    """Put annotation files into a project: one file a video, each as one undo step."""
    with Project.open(project) as opened:
        videos = opened.videos()
        if len(files) > len(videos):
            raise FormatError(f"{len(files)} files for the {len(videos)} videos of {project}; give one a video")
        plans = [plan_import(opened, record, file, import_as) for record, file in zip(videos, files, strict=False)]
        for plan in plans:
            _refuse_misfit(plan)
        for plan in plans:
            write_import(opened, plan)
            tell(f"{plan.video.name}: {plan.people} people from {plan.file}")
            for line in _summary_lines(plan):
                tell(f"  {line}")
    return 0


def _refuse_misfit(plan: ImportPlan) -> None:
    """Exit code 0 means that everything asked for was written."""
    if plan.match.left_out:
        raise FormatError(
            f"{plan.file}: {len(plan.match.left_out)} of {plan.images} images are no frame of {plan.video.name} "
            f"({plan.match.left_out[0]}), which has {plan.video.frame_count}; import a file of this video"
        )


def _summary_lines(plan: ImportPlan) -> Iterator[str]:
    """What a person should know of an import, but for the number of people."""
    yield f"{plan.format_name}: {plan.images} images, matched by {'file name' if plan.match.by_name else 'position'}"
    if plan.replaced:
        yield f"{plan.replaced} people on these frames replaced"
    if plan.kept:
        yield f"{plan.kept} people with corrected joints kept"
    if plan.other_size and plan.image_size is not None:
        (width, height), video = plan.image_size, plan.video
        yield f"made for pictures of {width}x{height}, the video is {video.width}x{video.height}: check the joints"
    if plan.missing_joints:
        yield f"not in the file: {', '.join(plan.missing_joints)}"
    yield from (f"not kept by a project: {what} ({count})" for what, count in plan.dropped.items())
    yield from (f"derived, not in the file: {what} ({count})" for what, count in plan.synthesised.items())


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
