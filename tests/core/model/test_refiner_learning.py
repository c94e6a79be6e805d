"""The refiner learns something that holds on clips it never saw, and squared error leaves the plateau of empty maps."""

import torch

from jmpose_core.model.alignment import aligned
from jmpose_core.model.clip_maps import ClipMaps
from jmpose_core.model.heatmap_aggregation import weighted_mean
from jmpose_core.model.heatmaps import decode, encode
from jmpose_core.model.jmpose import BUNDLED, jmpose_w48_refiner
from jmpose_core.skeleton import NUM_JOINTS
from tests.builders.family import SMALL, SMALL_FEATURES, SMALL_PAPER
from train.objectives.heatmap_losses import heatmap_l2, spatial_cross_entropy

SIZE = (16, 12)
SIGMA = 1.5


def _clips_of_a_passing_fault(count, generator):
    """Joints that move with a known flow. In three of five frames something else draws the maps, which are blunter."""
    height, width = SIZE
    reach = torch.tensor([width - 5.0, height - 5.0])
    places = torch.rand(count, NUM_JOINTS, 2, generator=generator) * reach + 2
    astray = torch.rand(count, NUM_JOINTS, 2, generator=generator) * reach + 2
    speed = torch.randn(count, 1, 2, generator=generator) * 0.4
    moves = torch.arange(-2.0, 3)[None, :, None, None] * speed[:, None]
    bad = (torch.rand(count, 5, generator=generator).argsort(dim=1) < 3)[:, :, None, None]
    frames = torch.where(bad, astray[:, None], places[:, None]) + moves
    maps = encode(frames, SIZE, SIGMA)
    maps = torch.where(bad[..., None], 0.7 * maps**0.6, maps)
    flow = speed[:, :, :, None, None].expand(-1, 4, -1, *SIZE).contiguous()
    features = torch.zeros(count, 5, SMALL_FEATURES, *SIZE)
    return ClipMaps(maps, (features,), flow), places


def _far(heatmaps, places):
    """Share of joints that are more than a cell off."""
    return float(((decode(heatmaps, blur_sigma=1.0)[0] - places).norm(dim=-1) > 1).float().mean())


def test_it_learns_which_frames_to_believe_and_does_so_on_new_clips():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    refiner = SMALL["jmpose"](**BUNDLED)
    optimiser = torch.optim.AdamW(refiner.parameters(), lr=1e-2)
    weight = torch.ones(8, NUM_JOINTS)
    for _ in range(60):
        clips, places = _clips_of_a_passing_fault(8, generator)
        loss = spatial_cross_entropy(refiner(clips).logits, places, weight, SIGMA)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    clips, places = _clips_of_a_passing_fault(40, torch.Generator().manual_seed(99))
    with torch.no_grad():
        refined = refiner.eval()(clips).refined
    mean = weighted_mean(aligned(clips.initial, clips.flow))
    initial, averaged, learnt = (_far(maps, places) for maps in (clips.key_initial, mean, refined))
    assert initial > 0.3 and averaged > 0.2  # there is something to learn
    assert learnt < 0.8 * averaged


def test_the_papers_head_starts_no_worse_than_empty_maps():
    torch.manual_seed(0)
    refiner = jmpose_w48_refiner().eval()
    generator = torch.Generator().manual_seed(1)
    places = torch.rand(1, NUM_JOINTS, 2, generator=generator) * torch.tensor([47.0, 63.0])
    initial = encode(places[:, None].expand(-1, 5, -1, -1), (64, 48), 3.0)
    with torch.no_grad():
        logits = refiner(ClipMaps(initial, flow=torch.randn(1, 4, 2, 64, 48, generator=generator))).logits
    weight = torch.ones(1, NUM_JOINTS)
    empty = heatmap_l2(torch.zeros_like(logits), places, weight, 3.0)
    assert heatmap_l2(logits, places, weight, 3.0) < 1.1 * empty


def test_squared_error_leaves_the_plateau_of_empty_maps():
    torch.manual_seed(0)
    refiner = SMALL_PAPER["jmpose"]()
    generator = torch.Generator().manual_seed(2)
    clips, places = _clips_of_a_passing_fault(8, generator)
    maps = encode(places, SIZE, SIGMA)
    shown = maps[:, None, :SMALL_FEATURES] * torch.linspace(0.8, 1.2, 5)[:, None, None, None]
    clips = ClipMaps(maps[:, None].expand(-1, 5, -1, -1, -1), (shown, shown), clips.flow)
    weight = torch.ones(8, NUM_JOINTS)
    optimiser = torch.optim.AdamW(refiner.parameters(), lr=1e-2)
    empty = float(heatmap_l2(torch.zeros_like(maps), places, weight, SIGMA))
    losses = []
    for _ in range(80):
        loss = heatmap_l2(refiner(clips).logits, places, weight, SIGMA)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] < 1.2 * empty
    assert min(losses) < 0.8 * empty
