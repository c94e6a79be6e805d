"""An annotation file into a project: first what would happen, then all of it as one undo step. No Qt, no torch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.files import fault
from jmpose_core.formats.image_matching import FrameMatch, Frames, folders_of, match_images
from jmpose_core.formats.joint_sets import our_names
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.table import read_named_document
from jmpose_core.project import Project, Step, StepInfo, VideoRecord
from jmpose_core.project.as_document import image_names
from jmpose_core.project.import_document import (
    check_tracks,
    image_size,
    in_our_joints,
    made_up,
    not_kept,
    number_untracked,
    persons,
    refuse_unknown_joints,
    with_names,
)
from jmpose_core.skeleton import JOINTS


class ImportAs(StrEnum):
    """What the people of a file are."""

    LABELS = "labels"  # no prediction overrides them
    PREDICTIONS = "predictions"  # corrected joints stay as they are


_ORIGIN: Final = {ImportAs.LABELS: Origin.CORRECTED, ImportAs.PREDICTIONS: Origin.PREDICTED, None: None}


@dataclass(frozen=True, slots=True, eq=False)
class ImportPlan:
    """What importing a file into one video of a project would do; nothing has been written."""

    file: Path
    format_name: str  # of formats.table
    video: VideoRecord
    labels: list[Annotation]
    predictions: list[Annotation]
    predicted_frames: frozenset[int]  # whose predictions are replaced
    images: int  # in the file; of a format that counts frames, the frames
    match: FrameMatch
    left_out_people: int  # on images that are no frame of the video
    notes: tuple[str, ...]  # what the file holds and is not imported, and what was supposed in reading it
    missing_joints: tuple[str, ...]  # of the 15, which the file does not name
    dropped: Mapping[str, int]  # what a project does not keep -> how often
    synthesised: Mapping[str, int]  # what is derived and was not in the file -> how often
    replaced: int  # people who are shown on these frames now, and will not be
    kept: int  # people with corrected joints on these frames who stay
    image_size: tuple[int, int] | None  # width, height that the file gives; None where it gives none

    @property
    def people(self) -> int:
        """People who will be imported."""
        return len(self.labels) + len(self.predictions)

    @property
    def tracks(self) -> int:
        """Tracks of these people, by the file's numbers."""
        return len({person.track_id for person in (*self.labels, *self.predictions)})

    @property
    def frames(self) -> int:
        """Frames with these people."""
        return len({person.frame_index for person in (*self.labels, *self.predictions)})

    @property
    def other_size(self) -> bool:
        """Whether the file's images are of another size than the video: its joints would lie elsewhere."""
        return self.image_size is not None and self.image_size != (self.video.width, self.video.height)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a user wants a file to be read where the file itself does not say it.

    import_as: what the people are. By default those with scores are predictions, the others labels.
    by_position, first_number: as in `formats.image_matching.match_images`.
    joints: names of joints in the file -> the program's names.
    """

    import_as: ImportAs | None = None
    by_position: bool = False
    first_number: int | None = None
    joints: Mapping[str, str] = field(default_factory=dict)


def plan_import(project: Project, video: VideoRecord, file: Path, how: Reading | None = None) -> ImportPlan:
    """Read a file of any known format and say what importing it would do.

    Images go to frames by file name, else by number (see `formats.image_matching`).

    Raises:
        FormatError: the file breaks its format, has a track twice in an image, is of another video, names no joint
            that is known, or does not say which image is which frame; the message names file, place and cure.
        ProjectError, VideoError: the project or the video cannot be read.
    """
    format_name, document = read_named_document(file)
    return plan_document(project, video, file, format_name, document, how or Reading())


def plan_document(
    project: Project, video: VideoRecord, file: Path, format_name: str, document: PoseTrackDocument, how: Reading
) -> ImportPlan:
    """As `plan_import`, for a file that is read already. The document is changed.

    Raises:
        FormatError, ProjectError, VideoError: as `plan_import`.
    """
    check_tracks(document, file)
    document = persons(with_names(document.without_crowds(), how.joints, file))
    _refuse_other_video(document, project, video, file)
    refuse_unknown_joints(document, file)
    frames = Frames(video.name, image_names(project, video), _is_folder(project, video))
    match = match_images(document, frames, file, by_position=how.by_position, first_number=how.first_number)
    untracked = number_untracked(document, 1 + max((track.track_id for track in project.tracks(video.id)), default=-1))
    named = np.isin(JOINTS, our_names(document.joint_names))
    renamed, other_joints = in_our_joints(document)
    everybody = _with_frames(annotations_of(renamed, origin=_ORIGIN.get(how.import_as)), match.frames)
    predictions, labels = _told_apart(everybody, how.import_as)
    labels = _as_labels(labels, named)
    predicted_frames = _predicted_frames(predictions, labels, _listed(document, match, video))
    replaced, kept = _present_people(project, video, {person.frame_index for person in labels}, predicted_frames)
    return ImportPlan(
        file=file,
        format_name=format_name,
        video=video,
        labels=labels,
        predictions=predictions,
        predicted_frames=predicted_frames,
        images=document.frame_count or len(document.images),
        match=match,
        left_out_people=len(document.people) - len(everybody),
        notes=(*document.notes, *_other_length(document, video), *_other_videos(match)),
        missing_joints=tuple(name for name, is_named in zip(JOINTS, named, strict=True) if not is_named),
        dropped=other_joints | not_kept(document),
        synthesised=made_up(document) | ({"track_id": untracked} if untracked else {}),
        replaced=replaced,
        kept=kept,
        image_size=image_size(document),
    )


def write_import(project: Project, plan: ImportPlan) -> StepInfo | None:
    """Do what the plan says, as one undo step.

    Labels take the place of everybody on their frames; the predictions stay beneath them, so that it can be
    measured. Predictions take the place of the predictions: see `Step.apply_predictions`.

    Raises:
        ProjectError: the project cannot be written; nothing was changed.
    """
    with project.step(f"Import {plan.file.name}") as step:
        _write_labels(project, step, plan)
        found = _by_frame(plan.predictions)
        for first, last in _runs(plan.predicted_frames):
            people = [person for frame in range(first, last) for person in found.get(frame, ())]
            step.apply_predictions(plan.video.id, people, first=first, last=last)
    return step.info


def _write_labels(project: Project, step: Step, plan: ImportPlan) -> None:
    video_id, labels = plan.video.id, _by_frame(plan.labels)
    places = {(person.frame_index, person.track_id) for person in plan.labels}
    for first, last in _runs(labels):
        beneath = {(p.frame_index, p.track_id) for p in project.predictions_between(video_id, first, last)}
        present = [p for p in project.people_between(video_id, first, last) if not _goes_by_itself(p, plan)]
        step.remove_all(video_id, {(p.frame_index, p.track_id) for p in present} - places)
        found = [person for frame in range(first, last) for person in labels[frame]]
        step.put_all(video_id, (_wholly_owned(p) if (p.frame_index, p.track_id) in beneath else p for p in found))


def _goes_by_itself(person: Annotation, plan: ImportPlan) -> bool:
    """Whether the predictions of the plan take this person's place."""
    return person.frame_index in plan.predicted_frames and person.origin.max() < Origin.PROPAGATED


def _by_frame(people: Iterable[Annotation]) -> dict[int, list[Annotation]]:
    grouped: dict[int, list[Annotation]] = {}
    for person in people:
        grouped.setdefault(person.frame_index, []).append(person)
    return grouped


def _refuse_other_video(document: PoseTrackDocument, project: Project, video: VideoRecord, file: Path) -> None:
    """A file whose images all lie in the folder of another video of the project is not this one's."""
    folders = folders_of(document)
    if len(folders) == 1 and not folders & {video.name, Path(video.name).stem}:
        others = {record.name for record in project.videos()} | {Path(r.name).stem for r in project.videos()}
        if folders <= others:
            (name,) = folders
            what = f"lie in the folder {name}, which is another video of the project than {video.name}"
            raise fault(file, "images", what, cure="import the file into that video")


def _listed(document: PoseTrackDocument, match: FrameMatch, video: VideoRecord) -> frozenset[int]:
    """The frames that the file speaks of, also where it has nobody there."""
    counted = range(min(document.frame_count or 0, video.frame_count))
    return frozenset(frame for frame in match.frames if frame is not None) | frozenset(counted)


def _other_length(document: PoseTrackDocument, video: VideoRecord) -> list[str]:
    if document.frame_count in (None, video.frame_count):
        return []
    return [f"made for {document.frame_count} frames, the video has {video.frame_count}: check the frames"]


def _other_videos(match: FrameMatch) -> list[str]:
    return [f"images of other videos, left out ({match.other_videos})"] if match.other_videos else []


def _is_folder(project: Project, video: VideoRecord) -> bool:
    """Whether the video's image names are those of files, and not made up."""
    return (project.path.parent / video.path).is_dir()


def _told_apart(people: Iterable[Annotation], import_as: ImportAs | None) -> tuple[list[Annotation], list[Annotation]]:
    """Predictions and labels."""
    predictions: list[Annotation] = []
    labels: list[Annotation] = []
    for person in people:
        is_prediction = import_as is ImportAs.PREDICTIONS or person.origin.max() == Origin.PREDICTED
        (predictions if is_prediction else labels).append(person)
    return predictions, labels


def _with_frames(people: Iterable[Annotation], frames: Sequence[int | None]) -> list[Annotation]:
    """The people on the video's frames, by frame; those on other images are left out."""
    placed = [(frames[person.frame_index], person) for person in people]
    moved = [replace(person, frame_index=frame) for frame, person in placed if frame is not None]
    return sorted(moved, key=lambda person: person.frame_index)


def _as_labels(people: Iterable[Annotation], named: np.ndarray) -> list[Annotation]:
    """Of a labelled person, joints that the file names and does not give count as labelled absent."""
    origin = np.where(named, Origin.CORRECTED, Origin.NONE).astype(np.uint8)
    # Of those without any joint only the box is known: the joints are for a model to find.
    return [replace(person, origin=origin) if person.visibility.any() else person for person in people]


def _wholly_owned(person: Annotation) -> Annotation:
    """The person with nothing left to the prediction beneath: that may be of somebody else who has its number."""
    return replace(person, origin=np.full(len(JOINTS), Origin.CORRECTED, np.uint8))


def _predicted_frames(
    predictions: Sequence[Annotation], labels: Sequence[Annotation], listed: frozenset[int]
) -> frozenset[int]:
    """A file of predictions alone speaks of every image it lists: where it has nobody, nobody was found."""
    if not predictions:
        return frozenset()
    if labels:
        return frozenset(person.frame_index for person in predictions)
    return listed


def _present_people(
    project: Project, video: VideoRecord, labelled: set[int], predicted: frozenset[int]
) -> tuple[int, int]:
    """People who go, and corrected people who stay."""
    replaced = kept = 0
    for first, last in _runs(labelled | predicted):
        for person in project.people_between(video.id, first, last):
            stays = person.frame_index not in labelled and person.origin.max() >= Origin.PROPAGATED
            kept += stays
            replaced += not stays
    return replaced, kept


def _runs(frames: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Frames that follow one another, as first and last (excluded)."""
    ordered = np.array(sorted(frames), np.int64)
    if len(ordered):
        for run in np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1):
            yield int(run[0]), int(run[-1]) + 1
