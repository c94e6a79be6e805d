"""Labelled people as training samples: poses, augmentation, and clips made from stills."""
