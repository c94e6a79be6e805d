"""Which of the project's videos is looked at; not seen where there is only one."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from app.session.workbench import Workbench


class VideoChooser(QComboBox):
    """Follows the view state, and changes it when the user chooses."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__()
        self._bench = bench
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Video")
        self.activated.connect(self._choose)
        bench.view_state.video_changed.connect(self._refresh)
        self.hide()

    def _choose(self, row: int) -> None:
        video = self.itemData(row)
        if video != self._bench.view_state.video:
            self._bench.show_video(video)

    def _refresh(self) -> None:
        videos = self._bench.project.videos()
        self.clear()
        for video in videos:
            self.addItem(video.name, video)
        current = self._bench.view_state.video
        self.setCurrentIndex(next((row for row, video in enumerate(videos) if video == current), -1))
        self.setVisible(len(videos) > 1)
