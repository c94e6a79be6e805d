"""Rows of a dialog's form."""

from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QWidget


def add_row(form: QFormLayout, title: str, field: QWidget, *beside: QWidget) -> None:
    """A row whose title stands level with its field; what is `beside` the field keeps its own width."""
    label = QLabel(title)
    label.setMinimumHeight(field.sizeHint().height())  # a form sets titles at the top of styled fields
    label.setBuddy(field)
    if not beside:
        form.addRow(label, field)
        return
    row = QHBoxLayout()
    row.addWidget(field, 1)
    for widget in beside:
        row.addWidget(widget)
    form.addRow(label, row)
