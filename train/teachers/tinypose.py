"""PP-TinyPose as a second teacher: better than MoveNet Thunder on upright people (ncnn, at training time only)."""

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch

from jmpose_core import geometry
from jmpose_core.errors import WeightsError
from jmpose_core.model import heatmaps

FloatArray = npt.NDArray[np.float64]


class TinyPose:
    """One person's 17 COCO joints in a 256x192 crop about the box.

    Args:
        model: tinypose_256x192.param; the .bin lies beside it.
        threads: of ncnn.

    Raises:
        WeightsError: ncnn is not installed, or the model is not where it should be.
    """

    CROP: Final = (256, 192)
    _MEAN: Final = np.array([123.675, 116.28, 103.53], np.float32)
    _STD: Final = np.array([58.395, 57.12, 57.375], np.float32)

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        try:
            import ncnn  # type: ignore[import-not-found] - an extra
        except ImportError as error:
            raise WeightsError("the TinyPose teacher needs ncnn: pip install 'jmpose-studio[train]'") from error
        if not model.is_file():
            raise WeightsError(f"{model}: no TinyPose model here; name the data folder with --data")
        self._ncnn: Any = ncnn  # its stubs are not whole
        self._net = self._ncnn.Net()
        self._net.opt.num_threads = threads
        self._net.load_param(str(model))
        self._net.load_model(str(model.with_suffix(".bin")))

    def pose(self, frame_rgb: npt.NDArray[np.uint8], bbox_xyxy: geometry.Xyxy) -> FloatArray:
        """(17, 3) x, y in pixels of the frame and score in 0..1, in COCO's order."""
        height, width = self.CROP
        crop_from_image = geometry.crop_from_image(bbox_xyxy, self.CROP)
        crop = cv2.warpAffine(frame_rgb, crop_from_image, (width, height))
        planes = np.ascontiguousarray(((crop - self._MEAN) / self._STD).transpose(2, 0, 1), np.float32)
        extractor = self._net.create_extractor()
        extractor.input("image", self._ncnn.Mat(planes))
        _, answer = extractor.extract("save_infer_model/scale_0.tmp_1")
        maps = torch.from_numpy(np.array(answer, np.float32)).clamp_min(0)
        cells, peaks = heatmaps.decode(maps, blur_sigma=1.0)
        image_from_cells = geometry.compose(geometry.inverse(crop_from_image), geometry.scaled(4))
        return np.column_stack([geometry.apply(image_from_cells, cells.numpy()), peaks.numpy()])
