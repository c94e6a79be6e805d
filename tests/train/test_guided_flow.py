"""Flow that starts from dense inverse search: what it learns from."""

from concurrent.futures import Future
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from jmpose_core.errors import FormatError
from jmpose_core.model.guided_raft import guided_raft_lite, guided_raft_small
from jmpose_core.model.warping import sampled_at
from train.flow import rendering
from train.flow.batches import StartedBatches, StartedPairs
from train.flow.cutouts import Cutout, FlowSources
from train.flow.losses import known_flow_loss, real_frames_loss, total_of
from train.flow.package import read_package, write_package
from train.flow.pairs import FlowPair
from train.flow.rendering import PairRenderer, Pairs
from train.flow.textures import textures_of

SIZE = (96, 80)


def texture(seed: int, height: int = 260, width: int = 270) -> np.ndarray:
    """Smooth, so that a warped picture can be compared."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 10, width // 10, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def sources() -> FlowSources:
    alpha = np.zeros((120, 60), np.uint8)
    alpha[8:-8, 8:-8] = 255
    return FlowSources((texture(1), texture(2), texture(3)), (Cutout(texture(4, 120, 60), alpha),))


def test_what_is_visible_in_a_rendered_pair_lies_where_the_flow_says(
    sources: FlowSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "disturbed", lambda _, first, second: (first, second))
    pairs = PairRenderer(textures_of(sources), SIZE).render(6, seed=3)
    assert pairs.flow.norm(dim=1).mean() > 1
    first, second = pairs.first.float(), pairs.second.float()
    error = (first - sampled_at(second, pairs.flow)).abs().mean(1)
    assert error[pairs.visible].quantile(0.9) < 6
    assert error[pairs.visible].mean() < 0.3 * (first - second).abs().mean(1)[pairs.visible].mean()
    again = PairRenderer(textures_of(sources), SIZE).render(6, seed=3)
    assert torch.equal(again.first, pairs.first)


def test_batches_are_seen_again_mirrored_while_the_search_lags() -> None:
    class LaggingSearcher:
        """Finds the first group's starts at once and the later ones' never."""

        def __init__(self) -> None:
            self.begun: list[Future[Tensor]] = []

        def begin(self, first: Tensor, second: Tensor) -> list[Future[Tensor]]:
            self.begun.append(Future())
            if len(self.begun) == 1:
                self.begun[0].set_result(torch.ones(len(first), 2, 8, 8))
            return [self.begun[-1]]

    def render(number: int) -> Pairs:
        frames = torch.full((4, 3, 8, 8), number, dtype=torch.uint8)
        return Pairs(frames, frames, torch.ones(4, 2, 8, 8), torch.ones(4, 8, 8, dtype=torch.bool))

    batches = StartedBatches(render, batch=2, searcher=LaggingSearcher(), kept=3)  # type: ignore[arg-type]
    seen = list(islice(batches, 5))
    assert (batches.fresh, batches.repeated) == (2, 3)
    assert all((batch.first == 0).all() for batch in seen)
    assert (seen[0].flow[:, 0] == 1).all()
    assert (seen[4].flow[:, 0] == -1).all()
    assert (seen[4].start[:, 0] == -1).all()
    assert (seen[4].flow[:, 1] == 1).all()


@pytest.mark.parametrize("build", [guided_raft_small, guided_raft_lite])
def test_both_losses_reach_every_parameter(build, sources: FlowSources) -> None:
    torch.manual_seed(0)
    size = (128, 144)
    pairs = PairRenderer(textures_of(sources), size).render(2, seed=1)
    network = build().train()
    torch.nn.init.normal_(network.merge.answer.weight, std=0.1)  # zero at first, and so what lies before it
    started = StartedPairs(pairs.first, pairs.second, pairs.flow, pairs.visible, torch.zeros_like(pairs.flow))
    total_of(known_flow_loss(network, started, 2)).backward()
    assert [name for name, own in network.named_parameters() if own.grad is None] == []
    both = torch.zeros(4, 2, *size)
    real = real_frames_loss(network, pairs.first, pairs.second, both, both, 2)
    real["real"].backward()
    assert real["real"].isfinite()


def test_a_package_gives_back_what_went_in(sources: FlowSources, tmp_path: Path) -> None:
    frames = [texture(seed, 192, 144) for seed in range(3)]
    flow = np.full((192, 144, 2), 1.5, np.float32)
    pair = FlowPair(frames[0], frames[1], flow, np.eye(192, 144, dtype=bool))
    write_package(tmp_path, sources, [frames], [pair])
    material = read_package(tmp_path)
    assert material.textures.photos.shape[1:] == (3, 256, 256)
    assert material.textures.cutouts.shape == (1, 4, 224, 224)
    assert material.textures.extents.tolist() == [[120, 60]]
    assert material.real.shape == (1, 3, 3, 192, 144)
    (held_out,) = material.held_out
    np.testing.assert_array_equal(held_out.first, pair.first)
    np.testing.assert_array_equal(held_out.flow, flow)
    np.testing.assert_array_equal(held_out.visible, pair.visible)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"flow_package\.npz"):
        read_package(tmp_path)
