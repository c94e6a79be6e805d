"""Evidence there and back, and what it costs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.fill.evidence import GRID, PEAKS, Evidence
from jmpose_core.fill.packing import BYTES, pack, unpack


def evidence(seed: int, scale: float, shift: float) -> Evidence:
    """Of a person about `shift`, whose crop has 1/scale pixels a cell; without flow to the frame before."""
    rng = np.random.default_rng(seed)
    places = (rng.uniform(-1, 16, (15, PEAKS, 2)) + shift) / scale
    heights = -np.sort(-rng.uniform(0.02, 1, (15, PEAKS)), axis=1)
    peaks = np.concatenate([places, heights[..., None]], axis=2).astype(np.float32)
    return Evidence(
        peaks=peaks,
        initial=peaks[:, 0],
        spread=rng.uniform(0.5, 5, 15).astype(np.float32) / np.float32(scale),
        grid_from_image=np.array([[scale, 0, -shift], [0, scale, -shift]]),
        forward=rng.normal(0, 20, (2, *GRID)).astype(np.float32),
        backward=np.zeros((2, *GRID), np.float32),
        has_forward=True,
        has_backward=False,
    )


def test_a_person_in_a_frame_costs_less_than_two_kilobytes() -> None:
    assert len(pack(evidence(0, 0.1, 30))) == BYTES < 2000


@given(seed=st.integers(0, 10**6), scale=st.floats(0.005, 2), shift=st.floats(0, 50))
def test_what_is_packed_comes_back(seed: int, scale: float, shift: float) -> None:
    given_ = evidence(seed, scale, shift)
    found = unpack([None, pack(given_), b"of another version"])
    step = 1 / 2048 / scale
    np.testing.assert_allclose(found.peaks[1, ..., :2], given_.peaks[..., :2], atol=step + 1e-3)
    np.testing.assert_allclose(found.peaks[1, ..., 2], given_.peaks[..., 2], atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found.initial[1], found.peaks[1, :, 0])
    np.testing.assert_allclose(found.spread[1], given_.spread, rtol=2e-3)
    np.testing.assert_allclose(found.flow[1, 0], given_.forward, atol=np.abs(given_.forward).max() / 250)
    assert found.has_flow.tolist() == [[False, False], [True, False], [False, False]]
    for name in ("peaks", "initial", "spread", "flow"):
        assert not getattr(found, name)[[0, 2]].any()
