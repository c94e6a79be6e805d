"""Labels given to a refiner, in the heatmaps that it is shown (docs/decisions/evidence.md)."""

from torch import Tensor

from jmpose_core.model.heatmaps import encode


def with_labels(initial: Tensor, places: Tensor, weight: Tensor, *, sigma: float) -> Tensor:
    """Initial heatmaps (B, T, K, h, w) of windows with labels in them.

    In the supporting frames a labelled joint's heatmap becomes the weighted mean of itself and of a Gaussian at the
    label. The key frame's own is kept, unless the label is of this very frame: what the network sees there is
    evidence too.

    Args:
        places: (B, T, K, 2) of the labels in each frame, in cells.
        weight: (B, T, K) of the Gaussians: 1 at a label, less where it was carried to, 0 where there is none.
        sigma: of the Gaussians that the network was trained to, in cells.
    """
    key = weight.shape[1] // 2
    weight = weight.clone()
    weight[:, key] *= weight[:, key] == 1
    share = weight[..., None, None]
    gaussians = encode(places, (initial.shape[-2], initial.shape[-1]), sigma)
    return initial * (1 - share) + gaussians * share
