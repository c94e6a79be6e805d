"""Trainings: the recipes of the bundled weights, the paper's preset, and fine-tuning from the window. No Qt."""
