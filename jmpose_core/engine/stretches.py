"""A long range of frames in stretches, worked on one after the other: the first people do not wait for the whole video.

People are looked for over a stretch's window: its own frames and some of its
neighbours', so that nobody is lost at a border and neighbours can agree on who is who.
Borders lie on one grid of the video: boxes and poses do not depend on which stretch comes first.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

# Eight to ten seconds of video, about as long to search on a CPU. Longer: the first people come later. Shorter: the
# overlaps weigh more. A multiple of CHUNK_FRAMES, so that no chunk of poses is cut in two.
STRETCH_FRAMES: Final = 240
# Half of the longest occlusion that `link` bridges (2 s): one of two neighbours sees both of its ends; and a quarter
# of a second in which the neighbours recognise people.
_OVERLAP_SECS: Final = 1.25
_LEAST_OVERLAP: Final = 12  # frames, where there are few a second


class Stretch(NamedTuple):
    """Frames that are worked on together."""

    own: range  # whose people it yields
    window: range  # over which they are looked for and followed


def stretches(frames: range, *, fps: float, together: range = range(0)) -> list[Stretch]:
    """Cut a range of frames at the grid.

    No stretch is shorter than a quarter of STRETCH_FRAMES, unless the range is; none is
    longer than one and a half, unless for the sake of `together`, frames that must not be parted.
    """
    if not frames:
        return []
    inner = range(-(-frames.start // STRETCH_FRAMES) * STRETCH_FRAMES, frames.stop, STRETCH_FRAMES)
    least = STRETCH_FRAMES // 4
    cuts = [
        cut
        for cut in inner
        if cut - frames.start >= least and frames.stop - cut >= least and not together.start < cut < together.stop
    ]
    if len(frames) <= STRETCH_FRAMES * 3 // 2:
        cuts = []
    overlap = overlap_frames(fps)
    return [
        Stretch(range(first, last), range(max(first - overlap, frames.start), min(last + overlap, frames.stop)))
        for first, last in zip([frames.start, *cuts], [*cuts, frames.stop], strict=True)
    ]


def overlap_frames(fps: float) -> int:
    """How far a window reaches beyond its own frames on either side."""
    return min(max(round(_OVERLAP_SECS * fps), _LEAST_OVERLAP), STRETCH_FRAMES // 2)


def by_need(plan: Sequence[Stretch], visible_frame: Callable[[], int]) -> Iterator[Stretch]:
    """The stretch of the visible frame, or the nearest to it; then those beside what is done, towards that frame.

    What is done stays in one piece, so that track ids can be handed over its borders. Onwards goes before backwards.

    Args:
        plan: stretches in the order of time.
        visible_frame: called before each for the frame that the user looks at now.
    """
    if not plan:
        return
    started = sum(stretch.own.start <= visible_frame() for stretch in plan)
    first = last = max(started - 1, 0)
    yield plan[first]
    while first > 0 or last + 1 < len(plan):
        backwards = last + 1 == len(plan) or (first > 0 and visible_frame() < plan[first].own.start)
        if backwards:
            first -= 1
            yield plan[first]
        else:
            last += 1
            yield plan[last]
