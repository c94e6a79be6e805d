import cv2
import numpy as np
import pytest
import torch

from jmpose_core.errors import FormatError
from tests.builders.flow_folder import write_data
from train.flow import pairs as flow_data
from train.flow.cutouts import Cutout, FlowSources, davis_sequences, load_sources
from train.flow.pairs import FlowBatches, collate, render_pair
from train.flow.photometry import disturb

SIZE = (96, 80)


def ramps(height: int, width: int, blue: int) -> np.ndarray:
    """A picture whose red and green say where one is in it: a wrong place shows as a wrong colour."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, blue)], axis=-1).astype(np.uint8)


@pytest.fixture(scope="module")
def sources() -> FlowSources:
    disc = np.zeros((90, 60), np.uint8)
    cv2.ellipse(disc, (30, 45), (25, 40), 0, 0, 360, (255,), -1)
    return FlowSources((ramps(220, 200, 40), ramps(180, 240, 120)), (Cutout(ramps(90, 60, 220), disc),))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_visible_lies_where_the_flow_says(sources, seed, monkeypatch):
    monkeypatch.setattr(flow_data, "disturb", lambda rng, first, second: (first, second))
    pair = render_pair(np.random.default_rng(seed), sources, SIZE)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    back = cv2.remap(pair.second, x + pair.flow[..., 0], y + pair.flow[..., 1], cv2.INTER_LINEAR)
    wrong = np.abs(back.astype(int) - pair.first).max(axis=-1) > 4
    inner = cv2.erode(pair.visible.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    # silhouettes blend two layers, and a layer's own edge is no occlusion: few pixels
    assert wrong[inner].mean() < 0.06
    assert inner.mean() > 0.2


def test_without_motion_nothing_flows_and_all_stays_visible(sources):
    for seed in range(5):
        pair = render_pair(np.random.default_rng(seed), sources, SIZE, reach=0.0)
        np.testing.assert_allclose(pair.flow, 0, atol=1e-3)
        assert pair.visible.mean() > 0.99


def test_motion_is_that_of_people_in_video(sources):
    lengths = [
        np.linalg.norm(render_pair(np.random.default_rng(seed), sources, (192, 144)).flow, axis=-1)
        for seed in range(60)
    ]
    assert 2 < np.median(lengths) < 8
    assert np.percentile(lengths, 95) > 10
    assert max(length.max() for length in lengths) < 120


def test_a_batch_depends_on_the_seed_and_its_number_only(sources):
    def batches() -> FlowBatches:
        return FlowBatches(sources, size=SIZE, batch=2, seed=5, warm_up=10)

    whole = batches()
    earlier, later = whole[1], whole[2]
    for first, second in zip(later, batches()[2], strict=True):
        torch.testing.assert_close(first, second)
    assert not torch.equal(earlier[0], later[0])


def test_collated_shapes(sources):
    pairs = [render_pair(np.random.default_rng(seed), sources, SIZE) for seed in range(2)]
    first, second, flow, visible = collate(pairs)
    assert first.shape == second.shape == (2, 3, *SIZE)
    assert first.dtype == torch.uint8
    assert flow.shape == (2, 2, *SIZE)
    assert flow.dtype == torch.float32
    assert visible.shape == (2, *SIZE)
    np.testing.assert_array_equal(flow[1].permute(1, 2, 0), pairs[1].flow)


def test_disturbance_keeps_the_scene():
    frame = ramps(64, 64, 100)
    for seed in range(20):
        first, second = disturb(np.random.default_rng(seed), frame, frame)
        assert first.shape == second.shape == frame.shape
        assert first.dtype == np.uint8
        for channel in range(2):
            red_or_green = second[..., channel].astype(float).ravel(), frame[..., channel].astype(float).ravel()
            assert np.corrcoef(*red_or_green)[0, 1] > 0.85


def test_held_out_pictures_are_not_trained_on(tmp_path):
    write_data(tmp_path)
    training, held_out = load_sources(tmp_path, held_out=False), load_sources(tmp_path, held_out=True)
    assert sorted(int(photo[0, 0, 0]) for photo in training.photos) == [4, 6, 19]
    assert sorted(int(photo[0, 0, 0]) for photo in held_out.photos) == [5, 20]
    assert [path.name for path in davis_sequences(tmp_path, held_out=False)] == ["a"]
    assert [path.name for path in davis_sequences(tmp_path, held_out=True)] == ["b", "c"]
    assert (len(training.cutouts), len(held_out.cutouts)) == (1, 2)


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"annotations\.json.*--data"):
        load_sources(tmp_path, held_out=True)
