"""jmpose predict: people of videos, folders and projects, as PoseTrack18 files."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from jmpose_core.annotations import Annotation
from jmpose_core.cli.sources import Job, Source, read_sources
from jmpose_core.cli.terminal import INTERRUPTED, console, progress_bars, stoppable
from jmpose_core.engine.protocol import Predict
from jmpose_core.errors import Cancelled, FormatError
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18


def predict(
    sources: Annotated[list[Path], typer.Argument(help="Videos, folders of images, or projects.")],
    out: Annotated[Path, typer.Option(help="A .json file for one video, a folder for several.")],
    weights: Annotated[str, typer.Option(help="A bundled name or a weights file.")] = "jmpose_lite",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    boxes: Annotated[Path | None, typer.Option(help="Boxes and track ids to use in place of detection.")] = None,
    stage: Annotated[Literal["initial", "refined"], typer.Option(help="Whose heatmaps are decoded.")] = "refined",
    exact: Annotated[
        bool, typer.Option("--exact", help="Crop each window by its own key frame, as the paper.")
    ] = False,
    stills: Annotated[bool, typer.Option("--stills", help="The folder holds unrelated images, of any sizes.")] = False,
) -> int:
    """Find, track and estimate every person, and write PoseTrack18 predictions."""
    found = [source for path in sources for source in read_sources(path, boxes, stills=stills)]
    places = _places(out, found)
    from jmpose_core.engine.session import Session

    session = Session(device)
    with stoppable() as should_stop:
        for source, place in zip(found, places, strict=True):
            people: list[Annotation] = []
            try:
                for job in source.jobs:
                    request = Predict(
                        video_path=str(job.video.path),
                        first=0,
                        last=job.video.frame_count,
                        visible_frame=0,
                        weights=weights,
                        boxes=job.boxes,
                        stage=stage,
                        exact=exact,
                    )
                    with progress_bars(source.name) as show:
                        for person in session.predict(
                            request, on_progress=show, should_stop=should_stop, video=job.video
                        ):
                            people.append(_in_document(person, job))
            except Cancelled:
                _write(source, people, place)
                console.print(f"stopped: {place} holds the {len(people)} poses that were done")
                return INTERRUPTED
            _write(source, people, place)
            console.print(f"{place}: {len(people)} poses of {len({person.track_id for person in people})} people")
    return 0


def _places(out: Path, found: list[Source]) -> list[Path]:
    """Where each source's predictions go.

    Raises:
        FormatError: one file for several sources, or two sources of one name.
    """
    if out.suffix == ".json":
        if len(found) != 1:
            raise FormatError(f"{out}: one file cannot hold {len(found)} videos; give a folder as --out")
        return [out]
    places = [out / f"{source.name}.json" for source in found]
    twins = {str(place) for place in places if places.count(place) > 1}
    if twins:
        raise FormatError(f"{', '.join(sorted(twins))}: two sources of this name; predict them one at a time")
    return places


def _in_document(person: Annotation, job: Job) -> Annotation:
    if not job.document_frames:
        return person
    return replace(person, frame_index=job.document_frames[person.frame_index])


def _write(source: Source, people: list[Annotation], place: Path) -> None:
    if source.template is None:
        document = document_from(people, source.image_names, image_size=source.image_size)
    else:
        document = document_from(people, template=source.template)
    write_posetrack18(document, place)
