"""`jmpose predict`: people of videos, folders and projects into PoseTrack18 files."""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmpose_core.annotations import Annotation
from jmpose_core.cli.boxes import output_with_boxes
from jmpose_core.cli.sources import Clip, Output, named_apart, output_of_stills, outputs_of
from jmpose_core.cli.terminal import INTERRUPTED, Interrupt, ProgressBar, say
from jmpose_core.engine.protocol import Predict
from jmpose_core.errors import Cancelled, FormatError
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18

if TYPE_CHECKING:
    from jmpose_core.engine.session import Session


class Stage(StrEnum):
    """Whose heatmaps are decoded."""

    initial = "initial"
    refined = "refined"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def predict(
    sources: Annotated[list[Path], typer.Argument(help="Videos, folders of frames, projects.", show_default=False)],
    out: Annotated[Path, typer.Option(help="A .json file, or a folder for a file a video.", show_default=False)],
    weights: Annotated[str, typer.Option(help="A bundled name (`jmpose weights list`) or a file.")] = "jmpose_lite",
    device: Annotated[Device, typer.Option(help="Where to compute; auto takes the GPU if there is one.")] = Device.auto,
    boxes: Annotated[
        Path | None, typer.Option(help="PoseTrack or COCO file: its boxes and track ids in place of detection.")
    ] = None,
    stage: Annotated[Stage, typer.Option(help="Heatmaps before or after refinement.")] = Stage.refined,
    exact: Annotated[bool, typer.Option("--exact", help="Crop every window by its key frame, as the paper.")] = False,
    stills: Annotated[bool, typer.Option("--stills", help="A folder of unrelated images, of any sizes.")] = False,
) -> None:
    """Find people, follow them and estimate their poses; write PoseTrack18 predictions."""
    outputs = _outputs(sources, boxes, stills)
    files = _files(outputs, out)
    from jmpose_core.engine.session import Session  # imports torch

    session = Session(device.value)
    with Interrupt() as interrupt, ProgressBar() as bar:
        for output, file in zip(outputs, files, strict=True):
            people: list[Annotation] = []
            try:
                for clip in output.clips:
                    request = _request(clip, weights, stage, exact)
                    people.extend(_people(session, clip, request, interrupt, bar, of=clip.name if len(files) > 1 else ""))
            except Cancelled:
                pass
            finally:  # what is done is kept, whatever ended it
                _write(output, people, file)
            if interrupt.asked:
                say(f"stopped: the {len(people)} people found until then are in {file}")
                raise typer.Exit(INTERRUPTED)
            say(f"{file}: {len(people)} people in {len(output.template.images)} images")
