"""The report that a training leaves: text, charts, sample pictures."""
