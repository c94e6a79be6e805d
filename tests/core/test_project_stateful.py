"""A project against a plain model of it, under any order of commands, undone, redone and reopened."""

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.errors import ProjectError
from jmpose_core.project import Project
from tests.builders.projects import new_project, person

FRAMES, TRACKS = 6, 4
frames = st.integers(0, FRAMES - 1)
tracks = st.integers(1, TRACKS)
joints = st.integers(0, 14)
Place = tuple[int, int]  # frame, track


@dataclass
class Word:
    """What the annotator said of one person: the model's counterpart of an annotation row."""

    person: Annotation
    fields: frozenset[str] = frozenset()
    removed: bool = False


@dataclass
class State:
    predicted: dict[Place, Annotation] = field(default_factory=dict)
    said: dict[Place, Word] = field(default_factory=dict)

    def copy(self) -> "State":
        return State(dict(self.predicted), dict(self.said))

    def shown(self) -> dict[Place, Annotation]:
        everybody = self.predicted | {place: word.person for place, word in self.said.items()}
        removed = {place for place, word in self.said.items() if word.removed}
        return {place: everybody[place] for place in sorted(everybody) if place not in removed}

    def places(self) -> set[Place]:
        return self.predicted.keys() | self.said.keys()


def followed(word: Word, prediction: Annotation) -> Annotation:
    """The annotator's person, joint by joint over the prediction."""
    result = prediction
    for name in word.fields:
        result = replace(result, **{name: getattr(word.person, name)})
    arrays = {name: getattr(result, name).copy() for name in ("keypoints", "visibility", "confidence", "origin")}
    for joint in range(15):
        if word.person.origin[joint] in (Origin.CORRECTED, Origin.VERIFIED):
            for name, array in arrays.items():
                array[joint] = getattr(word.person, name)[joint]
    return replace(result, **arrays)


class ProjectAgainstModel(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.project = new_project(self.folder, frame_count=FRAMES)
        self.project._database.run("PRAGMA synchronous = OFF")  # the test is of order, not of power cuts
        self.done: list[tuple[str, State]] = []  # each step's text, and the state before it
        self.undone: list[tuple[str, State]] = []  # ... and the state after it
        self.now = State()
        self.spots = 0  # nobody new stands where anybody stood before

    def teardown(self) -> None:
        if hasattr(self, "project"):
            self.project.close()
            shutil.rmtree(self.folder)

    def new_person(self, frame: int, track: int, origin: Origin) -> Annotation:
        self.spots += 1
        return person(frame, track, spot=self.spots, origin=origin, seed=self.spots)

    def became(self, text: str, state: State) -> None:
        self.done.append((text, self.now))
        self.undone.clear()
        self.now = state

    def put(self, text: str, annotation: Annotation) -> None:
        after = self.now.copy()
        place = (annotation.frame_index, annotation.track_id)
        shown = self.now.shown().get(place)
        word = self.now.said.get(place)
        names = frozenset(
            name
            for name in ("bbox_xyxy", "score", "source")
            if shown is None or getattr(shown, name) != getattr(annotation, name)
        )
        word = Word(annotation, names | (word.fields if word and not word.removed else frozenset()))
        if place in after.predicted:
            word.person = followed(word, after.predicted[place])
        after.said[place] = word
        if place in after.predicted and not word.fields and (word.person.origin < Origin.CORRECTED).all():
            del after.said[place]
        with self.project.step(text) as step:
            step.put(1, annotation)
        if step.info is not None:
            self.became(text, after)

    @rule(frame=frames, track=tracks, origin=st.sampled_from(Origin))
    def draw(self, frame: int, track: int, origin: Origin) -> None:
        self.put(f"Draw {self.spots}", self.new_person(frame, track, origin))

    @precondition(lambda self: self.now.shown())
    @rule(data=st.data(), joint=joints, origin=st.sampled_from(Origin), visibility=st.sampled_from(Visibility))
    def move_joint(self, data: st.DataObject, joint: int, origin: Origin, visibility: Visibility) -> None:
        shown = data.draw(st.sampled_from(list(self.now.shown().values())))
        self.put("Move", shown.with_joint(joint, xy=(joint / 3, 0.1), visibility=visibility, origin=origin))

    @precondition(lambda self: self.now.shown())
    @rule(data=st.data(), grow=st.sampled_from([0.5, 1.0]))
    def resize_box(self, data: st.DataObject, grow: float) -> None:
        shown = data.draw(st.sampled_from(list(self.now.shown().values())))
        left, top, right, bottom = shown.bbox_xyxy
        self.put("Resize", replace(shown, bbox_xyxy=(left, top, right, bottom + grow), score=1.0))

    @precondition(lambda self: self.now.shown())
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(list(self.now.shown())))
        after = self.now.copy()
        after.said[place] = Word(self.now.shown()[place], removed=True)
        with self.project.step("Remove") as step:
            step.remove(1, *place)
        self.became("Remove", after)

    @precondition(lambda self: self.now.shown())
    @rule(data=st.data(), first=frames, length=st.integers(1, FRAMES), new=tracks)
    def retrack(self, data: st.DataObject, first: int, length: int, new: int) -> None:
        shown = self.now.shown()
        old = data.draw(st.sampled_from(sorted({track for _, track in shown})))
        moving = {f for f in range(first, first + length) if (f, old) in shown}
        taken = {f for f in moving if (f, new) in shown}
        try:
            with self.project.step("Retrack") as step:
                step.retrack(1, first, first + length, old, new)
        except ProjectError:
            assert old != new
            assert taken or not moving
        else:
            assert old == new or (moving and not taken)
            if old != new:
                self.became("Retrack", self.exchanged(moving, old, new))

    @precondition(lambda self: self.now.shown())
    @rule(data=st.data(), first=frames, length=st.integers(1, FRAMES), other=tracks)
    def swap(self, data: st.DataObject, first: int, length: int, other: int) -> None:
        shown = self.now.shown()
        one = data.draw(st.sampled_from(sorted({track for _, track in shown})))
        wanted = set(range(first, first + length))
        if one == other or not any(f in wanted and t in (one, other) for f, t in shown):
            return
        with self.project.step("Swap") as step:
            step.swap_tracks(1, first, first + length, one, other)
        if step.info is not None:
            self.became("Swap", self.exchanged(wanted, one, other))

    def exchanged(self, wanted: set[int], one: int, other: int) -> State:
        names = {one: other, other: one}

        def place_of(place: Place) -> Place:
            frame, track = place
            return (frame, names.get(track, track)) if frame in wanted else place

        def renamed(annotation: Annotation) -> Annotation:
            return replace(annotation, track_id=place_of((annotation.frame_index, annotation.track_id))[1])

        return State(
            {place_of(p): renamed(a) for p, a in self.now.predicted.items()},
            {place_of(p): replace(w, person=renamed(w.person)) for p, w in self.now.said.items()},
        )

    @rule(
        data=st.data(),
        first=frames,
        length=st.integers(1, FRAMES),
        newcomers=st.lists(st.tuples(frames, tracks), unique=True),
    )
    def predict(self, data: st.DataObject, first: int, length: int, newcomers: list[Place]) -> None:
        """Some of the people that are known there, removed ones too, under odd numbers; and new ones."""
        last = min(first + length, FRAMES)
        known = self.now.predicted | {place: word.person for place, word in self.now.said.items()}
        inside = sorted(place for place in known if first <= place[0] < last)
        again = data.draw(st.lists(st.sampled_from(inside), unique=True)) if inside else []
        expected: dict[Place, Annotation] = {}
        found: list[Annotation] = []
        for number, place in enumerate(again):
            guess = self.predicted_again(known[place])
            expected[place] = guess
            found.append(replace(guess, track_id=500 + number))
        new = [self.new_person(f, t, Origin.PREDICTED) for f, t in newcomers if first <= f < last]
        fresh = self.fresh_numbers({annotation.track_id for annotation in new})
        for annotation in new:
            expected[annotation.frame_index, fresh[annotation.track_id]] = replace(
                annotation, track_id=fresh[annotation.track_id]
            )
        info = self.project.apply_predictions(1, [*found, *new], text="Predict", first=first, last=last)

        after = self.now.copy()
        after.predicted = {p: a for p, a in after.predicted.items() if not first <= p[0] < last} | expected
        for place, prediction in expected.items():
            word = after.said.get(place)
            if word is not None and not word.removed:
                after.said[place] = replace(word, person=followed(word, prediction))
        if info is not None:
            self.became("Predict", after)

    def predicted_again(self, known: Annotation) -> Annotation:
        self.spots += 1
        rng = np.random.default_rng(self.spots)
        return replace(
            known,
            origin=np.full(15, Origin.PREDICTED, np.uint8),
            confidence=rng.random(15),
            source=f"weights {self.spots}",
        )

    def fresh_numbers(self, wanted: set[int]) -> dict[int, int]:
        used = {track for _, track in self.now.places()}
        highest = max(used | wanted, default=0)
        fresh = {}
        for number in sorted(wanted):
            if number in used:
                highest += 1
            fresh[number] = highest if number in used else number
        return fresh

    @rule()
    def undo(self) -> None:
        info = self.project.undo()
        if not self.done:
            assert info is None
            return
        text, before = self.done.pop()
        assert info.text == text
        self.undone.append((text, self.now))
        self.now = before

    @rule()
    def redo(self) -> None:
        info = self.project.redo()
        if not self.undone:
            assert info is None
            return
        text, after = self.undone.pop()
        assert info.text == text
        self.done.append((text, self.now))
        self.now = after

    @rule()
    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.project.path)
        self.project._database.run("PRAGMA synchronous = OFF")

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        shown = self.now.shown()
        assert list(self.project.people_between(1, 0, FRAMES)) == list(shown.values())
        predicted = [self.now.predicted[place] for place in sorted(self.now.predicted)]
        assert list(self.project.predictions_between(1, 0, FRAMES)) == predicted
        assert [track.track_id for track in self.project.tracks(1)] == sorted({track for _, track in shown})
        assert self.project.undo_text == (self.done[-1][0] if self.done else None)
        assert self.project.redo_text == (self.undone[-1][0] if self.undone else None)

    @invariant()
    def the_timeline_sums_it_up(self) -> None:
        states, confidences, done = {}, {}, set()
        for lane in self.project.timeline(1):
            for frame, state, confidence in zip(lane.frame_index, lane.state, lane.confidence, strict=True):
                states[int(frame), lane.track_id] = int(state)
                confidences[int(frame), lane.track_id] = float(confidence)
            done |= {(int(frame), lane.track_id) for frame in lane.frame_index[lane.done]}
        shown = self.now.shown()
        assert states == {place: int(annotation.origin.max()) for place, annotation in shown.items()}
        assert done == {place for place, annotation in shown.items() if annotation.touched.all()}
        present = {place: annotation.confidence[annotation.visibility > 0] for place, annotation in shown.items()}
        means = {place: float(found.mean()) if len(found) else 0.0 for place, found in present.items()}
        assert confidences == pytest.approx(means, rel=1e-12)  # a mean's last bit depends on the order of the sum


TestProjectAgainstModel = ProjectAgainstModel.TestCase
TestProjectAgainstModel.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
