"""jmpose import and export: annotations in and out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from jmpose_core.cli.terminal import tell
from jmpose_core.errors import FormatError
from jmpose_core.formats.table import FORMAT_NAMES, format_of, read_named_document
from jmpose_core.project import Project
from jmpose_core.project.as_document import Scores, Which
from jmpose_core.project.exporting import check_destination, export_places, export_video
from jmpose_core.project.file_assignment import videos_of_files
from jmpose_core.project.importing import ImportAs, ImportPlan, Reading, plan_document, write_import


def import_files(
    project: Annotated[Path, typer.Argument(help="The project to import into.")],
    files: Annotated[
        list[Path],
        typer.Argument(help="Annotation files, one a video: named as their videos, or else in the videos' order."),
    ],
    import_as: Annotated[
        ImportAs | None,
        typer.Option("--as", help="What the people are.", show_default="predictions if they have scores"),
    ] = None,
    video: Annotated[str | None, typer.Option(help="The video that the file is of, by its name.")] = None,
    by_position: Annotated[
        bool, typer.Option("--by-position", help="Image N is frame N, whatever its name; there must be one a frame.")
    ] = False,
    first_number: Annotated[
        int | None, typer.Option(help="The number that the file gives the video's first frame.", show_default="found")
    ] = None,
    joint: Annotated[
        list[str] | None,
        typer.Option(help='A joint that the file calls otherwise, as in "1=nose". May be repeated.'),
    ] = None,
) -> int:
    """Put annotation files into a project: one file a video, each as one undo step."""
    how = Reading(import_as, by_position=by_position, first_number=first_number, joints=_joint_names(joint or ()))
    with Project.open(project) as opened:
        read = [(file, *read_named_document(file)) for file in files]
        videos = videos_of_files(opened.videos(), [(file, document) for file, _, document in read], video_name=video)
        plans = [
            plan_document(opened, record, file, format_name, document, how)
            for record, (file, format_name, document) in zip(videos, read, strict=True)
        ]
        for plan in plans:
            _refuse_misfit(plan)
        for plan in plans:
            write_import(opened, plan)
            tell(f"{plan.video.name}: {plan.people} people from {plan.file}")
            for line in _summary_lines(plan):
                tell(f"  {line}")
    return 0


def _joint_names(pairs: Sequence[str]) -> dict[str, str]:
    """NAME=JOINT as a mapping."""
    names = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not theirs or not equals or not ours:
            raise FormatError(f'--joint "{pair}": expected the name in the file, "=", and the joint, as in "1=nose"')
        names[theirs] = ours
    return names


def _refuse_misfit(plan: ImportPlan) -> None:
    """Exit code 0 means that everything asked for was written."""
    if plan.match.left_out:
        raise FormatError(
            f"{plan.file}: {len(plan.match.left_out)} of {plan.images} images are no frame of {plan.video.name} "
            f"({plan.match.left_out[0]}), which has {plan.video.frame_count}; import a file of this video"
        )


def _summary_lines(plan: ImportPlan) -> Iterator[str]:
    """What a person should know of an import, but for the number of people."""
    yield f"{plan.format_name}: {plan.images} images, matched by {plan.match.by}"
    yield from plan.notes
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
    format_name: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMAT_NAMES)}.")] = "posetrack18",
    scores: Annotated[
        Scores, typer.Option(help="Whose confidences are written: with them, people are read as predictions.")
    ] = Scores.PREDICTED,
    people: Annotated[
        Which, typer.Option(help="Which people are written, by whether somebody corrected or verified a joint, or all.")
    ] = Which.ALL,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> int:
    """Write what the project's annotators see, and say what the format cannot hold."""
    row = format_of(format_name)
    with Project.open(project, read_only=True) as opened:
        videos = opened.videos()
        if not videos:
            raise FormatError(f"{project}: no video in it, nothing to export")
        places = export_places(out, videos, row)
        for place in places:
            check_destination(opened, place, row, overwrite=overwrite)
        for record, place in zip(videos, places, strict=True):
            summary = export_video(opened, record, place, row, scores=scores, which=people, overwrite=overwrite)
            tell(f"{place}: {summary.people} people on {summary.images} images")
            for what, count in summary.dropped.items():
                tell(f"  not kept by {format_name}: {what} ({count})")
            for what, count in summary.synthesised.items():
                tell(f"  made up for {format_name}: {what} ({count})")
    return 0
