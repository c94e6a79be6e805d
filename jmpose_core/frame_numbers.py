"""How frames are numbered to people: from 1. In code, in files and in options they are counted from 0.

Every text that a person reads takes the number from here, so that a message and the window agree.
"""


def frame_number(frame_index: int) -> str:
    """The number of a frame, as the window shows it: 81 for `frame_index` 80."""
    return str(frame_index + 1)


def frame_range(first: int, last: int) -> str:
    """Frames `first` to `last` (excluded), as "frames 1 to 20" or "frame 7"."""
    if last - first == 1:
        return f"frame {frame_number(first)}"
    return f"frames {frame_number(first)} to {frame_number(last - 1)}"


def frame_index_of(number: int) -> int:
    """The other way round: the index of the frame that people call `number`."""
    return number - 1
