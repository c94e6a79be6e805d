"""Evidence as bytes, and many of them back as arrays: what a person in a frame costs in the cache beside a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core import geometry
from jmpose_core.fill.evidence import GRID, PEAKS, Evidence, Float32Array
from jmpose_core.skeleton import NUM_JOINTS

# Positions are cells of the flow's grid, which spans the crop, in steps of 1/2048 cell: at most 1/10 pixel of a
# person 2,000 pixels tall. Motion is in steps of 1/127 of the largest of its person and direction.
_STEP: Final = 1 / 2048
_ORIGIN: Final = -8.0  # cells left of and above the grid that a position may lie
_LAST: Final = np.iinfo(np.uint16).max
_PLACE: Final = [("xy", "<u2", 2), ("height", "u1")]
_RECORD: Final = np.dtype(
    [
        ("peaks", _PLACE, (NUM_JOINTS, PEAKS)),
        ("initial", _PLACE, NUM_JOINTS),
        ("spread", "<f2", NUM_JOINTS),  # cells of the grid
        ("grid_from_image", "<f8", (2, 3)),
        ("flow_unit", "<f4", 2),  # pixels of one step, forward and backward; 0: there is no such flow
        ("flow", "i1", (2, 2, *GRID)),
    ]
)
BYTES: Final = _RECORD.itemsize


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceArrays:
    """Evidence of N frames of one person, as in `Evidence` with N in front; all zero where there is none."""

    peaks: Float32Array  # (N, 15, PEAKS, 3)
    initial: Float32Array  # (N, 15, 3)
    spread: Float32Array  # (N, 15)
    grid_from_image: npt.NDArray[np.float64]  # (N, 2, 3)
    flow: Float32Array  # (N, 2, 2, *GRID) to the next frame and to the one before
    has_flow: npt.NDArray[np.bool_]  # (N, 2)


def pack(evidence: Evidence) -> bytes:
    """The evidence in BYTES bytes."""
    record = np.zeros((), _RECORD)
    for name in ("peaks", "initial"):
        found = getattr(evidence, name)
        cells = geometry.apply(evidence.grid_from_image, found[..., :2])
        record[name]["xy"] = np.clip(np.rint((cells - _ORIGIN) / _STEP), 0, _LAST)
        record[name]["height"] = np.rint(np.clip(found[..., 2], 0, 1) * 255)
    record["spread"] = evidence.spread * evidence.grid_from_image[0, 0]
    record["grid_from_image"] = evidence.grid_from_image
    flows = ((evidence.forward, evidence.has_forward), (evidence.backward, evidence.has_backward))
    for way, (motion, is_there) in enumerate(flows):
        if is_there:
            unit = max(float(np.abs(motion).max()), 1e-3) / 127
            record["flow_unit"][way] = unit
            record["flow"][way] = np.rint(motion / unit)
    return record.tobytes()


def unpack(packed: Sequence[bytes | None]) -> EvidenceArrays:
    """What was packed for each of N frames; None, or bytes of another version: there is none."""
    sound = [data if data is not None and len(data) == BYTES else b"\0" * BYTES for data in packed]
    records = np.frombuffer(b"".join(sound), _RECORD)
    maps = np.array(records["grid_from_image"])
    units = records["flow_unit"]
    scale = maps[:, 0, 0]
    is_there = scale > 0
    return EvidenceArrays(
        peaks=_placed(records["peaks"], maps),
        initial=_placed(records["initial"], maps),
        spread=(records["spread"] / np.where(is_there, scale, 1)[:, None]).astype(np.float32),
        grid_from_image=maps,
        flow=records["flow"] * units[:, :, None, None, None],
        has_flow=units > 0,
    )


def _placed(places: np.ndarray, grid_from_image: npt.NDArray[np.float64]) -> Float32Array:
    """(N, ..., 3) x, y in the image and height; the maps only scale and shift."""
    shape = (-1, *(1,) * (places.ndim - 1))
    found = np.zeros((*places.shape, 3), np.float32)
    is_there = places["height"] > 0
    for axis in (0, 1):
        scale = grid_from_image[:, axis, axis].reshape(shape)
        cells = places["xy"][..., axis] * _STEP + _ORIGIN
        image = (cells - grid_from_image[:, axis, 2].reshape(shape)) / np.where(scale > 0, scale, 1)
        found[..., axis] = np.where(is_there, image, 0)
    found[..., 2] = places["height"] / np.float32(255)
    return found
