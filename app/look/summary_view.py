"""What would be written, in two columns, before it is written: a dialog's card of facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel

NAMED_AT_MOST = 6  # of a list of counted things


@dataclass(frozen=True, slots=True)
class Fact:
    """One line; `grave` ones are what a person must not overlook."""

    title: str
    text: str
    grave: bool = False


class SummaryView(QFrame):
    """Shows facts, or one sentence in their place: what is awaited, or what is wrong."""

    def __init__(self, waiting: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 12, 16, 12)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(1, 1)
        self._shown: list[str] = []
        self.show_sentence(waiting)

    @property
    def text(self) -> str:
        """All that is shown, a line each."""
        return "\n".join(self._shown)

    def show_facts(self, facts: Iterable[Fact]) -> None:
        self._clear()
        for row, fact in enumerate(facts):
            title = QLabel(fact.title)
            title.setObjectName("muted")
            title.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(title, row, 0)
            self._grid.addWidget(_label(fact.text, "grave" if fact.grave else ""), row, 1)
            self._shown.append(f"{fact.title}: {fact.text}")
        self._grid.setRowStretch(len(self._shown), 1)

    def show_sentence(self, text: str) -> None:
        self._show_alone(text, "muted")

    def show_error(self, text: str) -> None:
        self._show_alone(text, "grave")

    def _show_alone(self, text: str, name: str) -> None:
        self._clear()
        self._grid.addWidget(_label(text, name), 0, 0, 1, 2)
        self._grid.setRowStretch(1, 1)
        self._shown.append(text)

    def _clear(self) -> None:
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._shown.clear()


def _label(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def counted(number: int, one: str, many: str | None = None) -> str:
    """3 people, 1 person, 12,000 frames."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(counts: Mapping[str, int]) -> str:
    """Counted things in words a person knows, the most frequent first, and how many more there are."""
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    words = [f"{_WORDS.get(what, what.replace('_', ' '))} ({count:,})" for what, count in ordered[:NAMED_AT_MOST]]
    more = len(ordered) - NAMED_AT_MOST
    return ", ".join(words) + (f" and {counted(more, 'more field')}" if more > 0 else "")


_WORDS = {
    "bbox": "person boxes",
    "bbox_head": "head boxes",
    "track_id": "track numbers",
    "images.file_name": "image names",
    "images.has_labeled_person": "“has people” flags",
    "images.ignore_regions": "ignore regions",
    "annotations.track_id": "track numbers",
    "annotations.bbox_xywh": "person boxes",
    "annotations.bbox_head_xywh": "head boxes",
    "annotations.scores": "joint confidences",
    "annotations.score": "person confidences",
    "annotations.person_id (unknown)": "identities across videos, which are not known",
}
