"""Where the real and the reference files are; tests that need them are skipped where they are not."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared"
CONFORMANCE = SHARED / "conformance"
POSETRACK18 = SHARED / "data" / "fixtures" / "posetrack18" / "annotations"

needs_conformance = pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="needs ../shared/conformance")
needs_fixtures = pytest.mark.skipif(not POSETRACK18.is_dir(), reason="needs ../shared/data/fixtures/posetrack18")


def without_number_formats(value):
    """JSON values with every number as a float: 1 and 1.0 are the same."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return [without_number_formats(entry) for entry in value]
    return {name: without_number_formats(entry) for name, entry in value.items()}
