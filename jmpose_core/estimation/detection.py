"""Person boxes of a frame, by the bundled detector or by one of torchvision's."""

import urllib.error
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torchvision
from torch import Tensor, nn

from jmpose_core.devices import as_images, pick_device
from jmpose_core.errors import WeightsError
from jmpose_core.estimation.onnx_engine import OnnxDetector, speed_up_detector
from jmpose_core.estimation.options import EngineChoice
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.model.detector import PersonNet
from jmpose_core.skeleton import JOINTS, NUM_JOINTS
from jmpose_core.tracking import Detections
from jmpose_core.weights.files import load_into, read_weights

Image = npt.NDArray[np.uint8]

SHORTEST_SIDE: Final = 288  # of the bundled detector's input, pixels: 384 x 288 as in training, and wide frames
LONGEST_SIDE: Final = 512  # not smaller for it: what is lost first there is people's height
_MULTIPLE: Final = 32  # coarsest stride of the trunk
_NMS_IOU: Final = 0.5
_MOST: Final = 100  # people in a frame
_PERSON_LABEL: Final = 1  # in torchvision's COCO detectors
DOWNLOADABLE: Final = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "ssdlite320_mobilenet_v3_large",
)

__all__ = ["DOWNLOADABLE", "Detections", "PersonDetector", "normalised", "person_cells"]


class PersonDetector:
    """Finds people in frames.

    Args:
        weights: "detector" (bundled), a file of ours, or a name of DOWNLOADABLE, whose
            weights torchvision fetches on first use.
        device: "auto", "cpu" or "cuda".
        engine: "auto": onnxruntime on a CPU, for the bundled network; "torch" for torch everywhere.

    Raises:
        WeightsError: no such weights, made for another network, or not to be downloaded from here.
        EngineError: a GPU is asked for and there is none.
    """

    def __init__(
        self, weights: str | Path = "detector", device: str = "auto", *, engine: EngineChoice = "auto"
    ) -> None:
        self.device = pick_device(device)
        self._onnx: OnnxDetector | None = None
        if weights in DOWNLOADABLE:
            self._network = _torchvision_detector(str(weights)).to(self.device)
            self._detect: Callable[[Sequence[Image], float], list[Detections]] = self._with_torchvision
            self.sure_score = 0.5
        else:
            self._network, self.sure_score = _bundled_detector(weights)
            self._network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._detect = self._with_person_net
            if engine == "auto" and self.device.type == "cpu":
                self._onnx = speed_up_detector(cast(PersonNet, self._network))

    def detect(self, frame_rgb: Image, *, min_score: float = 0.05) -> Detections:
        """People of one frame (H, W, 3) uint8 RGB, best first, from `min_score` up.

        Their `keypoints` are the witness's, coarse but each person's own (`jmpose_core.model.detector`), of weights
        that have one; head_bottom and head_top have confidence 0.

        Scores from `sure_score` up are people by themselves (about one false box an
        image on COCO); lower ones are for tracking to confirm.
        """
        return self.detect_batch([frame_rgb], min_score=min_score)[0]

    @torch.inference_mode()
    def detect_batch(self, frames_rgb: Sequence[Image], *, min_score: float = 0.05) -> list[Detections]:
        """The same for several frames of one size.

        Raises:
            ValueError: the frames differ in size.
        """
        if len({frame.shape for frame in frames_rgb}) > 1:
            raise ValueError(f"frames of a batch differ in size: {sorted({frame.shape for frame in frames_rgb})}")
        return self._detect(frames_rgb, min_score) if frames_rgb else []

    def _with_person_net(self, frames_rgb: Sequence[Image], min_score: float) -> list[Detections]:
        height, width = frames_rgb[0].shape[:2]
        scale = min(SHORTEST_SIDE / min(height, width), LONGEST_SIDE / max(height, width))
        inputs = normalised(torch.from_numpy(np.stack([_fitted(frame, scale) for frame in frames_rgb])).to(self.device))
        network = cast(PersonNet, self._network)
        if self._onnx is None:
            features = network.decoded(inputs)
            heads = network.heads(features)
        else:
            features, heads = self._onnx(inputs)
        logits, boxes = network.people(*heads)
        found = []
        for own_features, own_logits, own_boxes in zip(features, logits, boxes, strict=True):
            cells, scores = person_cells(own_logits, own_boxes, min_score=min_score)
            kept = own_boxes[cells]
            joints = None if network.witness is None else _in_frame(network.witness(own_features, cells, kept), scale)
            found.append(_detections(_in_frame(kept, scale), scores, height, width, joints))
        return found

    def _with_torchvision(self, frames_rgb: Sequence[Image], min_score: float) -> list[Detections]:
        height, width = frames_rgb[0].shape[:2]
        inputs = [as_images(torch.from_numpy(frame), self.device) for frame in frames_rgb]
        found = []
        for output in self._network(inputs):
            person = (output["labels"] == _PERSON_LABEL) & (output["scores"] >= min_score)
            boxes = output["boxes"][person].cpu().numpy().astype(np.float64) - 0.5
            found.append(_detections(boxes, output["scores"][person], height, width))
        return found


def normalised(frames_rgb: Tensor) -> Tensor:
    """RGB uint8 (B, H, W, 3) -> PersonNet's input (B, 3, H, W) in [-1, 1], channels last in memory."""
    return frames_rgb.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def person_cells(logits: Tensor, boxes: Tensor, *, min_score: float) -> tuple[Tensor, Tensor]:
    """Centre cells (M,) of the people of one picture and their scores (M,), best first.

    Args:
        logits: (N,) of its cells.
        boxes: (N, 4) of its cells.
        min_score: of people.
    """
    scores = logits.sigmoid()
    cells = torch.nonzero(scores >= min_score)[:, 0]
    cells = cells[torchvision.ops.nms(boxes[cells], scores[cells], _NMS_IOU)[:_MOST]]
    return cells, scores[cells]


def _in_frame(places: Tensor, scale: float) -> npt.NDArray[np.float64]:
    """Boxes (M, 4) or joints (M, 17, 3) of the detector's input in pixels of the frame."""
    found = places.cpu().numpy().astype(np.float64)
    sides = 2 if found.ndim == 3 else 4  # a joint's third number is its confidence
    found[..., :sides] = (found[..., :sides] + 0.5) / scale - 0.5
    return found


def _fitted(frame: Image, scale: float) -> Image:
    """The frame at the detector's size, filled up with grey on the right and below."""
    height, width = (max(1, round(side * scale)) for side in frame.shape[:2])
    rows, columns = (-(-side // _MULTIPLE) * _MULTIPLE for side in (height, width))
    fitted = np.full((rows, columns, 3), 128, np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[:height, :width] = cv2.resize(frame, (width, height), interpolation=interpolation)
    return fitted


def _detections(
    boxes: npt.NDArray[np.float64],
    scores: Tensor,
    height: int,
    width: int,
    coco_joints: npt.NDArray[np.float64] | None = None,
) -> Detections:
    within = np.clip(boxes, -0.5, np.array([width, height, width, height]) - 0.5)
    solid = (within[:, 2] - within[:, 0] >= 1) & (within[:, 3] - within[:, 1] >= 1)
    joints = None if coco_joints is None else _our_joints(coco_joints)[solid]
    return Detections(within[solid], scores.cpu().numpy().astype(np.float64)[solid], joints)


def _our_joints(coco: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """COCO's joints (M, 17, 3) as ours (M, 15, 3); head_bottom and head_top, which COCO lacks, with confidence 0."""
    ours = np.zeros((len(coco), NUM_JOINTS, 3))
    for index, name in enumerate(JOINTS):
        if name in COCO17:
            ours[:, index] = coco[:, COCO17.index(name)]
    return ours


def _bundled_detector(weights: str | Path) -> tuple[nn.Module, float]:
    state, card = read_weights(weights)
    if card.variant != "detector":
        raise WeightsError(f"{weights}: weights of {card.variant!r}, not of a person detector; name a detector's file")
    network = PersonNet(joints=any(name.startswith("witness.") for name in state))
    load_into(network, state, place=str(weights))
    return network.eval(), float(card.options.get("sure_score", 0.5))


def _torchvision_detector(name: str) -> nn.Module:
    try:
        return torchvision.models.get_model(name, weights="DEFAULT").eval()
    except (urllib.error.URLError, OSError) as error:
        raise WeightsError(
            f"{name}: its weights could not be downloaded ({error}); use the bundled detector, or put torchvision's "
            f"file into {torch.hub.get_dir()}/checkpoints and try again"
        ) from error
