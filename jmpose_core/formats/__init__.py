"""Annotation files: one module a format, each a `read_`/`write_` pair. No torch, no Qt."""
