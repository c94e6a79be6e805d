"""MoveNet MultiPose as a teacher of person boxes (onnxruntime, at training time only)."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.errors import WeightsError

FloatArray = npt.NDArray[np.float64]


class MultiPose:
    """Boxes of at most six people in a picture.

    Raises:
        WeightsError: onnxruntime is not installed, or the model is not where it should be.
    """

    def __init__(self, model: Path, *, longest_side: int = 512, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise WeightsError("the MoveNet teacher needs onnxruntime: pip install 'jmpose-studio[onnx]'") from error
        if not model.is_file():
            raise WeightsError(f"{model}: no MoveNet MultiPose model here; name the data folder with --data")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input_name = self._session.get_inputs()[0].name
        self.longest_side = longest_side

    def boxes(self, frame_rgb: npt.NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
        """Boxes xyxy (6, 4) in pixels of the frame and scores (6,), best first."""
        height, width = frame_rgb.shape[:2]
        scale = self.longest_side / max(height, width)
        resized = cv2.resize(frame_rgb, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        rows, columns = (-(-side // 32) * 32 for side in resized.shape[:2])
        padded = np.zeros((1, rows, columns, 3), np.int32)
        padded[0, : resized.shape[0], : resized.shape[1]] = resized
        people = np.asarray(self._session.run(None, {self._input_name: padded})[0], np.float64)[0]
        people = people[np.argsort(-people[:, 55], kind="stable")]
        boxes = people[:, [52, 51, 54, 53]] * np.array([columns, rows, columns, rows]) / scale
        return np.clip(boxes, 0, [width, height, width, height]), people[:, 55]
