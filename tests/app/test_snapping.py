"""Which of the model's peaks a joint snaps to, and in what order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.session.snapping import SAME, places_near
from jmpose_core.skeleton import FLIP, NUM_JOINTS

coordinate = st.floats(0, 500, width=32)
peak = st.tuples(coordinate, coordinate, st.floats(0, 1, width=32))


@given(
    st.lists(peak, min_size=NUM_JOINTS * 2, max_size=NUM_JOINTS * 2),
    st.integers(0, NUM_JOINTS - 1),
    st.tuples(coordinate, coordinate),
    st.floats(1, 300),
)
def test_peaks_in_reach_come_first_by_height_and_no_place_comes_twice(
    drawn: list[tuple[float, float, float]], joint: int, cursor: tuple[float, float], reach: float
) -> None:
    peaks = np.array(drawn, np.float32).reshape(NUM_JOINTS, 2, 3)
    found = places_near(peaks, joint, cursor, reach)
    allowed: dict[tuple[float, float], float] = {}
    for x, y, height in peaks[[joint, FLIP[joint]]].reshape(-1, 3).tolist():
        if height > 0:
            allowed[x, y] = max(height, allowed.get((x, y), 0.0))
    assert set(found) <= allowed.keys() and bool(found) == bool(allowed)
    inside = [bool(np.hypot(x - cursor[0], y - cursor[1]) <= reach) for x, y in found]
    assert inside == sorted(inside, reverse=True)
    heights = [allowed[place] for place, near in zip(found, inside, strict=True) if near]
    assert heights == sorted(heights, reverse=True)
    apart = [np.hypot(a[0] - b[0], a[1] - b[1]) for row, a in enumerate(found) for b in found[:row]]
    assert all(distance > SAME for distance in apart)
