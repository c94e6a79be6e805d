"""Places docks, bars and dialogs, and connects them. No rules live here."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow

from app.evaluation.panel import EvaluationPanel
from app.evaluation.statistics_panel import StatisticsPanel
from app.inspector.dock import Inspector
from app.look.drops import FileDrops
from app.look.icons import app_icon
from app.look.messages import Messages
from app.look.theme import ThemeController
from app.picture.frame_view import FrameView
from app.review.fault_panel import FaultPanel
from app.review.history_panel import HistoryPanel
from app.review.queue_panel import QueuePanel
from app.session.settings import Settings
from app.session.workbench import Workbench
from app.timeline.track_table import TrackTable
from app.timeline.transport import Transport
from app.timeline.video_table import VideoTable
from app.timeline.view import Timeline
from app.window.actions import Actions
from app.window.bars import Toolbar, fill_menus
from app.window.central_area import CentralArea
from app.window.command_table import CommandTable
from app.window.docks import DockArea, padded, stacked
from app.window.key_bindings import KeyBindings, shown_key
from app.window.keys import KeyOwners
from app.window.palette import CommandPalette
from app.window.picture_menu import PictureMenu
from app.window.place_keeper import PlaceKeeper
from app.window.preferences import Preferences
from app.window.prompts import Prompts
from app.window.start_page import StartPage
from app.window.status import StatusBar
from app.window.track_menu import TrackMenu
from jmpose_core.engine.client import EngineClient

TITLE = "JM-Pose Studio"
LARGEST_FIRST_SIZE = QSize(1600, 1000)
SHARE_OF_SCREEN = 0.92  # of the first window, in either direction


class MainWindow(QMainWindow):
    """The one window: the picture in the middle, tracks left, inspector right, timeline below."""

    def __init__(
        self, *, messages: Messages, settings: Settings, theme: ThemeController, engine: EngineClient | None = None
    ) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setWindowIcon(app_icon())
        self.settings, self.theme = settings, theme
        self._inspector_width = 0  # before the evaluation was shown beside it
        self.bench = bench = Workbench(messages, settings, engine=engine, parent=self)
        self.frame_view = FrameView(bench.view_state, bench.shown, bench.model_view)
        self.prompts = Prompts(self, bench)
        self.actions_of_table = Actions(self._command_table().commands(), self)
        self.actions_by_name = self.actions_of_table.by_name
        self.bindings = KeyBindings(self.actions_of_table.commands, settings, self)
        self.start_page = StartPage()
        self.central_area = CentralArea(self.start_page, self.frame_view, messages)
        self.setCentralWidget(self.central_area)
        self.timeline = Timeline(
            bench.view_state,
            bench.lanes,
            bench.shown,
            bench.predictions,
            bench.queue,
            bench.motion,
            bench.thumbnails,
        )
        self.transport = Transport(bench.view_state, bench.playback, self.actions_by_name)
        self.inspector = Inspector(bench.shown, bench.model_view, bench.background, bench.messages)
        self.evaluation = EvaluationPanel(bench.evaluation, bench.navigator)
        self.statistics = StatisticsPanel(bench.statistics, bench.navigator, bench.view_state)
        self.track_table = TrackTable(bench.lanes, bench.shown, bench.navigator)
        self.queue_panel, self.fault_panel = QueuePanel(bench.queue), FaultPanel(bench)
        self.video_table = VideoTable(bench)
        self.status = StatusBar(bench)
        self._place_docks()
        self._place_bars()
        self._connect()
        PlaceKeeper(bench, self.frame_view, settings, self)
        self._restore()
        KeyOwners(_application(), self)
        bench.effort.watch(_application())
        FileDrops(self).dropped.connect(self.prompts.take_files)

    # Placing

    def _command_table(self) -> CommandTable:
        return CommandTable(
            self.bench,
            self.frame_view,
            self.prompts,
            self.theme,
            rename=lambda: self.track_table.rename_selected(),
            evaluate=self._evaluate,
            show_statistics=lambda: _bring_forward(self.statistics_dock),
            show_history=lambda: _bring_forward(self.history_dock),
            show_commands=self._show_commands,
            show_preferences=self._show_preferences,
            leave=self.close,
        )

    def _place_docks(self) -> None:
        side = Qt.DockWidgetArea
        self.dock_area = area = DockArea(self)
        self.tracks_dock = area.add(
            "Tracks", padded(self.video_table, self.track_table), side.LeftDockWidgetArea, first_size=230
        )
        self.review_dock = area.add("Review", stacked(self.fault_panel, self.queue_panel), side.LeftDockWidgetArea)
        self.inspector_dock = area.add("Inspector", self.inspector, side.RightDockWidgetArea, first_size=410)
        self.evaluation_dock = area.add(
            "Evaluation", self.evaluation, side.RightDockWidgetArea, behind=self.inspector_dock
        )
        self.statistics_dock = area.add(
            "Statistics", self.statistics, side.RightDockWidgetArea, behind=self.inspector_dock
        )
        self.history = HistoryPanel(self.bench)
        self.history_dock = area.add("History", self.history, side.RightDockWidgetArea, behind=self.inspector_dock)
        self.timeline_dock = area.add("Timeline", self.timeline, side.BottomDockWidgetArea, first_size=180)
        self.timeline_dock.setTitleBarWidget(self.transport)

    def _place_bars(self) -> None:
        fill_menus(self.menuBar(), self.actions_of_table, self.dock_area.docks)
        self.toolbar = Toolbar(self.actions_of_table, self.bench.predictions)
        self.addToolBar(self.toolbar)
        self.picture_menu = PictureMenu(self.frame_view, self.bench.shown, self.actions_of_table)
        self.track_menu = TrackMenu(self.track_table, self.bench.shown, self.actions_of_table)
        self.setStatusBar(self.status)

    # Connecting

    def _connect(self) -> None:
        bench, view, page, ask = self.bench, self.frame_view, self.start_page, self.prompts
        bench.playback.frame_shown.connect(view.show_frame)
        bench.playback.frame_failed.connect(view.show_no_picture)
        view.edited.connect(bench.editor.apply)
        view.box_drawn.connect(bench.editor.add_person)
        view.placed.connect(bench.editor.place_and_go_on)
        view.hovered.connect(bench.snapping.follow)
        view.hovered.connect(self.inspector.show_image_cursor)
        self.inspector.cursor_moved.connect(view.show_cursor)
        self.transport.left.connect(view.setFocus)
        self.track_table.tracks.renamed.connect(bench.track_editor.rename)
        self.status.training_clicked.connect(ask.finetune)
        self.central_area.lost_video.locate.connect(ask.locate)
        self.central_area.lost_video.close_project.connect(bench.close_project)
        bench.video_shown.connect(self._show_video)
        self.statistics.told.connect(bench.messages.info)
        self.statistics.failed.connect(bench.messages.error)
        self.bindings.changed.connect(self._use_keys)
        self._use_keys()
        self.evaluation_dock.toggleViewAction().toggled.connect(self._narrow_again)
        for signal, slot in (
            (page.open_video, ask.video),
            (page.open_folder, ask.folder),
            (page.open_project, ask.project),
            (page.open_demo, bench.open_demo),
            (page.recent_chosen, bench.open),
        ):
            signal.connect(slot)
        self.actions_of_table.follow((
            bench.video_shown,
            bench.view_state.layer_changed,
            bench.view_state.drawing_changed,
            bench.view_state.marked_changed,
            bench.shown.person_changed,
            bench.project.history_changed,
            bench.predictions.state_changed,
            bench.queue.changed,
            bench.finetune.state_changed,
        ))  # fmt: skip

    def _show_video(self, lost: str) -> None:
        """Another video is looked at, or none; `lost` says why it cannot be seen."""
        video = self.bench.view_state.video
        self.setWindowTitle(f"{video.name} – {TITLE}" if video is not None else TITLE)
        self.evaluation.clear()
        if video is None:
            self.dock_area.put_away()
            self.start_page.set_recent(self.settings.recent)
            self.central_area.show_start()
        else:
            self.dock_area.bring_back()
            self.central_area.show_video(video.name, lost)
        self.evaluation_dock.hide()
        self.inspector_dock.raise_()  # the tab behind it would stay blank

    def _evaluate(self) -> None:
        if self.evaluation_dock.isHidden():
            self._inspector_width = self.inspector_dock.width()
        self.evaluation_dock.show()
        self.evaluation_dock.raise_()
        self.bench.evaluation.start()

    def _narrow_again(self, evaluation_shown: bool) -> None:
        """The evaluation is wider than the inspector; without it the picture has its room again."""
        if not evaluation_shown and self._inspector_width:
            self.resizeDocks([self.inspector_dock], [self._inspector_width], Qt.Orientation.Horizontal)
            self._inspector_width = 0

    def _show_commands(self) -> None:
        CommandPalette(self.actions_by_name.values(), self).open()

    def _show_preferences(self) -> None:
        Preferences(self.actions_of_table, self.bindings, self.settings, self.theme, self).open()

    def _use_keys(self) -> None:
        keys = self.bindings.keys()
        self.actions_of_table.set_keys(keys)
        for panel in (self.queue_panel, self.fault_panel):
            panel.show_keys(lambda name: shown_key(next(iter(keys[name]), "")))

    # The window itself

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.prompts.may_quit():
            event.ignore()
            return
        self.settings.set_layout(self.saveGeometry(), self.dock_area.state())
        self.bench.close()
        event.accept()

    def _restore(self) -> None:
        """As the window was left; the first time, as large as the screen allows."""
        available = self.screen().availableGeometry()
        self.resize(self._first_size(available.size()))
        self.move(available.center() - self.rect().center())
        if (layout := self.settings.layout()) is not None:
            self.restoreGeometry(layout[0])
            self.dock_area.restore(layout[1])
        self._show_video("")

    @staticmethod
    def _first_size(available: QSize) -> QSize:
        """For a screen with this much room."""
        width, height = int(available.width() * SHARE_OF_SCREEN), int(available.height() * SHARE_OF_SCREEN)
        return QSize(width, height).boundedTo(LARGEST_FIRST_SIZE)


def _bring_forward(dock: QDockWidget) -> None:
    dock.show()
    dock.raise_()


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
