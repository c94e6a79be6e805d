"""Corrections that travel: what an annotator's labels say of the joints between them. No Qt, no torch, no files."""
