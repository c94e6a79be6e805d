"""Everything that learning flow needs, in one small file, for a machine that has the package but not the data.

    python -m train.flow.package --data ../shared/data --out runs/flow_package

Photos and cut-outs to make pairs of, crops of real people over three frames, and held-out pairs to measure on.
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from jmpose_core.drawing import Picture
from jmpose_core.errors import FormatError, JMPoseError
from train.flow.cutouts import Cutout, FlowSources, load_sources
from train.flow.pairs import FlowPair
from train.flow.textures import Textures, photo_squares, textures_of

FILE: Final = "flow_package.npz"
_WEBP_QUALITY: Final = 82
_REAL_QUALITY: Final = 88
_NAMES: Final = ("photos", "cutouts", "alphas", "real", "held_out")


@dataclass(frozen=True, slots=True)
class FlowMaterial:
    """textures: to make pairs of. real: (N, 3, 3, H, W) uint8, N people over three frames. held_out: to measure on."""

    textures: Textures
    real: Tensor
    held_out: list[FlowPair]


def write_package(
    folder: Path, sources: FlowSources, real: Sequence[Sequence[Picture]], held_out: Sequence[FlowPair]
) -> Path:
    """Write the file; pictures lossily, but those of the held-out pairs."""
    squares = [square for photo in sources.photos for square in photo_squares(photo)]
    packed = {
        "photos": [_encoded(square, _WEBP_QUALITY) for square in squares],
        "cutouts": [_encoded(cutout.picture, _WEBP_QUALITY) for cutout in sources.cutouts],
        "alphas": [_encoded(cutout.alpha, None) for cutout in sources.cutouts],
        "real": [_encoded(np.concatenate(list(frames)), _REAL_QUALITY) for frames in real],
        "held_out": [_encoded(np.concatenate([pair.first, pair.second]), None) for pair in held_out],
    }
    arrays: dict[str, npt.NDArray] = {}
    for name, files in packed.items():
        arrays[name] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"{name}_sizes"] = np.array([len(file) for file in files])
    arrays["flows"] = np.stack([pair.flow for pair in held_out]).astype(np.float16)
    arrays["visible"] = np.packbits(np.stack([pair.visible for pair in held_out]), axis=-1)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / FILE, allow_pickle=False, **arrays)
    return folder / FILE


def read_package(folder: Path) -> FlowMaterial:
    """Decode the file.

    Raises:
        FormatError: missing, torn, or another program's.
    """
    try:
        with np.load(folder / FILE) as arrays:
            pictures = {name: list(_decoded(arrays[name], arrays[f"{name}_sizes"])) for name in _NAMES}
            flows, visible = arrays["flows"].astype(np.float32), arrays["visible"]
    except (OSError, KeyError, ValueError) as error:
        raise FormatError(f"{folder / FILE}: not a package of train.flow.package ({error}); make it again") from error
    cutouts = [Cutout(rgb, alpha[..., 0]) for rgb, alpha in zip(pictures["cutouts"], pictures["alphas"], strict=True)]
    real = np.stack([np.stack(np.split(frames, 3)) for frames in pictures["real"]])
    held_out = []
    for both, flow, seen in zip(pictures["held_out"], flows, visible, strict=True):
        first, second = np.split(both, 2)
        mask = np.unpackbits(seen, axis=-1, count=flow.shape[1]).astype(bool)
        held_out.append(FlowPair(first, second, flow, mask))
    return FlowMaterial(
        textures_of(FlowSources(tuple(pictures["photos"]), tuple(cutouts))),
        torch.from_numpy(real).permute(0, 1, 4, 2, 3).contiguous(),
        held_out,
    )


def load_material(data: Path, *, people: int = 420, pairs: int = 32) -> FlowMaterial:
    """The same from the data folder itself, its pictures as they are.

    Args:
        people: real people over three frames, at most.
        pairs: held-out pairs.

    Raises:
        FormatError: a picture or annotation is missing or broken.
    """
    from train.flow.flow_errors import held_out_pairs  # here and below: what a machine without the data lacks
    from train.flow.people import real_people

    real = np.stack([np.stack(frames) for frames in real_people(data, count=people)])
    return FlowMaterial(
        textures_of(load_sources(data, held_out=False)),
        torch.from_numpy(real).permute(0, 1, 4, 2, 3).contiguous(),
        held_out_pairs(load_sources(data, held_out=True), pairs),
    )


def _encoded(picture: npt.NDArray[np.uint8], quality: int | None) -> bytes:
    """WebP at a quality, or PNG, which loses nothing."""
    bgr = picture if picture.ndim == 2 else picture[..., ::-1]
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9] if quality is None else [cv2.IMWRITE_WEBP_QUALITY, quality]
    _, file = cv2.imencode(".png" if quality is None else ".webp", np.ascontiguousarray(bgr), options)
    return file.tobytes()


def _decoded(files: npt.NDArray[np.uint8], sizes: npt.NDArray) -> Iterator[Picture]:
    stream = io.BytesIO(files.tobytes())
    for size in sizes:
        picture = cv2.imdecode(np.frombuffer(stream.read(int(size)), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("a picture in it cannot be decoded")
        yield np.ascontiguousarray(picture[..., ::-1], np.uint8)


def main() -> None:
    from train.flow.flow_errors import held_out_pairs
    from train.flow.people import real_people

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet/, coco/, flow/ and videos/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the file")
    parser.add_argument("--photos", type=int, default=760, help="at most so many, evenly picked")
    parser.add_argument("--people", type=int, default=420, help="real people over three frames, at most")
    parser.add_argument("--pairs", type=int, default=12, help="held-out pairs")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    try:
        sources = load_sources(arguments.data, held_out=False)
        step = max(1, -(-len(sources.photos) // arguments.photos))
        chosen = FlowSources(sources.photos[::step], sources.cutouts)
        real = real_people(arguments.data, count=arguments.people)
        pairs = held_out_pairs(load_sources(arguments.data, held_out=True), arguments.pairs)
        path = write_package(arguments.out, chosen, real, pairs)
    except JMPoseError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
