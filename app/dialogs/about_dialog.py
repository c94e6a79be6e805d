"""What program this is, of which parts, and under which licences."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from PySide6.QtCore import qVersion
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

PACKAGE: Final = "jmpose-studio"
_LONGEST: Final = 100  # characters of a licence's name; some packages put its whole text there
_TERMS: Final = """\
JM-Pose Studio is under the Apache License 2.0 (LICENSE).
The bundled weights start from MoveNet's public weights (MIT) and were trained by
this repository; resources/weights/README.md has their data and its terms.
The demo clip is of Sports2D, copyright 2022 perfanalytics, BSD 3-Clause
(resources/demo/LICENSE-sports2d)."""


class AboutDialog(QDialog):
    """Everything that a report of a fault should hold, to be copied with one click."""

    def __init__(self, weights: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About JM-Pose Studio")
        self.resize(760, 560)
        head = QLabel(f"JM-Pose Studio {metadata.version(PACKAGE)}")
        head.setObjectName("title")
        self.text = QPlainTextEdit(about_text(weights))
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        for widget in (head, self.text, buttons):
            layout.addWidget(widget)


def about_text(weights: str) -> str:
    """Versions, terms, and a line for each package that the program needs.

    Args:
        weights: name or file of the pose network in use.
    """
    parts = list(_parts())
    widest, longest = (max(len(part[column]) for part in parts) for column in (0, 1))
    lines = [f"{name:<{widest}}  {version:<{longest}}  {licence}" for name, version, licence in parts]
    here = (
        f"JM-Pose Studio {metadata.version(PACKAGE)}, Python {platform.python_version()}, Qt {qVersion()}\n"
        f"{platform.platform()}\nPose network: {weights}"
    )
    return "\n\n".join([here, _TERMS, "\n".join(lines)])


def _parts() -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of each package that the program needs and that is there."""
    for requirement in metadata.requires(PACKAGE) or []:
        if "extra ==" in requirement:
            continue
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            found = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # jmpose doctor says what is missing
        yield name, found["Version"], _licence(found)


def _licence(found: metadata.PackageMetadata) -> str:
    named = [found[key] for key in ("License-Expression", "License") if key in found]
    short = [text for text in named if text and "\n" not in text and len(text) <= _LONGEST]
    classified = [text.split(" :: ")[-1] for text in found.get_all("Classifier") or () if text.startswith("License ::")]
    return next(iter([*short, *classified]), "see its own documents")
