import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.model import heatmaps

SIZE = (64, 48)


@given(st.floats(2.5, 44.5), st.floats(2.5, 60.5), st.sampled_from([1.5, 2.0, 3.0]))
def test_decoding_an_encoded_point_gives_it_back(x, y, sigma):
    maps = heatmaps.encode(torch.tensor([[x, y]]), SIZE, sigma)
    position, peak = heatmaps.decode(maps, blur_sigma=1.0)
    np.testing.assert_allclose(position[0], [x, y], atol=0.05)
    assert 0.8 < peak[0] <= 1


@given(st.floats(3, 44), st.floats(3, 60))
def test_softmax_of_a_gaussians_logarithm_peaks_near_one(x, y):
    gaussian = heatmaps.encode(torch.tensor([[x, y]]), SIZE, 2.0)
    maps = heatmaps.heatmaps_from_logits(gaussian.clamp_min(1e-12).log(), 2.0)
    if 8 < x < 40 and 8 < y < 56:
        torch.testing.assert_close(maps, gaussian, atol=0.02, rtol=0)
    assert maps.sum().item() == pytest.approx(2 * math.pi * 4, rel=1e-4)


def test_doubt_lowers_the_peak():
    sure = heatmaps.encode(torch.tensor([[20.0, 20.0]]), SIZE, 2.0)
    torn = sure + heatmaps.encode(torch.tensor([[35.0, 50.0]]), SIZE, 2.0)
    peaks = [heatmaps.heatmaps_from_logits(m.clamp_min(1e-9).log(), 2.0).max().item() for m in (sure, torn)]
    assert peaks[1] == pytest.approx(peaks[0] / 2, rel=0.05)


@pytest.mark.parametrize("corner", [(0, 0), (47, 63), (0, 63)])
def test_a_peak_on_the_border_stays_there(corner):
    maps = heatmaps.encode(torch.tensor([corner], dtype=torch.float32), SIZE, 2.0)
    position, _ = heatmaps.decode(maps, blur_sigma=1.0)
    assert tuple(position[0].tolist()) == corner


def test_flat_maps_decode_to_something_inside():
    position, peak = heatmaps.decode(torch.zeros(2, 15, *SIZE), blur_sigma=1.0)
    assert position.shape == (2, 15, 2)
    assert torch.isfinite(position).all()
    assert (peak == 0).all()


@given(st.integers(0, 2**31))
def test_a_mirrored_map_decodes_to_the_mirrored_point(seed):
    generator = torch.Generator().manual_seed(seed)
    point = torch.rand(1, 2, generator=generator) * torch.tensor([40.0, 56.0]) + 3
    maps = heatmaps.encode(point, SIZE, 2.0)
    position, _ = heatmaps.decode(maps, blur_sigma=1.0)
    mirrored, _ = heatmaps.decode(maps.flip(-1), blur_sigma=1.0)
    assert mirrored[0, 0].item() == pytest.approx(SIZE[1] - 1 - position[0, 0].item(), abs=1e-2)
