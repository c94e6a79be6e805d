"""The middle of the window: the start page or the picture, with messages floating over its lower edge."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.look.messages import Banner, Messages

BANNER_WIDTH = 620
BANNER_MARGIN = 18


class Stage(QWidget):
    """Shows one of two widgets."""

    def __init__(self, start_page: QWidget, picture: QWidget, messages: Messages) -> None:
        super().__init__()
        self._pages = QStackedLayout(self)
        self._pages.addWidget(start_page)
        self._pages.addWidget(picture)
        self.banner = Banner(messages, self)
        self.banner.installEventFilter(self)

    def show_picture(self, shown: bool) -> None:
        self._pages.setCurrentIndex(1 if shown else 0)

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
