"""The cheapest way through candidates over frames, by dynamic programming (Viterbi); exact."""

import numpy as np

from jmpose_core.fill.track_frames import FloatArray, IntArray


def best_path(place: FloatArray, move: FloatArray) -> IntArray:
    """Of one joint.

    Args:
        place: (N, C) cost of each candidate.
        move: (N - 1, C, C) cost from a candidate of a frame to one of the next.

    Returns:
        (N,) the chosen candidates: the smallest sum of costs; of equal ways the one of the lowest numbers at the end.
    """
    frames = len(place)
    came_from = np.zeros((frames, place.shape[1]), np.int64)
    cost = place[0]
    for frame in range(1, frames):
        ways = cost[:, None] + move[frame - 1]
        came_from[frame] = ways.argmin(axis=0)
        cost = ways.min(axis=0) + place[frame]
    path = np.zeros(frames, np.int64)
    path[-1] = cost.argmin()
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def best_pair_of_paths(
    first: FloatArray, second: FloatArray, together: FloatArray, move_first: FloatArray, move_second: FloatArray
) -> tuple[IntArray, IntArray]:
    """Of two joints at once.

    A way's cost is the sum of each joint's own and of what the two cost together. The two joints move independently
    of one another, so the best ways to each pair of candidates are found joint by joint: C^3 sums a frame, not C^4.

    Args:
        first, second: (N, A) and (N, B) cost of each joint's candidates.
        together: (N, A, B) further cost of a pair of candidates in one frame.
        move_first, move_second: (N - 1, A, A) and (N - 1, B, B) cost from a candidate to one of the next frame.

    Returns:
        (N,) and (N,): the chosen candidates.
    """
    frames, many, others = together.shape
    place = first[:, :, None] + second[:, None, :] + together
    a_from = np.zeros((frames, many, others), np.int64)
    b_from = np.zeros((frames, many, others), np.int64)
    cost = place[0]
    for frame in range(1, frames):
        of_second = cost[:, :, None] + move_second[frame - 1]  # (A, B, B')
        b_from[frame] = of_second.argmin(axis=1)
        of_first = of_second.min(axis=1)[:, None, :] + move_first[frame - 1][:, :, None]  # (A, A', B')
        a_from[frame] = of_first.argmin(axis=0)
        cost = of_first.min(axis=0) + place[frame]
    path_a, path_b = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    path_a[-1], path_b[-1] = divmod(int(cost.argmin()), others)
    for frame in range(frames - 1, 0, -1):
        b = path_b[frame]
        a = a_from[frame, path_a[frame], b]
        path_a[frame - 1], path_b[frame - 1] = a, b_from[frame, a, b]
    return path_a, path_b
