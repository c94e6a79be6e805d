"""What two switches of inference are worth: a wider window, and flow of whole frames carried into the crops.

    python -m train.studies.inference --data ../shared/data --teacher runs/teacher [--weights FILE] [--step N]

Nothing is trained. Judged are clips made from held-out people as the refiner's recipe makes them, as labelled ("clean")
and spoilt ("degraded"): PCK@0.2 of the torso, in percent, of the key frames' refined heatmaps.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from jmpose_core.devices import as_images, autocast
from jmpose_core.errors import JMPoseError
from jmpose_core.estimation.frame_flow import FrameFlow
from jmpose_core.estimation.pose_estimator import PoseEstimator
from jmpose_core.estimation.streaming import FlowBetween
from jmpose_core.evaluation.pck import pck
from jmpose_core.model.alignment import aligned
from jmpose_core.model.clip_maps import ClipMaps, Refiner
from jmpose_core.model.heatmap_aggregation import frame_weights, weighted_mean
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.warping import forward_backward_error, warp
from train.lite.refinement import held_out_clips, tensors
from train.people.clips import Clip
from train.people.poses import LabelledPerson, is_validation, read_people

REACHES: Final = (2, 3, 4)
# Height of a crop in the pixels that whole-frame flow sees; flow of the crop itself sees 192.
CROP_HEIGHTS: Final = (192, 128, 96)
_CPU: Final = torch.device("cpu")

Accuracy = dict[str, float]


def reaches(weights: str | Path, people: list[LabelledPerson], *, degraded: bool) -> Accuracy:
    """Each width of the window on the same clips of nine frames."""
    networks = {reach: PoseEstimator(weights, "cpu", reach=reach).network for reach in REACHES}
    widest = networks[max(REACHES)]

    def ways(clip: Clip) -> Iterator[tuple[str, Tensor]]:
        images = as_images(torch.from_numpy(clip.crops)[None], _CPU)
        with autocast(_CPU):
            maps = widest.maps_of(images)
            backward = widest.flow_of(images.flip(1)).flip(1)  # of each pair, from the later frame to the earlier
        yield "initial", maps.key_initial
        for reach, network in networks.items():
            yield f"reach {reach}", _refined(network.refiner, maps)
        for reach in REACHES:
            inner = ClipMaps(maps.initial, flow=torch.cat([_flow_of(maps), backward], dim=1)).middle(2 * reach + 1)
            yield f"reach {reach}, mean alone", weighted_mean(aligned(inner.initial, _flow_of(inner)))
            yield f"reach {reach}, mean alone, frames weighed by flow error too", mean_by_flow_error(inner)

    return _judged(ways, held_out_clips(people, widest.crop_size, degraded=degraded, reach=max(REACHES)))


def mean_by_flow_error(clips: ClipMaps) -> Tensor:
    """The aligned mean with each frame weighed at each cell by how well its chain of flow leads back (docs/model.md).

    Takes the flow of every pair both ways, twice what the aligned mean needs.
    """
    forward, backward = _flow_of(clips).float().chunk(2, dim=1)
    key = clips.initial.shape[1] // 2
    sides = (
        [(backward[:, step], forward[:, step]) for step in reversed(range(key))],  # from the key frame to the past
        [(forward[:, step], backward[:, step]) for step in range(key, 2 * key)],
    )
    weights = frame_weights(2 * key + 1)
    total, mass = weights[key] * clips.key_initial.float(), weights[key]
    for direction, side in zip((-1, 1), sides, strict=True):
        flow = error = torch.zeros_like(forward[:, 0, :1])
        for distance, (there, back) in enumerate(side, 1):
            error = error + warp(forward_backward_error(there, back)[:, None], flow.expand_as(there))
            flow = flow + warp(there, flow.expand_as(there))
            weight = weights[key + distance] * torch.exp(-error)  # e-fold at one cell
            total = total + weight * warp(clips.initial[:, key + direction * distance].float(), flow)
            mass = mass + weight
    return total / mass


def flows(weights: str | Path, people: list[LabelledPerson], *, degraded: bool) -> Accuracy:
    """Flow of the crops beside flow of frames twice as wide and high, seen at several sizes."""
    streaming = PoseEstimator(weights, "cpu").streaming
    network = streaming.network
    height, width = network.crop_size
    margin = (height // 2, width // 2)

    def ways(clip: Clip) -> Iterator[tuple[str, Tensor]]:
        crops = np.ascontiguousarray(clip.crops[:, margin[0] : -margin[0], margin[1] : -margin[1]])
        yield "flow of the crop", streaming.heatmaps(crops, "refined").wanted
        for seen in CROP_HEIGHTS:
            between = _frame_flow(network, clip.crops, margin, long_side=2 * seen)
            yield (
                f"flow of the frame, crop {seen} px high in it",
                streaming.heatmaps(crops, "refined", flow_between=between).wanted,
            )

    return _judged(ways, held_out_clips(people, network.crop_size, degraded=degraded, margin=margin))


def _frame_flow(network: PoseNetwork, frames: np.ndarray, margin: tuple[int, int], *, long_side: int) -> FlowBetween:
    assert network.flow is not None
    shared = FrameFlow(network.flow, _CPU, long_side=long_side)
    for index, frame in enumerate(frames):
        shared.see(index, frame)
    crop_from_frame = np.array([[1.0, 0, -margin[1]], [0, 1.0, -margin[0]]])
    return lambda pairs, key: shared.carried(pairs, crop_from_frame, network.crop_size)


def _flow_of(clips: ClipMaps) -> Tensor:
    assert clips.flow is not None
    return clips.flow


def _refined(refiner: Refiner, maps: ClipMaps) -> Tensor:
    with autocast(_CPU):
        return refiner(maps.for_refiner(refiner)).refined


@torch.inference_mode()
def _judged(ways: Callable[[Clip], Iterator[tuple[str, Tensor]]], clips: Iterator[Clip]) -> Accuracy:
    found: dict[str, list[np.ndarray]] = {}
    truth, labelled = [], []
    for clip in clips:
        for name, maps in ways(clip):
            cells, _ = decode(maps.float(), blur_sigma=1.0)
            found.setdefault(name, []).append(cells[0].numpy())
        _, right, weight = tensors(clip)
        truth.append(right.numpy())
        labelled.append(weight.numpy() > 0.999)
    places, counted = np.stack(truth), np.stack(labelled)
    return {name: 100 * pck(np.stack(cells), places, counted, threshold=0.2).total for name, cells in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="the run of train.recipes.all that holds labels")
    parser.add_argument("--weights", default="jmpose_lite", help="a name or a file of the bundled form")
    parser.add_argument("--step", type=int, default=4, help="every N-th held-out person")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    folders = (arguments.teacher / "lspet", arguments.data / "coco", arguments.teacher / "videos")
    try:
        everybody = [person for folder in folders for person in read_people(folder) if is_validation(person)]
        people = everybody[:: arguments.step]
        report: dict[str, object] = {"people": len(people)}
        for kind in ("clean", "degraded"):
            for measure in (reaches, flows):
                accuracy = measure(arguments.weights, people, degraded=kind == "degraded")
                report[f"{kind}, {measure.__name__}"] = {name: round(value, 2) for name, value in accuracy.items()}
    except JMPoseError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
