"""When each frame is shown, from timestamps that may be missing, repeated, or out of order."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NO_STAMP: Final = np.iinfo(np.int64).min
_FALLBACK_FPS: Final = 25.0
_REORDERED: Final = 16  # pictures: no codec holds one back for longer, so timestamps that fall further begin again
_PAUSE_STEPS: Final = 20  # times the usual step: a longer one is a pause in the recording
_PAUSE_SECS: Final = 1.0  # that a pause lasts at least
_CLOSE: Final = 0.01  # part by which the declared rate may differ from the measured one


def frame_times(
    stamps: NDArray[np.int64],
    decoding_stamps: NDArray[np.int64],
    packet_of_frame: NDArray[np.int64],
    *,
    secs_per_unit: float,
    declared_fps: float,
) -> tuple[NDArray[np.float64], float]:
    """Seconds from the first frame (frames,), never decreasing, and the frames per second between pauses.

    Args:
        stamps: (packets,) presentation timestamps in the order of the file, or NO_STAMP.
        decoding_stamps: (packets,) timestamps that go up where the file is sound, or NO_STAMP.
        packet_of_frame: (frames,) the packet of each frame in the order shown.
        secs_per_unit: of the timestamps; 0 where the file does not say.
        declared_fps: the container's own figure, or 0.
    """
    frame_secs = 1 / (declared_fps or _FALLBACK_FPS)
    known = np.flatnonzero(stamps[packet_of_frame] != NO_STAMP)
    even = np.arange(packet_of_frame.size, dtype=np.float64) * frame_secs
    if secs_per_unit == 0 or known.size < 2:
        return even, 1 / frame_secs
    secs = _without_restarts(stamps, decoding_stamps) * secs_per_unit
    # Timestamps in the order of decoding have the spacing of the frames when sorted.
    shown = np.interp(even, even[known], np.sort(secs[packet_of_frame[known]]))
    shown -= shown[0]
    if shown[-1] == 0:
        return even, 1 / frame_secs
    fps = _rate(shown, secs_per_unit, declared_fps)
    return _spread(shown, 1 / fps), fps


def _without_restarts(stamps: NDArray[np.int64], decoding_stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Timestamps with what begins again from the start (two recordings in one file) put behind what came before."""
    places = np.flatnonzero((stamps != NO_STAMP) & (decoding_stamps != NO_STAMP))
    steps = np.diff(decoding_stamps[places])
    if not (steps > 0).any():
        return stamps
    step = int(np.median(steps[steps > 0]))
    result = stamps[places]
    for restart in (np.flatnonzero(steps < -_REORDERED * step) + 1).tolist():
        result[restart:] += result[:restart].max() + step - result[restart : restart + _REORDERED].min()
    continued = stamps.copy()
    continued[places] = result
    return continued


def _rate(times: NDArray[np.float64], secs_per_unit: float, declared_fps: float) -> float:
    """Frames per second between the pauses of a recording.

    The container's figure where it agrees: free of the rounding of timestamps, but wrong in some recordings.
    """
    steps = np.diff(times)
    goes_on = steps <= max(_PAUSE_STEPS * float(np.median(steps)), _PAUSE_SECS)
    if steps[goes_on].sum() > 0:
        steps = steps[goes_on]
    measured = steps.size / float(steps.sum())
    close = max(_CLOSE, secs_per_unit / float(times[-1]))
    return declared_fps if abs(declared_fps - measured) < close * measured else measured


def _spread(times: NDArray[np.float64], frame_secs: float) -> NDArray[np.float64]:
    """Frames that share a timestamp, spread up to the next one, at most a frame's time apart."""
    values, first, counts = np.unique(times, return_index=True, return_counts=True)
    if counts.max() == 1:
        return times
    gaps = np.append(np.diff(values), np.inf)
    step = np.minimum(gaps / counts, frame_secs)
    within = np.arange(times.size) - np.repeat(first, counts)
    return times + within * np.repeat(step, counts)
