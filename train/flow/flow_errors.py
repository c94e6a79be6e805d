"""How good a flow is: exact error on held-out synthetic pairs and on FlyingChairs', warping error on real people.

Beside OpenCV's dense inverse search, medium and fine, and no motion at all:

    python -m train.flow.flow_errors --weights jmpose_lite --data ../shared/data
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch

from jmpose_core.drawing import Picture
from jmpose_core.geometry import Affine, crop_from_image
from jmpose_core.model.dense_inverse_search import DenseInverseSearch
from jmpose_core.model.flow import Flow
from jmpose_core.model.systems import load_pose_network
from train.flow.cutouts import FlowSources, davis_sequences, load_sources, read_davis_mask
from train.flow.layer_motion import sampled
from train.flow.pairs import FlowPair, render_pair
from train.people.pictures import read_picture

FlowMethod: TypeAlias = Callable[[Picture, Picture], npt.NDArray[np.float32]]  # two crops -> (H, W, 2) pixels

EVALUATION_SIZE: Final = (192, 144)  # height, width: jmpose_lite's flow size
PAIRS: Final = 200
_LARGE_MOTION: Final = 8.0  # pixels
_SEED: Final = 20_240_521
_DAVIS_FRAME_STEP: Final = 2


def dis_method(*, fine: bool = False) -> FlowMethod:
    """Dense inverse search (Kroeger et al., ECCV 2016), OpenCV's medium preset or down to single pixels."""
    search = DenseInverseSearch(fine=fine)

    def estimate(first: Picture, second: Picture) -> npt.NDArray[np.float32]:
        return search(*(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (first, second)))

    return estimate


def flow_method(flow: Flow) -> FlowMethod:
    """The flow of a pose network, in float32, at the pictures' size, which is filled up to what it takes."""

    def estimate(first: Picture, second: Picture) -> npt.NDArray[np.float32]:
        height, width = first.shape[:2]
        margin = ((0, -height % flow.multiple), (0, -width % flow.multiple), (0, 0))
        images = [
            torch.from_numpy(np.pad(picture, margin, mode="edge")).permute(2, 0, 1)[None].float() / 255
            for picture in (first, second)
        ]
        return flow.at_own_size(*images)[0, :, :height, :width].permute(1, 2, 0).numpy()

    return estimate


def zero_method(first: Picture, second: Picture) -> npt.NDArray[np.float32]:
    """Nothing moves: what any method has to beat."""
    return np.zeros((*first.shape[:2], 2), np.float32)


def held_out_pairs(sources: FlowSources, count: int) -> list[FlowPair]:
    """The same synthetic pairs in every run; `sources` are the held-out ones."""
    return [render_pair(np.random.default_rng((_SEED, n)), sources, EVALUATION_SIZE) for n in range(count)]


def endpoint_errors(method: FlowMethod, pairs: list[FlowPair]) -> dict[str, float]:
    """Mean distance to the exact flow, pixels at 192x144: everywhere, where visible, and of large motion (visible)."""
    errors, lengths, seen = [], [], []
    for pair in pairs:
        errors.append(np.linalg.norm(method(pair.first, pair.second) - pair.flow, axis=-1))
        lengths.append(np.linalg.norm(pair.flow, axis=-1))
        seen.append(pair.visible)
    error, length, visible = np.stack(errors), np.stack(lengths), np.stack(seen)
    large = visible & (length > _LARGE_MOTION)
    return {
        "epe_all": round(float(error.mean()), 3),
        "epe_visible": round(float(error[visible].mean()), 3),
        "epe_visible_large": round(float(error[large].mean()), 3),
        "share_over_3px": round(float((error[visible] > 3).mean()), 4),
    }


def davis_pairs(data: Path, frame_distance: int) -> Iterator[tuple[Picture, Picture, npt.NDArray[np.bool_]]]:
    """Crops of the held-out DAVIS people `frame_distance` frames apart, and the person's mask in the first."""
    for sequence in davis_sequences(data, held_out=True):
        frames = sorted(sequence.glob("*.jpg"))
        for first, second in list(zip(frames, frames[frame_distance:], strict=False))[::_DAVIS_FRAME_STEP]:
            mask = read_davis_mask(first)
            left, top, box_width, box_height = cv2.boundingRect(mask)
            if min(box_width, box_height) < 16:
                continue
            affine = crop_from_image((left, top, left + box_width, top + box_height), EVALUATION_SIZE)
            crops = [_crop(read_picture(path), affine) for path in (first, second)]
            yield crops[0], crops[1], _crop(mask, affine) > 127


def warping_error(method: FlowMethod, data: Path, frame_distance: int) -> float:
    """Mean difference (0..255) inside the person between the first crop and the second drawn back by the flow."""
    grid = np.stack(np.meshgrid(np.arange(EVALUATION_SIZE[1]), np.arange(EVALUATION_SIZE[0])), -1).astype(np.float32)
    differences = []
    for first, second, mask in davis_pairs(data, frame_distance):
        places = grid + method(first, second)
        warped = sampled(second, places, cv2.BORDER_REPLICATE)
        differences.append(float(np.abs(warped.astype(np.int16) - first)[mask].mean()))
    return round(float(np.mean(differences)), 3)


def true_pair_error(method: FlowMethod, data: Path) -> float:
    """Mean end-point error on FlyingChairs' pairs, halved to 256x192, in pixels of that size."""
    errors = []
    for folder in sorted((data / "flow/true_pairs").iterdir()):
        flow = _halved(_read_flo(folder / "flow.flo")) / 2
        first, second = (_halved(read_picture(folder / f"frame{number}.png")) for number in (1, 2))
        errors.append(float(np.linalg.norm(method(first, second) - flow, axis=-1).mean()))
    return round(float(np.mean(errors)), 3)


def evaluate(method: FlowMethod, data: Path, sources: FlowSources, *, pairs: int) -> dict[str, dict[str, float]]:
    """All figures of the method, of dense inverse search and of no motion."""
    synthetic = held_out_pairs(sources, pairs)
    methods: dict[str, FlowMethod] = {
        "learnt": method,
        "dis": dis_method(),
        "dis_fine": dis_method(fine=True),
        "zero": zero_method,
    }
    report: dict[str, dict[str, float]] = {}
    for name, method in methods.items():
        figures = endpoint_errors(method, synthetic)
        for distance in (1, 2):
            figures[f"davis_warping_error_{distance}"] = warping_error(method, data, distance)
        figures["true_pairs_epe"] = true_pair_error(method, data)
        report[name] = figures
    return report


def _read_flo(path: Path) -> npt.NDArray[np.float32]:
    """Middlebury's .flo: (H, W, 2)."""
    file = path.read_bytes()
    width, height = np.frombuffer(file[4:12], np.int32)
    return np.frombuffer(file[12:], np.float32).reshape(height, width, 2)


def _halved(picture: npt.NDArray) -> npt.NDArray:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), picture.dtype)


def _crop(picture: npt.NDArray[np.uint8], affine: Affine) -> npt.NDArray[np.uint8]:
    return cv2.warpAffine(picture, affine, EVALUATION_SIZE[::-1]).astype(np.uint8, copy=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors of a network's flow beside dense inverse search.")
    parser.add_argument("--weights", default="jmpose_lite", help="a name or a file of a pose network with flow")
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet/, coco/ and flow/")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"synthetic pairs ({PAIRS})")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    flow = load_pose_network(arguments.weights).flow
    if flow is None:
        sys.exit(f"{arguments.weights}: a network without flow; name one of jmpose's")
    sources = load_sources(arguments.data, held_out=True)
    report = evaluate(flow_method(flow), arguments.data, sources, pairs=arguments.pairs)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
