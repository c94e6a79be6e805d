"""Pictures of what a network learns from and of what it says, for a training's report."""

from collections.abc import Iterable, Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.colouring import flow_rgb, longest_flow
from jmpose_core.drawing import Picture, contact_sheet, draw_people, in_a_row
from jmpose_core.estimation.detection import PersonDetector
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.network import PoseNetwork
from train.crowds.batches import CrowdBatch
from train.detector.batches import DetectorBatches
from train.flow.flow_errors import FlowMethod
from train.flow.pairs import FlowPair
from train.people.cached_clips import encode
from train.people.clips import Clip

COLUMNS: Final = 6
_WIDTH: Final = 240  # of a sample, pixels
_LARGE: Final = 400  # of a whole picture
_ENLARGED: Final = 2  # crops, so that the lines do not hide what they mark

Joints = npt.NDArray[np.floating]


def labelled_crops(batch: CrowdBatch, *, count: int = 12) -> Picture:
    """The first crops of a batch with the labelled joints of the person that each is made for."""
    joints = 4 * batch.cells + 1.5
    return _crops(batch, joints, batch.weight > 0, count)


@torch.inference_mode()
def predicted_crops(network: nn.Module, batch: CrowdBatch, *, count: int = 12) -> Picture:
    """The first crops of a batch with all the joints that a backbone finds with the batch's person priors."""
    output = network(batch.images[:count], batch.prior[:count])
    cells, _ = decode(output.heatmaps, blur_sigma=1.0)
    return _crops(batch, 4 * cells + 1.5, torch.ones_like(cells[..., 0], dtype=torch.bool), count)


def _crops(batch: CrowdBatch, joints: Tensor, shown: Tensor, count: int) -> Picture:
    pictures = ((batch.images[:count] + 1) * 127.5).clamp(0, 255).byte().movedim(1, -1).cpu().numpy()
    drawn = [
        ("", skeleton_over(picture, where, seen))
        for picture, where, seen in zip(pictures, joints.cpu().numpy(), shown.cpu().numpy(), strict=False)
    ]
    return contact_sheet(drawn, columns=COLUMNS, width=_WIDTH)


def labelled_pictures(batches: DetectorBatches, *, count: int = 9) -> Picture:
    """Pictures of the first batch with their people's boxes."""
    pictures, targets = batches[0]
    shown = []
    for picture, people, weights in zip(pictures[:count], targets.people, targets.weights, strict=False):
        shown.append(("", boxes_over(picture.numpy(), people[weights > 0].tolist())))
    return contact_sheet(shown, columns=3, width=_LARGE)


def detected_people(detector: PersonDetector, pictures: Sequence[Picture], *, count: int = 9) -> Picture:
    """Held-out pictures, evenly picked, with the boxes that the detector is sure of; each padded to a square."""
    shown = []
    for picture in evenly(pictures, count):
        found = detector.detect(picture)
        sure = found.bboxes_xyxy[found.scores >= detector.sure_score]
        square, factor = _squared(picture, _LARGE)
        shown.append((f"{len(sure)} found", boxes_over(square, (factor * sure).tolist())))
    return contact_sheet(shown, columns=3, width=_LARGE)


def flow_rows(method: FlowMethod, pairs: Sequence[FlowPair], *, count: int = 4) -> Picture:
    """Held-out pairs, each in a row: both frames, the exact flow and the network's, in the colours of the exact."""
    rows = []
    for pair in pairs[:count]:
        exact = pair.flow.transpose(2, 0, 1)
        longest = longest_flow(exact)
        found = method(pair.first, pair.second).transpose(2, 0, 1)
        titled = [
            ("first frame", pair.first),
            ("second frame", pair.second),
            ("exact flow", flow_rgb(exact, longest=longest)),
            ("found flow", flow_rgb(found, longest=longest)),
        ]
        rows.append(in_a_row([(title, _enlarged(picture)) for title, picture in titled]))
    return np.concatenate(rows)


@torch.inference_mode()
def refined_people(network: PoseNetwork, clips: Sequence[Clip]) -> Picture:
    """Key frames of clips, each twice: with the joints of the initial and of the refined heatmaps."""
    shown = []
    for clip in clips:
        crops, cells, weight = (torch.from_numpy(part)[None] for part in (clip.crops, clip.keypoints, clip.weight))
        maps = encode(network, crops, cells, weight).maps.to(torch.device("cpu"), torch.float32)
        for name, found in (("initial", maps.key_initial), ("refined", network.refiner(maps).refined)):
            joints, _ = decode(found, blur_sigma=1.0)
            key_frame = clip.crops[len(clip.crops) // 2]
            shown.append((name, skeleton_over(key_frame, 4 * joints[0].numpy(), np.ones(len(joints[0]), bool))))
    return contact_sheet(shown, columns=COLUMNS, width=_WIDTH)


def skeleton_over(crop: Picture, joints_in_crop: Joints, shown: npt.NDArray[np.bool_]) -> Picture:
    """A crop (H, W, 3), enlarged, with the joints (15, 2) that are `shown` (15,)."""
    joints = _ENLARGED * joints_in_crop.astype(np.float64) + (_ENLARGED - 1) / 2
    outside = (1e4, 1e4, 1e4, 1e4)  # the crop is the person's box: there is none to draw
    visibility = np.where(shown, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8)
    return draw_people(_enlarged(crop), [Annotation(0, 0, outside, joints, visibility)])


def boxes_over(picture: Picture, bboxes_xyxy: Iterable[Sequence[float]]) -> Picture:
    """A picture with numbered boxes."""
    people = [Annotation(0, number, (x0, y0, x1, y1)) for number, (x0, y0, x1, y1) in enumerate(bboxes_xyxy, start=1)]
    return draw_people(picture, people)


def evenly(items: Sequence, count: int) -> list:
    """`count` of the items at even distances, or all where there are fewer."""
    return [items[int(index)] for index in np.linspace(0, len(items) - 1, min(count, len(items)))]


def _enlarged(picture: Picture) -> Picture:
    size = (_ENLARGED * picture.shape[1], _ENLARGED * picture.shape[0])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _squared(picture: Picture, side: int) -> tuple[Picture, float]:
    """The picture in the upper left of a black square, and by how much it was scaled."""
    factor = side / max(picture.shape[:2])
    scaled = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    square = np.zeros((side, side, 3), np.uint8)
    square[: scaled.shape[0], : scaled.shape[1]] = scaled
    return square, factor
