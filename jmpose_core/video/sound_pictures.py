"""Which decoded pictures are sound, where some packets are damaged."""

from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray


class SoundPictures:
    """Tells a decoder's sound pictures from the damaged ones and those predicted from them.

    Damage spreads to all that is predicted from the damaged picture, and decoders hide it as
    well as they can. So what is decoded after it and shown after it counts as damaged, up to
    the next key frame and what is shown before that. Pictures that the decoder shows before
    the damage is known pass, as in every player; a B-frame among them may lean on it a little.

    Args:
        first_position: of the packets that will be decoded.
        frame_of_packet: (packets,) the frame that each packet shows, or -1.
    """

    def __init__(self, first_position: int, frame_of_packet: NDArray[np.int64] | None = None) -> None:
        self._frame_of_packet = frame_of_packet
        self._keys = [first_position]  # positions of key frames
        self._damaged: list[int] = []  # positions

    def decoding(self, position: int, *, is_key: bool) -> None:
        """A packet goes to the decoder."""
        if is_key and position > self._keys[-1]:
            self._keys.append(position)

    def damaged(self, position: int) -> None:
        """The packet at this position turned out to be damaged."""
        if position not in self._damaged:
            self._damaged.insert(bisect_left(self._damaged, position), position)

    def is_sound(self, position: int) -> bool:
        """Whether the packet's picture, which is shown now, is whole, as far as is known."""
        place = bisect_right(self._keys, position) - 1
        key = self._keys[place]
        if self._is_damaged_between(key, position):
            return False
        is_shown_before_key = self._frame_of_packet is not None and (
            self._frame_of_packet[position] < self._frame_of_packet[key]
        )
        return not (is_shown_before_key and place > 0 and self._is_damaged_between(self._keys[place - 1], key))

    def _is_damaged_between(self, first: int, last: int) -> bool:
        """Whether a packet from `first` to `last` (included) is damaged."""
        place = bisect_left(self._damaged, first)
        return place < len(self._damaged) and self._damaged[place] <= last
