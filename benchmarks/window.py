"""From the release of the mouse to the painted fill, in the real window, beside a drag that fills nothing.

python benchmarks/window.py [--people 1 20] [--drags 40] [--project FILE]

The demo clip, forth and back, with one of its people, repeated until there are so many in every frame. Every joint of
the first one has a label RANGE frames before the frame that is worked in, so that a drag fills all frames between. The
other drag is of a person who is in that frame only: it writes, and paints, and there is no frame to fill.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, QPointF, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.look.messages import Messages
from app.look.theme import ThemeController
from app.session.settings import Settings
from app.window.main_window import MainWindow
from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.cli.demo_job import filled_project
from jmpose_core.project import Project
from jmpose_core.project.evidence_store import KeptEvidence, box_key
from jmpose_core.video import open_video, write_video
from resources import DEMO_CLIP

RANGE: Final = 300  # frames
LABELLED: Final = 10  # frame of the labels
WORKED_IN: Final = LABELLED + RANGE
FRAMES: Final = WORKED_IN + 50
LIMBS: Final = (0, 1, 4, 5, 6, 7, 10, 11)  # knees, ankles, elbows, wrists
APART: Final = 12.0  # image pixels from one copy to the next
LONELY: Final = 999  # track of the person who is in one frame only
PACE: Final = 0.6  # seconds before each drag: nobody is quicker, and what follows an edit in the background is over
PATIENCE: Final = 60.0  # seconds
VIDEO: Final = 1  # the only one of its project


def walked_to_and_fro(demo_path: Path, path: Path) -> list[Annotation]:
    """Write a clip of FRAMES frames in which one of the demo's people goes to and fro; that person in each of them."""
    with Project.open(demo_path, read_only=True) as project, open_video(DEMO_CLIP) as demo:
        tracks: dict[int, list[Annotation]] = {}
        for person in project.people_between(VIDEO, 0, demo.frame_count):
            tracks.setdefault(person.track_id, []).append(person)
        longest = max(tracks.values(), key=len)
        there = {person.frame_index for person in longest}
        first_gap = next(row for row, person in enumerate(longest) if person.frame_index + 1 not in there)
        forth = longest[: first_gap + 1]
        people = [*forth, *forth[-2:0:-1]]
        chosen = [people[frame % len(people)] for frame in range(FRAMES)]
        pictures = dict(demo.frames(0, demo.frame_count))
        write_video(path, (pictures[one.frame_index] for one in chosen), demo.fps, (demo.width, demo.height))
    return chosen


def crowded(demo_path: Path, clip: Path, chosen: Sequence[Annotation], path: Path, people: int) -> None:
    """Make the project `path` of the longer clip, with what the demo's project keeps of the chosen person."""
    with Project.open(demo_path, read_only=True) as demo:
        packed = demo.evidence.packed(VIDEO, [(one.frame_index, box_key(one.bbox_xyxy)) for one in chosen])
    with Project.create(path) as project:
        video_id = project.add_video(clip).id
        copies: list[Annotation] = []
        kept: list[KeptEvidence] = []
        for frame_index, (person, found) in enumerate(zip(chosen, packed, strict=True)):
            for track_id in range(people):
                copy = moved(replace(person, frame_index=frame_index), APART * track_id, track_id)
                copies.append(copy)
                if found is not None:
                    kept.append(KeptEvidence(frame_index, copy.bbox_xyxy, found))
        project.evidence.keep(video_id, kept)
        project.apply_predictions(video_id, copies, text="Predict")
        there = {frame_index: project.people(video_id, frame_index)[0] for frame_index in (LABELLED, WORKED_IN)}
        with project.step("Label") as step:
            step.put(video_id, replace(there[LABELLED], origin=np.full(15, Origin.CORRECTED, np.uint8)))
            step.put(video_id, moved(there[WORKED_IN], -60.0, LONELY))


def moved(person: Annotation, dx: float, track_id: int) -> Annotation:
    """The person elsewhere, on another track, with all joints there to be dragged."""
    x0, y0, x1, y1 = person.bbox_xyxy
    return replace(
        person,
        track_id=track_id,
        bbox_xyxy=(x0 + dx, y0, x1 + dx, y1),
        keypoints=person.keypoints + np.array([dx, 0.0]),
        visibility=np.full(15, Visibility.VISIBLE, np.uint8),
    )


class Paints(QObject):
    """Counts how often a widget was painted."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.count = 0
        parent.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() == QEvent.Type.Paint
        return False


class Hand:
    """Drags joints in a window, and takes the time."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._view = window.frame_view
        self._paints = Paints(self._view.viewport())
        self._rng = np.random.default_rng(0)

    def wait(self, secs: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(int(1000 * secs), loop.quit)
        loop.exec()

    def wait_for(self, done: Callable[[], bool]) -> None:
        begun = time.perf_counter()
        while not done():
            self.wait(0.02)
            if time.perf_counter() - begun > PATIENCE:
                raise SystemExit("the window does not show what it should")

    def drag(self, track_id: int, joint: int) -> tuple[float, int]:
        """Milliseconds from release to paint, and how many frames the step changed."""
        bench, viewport = self._window.bench, self._view.viewport()
        bench.shown.select(track_id, joint)
        self._view.zoom_to_person()
        self.wait(PACE)
        (person,) = (one for one in bench.project.people(VIDEO, WORKED_IN) if one.track_id == track_id)
        start = self._at(person.keypoints[joint])
        end = start + QPoint(*self._rng.integers(8, 20, 2).tolist())
        changed: list[int] = []
        connection = bench.project.people_changed.connect(lambda _, frames: changed.append(len(frames)))
        QTest.mouseMove(viewport, start)
        QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
        for place in (start + (end - start) / 2, end):
            QTest.mouseMove(viewport, place)
            QApplication.processEvents()
        before, begun = self._paints.count, time.perf_counter()
        QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)
        viewport.update()  # what the drag has drawn already is not painted again by itself
        while not changed or self._paints.count == before:
            QApplication.processEvents()
            if time.perf_counter() - begun > PATIENCE:
                raise SystemExit(f"a drag of joint {joint} of person {track_id} changed nothing")
        took = 1000 * (time.perf_counter() - begun)
        bench.project.disconnect(connection)
        return took, changed[0]

    def _at(self, xy: np.ndarray) -> QPoint:
        return self._view.viewportTransform().map(QPointF(*xy.tolist())).toPoint()


def measured(project: Path, people: int, drags: int, folder: Path) -> list[str]:
    """Lines for so many people."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    theme = ThemeController(application)
    theme.set_mode(theme.mode)
    settings = Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
    window = MainWindow(messages=Messages(), settings=settings, theme=theme)
    window.resize(1600, 1000)
    window.show()
    window.bench.open(project)
    hand = Hand(window)
    hand.wait_for(lambda: window.frame_view.frame_index == 0)
    window.bench.view_state.set_frame(WORKED_IN)
    hand.wait_for(lambda: window.frame_view.frame_index == WORKED_IN)
    hand.wait(2.0)  # timeline and queue are read
    took: dict[int, list[tuple[float, int]]] = {0: [], LONELY: []}
    for drag in range(drags):
        for track_id, found in took.items():
            found.append(hand.drag(track_id, LIMBS[drag % len(LIMBS)]))
    window.close()
    theme.deleteLater()
    milliseconds = {track_id: [one for one, _ in found] for track_id, found in took.items()}
    frames = np.median([changed for _, changed in took[0]])
    p50, p95 = np.percentile(milliseconds[0], [50, 95])
    alone50, alone95 = np.percentile(milliseconds[LONELY], [50, 95])
    return [
        f"{people:3} people: release to painted fill {p50:6.1f} ms median, {p95:6.1f} ms p95; "
        f"nothing to fill {alone50:6.1f} and {alone95:6.1f} ms; x {p50 / alone50:.1f} and {p95 / alone95:.1f}; "
        f"{frames:.0f} frames changed"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--drags", type=int, default=40)
    parser.add_argument("--project", type=Path, help="the demo clip's project; without it, it is predicted anew")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(sys.argv[:1])
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {sys.version.split()[0]}"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = options.project or filled_project(folder, on_progress=lambda _: None, should_stop=lambda: False)
        clip = folder / "clip.mp4"
        chosen = walked_to_and_fro(demo, clip)
        for people in options.people:
            path = folder / f"crowd{people}.jmpose"
            crowded(demo, clip, chosen, path, people)
            lines += measured(path, people, options.drags, folder)
    sys.stdout.write("\n".join(lines) + "\n")
    application.quit()


if __name__ == "__main__":
    main()
