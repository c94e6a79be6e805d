"""jmpose predict: people of videos, folders and projects, as PoseTrack18 files."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jmpose_core.annotations import Annotation
from jmpose_core.cli.boxes import output_with_boxes
from jmpose_core.cli.sources import Clip, Output, output_of_stills, outputs_of
from jmpose_core.cli.terminal import progress_bars, stoppable, tell, tell_error
from jmpose_core.engine.protocol import Predict, Progress
from jmpose_core.errors import Cancelled, FormatError, JMPoseError, VideoError, WeightsError
from jmpose_core.estimation.options import EstimateOptions, FlowChoice
from jmpose_core.formats.files import check_names
from jmpose_core.formats.people import document_from
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.geometry import Xyxy
from jmpose_core.model.stages import Stage
from jmpose_core.video import Video

if TYPE_CHECKING:
    from jmpose_core.engine.session import Session

_DEFAULT_WEIGHTS = "jmpose_lite"
_KEPT_EVERY_SECS = 30.0  # between two writings of what is done so far
_KEPT_SHARE = 20  # of the time that writing takes, until it is done again
_STILLS_TOLD_SECS = 0.1  # progress over many short clips is reported at most this often


def predict(
    sources: Annotated[list[Path], typer.Argument(help="Videos, folders of images, or projects.", show_default=False)],
    out: Annotated[Path, typer.Option(help="A .json file for one video, a folder for several.", show_default=False)],
    weights: Annotated[
        str | None, typer.Option(help="A name that `jmpose weights list` shows, or a weights file; else jmpose_lite.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="In place of --weights: the installed ones of this variant.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    boxes: Annotated[
        Path | None,
        typer.Option(help="Labels, as of PoseTrack, COCO or JHMDB: their boxes and track ids in place of detection."),
    ] = None,
    stage: Annotated[Stage, typer.Option(help="Whose heatmaps are decoded.")] = "refined",
    exact: Annotated[
        bool, typer.Option("--exact", help="Crop each window by its own key frame, as the paper.")
    ] = False,
    frame_flow: Annotated[
        bool,
        typer.Option("--frame-flow", help="Flow once a pair of frames for all people in them, not once a person."),
    ] = False,
    reach: Annotated[
        int | None,
        typer.Option(help="Supporting frames on either side, from 2 on; else as many as the weights say."),
    ] = None,
    witness: Annotated[
        bool,
        typer.Option(help="Tell the network whose joints are meant, by what the person detector sees of each person."),
    ] = True,
    flow: Annotated[
        FlowChoice, typer.Option(help="The weights' own, or dense inverse search, which is faster on a CPU.")
    ] = "own",
    stills: Annotated[bool, typer.Option("--stills", help="The folder holds unrelated images, of any sizes.")] = False,
) -> int:
    """Find, track and estimate every person, and write PoseTrack18 predictions."""
    if weights is not None and variant is not None:
        raise WeightsError("--weights and --variant both choose the weights; leave one out")
    outputs, broken = _outputs(sources, boxes, stills=stills)
    files = _files(outputs, out)
    from jmpose_core.engine.session import Session  # imports torch

    chosen = weights or (_DEFAULT_WEIGHTS if variant is None else _of_variant(variant))
    session = Session(device)
    options = EstimateOptions(stage=stage, exact=exact, frame_flow=frame_flow, reach=reach, witness=witness, flow=flow)
    failures = broken
    with stoppable() as should_stop:
        for output, file in zip(outputs, files, strict=True):
            try:
                failures += _predict_to(file, output, _Prediction(session, chosen, options, should_stop))
            except Cancelled:
                return should_stop.exit_code
            except WeightsError:  # would spoil every source
                raise
            except JMPoseError as error:
                tell_error(error)
                failures += 1
    return 1 if failures else 0


def _of_variant(variant: str) -> str:
    from jmpose_core.checkpoints.variants import check_variant
    from jmpose_core.weights.files import weights_of_variant

    check_variant(variant)
    return weights_of_variant(variant)


@dataclass(frozen=True, slots=True)
class _Prediction:
    """What one command predicts with; each clip's request is made from it."""

    session: "Session"
    weights: str
    options: EstimateOptions
    should_stop: Callable[[], bool]

    def people(
        self, video: Video, boxes: dict[int, dict[int, Xyxy]] | None, on_progress: Callable[[Progress], None]
    ) -> Iterator[Annotation]:
        """Everybody in the video, or in the boxes that are given."""
        request = Predict(
            video_path=str(video.path),
            first=0,
            last=video.frame_count,
            visible_frame=0,
            weights=self.weights,
            boxes=boxes,
            options=self.options,
        )
        return self.session.predict(request, video=video, on_progress=on_progress, should_stop=self.should_stop)


def _predict_to(file: Path, output: Output, prediction: _Prediction) -> int:
    """Write one output, what is done so far now and then and where the work ends early; how many problems it had."""
    people: list[Annotation] = []
    kept = _Kept(file, output)
    problems = list(output.problems)
    for problem in problems:
        tell_error(problem)
    ended = "so far: "
    try:
        for person in _people(output, prediction, problems):
            people.append(person)
            kept.keep_in_time(people)
        ended = ""
    finally:
        if people or not ended:
            kept.keep(people)
            tracks = len({person.track_id for person in people})
            tell(f"{file}: {ended}{len(people)} poses of {tracks} people in {len(output.template.images)} images")
    return len(problems)


class _Kept:
    """The file of one output, written again and again while the work goes on: a power cut costs the last minute."""

    def __init__(self, file: Path, output: Output) -> None:
        self._file, self._template = file, output.template
        self._next = time.monotonic() + _KEPT_EVERY_SECS

    def keep(self, people: list[Annotation]) -> None:
        """Write these people."""
        write_posetrack18(document_from(people, template=self._template), self._file)

    def keep_in_time(self, people: list[Annotation]) -> None:
        """Write them if the last time is long ago; writing takes a twentieth of the time at most."""
        started = time.monotonic()
        if started >= self._next:
            self.keep(people)
            now = time.monotonic()
            self._next = now + max(_KEPT_EVERY_SECS, _KEPT_SHARE * (now - started))


def _people(output: Output, prediction: _Prediction, problems: list[str]) -> Iterator[Annotation]:
    """People by their place in the output's images; what could not be read is reported and added to `problems`."""
    with progress_bars(output.name) as show:
        started = told = time.perf_counter()
        for done, clip in enumerate(output.clips, 1):
            on_progress = show if len(output.clips) == 1 else _unseen
            try:
                yield from _people_of(clip, prediction, on_progress, problems)
            except VideoError as error:
                if len(output.clips) == 1:
                    raise
                tell_error(error)  # one picture or sequence of many
                problems.append(str(error))
            now = time.perf_counter()
            if len(output.clips) > 1 and (now - told > _STILLS_TOLD_SECS or done == len(output.clips)):
                rate = done / (now - started)
                show(Progress(done=done, total=len(output.clips), per_second=rate, stage="clips"))
                told = now


def _people_of(
    clip: Clip, prediction: _Prediction, on_progress: Callable[[Progress], None], problems: list[str]
) -> Iterator[Annotation]:
    with clip.open() as video:
        try:
            for person in prediction.people(video, clip.boxes, on_progress):
                if person.frame_index in clip.image_of_frame:
                    yield replace(person, frame_index=clip.image_of_frame[person.frame_index])
        finally:
            if report := video.damage_report():
                tell_error(report)
                problems.append(report)


def _unseen(_progress: Progress) -> None:
    """The progress of one among many clips."""


def _outputs(sources: list[Path], boxes: Path | None, *, stills: bool) -> tuple[list[Output], int]:
    """What to write, and how many sources cannot be opened: one broken source does not spoil the others."""
    if boxes is not None:
        if len(sources) > 1:
            raise FormatError("--boxes takes one source: its file says which pictures it labels")
        return [output_with_boxes(sources[0], boxes, stills=stills)], 0
    outputs: list[Output] = []
    broken = 0
    for source in sources:
        try:
            found = [output_of_stills(source)] if stills else outputs_of(source)
            for output in found:  # before the work, not after it
                check_names(image.file_name for image in output.template.images)
            outputs += found
        except JMPoseError as error:
            tell_error(error)
            broken += 1
    return outputs, broken


def _files(outputs: list[Output], out: Path) -> list[Path]:
    """The file of each output; its folder is made now, so that no hour is spent on what cannot be written.

    Raises:
        FormatError: one file for several outputs, two outputs of one name, or a folder that cannot be written to.
    """
    to_file = out.suffix.lower() == ".json"
    if to_file and len(outputs) > 1:
        raise FormatError(f"{out}: one file cannot hold {len(outputs)} videos; give a folder as --out")
    files = [out if to_file else out / f"{output.name}.json" for output in outputs]
    twins = {file.name for file in files if files.count(file) > 1}
    if twins:
        raise FormatError(f"{', '.join(sorted(twins))}: two sources of this name; predict them one at a time")
    folder = out.parent if to_file else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"{folder}: cannot be made ({error.strerror}); choose another place for --out") from error
    if not os.access(folder, os.W_OK):
        raise FormatError(f"{folder}: may not be written to; choose another place for --out")
    return files
