"""Maps and flow carried from crop to crop, against what the other crop itself would show."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from jmpose_core import geometry
from jmpose_core.geometry import Affine, Xyxy
from jmpose_core.model.carrying import carried_flow, carried_maps

SIZE = (64, 48)
boxes = st.builds(
    lambda x, y, width, height: (x, y, x + width, y + height),
    st.floats(90, 110),
    st.floats(90, 110),
    st.floats(60, 80),
    st.floats(90, 110),
)
motions = st.builds(
    lambda turn, zoom, x, y: np.array([[1 + zoom, -turn, x], [turn, 1 + zoom, y]]),
    st.floats(-0.05, 0.05),
    st.floats(-0.05, 0.05),
    st.floats(-8, 8),
    st.floats(-8, 8),
)


def cells_from_image(box: Xyxy) -> Affine:
    return geometry.crop_from_image(box, SIZE)


def between(target: Affine, source: Affine) -> Tensor:
    """(1, 2, 3): to the target's cells from the source's."""
    return torch.from_numpy(geometry.compose(target, geometry.inverse(source))).float()[None]


def cells() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0])), axis=-1).astype(np.float64)


def cut(grid: Affine, motion: Affine) -> Tensor:
    """A smooth picture that has moved, seen through a crop: (1, 1, h, w)."""
    places = geometry.apply(geometry.inverse(geometry.compose(grid, motion)), cells())
    waves = np.sin(places[..., 0] / 9) + np.cos(places[..., 1] / 11 + places[..., 0] / 23)
    return torch.from_numpy(waves).float()[None, None]


def flow_of(first: Affine, second: Affine, motion: Affine) -> Tensor:
    """The true flow from crop to crop while the image moves: (1, 2, h, w)."""
    way = geometry.compose(second, geometry.compose(motion, geometry.inverse(first)))
    return torch.from_numpy(geometry.apply(way, cells()) - cells()).float().movedim(-1, 0)[None]


@settings(max_examples=40)
@given(boxes, boxes, motions)
def test_maps_carried_into_the_key_crop_are_those_that_its_own_crop_would_have_cut(own, key, motion) -> None:
    own_grid, key_grid = cells_from_image(own), cells_from_image(key)
    carried = carried_maps(cut(own_grid, motion), between(own_grid, key_grid))
    places = geometry.apply(geometry.compose(own_grid, geometry.inverse(key_grid)), cells())
    inside = torch.from_numpy(((places >= 0) & (places <= (SIZE[1] - 1, SIZE[0] - 1))).all(axis=-1))
    assert inside.float().mean() > 0.3
    assert (carried - cut(key_grid, motion))[0, 0][inside].abs().max() < 0.03


@settings(max_examples=40)
@given(boxes, boxes, boxes, motions)
def test_flow_between_two_crops_becomes_the_motion_that_the_key_crop_sees(first, second, key, motion) -> None:
    grids = [cells_from_image(box) for box in (first, second, key)]
    flow = flow_of(grids[0], grids[1], motion)
    carried = carried_flow(flow, between(grids[0], grids[2]), between(grids[2], grids[1]))
    places = geometry.apply(geometry.compose(grids[0], geometry.inverse(grids[2])), cells())
    inside = torch.from_numpy(((places >= 0) & (places <= (SIZE[1] - 1, SIZE[0] - 1))).all(axis=-1))
    assert (carried - flow_of(grids[2], grids[2], motion))[0][:, inside].abs().max() < 0.01


def test_beside_its_crop_nothing_is_known_of_a_joint_and_flow_is_that_of_the_edge() -> None:
    own, key = cells_from_image((100, 100, 160, 180)), cells_from_image((160, 100, 220, 180))
    maps = torch.ones(1, 3, *SIZE)
    assert carried_maps(maps, between(own, key))[..., -1].abs().max() == 0
    flow = torch.zeros(1, 2, *SIZE)
    flow[:, 0, :, -1] = 2
    carried = carried_flow(flow, between(own, key), between(key, own))
    torch.testing.assert_close(carried[0, 0, :, -1], torch.full((SIZE[0],), 2.0))


def test_the_crops_own_motion_is_no_motion_of_the_person() -> None:
    """A crop that moves along with a person sees no flow; the key crop, which stands still, sees the person move."""
    first, second = cells_from_image((100, 100, 160, 180)), cells_from_image((112, 100, 172, 180))
    carried = carried_flow(torch.zeros(1, 2, *SIZE), between(first, first), between(first, second))
    expected = 12 * first[0, 0]
    torch.testing.assert_close(carried[0, 0], torch.full(SIZE, float(expected)))
    torch.testing.assert_close(carried[0, 1], torch.zeros(SIZE), atol=1e-4, rtol=0)
