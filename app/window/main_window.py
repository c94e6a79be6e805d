"""Places docks, bars and dialogs, and connects them. No rules live here."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QDockWidget, QMainWindow, QVBoxLayout, QWidget

from app.evaluation.panel import EvaluationPanel
from app.inspector.dock import Inspector
from app.look.icons import app_icon
from app.look.messages import Messages
from app.look.theme import ThemeController, ThemeMode
from app.picture.frame_view import FrameView
from app.picture.overlay import overlay_of
from app.session.settings import Settings
from app.session.view_state import ColourBy
from app.session.workbench import Workbench
from app.timeline.track_table import TrackModel, TrackTable
from app.timeline.transport import Transport
from app.timeline.view import Timeline
from app.window.actions import Needs, action_table, build_actions
from app.window.bars import fill_menus, make_toolbar
from app.window.centre import Stage
from app.window.palette import CommandPalette
from app.window.prompts import Prompts
from app.window.start_page import StartPage
from app.window.status import StatusBar
from app.window.video_chooser import VideoChooser
from jmpose_core import geometry
from jmpose_core.engine.client import EngineClient
from jmpose_core.engine.protocol import ProbeResult

TITLE = "JM-Pose Studio"
LAYERS = ("image", "initial", "flow", "refined")


class MainWindow(QMainWindow):
    """The one window: the picture in the middle, tracks left, inspector right, timeline below."""

    def __init__(
        self, *, messages: Messages, settings: Settings, theme: ThemeController, engine: EngineClient | None = None
    ) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.settings, self.theme = settings, theme
        self.bench = Workbench(messages, settings, engine=engine, parent=self)
        self.frame_view = FrameView(self.bench.view_state)
        self.prompts = Prompts(self, self.bench)
        self.specs = action_table(self)
        self.actions_by_name = build_actions(self.specs, self)
        self.start_page = StartPage()
        self.stage = Stage(self.start_page, self.frame_view, messages)
        self.setCentralWidget(self.stage)
        self.timeline = Timeline(self.bench.view_state)
        self.transport = Transport(self.bench.view_state, self.actions_by_name)
        self.inspector = Inspector()
        self.evaluation = EvaluationPanel(self.bench.evaluation, self.bench.navigator)
        self.tracks = TrackModel()
        self.track_table = TrackTable(self.tracks)
        self.video_chooser = VideoChooser(self.bench)
        self.status = StatusBar(self.bench)
        self._place_docks()
        self._place_bars()
        self._connect_view()
        self._connect_rest()
        self._restore()
        self._refresh_actions()

    # Placing

    def _place_docks(self) -> None:
        self.inspector.setMinimumWidth(410)
        self.track_table.setMinimumWidth(200)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.tracks_dock = self._dock(
            "Tracks", padded(self.video_chooser, self.track_table), Qt.DockWidgetArea.LeftDockWidgetArea
        )
        self.inspector_dock = self._dock("Inspector", self.inspector, Qt.DockWidgetArea.RightDockWidgetArea)
        self.evaluation.setMinimumWidth(540)
        self.evaluation_dock = self._dock("Evaluation", self.evaluation, Qt.DockWidgetArea.RightDockWidgetArea)
        self.tabifyDockWidget(self.inspector_dock, self.evaluation_dock)
        self.timeline_dock = self._dock("Timeline", self.timeline, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.timeline_dock.setTitleBarWidget(self.transport)
        self.resizeDocks([self.tracks_dock, self.inspector_dock], [230, 410], Qt.Orientation.Horizontal)
        self.resizeDocks([self.timeline_dock], [170], Qt.Orientation.Vertical)

    def _dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _place_bars(self) -> None:
        docks = (self.tracks_dock, self.inspector_dock, self.evaluation_dock, self.timeline_dock)
        fill_menus(self.menuBar(), self.specs, self.actions_by_name, docks)
        self.toolbar = make_toolbar(self.actions_by_name)
        self.addToolBar(self.toolbar)
        self.setStatusBar(self.status)

    # Connecting

    def _connect_view(self) -> None:
        bench, view = self.bench, self.frame_view
        state = bench.view_state
        bench.playback.frame_shown.connect(self._show_frame)
        bench.playback.playing_changed.connect(self.transport.set_playing)
        bench.document.people_changed.connect(self._on_people)
        state.video_changed.connect(self._on_video)
        state.selection_changed.connect(self._on_selection)
        state.frame_changed.connect(lambda _: self._on_selection())
        state.layer_changed.connect(self._show_overlay)
        view.edited.connect(bench.editor.apply)
        view.box_drawn.connect(bench.editor.add_person)
        view.placed.connect(bench.editor.place_joint)
        view.hovered.connect(self.inspector.show_image_cursor)
        self.inspector.joint_chosen.connect(lambda joint: state.select(state.track_id, joint))
        self.inspector.cursor_moved.connect(view.show_cursor)
        bench.inference.probed.connect(self._on_probe)

    def _connect_rest(self) -> None:
        bench, state = self.bench, self.bench.view_state
        bench.lanes.changed.connect(self._on_lanes)
        bench.inference.state_changed.connect(self._refresh_actions)
        bench.document.opened.connect(self._on_document)
        bench.document.closed.connect(self._on_document)
        self.timeline.sought.connect(state.set_frame)
        self.timeline.track_clicked.connect(lambda track_id: state.select(track_id))
        self.track_table.track_clicked.connect(lambda track_id: state.select(track_id))
        self.track_table.track_opened.connect(self._go_to_track)
        self.status.cancelled.connect(bench.inference.cancel)
        page = self.start_page
        page.open_video.connect(self.prompts.video)
        page.open_folder.connect(self.prompts.folder)
        page.open_project.connect(self.prompts.project)
        page.open_demo.connect(bench.open_demo)
        page.recent_chosen.connect(bench.open)
        page.set_recent(self.settings.recent)

    def _show_frame(self, frame_index: int, image: QImage) -> None:
        video = self.bench.view_state.video
        if video is not None:
            self.frame_view.show_frame(frame_index, image, self.bench.document.people(video.id, frame_index))
            self._show_overlay()

    def _on_people(self, video_id: int, frames: frozenset[int]) -> None:
        video = self.bench.view_state.video
        if video is not None and video.id == video_id and self.frame_view.frame_index in frames:
            self.frame_view.set_people(self.bench.document.people(video_id, self.frame_view.frame_index))
        if video is not None:
            self.timeline.set_held(self.bench.document.held_frames(video.id))
        self._on_selection()

    def _on_video(self) -> None:
        video = self.bench.view_state.video
        self.frame_view.clear()
        self.stage.show_picture(video is not None)
        self.setWindowTitle(f"{video.name} – {TITLE}" if video is not None else TITLE)
        for part in (self.tracks_dock, self.inspector_dock, self.timeline_dock, self.toolbar, self.status):
            part.setVisible(video is not None)
        self.evaluation.clear()
        self.evaluation_dock.hide()
        self._refresh_actions()

    def _on_document(self) -> None:
        self.start_page.set_recent(self.settings.recent)
        self._refresh_actions()

    def _on_selection(self) -> None:
        state = self.bench.view_state
        person = self.bench.editor.person_shown
        if self.inspector.is_stale(person):
            self.inspector.show_probe(None)
        self.inspector.show_person(person, state.joint)
        self.track_table.select_track(state.track_id)
        self._show_overlay()
        self._refresh_actions()

    def _on_probe(self, probe: ProbeResult) -> None:
        self.inspector.show_probe(probe, self.bench.editor.person_shown)
        self._show_overlay()

    def _show_overlay(self) -> None:
        probe, state = self.inspector.probe, self.bench.view_state
        if probe is None or self.frame_view.frame_index != state.frame_index:
            self.frame_view.show_overlay(None)
            return
        image_from_crop = geometry.inverse(probe.crop_from_image)
        self.frame_view.show_overlay(overlay_of(probe, state.layer, state.joint), image_from_crop)

    def _on_lanes(self) -> None:
        self.timeline.set_lanes(self.bench.lanes.lanes)
        self.tracks.set_lanes(self.bench.lanes.lanes)
        self.track_table.select_track(self.bench.view_state.track_id)

    def _go_to_track(self, track_id: int) -> None:
        lane = next((lane for lane in self.bench.lanes.lanes if lane.track_id == track_id), None)
        if lane is not None:
            self.bench.view_state.set_frame(int(lane.frame_index[0]))

    def _refresh_actions(self) -> None:
        """Enable what makes sense now."""
        state, document, person = self.bench.view_state, self.bench.document, self.bench.editor.person_shown
        there = {
            Needs.NOTHING: True,
            Needs.VIDEO: state.video is not None,
            Needs.PERSON: person is not None,
            Needs.JOINT: person is not None and state.joint is not None,
        }
        for spec in self.specs:
            self.actions_by_name[spec.name].setEnabled(there[spec.needs])
        running = self.bench.inference.running
        self.actions_by_name["predict"].setEnabled(there[Needs.VIDEO] and not running)
        self.actions_by_name["cancel"].setEnabled(running)
        for name, word, step in (("undo", "Undo", document.undo_text), ("redo", "Redo", document.redo_text)):
            self.actions_by_name[name].setEnabled(step is not None)
            self.actions_by_name[name].setText(f"{word} “{step}”" if step else word)

    # Slots of the action table

    def begin_box(self) -> None:
        self.frame_view.set_box_mode(True)
        self.bench.messages.info("Draw a box around the person; Escape calls it off.")

    def predict_all(self) -> None:
        video = self.bench.view_state.video
        if video is not None:
            self.bench.predict(0, video.frame_count)
            self._refresh_actions()

    def evaluate(self) -> None:
        self.evaluation_dock.show()
        self.evaluation_dock.raise_()
        self.bench.evaluation.start()

    def zoom_to_person(self) -> None:
        if (person := self.bench.editor.person_shown) is not None:
            self.frame_view.fit_person(person)

    def toggle_hidden(self) -> None:
        self.bench.view_state.set_people_hidden(self.actions_by_name["hide"].isChecked())

    def toggle_colours(self) -> None:
        by_track = self.actions_by_name["colour"].isChecked()
        self.bench.view_state.set_colour_by(ColourBy.TRACK if by_track else ColourBy.SIDE)

    def next_theme(self) -> None:
        """System, light, dark, and round again."""
        modes = list(ThemeMode)
        mode = modes[(modes.index(self.theme.mode) + 1) % len(modes)]
        self.theme.set_mode(mode)
        self.settings.theme = mode
        self.bench.messages.info(f"Theme: {mode.value}")

    def show_palette(self) -> None:
        CommandPalette(self.actions_by_name.values(), self).open()

    # The window itself

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.bench.open(paths[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        self.settings.set_layout(self.saveGeometry(), self.saveState())
        self.bench.close()
        event.accept()

    def _restore(self) -> None:
        self.resize(1440, 900)
        if (layout := self.settings.layout()) is not None:
            self.restoreGeometry(layout[0])
            self.restoreState(layout[1])
        self._on_video()


def padded(*widgets: QWidget) -> QWidget:
    """The widgets below one another, with the margin that docks have."""
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(10, 0, 4, 10)
    for widget in widgets:
        layout.addWidget(widget)
    return box
