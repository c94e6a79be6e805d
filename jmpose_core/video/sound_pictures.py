"""Which decoded pictures are sound, where some packets are damaged."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

_HELD: Final = 16  # pictures at most: no codec shows a picture that much earlier than one it is predicted from


class SoundPictures:
    """Passes on a decoder's pictures, but for the damaged ones and those predicted from them.

    Damage spreads to all that is predicted from the damaged picture, and decoders hide it as
    well as they can. So pictures decoded after it are left out, up to the next key frame and
    what is shown before that. A picture is held back until all that were decoded before it
    have been shown: some of them may yet turn out to be damaged.

    Args:
        first_position: of the packets that will be decoded.
        frame_of_packet: (packets,) the frame that each packet shows, or -1.
    """

    def __init__(self, first_position: int, frame_of_packet: NDArray[np.int64] | None = None) -> None:
        self._frame_of_packet = frame_of_packet
        self._first_frame = -1 if frame_of_packet is None else int(frame_of_packet[first_position])
        self._keys = [first_position]  # positions of key frames
        self._damaged: list[int] = []  # positions
        self._awaited: set[int] = set()  # positions that were decoded and not shown
        self._held: deque[av.VideoFrame] = deque()

    def decoding(self, position: int, *, is_key: bool) -> None:
        """A packet goes to the decoder."""
        if is_key and position > self._keys[-1]:
            self._keys.append(position)
        # Nothing after a key frame leans on what is shown before it.
        if self._frame_of_packet is None or self._frame_of_packet[position] >= max(self._first_frame, 0):
            self._awaited.add(position)

    def damaged(self, position: int) -> None:
        """The packet at this position turned out to be damaged."""
        if position not in self._damaged:
            self._damaged.insert(bisect_left(self._damaged, position), position)
        self._awaited.discard(position)

    def shown(self, picture: av.VideoFrame, position: int) -> Iterator[av.VideoFrame]:
        """The decoder shows a picture: the sound pictures, it or earlier ones, that may be passed on now."""
        self._awaited.discard(position)
        self._held.append(picture)
        while self._held:
            head = int(self._held[0].pts or 0)
            if any(awaited < head for awaited in self._awaited):
                if len(self._held) <= _HELD:
                    return
                self._awaited = {awaited for awaited in self._awaited if awaited > head}  # they show nothing
            yield from self._first_held()

    def rest(self) -> Iterator[av.VideoFrame]:
        """The sound ones of the pictures that were held back, at the end of the stream."""
        while self._held:
            yield from self._first_held()

    def _first_held(self) -> Iterator[av.VideoFrame]:
        picture = self._held.popleft()
        if self._is_sound(int(picture.pts or 0)):
            yield picture

    def _is_sound(self, position: int) -> bool:
        place = bisect_right(self._keys, position) - 1
        if self._is_damaged_between(self._keys[place], position):
            return False
        key = self._keys[place]
        is_shown_before_key = self._frame_of_packet is not None and (
            self._frame_of_packet[position] < self._frame_of_packet[key]
        )
        return not (is_shown_before_key and place > 0 and self._is_damaged_between(self._keys[place - 1], key))

    def _is_damaged_between(self, first: int, last: int) -> bool:
        """Whether a packet from `first` to `last` (included) is damaged."""
        place = bisect_left(self._damaged, first)
        return place < len(self._damaged) and self._damaged[place] <= last
