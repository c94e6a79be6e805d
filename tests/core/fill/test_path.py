"""The ways found by dynamic programming against every way there is."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.fill.path import best_pair_of_paths, best_path


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 4), many=st.integers(1, 3))
def test_one_joint_takes_the_cheapest_of_all_ways(seed: int, frames: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    place, move = rng.random((frames, many)), rng.random((frames - 1, many, many))

    def cost(way: tuple[int, ...]) -> float:
        steps = sum(move[t, way[t], way[t + 1]] for t in range(frames - 1))
        return float(sum(place[t, at] for t, at in enumerate(way)) + steps)

    best = min(product(range(many), repeat=frames), key=cost)
    assert tuple(best_path(place, move)) == best


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 3), many=st.integers(1, 3), others=st.integers(1, 3))
def test_two_joints_take_the_cheapest_of_all_ways_together(seed: int, frames: int, many: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random((frames, many)), rng.random((frames, others))
    together = rng.random((frames, many, others))
    move_first, move_second = rng.random((frames - 1, many, many)), rng.random((frames - 1, others, others))

    def cost(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
        a, b = pair
        places = sum(first[t, a[t]] + second[t, b[t]] + together[t, a[t], b[t]] for t in range(frames))
        steps = sum(move_first[t, a[t], a[t + 1]] + move_second[t, b[t], b[t + 1]] for t in range(frames - 1))
        return float(places + steps)

    ways = product(product(range(many), repeat=frames), product(range(others), repeat=frames))
    best = min(ways, key=cost)
    found = best_pair_of_paths(first, second, together, move_first, move_second)
    assert (tuple(found[0]), tuple(found[1])) == best
