"""What one undo step may change."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

from jmpose_core.annotations import Annotation
from jmpose_core.errors import ProjectError
from jmpose_core.frame_numbers import frame_number, frame_range
from jmpose_core.project import people, predictions
from jmpose_core.project.database import Database
from jmpose_core.project.evidence_store import EvidenceStore
from jmpose_core.project.filling import ALL_JOINTS, Touched, changed_labels, refilled
from jmpose_core.project.layers import ALL_FIELDS, changed_fields, merged, owned_joints, with_confidence_of_model
from jmpose_core.project.merging import merged_tracks
from jmpose_core.project.refusals import row_of
from jmpose_core.project.rows import PersonKey, PersonRow, annotations_of, fault_of, rows_of, storable
from jmpose_core.project.schema import LAYER_ANNOTATION, LAYER_FILL, LAYER_PREDICTION, REMOVED
from jmpose_core.project.undo import PEOPLE, REFUSALS, TRACKS, History, LoggedTable, StepInfo
from jmpose_core.queue.proposals import Fault, Proposal

_NO_END: Final = 2**62  # a frame beyond every video


class Step:
    """The changes of one undo step, made by `Project.step`. Frame ranges exclude their last frame.

    When it ends, the fill of what it touched is brought up to date, as a part of it. A step that changes nothing
    leaves no trace in the undo log.
    """

    def __init__(
        self,
        database: Database,
        history: History,
        evidence: EvidenceStore,
        text: str,
        *,
        continues: int | None = None,
    ) -> None:
        self._database = database
        self._history = history
        self._evidence = evidence
        self._text = text
        self._continues = continues
        self._id: int | None = None  # in the undo log, once something has changed
        self._touched: dict[tuple[int, int], Touched] = {}  # by video and track
        self._open = True
        self.info: StepInfo | None = None  # what changed, known when the step has ended; None: nothing

    def put(self, video_id: int, annotation: Annotation) -> None:
        """Write what the annotator says of one person in one frame; the whole person.

        Joints that are CORRECTED or VERIFIED are kept against every later prediction, and
        fill the frames around. The others follow prediction and fill, now and later. So do
        box, score and source until they are put with another value than was shown.

        Raises:
            ProjectError: no such video or frame, or a value that cannot be stored.
        """
        self._check(video_id, [annotation])
        layers = people.rows_of_person(self._database, video_id, annotation.frame_index, annotation.track_id)
        self._change_people(_put(video_id, [annotation], [layers]), [layers])

    def put_all(self, video_id: int, annotations: Iterable[Annotation]) -> None:
        """As `put`, of many people at once, each in another place.

        Raises:
            ProjectError: no such video or frame, or a value that cannot be stored.
        """
        found = list(annotations)
        self._check(video_id, found)
        layers = self._layers_between(video_id, [annotation.frame_index for annotation in found])
        there = [layers.get((annotation.frame_index, annotation.track_id), {}) for annotation in found]
        self._change_people(_put(video_id, found, there), there)

    def remove(self, video_id: int, frame_index: int, track_id: int) -> None:
        """Remove a person from a frame, for good: no later prediction of that track shows it again.

        Raises:
            ProjectError: nobody is shown there on that track.
        """
        layers = people.rows_of_person(self._database, video_id, frame_index, track_id)
        shown = layers[max(layers)] if layers else None
        if shown is None or shown.removed:
            raise ProjectError(
                f"frame {frame_number(frame_index)} has nobody on track {track_id}; choose a person that is shown"
            )
        self._change_people([_tombstone(shown)])

    def withdraw(self, video_id: int, frame_index: int, track_id: int) -> None:
        """Take back all that the annotator said of one person in one frame.

        What the model predicts there, now or later, is shown again: unlike `remove`, it says
        nothing against the person. Nothing happens where the annotator said nothing.
        """
        there = people.rows_of_person(self._database, video_id, frame_index, track_id)
        if LAYER_ANNOTATION in there:
            self._change_people([there[LAYER_ANNOTATION].key])

    def remove_all(self, video_id: int, places: Iterable[tuple[int, int]]) -> None:
        """Remove the people who are shown at these frames and tracks, as `remove` does."""
        wanted = list(places)
        layers = self._layers_between(video_id, [frame_index for frame_index, _ in wanted])
        upper = [there[max(there)] for place in wanted if (there := layers.get(place))]
        self._change_people([_tombstone(row) for row in upper if not row.removed])

    def remove_between(self, video_id: int, first: int, last: int, track_id: int) -> None:
        """Remove a person from every frame of a range; with nobody left on it, the track's name goes too.

        Raises:
            ProjectError: nobody is shown there on that track.
        """
        shown = self._shown(video_id, first, last, track_id)
        self._change_people([_tombstone(row) for row in shown.values()])
        in_use = people.track_ids_in_use(self._database, video_id)
        if track_id not in in_use and self._track_name(video_id, track_id) is not None:
            self._change(TRACKS, video_id, None, [(video_id, track_id, None)])

    def retrack(self, video_id: int, first: int, last: int, old_track_id: int, new_track_id: int) -> None:
        """Put the person of one track onto another, in every frame of a range in which it is shown.

        Raises:
            ProjectError: nobody is on the old track there, or the new one is taken in one of these frames.
        """
        _check_track_id(new_track_id)
        if old_track_id == new_track_id:
            return
        moving = self._shown(video_id, first, last, old_track_id)
        for frame in sorted(moving.keys() & self._shown_or_none(video_id, first, last, new_track_id).keys()):
            number = frame_number(frame)
            raise ProjectError(
                f"track {new_track_id} is in frame {number} already; "
                "swap the two, choose another, or delete one of them there"
            )
        # Somebody who was removed from the new track changes places, and so stays removed.
        self._exchange(video_id, first, last, old_track_id, new_track_id, frames=moving.keys())

    def swap_tracks(self, video_id: int, first: int, last: int, track_a: int, track_b: int) -> None:
        """Exchange two tracks in every frame of a range; a frame may hold one of them only.

        Raises:
            ProjectError: neither is shown there.
        """
        _check_track_id(track_a)
        _check_track_id(track_b)
        if track_a == track_b:
            return
        if not self._shown_or_none(video_id, first, last, track_a):
            self._shown(video_id, first, last, track_b)
        self._exchange(video_id, first, last, track_a, track_b, frames=None)

    def merge_tracks(self, video_id: int, kept: int, gone: int) -> None:
        """Put everybody of track `gone` onto `kept`; where both are in a frame, one skeleton is made of the two.

        Raises:
            ProjectError: nobody is on one of them, or a joint of a frame is labelled on both, in different places.
        """
        if kept == gone:
            raise ProjectError(f"track {kept} cannot be merged with itself; choose another")
        for track_id in (kept, gone):
            self._shown(video_id, 0, _NO_END, track_id)
        rows = [people.rows_of_track(self._database, video_id, track_id, 0, _NO_END) for track_id in (kept, gone)]
        self._change_people(merged_tracks(*rows))
        if (name := self._track_name(video_id, gone)) is not None:
            self._change(TRACKS, video_id, None, [(video_id, gone, None)])
            if not self._track_name(video_id, kept):
                self.rename_track(video_id, kept, name)

    def split_track(self, video_id: int, first: int, last: int, track_id: int) -> int:
        """Put the person of a range of frames onto a new track; its id. That the two are one is not proposed then.

        Raises:
            ProjectError: nobody is on the track there.
        """
        new = self.add_track(video_id)
        self.retrack(video_id, first, last, track_id, new)
        for one, other, begin in ((track_id, new, first), (new, track_id, last)):
            self.refuse(video_id, Proposal(Fault.BROKEN, one, other, begin, _NO_END, begin, 1.0))
        return new

    def add_track(self, video_id: int, name: str = "") -> int:
        """A new track without anybody on it; its id, free in the video."""
        self._check(video_id, [])
        track_id = max(people.used_track_ids(self._database, video_id), default=0) + 1
        self._change(TRACKS, video_id, None, [(video_id, track_id, name)])
        return track_id

    def rename_track(self, video_id: int, track_id: int, name: str) -> None:
        """Name a track."""
        self._check(video_id, [])
        _check_track_id(track_id)
        if (self._track_name(video_id, track_id) or "") != name:
            self._change(TRACKS, video_id, None, [(video_id, track_id, name)])

    def refuse(self, video_id: int, proposal: Proposal) -> None:
        """The tracks are right there as they are; it is not proposed again."""
        self._check(video_id, [])
        self._change(REFUSALS, video_id, proposal.frame_index, [row_of(video_id, proposal)])

    def apply_predictions(
        self,
        video_id: int,
        annotations: Iterable[Annotation],
        *,
        first: int | None = None,
        last: int | None = None,
        frames: Container[int] | None = None,
    ) -> None:
        """Replace the prediction layer of the frames `first` to `last` (excluded).

        Corrected and verified joints, what the annotator set of box, score and source, and removed people stay.
        Predicted people that clearly are people of an existing track go on that track; other tracks keep their
        number where it is free in the video and get a new one where it is not.

        Args:
            annotations: the model's, of these frames; their joints become PREDICTED (or NONE).
            first, last: where left out, the frames from the first to the last person.
            frames: of these, those that were predicted; the others keep the predictions that they have.
                All of them where left out.

        Raises:
            ProjectError: no such video or frame, a person outside of the range, two
                people on one track in one frame, or a value that cannot be stored.
        """
        found = list(annotations)
        self._check(video_id, found)
        first, last = predictions.predicted_range(found, first, last)
        nearby = people.rows_between(self._database, video_id, first - 1, last + 1)
        used = people.used_track_ids(self._database, video_id)
        found = predictions.with_existing_tracks(found, nearby, first, last, used)
        present = [
            row for row in nearby if first <= row.frame_index < last and (frames is None or row.frame_index in frames)
        ]
        self._change_people(predictions.changes(video_id, found, present))

    def finish(self) -> None:
        """Bring the fill up to date, and note in `info` what changed."""
        for (video_id, track_id), touched in self._touched.items():
            self._write(refilled(self._database, self._evidence, video_id, track_id, touched))
        self.info = None if self._id is None else self._history.info(self._id)

    def close(self) -> None:
        """Refuse any further change."""
        self._open = False

    def _exchange(
        self, video_id: int, first: int, last: int, track_a: int, track_b: int, *, frames: Iterable[int] | None
    ) -> None:
        other = {track_a: track_b, track_b: track_a}
        wanted = None if frames is None else set(frames)
        rows = [
            row
            for row in people.rows_between(self._database, video_id, first, last)
            if row.track_id in other and (wanted is None or row.frame_index in wanted)
        ]
        moved = [row._replace(track_id=other[row.track_id]) for row in rows]
        filled = {row.key for row in moved}
        emptied = [row.key for row in rows if row.key not in filled]
        self._change_people([*emptied, *moved])

    def _layers_between(self, video_id: int, frames: Sequence[int]) -> dict[tuple[int, int], dict[int, PersonRow]]:
        """The rows of everybody from the first to the last of some frames, by frame and track, by layer."""
        found: dict[tuple[int, int], dict[int, PersonRow]] = {}
        if frames:
            for row in people.rows_between(self._database, video_id, min(frames), max(frames) + 1):
                found.setdefault((row.frame_index, row.track_id), {})[row.layer] = row
        return found

    def _shown(self, video_id: int, first: int, last: int, track_id: int) -> dict[int, PersonRow]:
        shown = self._shown_or_none(video_id, first, last, track_id)
        if not shown:
            where = frame_range(first, last)
            raise ProjectError(f"nobody is on track {track_id} in {where}; choose another range")
        return shown

    def _shown_or_none(self, video_id: int, first: int, last: int, track_id: int) -> dict[int, PersonRow]:
        """The upper row of a track by frame, where it is not removed."""
        rows = people.rows_between(self._database, video_id, first, last)
        upper = {row.frame_index: row for row in rows if row.track_id == track_id}
        return {frame: row for frame, row in upper.items() if not row.removed}

    def _track_name(self, video_id: int, track_id: int) -> str | None:
        found = self._database.rows("SELECT name FROM tracks WHERE video_id = ? AND track_id = ?", (video_id, track_id))
        return found[0][0] if found else None

    def _check(self, video_id: int, annotations: Sequence[Annotation]) -> None:
        found = self._database.rows("SELECT frame_count FROM videos WHERE id = ?", (video_id,))
        if not found:
            raise ProjectError(f"{self._database.path}: has no video {video_id}")
        count = found[0][0]
        if storable(annotations) and all(0 <= annotation.frame_index < count for annotation in annotations):
            return
        for annotation in annotations:
            frame = frame_number(annotation.frame_index)
            place = f"video {video_id}, frame {frame}, track {annotation.track_id}"
            if not 0 <= annotation.frame_index < count:
                raise ProjectError(f"{place}: the video has {count} frames")
            if fault := fault_of(annotation):
                raise ProjectError(f"{place}: {fault}")

    def _change_people(
        self, rows: Sequence[PersonRow | PersonKey], before: Iterable[Mapping[int, PersonRow]] = ()
    ) -> None:
        """Write rows, delete those of which only the key is given.

        Args:
            before: what the layers held of some of these people; of them, only labels that change touch the fill.
        """
        known = {row.key: row for layers in before for row in layers.values()}
        for row in rows:
            key = row if isinstance(row, PersonKey) else row.key
            after = None if isinstance(row, PersonKey) else row
            joints = changed_labels(known.get(key), after) if before else ALL_JOINTS
            if joints.any():
                track = self._touched.setdefault((key.video_id, key.track_id), Touched({}))
                track.add(key.frame_index, joints)
        self._write(rows)

    def _write(self, rows: Sequence[PersonRow | PersonKey]) -> None:
        if rows:
            missing = (None,) * len(PEOPLE.values)
            complete = [(*row, *missing) if isinstance(row, PersonKey) else row for row in rows]
            self._change(PEOPLE, rows[0].video_id, rows[0].frame_index, complete)

    def _change(self, table: LoggedTable, video_id: int, frame_index: int | None, rows: Sequence[tuple]) -> None:
        if not self._open:
            raise RuntimeError(f"the step {self._text!r} has ended")
        if self._id is None and self._continues is not None and self._history.resume(self._continues):
            self._id = self._continues
        if self._id is None:
            self._id = self._history.begin(self._text, video_id, frame_index)
        self._history.write(table, self._id, rows)


def _put(
    video_id: int, annotations: Sequence[Annotation], layers: Sequence[Mapping[int, PersonRow]]
) -> list[PersonRow | PersonKey]:
    """What changes when people are put, each over the rows that are there by layer; at most one row for each."""
    present = [row for there in layers for row in there.values()]
    people_there = {row.key: person for row, person in zip(present, annotations_of(present), strict=True)}
    emptied: list[PersonKey] = []
    shown: list[Annotation] = []
    owned_fields: list[int] = []
    before: list[PersonRow | None] = []
    for annotation, there in zip(annotations, layers, strict=True):
        below, above = there.get(LAYER_FILL) or there.get(LAYER_PREDICTION), there.get(LAYER_ANNOTATION)
        upper = above or below
        if upper is None or upper.removed:
            owned = ALL_FIELDS
        else:
            owned = upper.owned | changed_fields(annotation, people_there[upper.key])
        if below is not None:
            annotation = merged(annotation, owned, people_there[below.key])
        if LAYER_FILL in there:  # a label has the model's confidence, not that of the fill which it replaces
            annotation = with_confidence_of_model(annotation, people_there[there[LAYER_PREDICTION].key])
        if below is not None and not owned and not owned_joints(annotation).any():  # all of it is the model's again
            emptied += [above.key] if above is not None else []
        else:
            shown.append(annotation)
            owned_fields.append(owned)
            before.append(above)
    after = rows_of(video_id, LAYER_ANNOTATION, shown, owned_fields)
    return [*emptied, *(row for row, above in zip(after, before, strict=True) if row != above)]


def _tombstone(shown: PersonRow) -> PersonRow:
    """A row that hides the person and still knows what it looked like, so that it is known again when predicted."""
    return shown._replace(layer=LAYER_ANNOTATION, state=REMOVED, owned=0)


def _check_track_id(track_id: int) -> None:
    if track_id < 0:
        raise ProjectError(f"track {track_id}: a track's number is not negative")
