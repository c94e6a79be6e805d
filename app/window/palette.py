"""All commands with their keys, searched as one types; Enter runs the first."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

ROW_HEIGHT = 28
ICON_SIZE = QSize(16, 16)


class CommandPalette(QDialog):
    """Closed by Escape, or by what it was opened for."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands and keys")
        self.resize(520, 480)
        self._search = QLineEdit()
        self._search.setPlaceholderText("Type to find a command or a key")
        self._list = QTreeWidget()
        self._list.setColumnCount(2)
        self._list.setHeaderHidden(True)
        self._list.setIconSize(ICON_SIZE)
        self._list.setRootIsDecorated(False)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._list.header().setStretchLastSection(False)
        self._actions = list(actions)
        blank = _blank()
        for number, action in enumerate(self._actions):
            keys = "   ".join(k.toString(QKeySequence.SequenceFormat.NativeText) for k in action.shortcuts())
            item = QTreeWidgetItem([action.text(), keys])
            item.setIcon(0, blank if action.icon().isNull() else action.icon())
            item.setSizeHint(0, QSize(0, ROW_HEIGHT))
            item.setData(0, Qt.ItemDataRole.UserRole, number)
            item.setDisabled(not action.isEnabled())
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._list.addTopLevelItem(item)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 14, 14, 14)
        column.setSpacing(10)
        column.addWidget(self._search)
        column.addWidget(self._list, 1)
        self._search.textChanged.connect(self.narrow)
        self._search.installEventFilter(self)
        self._list.itemActivated.connect(self._run)
        self._list.itemClicked.connect(self._run)
        self.narrow("")

    def narrow(self, text: str) -> None:
        """Show only commands that hold every word of `text`, in their text or keys."""
        words = text.lower().split()
        first = None
        for row in range(self._list.topLevelItemCount()):
            item = self._list.topLevelItem(row)
            if item is None:
                continue
            hay = f"{item.text(0)} {item.text(1)}".lower()
            item.setHidden(not all(word in hay for word in words))
            if first is None and not item.isHidden() and not item.isDisabled():
                first = item
        if first is not None:
            self._list.setCurrentItem(first)
        else:
            self._list.setCurrentIndex(QModelIndex())

    def shown(self) -> list[str]:
        """Texts of the commands that are shown."""
        items = (self._list.topLevelItem(row) for row in range(self._list.topLevelItemCount()))
        return [item.text(0) for item in items if item is not None and not item.isHidden()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self._move(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run_current()
                return True
        return super().eventFilter(watched, event)

    def run_current(self) -> None:
        """Run the command that is marked, if any."""
        if (item := self._list.currentItem()) is not None:
            self._run(item)

    def _move(self, step: int) -> None:
        item = self._list.currentItem()
        while item is not None:
            item = self._list.itemBelow(item) if step > 0 else self._list.itemAbove(item)
            if item is not None and not item.isDisabled():
                self._list.setCurrentItem(item)
                return

    def _run(self, item: QTreeWidgetItem) -> None:
        if not item.isDisabled():
            self.accept()
            self._actions[item.data(0, Qt.ItemDataRole.UserRole)].trigger()


def _blank() -> QIcon:
    """Room for an icon, so that all texts begin at one line."""
    pixmap = QPixmap(ICON_SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)
