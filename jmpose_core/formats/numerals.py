"""Numbers written in text: what is one, and how large it may be."""

import math
from typing import Final

LARGEST_COORDINATE: Final = 1e7  # pixels: beyond this a number is a fault, and sums of squares stay exact enough
LARGEST_FRAME: Final = 10_000_000
_MOST_DIGITS: Final = 18  # fits 64 bits


def whole_number(text: str) -> int | None:
    """The whole number that a text is, or None."""
    text = text.strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= _MOST_DIGITS else None


def coordinate(text: str) -> float:
    """The number that a text is, or NaN where it is none or out of range."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= LARGEST_COORDINATE else math.nan
