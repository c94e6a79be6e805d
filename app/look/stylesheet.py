"""Spacing and shapes of Qt's widgets, filled in with a theme's colours."""

from collections.abc import Mapping
from string import Template
from typing import Final

from resources import ICONS

_SHEET: Final = Template("""
QMainWindow, QDialog { background: $window; }
QMainWindow::separator { background: $window; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: $border; }

QMenuBar { background: $window; padding: 2px 6px; }
QMenuBar::item { padding: 5px 9px; border-radius: 5px; background: transparent; }
QMenuBar::item:selected { background: $raised; }
QMenu { background: $surface; border: 1px solid $border; border-radius: 8px; padding: 5px; }
QMenu::item { padding: 6px 26px 6px 10px; border-radius: 5px; }
QMenu::item:selected { background: $raised; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 5px 8px; }
QMenu::icon { padding-left: 8px; }

QToolBar { background: $window; border: none; border-bottom: 1px solid $border; padding: 5px 8px; spacing: 3px; }
QToolBar::separator { background: $border; width: 1px; margin: 6px 7px; }
QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 5px 8px; background: transparent; }
QToolButton:hover { background: $raised; }
QToolButton:pressed { background: $border; }
QToolButton:checked { background: $raised; border-color: $border; }
QToolButton:disabled { color: $muted; }
QToolButton#primary { background: $accent; color: $on_accent; padding: 5px 12px; }
QToolButton#primary:disabled { background: $raised; color: $muted; }
QToolButton::menu-indicator { image: none; }

QPushButton { background: $raised; border: 1px solid $border; border-radius: 6px; padding: 6px 14px; }
QPushButton:hover { border-color: $muted; }
QPushButton:pressed { background: $border; }
QPushButton:default { background: $accent; border-color: $accent; color: $on_accent; }
QPushButton:disabled { color: $muted; background: $window; border-color: $border; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton#quiet { background: transparent; border-color: transparent; padding: 5px 9px; }
QPushButton#quiet:hover { background: $raised; }

QDockWidget { color: $muted; font-weight: 600; titlebar-close-icon: none; titlebar-normal-icon: none; }
QDockWidget::title { background: $window; padding: 8px 10px 6px 10px; text-align: left; }
QDockWidget > QWidget { background: $window; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {
    background: $surface; border: 1px solid $border; border-radius: 6px; padding: 5px 8px;
    selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: $accent; }
QAbstractSpinBox QLineEdit { border: none; padding: 0; background: transparent; }
QComboBox { padding-right: 18px; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url($chevron); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; padding: 4px; outline: none; }

QTableView, QTreeView, QListView {
    background: $surface; border: 1px solid $border; border-radius: 8px; outline: none;
    gridline-color: transparent; selection-background-color: $raised; selection-color: $text; }
QTableView::item, QListView::item { padding: 2px 4px; border: none; }
QTableView::item:selected, QListView::item:selected { background: $raised; color: $text; }
QHeaderView { background: transparent; }
QHeaderView::section {
    background: transparent; color: $muted; border: none; border-bottom: 1px solid $border; padding: 5px 4px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: $border; border-radius: 3px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QStatusBar { background: $window; border-top: 1px solid $border; color: $muted; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $muted; padding: 3px 6px; }

QProgressBar { background: $raised; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QToolTip { background: $raised; color: $text; border: 1px solid $border; border-radius: 5px; padding: 4px 7px; }
QSplitter::handle { background: transparent; height: 8px; }
QTabBar::tab { background: transparent; color: $muted; padding: 7px 12px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTableView#figures QHeaderView::section { padding: 4px 3px; }
QTableView#figures QHeaderView::section:vertical { border: none; padding-left: 8px; }
QTableView QTableCornerButton::section { background: transparent; border: none; border-bottom: 1px solid $border; }
QTableView#figures::item { padding: 2px 1px; }
QTableView#figures::item:selected { background: $accent; color: $on_accent; }
QLabel#hoverPicture { border: 1px solid $border; border-radius: 4px; background: $canvas; padding: 1px; }
QLabel#muted { color: $muted; }
QLabel#grave { color: $danger; }
QLabel#title { font-size: 26px; font-weight: 600; }
QLabel#subtitle { font-size: 18px; font-weight: 600; }
QFrame#card { background: $surface; border: 1px solid $border; border-radius: 10px; }
QFrame#banner { background: $raised; border: 1px solid $border; border-radius: 8px; }
QFrame#banner[level="error"] { border-left: 4px solid $danger; }
QFrame#banner[level="info"] { border-left: 4px solid $accent; }
""")


def stylesheet(colours: Mapping[str, str]) -> str:
    """Qt style sheet in these colours, #rrggbb by the names of Theme's fields."""
    return _SHEET.substitute(colours, chevron=(ICONS / "chevron.svg").as_posix())
