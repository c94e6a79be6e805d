"""What the labels of this video took, where their joints come from, and how much is done."""

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QTabWidget, QVBoxLayout, QWidget

from app.evaluation.statistics_table import TallyModel, TallyTable, duration, share
from app.look.summary_view import Fact, SummaryView, counted
from app.session.navigator import Navigator
from app.session.statistics import LiveStatistics
from app.session.view_state import ViewState
from jmpose_core.errors import ProjectError
from jmpose_core.frame_numbers import frame_number
from jmpose_core.project.effort import NOBODY
from jmpose_core.project.statistics import ORIGINS, Statistics, Tally, write_by_frame, write_by_track

LEAST_WIDTH = 384  # pixels: no column is cut, and a small window stays small


class StatisticsPanel(QWidget):
    """Counted while it is visible. A click on a person or frame goes there."""

    told = Signal(str)  # what was exported
    failed = Signal(str)  # it could not be

    def __init__(self, statistics: LiveStatistics, navigator: Navigator, view_state: ViewState) -> None:
        super().__init__()
        self.setMinimumWidth(LEAST_WIDTH)
        self._live, self._navigator, self._view_state = statistics, navigator, view_state
        self._statistics: Statistics | None = None
        self.summary = SummaryView("Counting…")
        self.people = TallyModel("Person", _name_of_track)
        self.frames = TallyModel("Frame", frame_number)
        self.people_table, self.frame_table = TallyTable(self.people), TallyTable(self.frames)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.people_table, "By person")
        self.tabs.addTab(self.frame_table, "By frame")
        self.export_button = QPushButton("Export table…")
        self.export_button.clicked.connect(self._ask_and_export)
        self._lay_out()
        self.people_table.chosen.connect(self._go_to_track)
        self.frame_table.chosen.connect(view_state.set_frame)
        statistics.counted.connect(self._show)
        statistics.failed.connect(self.summary.show_error)

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        note = QLabel("A person counts once in every frame. Effort stays with the number that the track had then.")
        note.setObjectName("muted")
        note.setWordWrap(True)
        below.addWidget(note, 1)
        below.addWidget(self.export_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 2, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.summary)
        column.addWidget(self.tabs, 1)
        column.addLayout(below)

    def export(self, path: Path) -> None:
        """Write the table that is looked at as CSV."""
        if self._statistics is None:
            return
        write = write_by_track if self.tabs.currentWidget() is self.people_table else write_by_frame
        try:
            write(path, self._statistics)
        except ProjectError as error:
            self.failed.emit(str(error))
        else:
            self.told.emit(f"Exported the table to {path}.")

    def showEvent(self, event: object) -> None:
        self._live.set_wanted(True)

    def hideEvent(self, event: object) -> None:
        self._live.set_wanted(False)

    def _ask_and_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export table", "statistics.csv", "CSV (*.csv)")
        if name:
            self.export(Path(name))

    def _show(self, statistics: Statistics | None) -> None:
        self._statistics = statistics
        self.export_button.setEnabled(statistics is not None)
        self.people.set_tallies(statistics.by_track if statistics is not None else {})
        self.frames.set_tallies(statistics.by_frame if statistics is not None else {})
        if statistics is None:
            self.summary.show_sentence("No video is open.")
        else:
            self.summary.show_facts(facts(statistics.total))

    def _go_to_track(self, track_id: int) -> None:
        if track_id != NOBODY:
            self._navigator.go_to(self._view_state.frame_index, track_id)


def facts(total: Tally) -> Iterator[Fact]:
    """A whole video in five lines."""
    spent, people = total.spent, total.people
    each = f" · {spent.seconds / total.touched:.1f} s a touched person" if total.touched else ""
    yield Fact("Time", f"{duration(spent.seconds)}{each}")
    pointer = counted(spent.pointer_actions, "click or drag", "clicks and drags")
    yield Fact("Actions", f"{pointer}, {counted(spent.keys, 'key')}, {spent.pixels:,.0f} pixels dragged")
    yield Fact(
        "Touched", f"{share(total.touched, people)} · {total.touched:,} of {counted(people, 'person', 'people')}"
    )
    yield Fact("Verified", f"{share(total.verified, people)} · {total.verified:,}, every joint seen")
    joints = int(total.joints.sum())
    by_origin = (
        f"{share(count, joints)} {origin.name.lower()}"
        for origin, count in zip(ORIGINS, total.joints.tolist(), strict=True)
    )
    yield Fact("Joints", f"{joints:,}: {', '.join(by_origin)}" if joints else "none yet")


def _name_of_track(track_id: int) -> str:
    return "none" if track_id == NOBODY else str(track_id)
