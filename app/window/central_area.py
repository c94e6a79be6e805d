"""The middle of the window: start page, picture, or the way to a lost video, with messages over its lower edge."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.look.messages import Banner, Messages
from app.window.lost_video import LostVideo

BANNER_WIDTH = 620
BANNER_MARGIN = 18
LEAST_SIZE = (360, 220)  # pixels


class CentralArea(QWidget):
    """Shows one of three widgets."""

    def __init__(self, start_page: QWidget, picture: QWidget, messages: Messages) -> None:
        super().__init__()
        self.lost_video = LostVideo()
        self._start_page, self._picture = start_page, picture
        self.setMinimumSize(*LEAST_SIZE)
        self._pages = QStackedLayout(self)
        self._pages.setSizeConstraint(QStackedLayout.SizeConstraint.SetNoConstraint)  # a hidden page asks for no room
        for page in (start_page, picture, self.lost_video):
            self._pages.addWidget(page)
        self.banner = Banner(messages, self)
        self.banner.installEventFilter(self)

    def show_start(self) -> None:
        """Nothing is open."""
        self._pages.setCurrentWidget(self._start_page)

    def show_video(self, name: str, lost: str) -> None:
        """The picture of a video or, where `lost` says why it cannot be seen, the way to find it."""
        self.lost_video.explain(name, lost)
        self._pages.setCurrentWidget(self.lost_video if lost else self._picture)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_banner()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._place_banner()
        return super().eventFilter(watched, event)

    def _place_banner(self) -> None:
        width = min(BANNER_WIDTH, self.width() - 2 * BANNER_MARGIN)
        height = max(self.banner.heightForWidth(width), self.banner.sizeHint().height())
        left = (self.width() - width) // 2
        self.banner.setGeometry(left, self.height() - height - BANNER_MARGIN, width, height)
