"""Packs of labelled pictures: a folder with people.npz (labels, and where each picture lies) and pictures-N.bin.

Needs numpy alone, so that packs open where the program's own readers are not installed.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from jmpose_core.errors import FormatError

PEOPLE: Final = "people.npz"
_CURE: Final = "make it with python -m train.crowds.packing"


def read_columns(pack: Path) -> dict[str, Any]:
    """The arrays of a pack by name, a row a person. `places` (P, 4): file, start, bytes of picture and of mask.

    Raises:
        FormatError: there is none, or it is torn.
    """
    place = pack / PEOPLE
    try:
        with np.load(place) as file:
            return dict(file)
    except (OSError, ValueError) as error:
        raise FormatError(f"{place}: cannot be read ({error}); {_CURE}") from error


def read_parts(pack: Path, places: Any) -> list[bytes]:
    """The pictures' files, whole, in the order of their numbers.

    Raises:
        FormatError: one is missing.
    """
    found = []
    for number in range(int(places[:, 0].max()) + 1):
        place = part_of(pack, number)
        try:
            found.append(place.read_bytes())
        except OSError as error:
            raise FormatError(f"{place}: cannot be read ({error}); the pack is not whole, {_CURE}") from error
    return found


def part_of(pack: Path, number: int) -> Path:
    """The pictures' file of this number."""
    return pack / f"pictures-{number}.bin"
