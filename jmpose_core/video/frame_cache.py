"""The pictures decoded last, so that stepping backwards does not decode from the key frame at every step."""

from collections import OrderedDict

import av


class FrameCache:
    """Least recently used pictures, up to a number of bytes.

    Holds the decoder's own pictures (YUV, half the size of RGB): most of those passed
    on the way to a frame are never asked for, and are not worth converting.
    """

    def __init__(self, byte_limit: int) -> None:
        self._byte_limit = byte_limit
        self._byte_count = 0
        self._pictures: OrderedDict[int, av.VideoFrame] = OrderedDict()

    def get(self, index: int) -> av.VideoFrame | None:
        picture = self._pictures.get(index)
        if picture is not None:
            self._pictures.move_to_end(index)
        return picture

    def put(self, index: int, picture: av.VideoFrame) -> None:
        if index in self._pictures:
            self._byte_count -= _byte_count(self._pictures.pop(index))
        self._pictures[index] = picture
        self._byte_count += _byte_count(picture)
        while self._byte_count > self._byte_limit and len(self._pictures) > 1:
            _, oldest = self._pictures.popitem(last=False)
            self._byte_count -= _byte_count(oldest)

    def clear(self) -> None:
        self._pictures.clear()
        self._byte_count = 0


def _byte_count(picture: av.VideoFrame) -> int:
    return sum(plane.buffer_size for plane in picture.planes)
