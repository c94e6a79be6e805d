"""The MoveNet teachers: MultiPose for boxes, Thunder for one person's joints (onnxruntime, at training time only)."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from jmpose_core import geometry
from jmpose_core.errors import WeightsError

FloatArray = npt.NDArray[np.float64]


class MultiPose:
    """Boxes of at most six people in a picture.

    Raises:
        WeightsError: onnxruntime is not installed, or the model is not where it should be.
    """

    def __init__(self, model: Path, *, longest_side: int = 512, threads: int = 1) -> None:
        self._run = _session(model, threads)
        self.longest_side = longest_side

    def people(self, padded_rgb: npt.NDArray[np.uint8]) -> FloatArray:
        """The model's own answer (6, 56) for a picture whose sides are multiples of 32."""
        return self._run(padded_rgb[None].astype(np.int32))[0]

    def boxes(self, frame_rgb: npt.NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        """Boxes xyxy (6, 4) in pixels of the frame and scores (6,), best first."""
        people, (columns, rows), scale = self._found(frame_rgb)
        height, width = frame_rgb.shape[:2]
        boxes = people[:, [52, 51, 54, 53]] * np.array([columns, rows, columns, rows]) / scale
        return np.clip(boxes, 0, [width, height, width, height]), people[:, 55]

    def poses(self, frame_rgb: npt.NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        """The 17 COCO joints (6, 17, 3) as x, y in pixels of the frame and score, and boxes (6, 4), best first."""
        people, (columns, rows), scale = self._found(frame_rgb)
        y_x_score = people[:, :51].reshape(-1, 17, 3)
        points = y_x_score[..., [1, 0]] * [columns, rows] / scale - 0.5
        return np.concatenate([points, y_x_score[..., 2:]], axis=2), people[:, [52, 51, 54, 53]] * [
            columns,
            rows,
            columns,
            rows,
        ] / scale

    def _found(self, frame_rgb: npt.NDArray[np.uint8]) -> tuple[FloatArray, tuple[int, int], float]:
        """People (6, 56), best first; columns and rows of the padded picture, and how far the frame was shrunk."""
        height, width = frame_rgb.shape[:2]
        scale = self.longest_side / max(height, width)
        resized = cv2.resize(frame_rgb, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        rows, columns = (-(-side // 32) * 32 for side in resized.shape[:2])
        padded = np.zeros((rows, columns, 3), np.uint8)
        padded[: resized.shape[0], : resized.shape[1]] = resized
        people = self.people(padded)
        return people[np.argsort(-people[:, 55], kind="stable")], (columns, rows), scale


class Thunder:
    """One person's 17 COCO joints in a 256x256 crop about the box.

    Raises:
        WeightsError: onnxruntime is not installed, or the model is not where it should be.
    """

    SIDE = 256

    def __init__(self, model: Path, *, threads: int = 2) -> None:
        self._run = _session(model, threads)

    def pose(self, frame_rgb: npt.NDArray[np.uint8], bbox_xyxy: geometry.Xyxy) -> FloatArray:
        """(17, 3) x, y in pixels of the frame and score, in COCO's order."""
        crop_from_image = geometry.crop_from_image(bbox_xyxy, (self.SIDE, self.SIDE))
        crop = cv2.warpAffine(frame_rgb, crop_from_image, (self.SIDE, self.SIDE))
        y_x_score = self._run(crop[None].astype(np.int32)).reshape(17, 3)
        points = geometry.apply(geometry.inverse(crop_from_image), y_x_score[:, [1, 0]] * self.SIDE - 0.5)
        return np.column_stack([points, y_x_score[:, 2]])


def _session(model: Path, threads: int) -> Callable[[npt.NDArray[np.int32]], FloatArray]:
    if not model.is_file():
        raise WeightsError(f"{model}: no MoveNet model here; name the data folder with --data")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda picture: np.asarray(session.run(None, {name: picture})[0], np.float64)
