"""A video and its tracks in, annotations out: the one path for the window and the command line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from jmpose_core import geometry
from jmpose_core.annotations import Annotation, FloatArray, Origin, Visibility
from jmpose_core.devices import pick_device
from jmpose_core.errors import Cancelled, WeightsError
from jmpose_core.estimation.clip import DELTA, ENLARGE, Segment, cut, segments
from jmpose_core.estimation.evidence import EvidenceMaker
from jmpose_core.estimation.frame_flow import FrameFlow
from jmpose_core.estimation.onnx_engine import speed_up_backbone
from jmpose_core.estimation.options import DEFAULT_OPTIONS, EngineChoice, EstimateOptions, FlowChoice
from jmpose_core.estimation.streaming import CELL, FlowBetween, StreamingNetwork
from jmpose_core.estimation.witness import Look, PeopleInCrops, Witnessed, people_in_crops, witnessed_people
from jmpose_core.fill.evidence import OnEvidence
from jmpose_core.geometry import Affine, Xyxy
from jmpose_core.model import heatmaps
from jmpose_core.model.calibration import confidence_of
from jmpose_core.model.flow import Pair
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.stages import Stage
from jmpose_core.model.systems import pose_network
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.video import Video
from jmpose_core.weights.files import WeightsCard, read_weights

CHUNK_FRAMES: Final = 24  # frames of video whose segments are worked on together
_VISIBLE_FROM: Final = 0.4  # probability: above, the joint is seen; below, it is guessed and shown as occluded
_PRESENT_FROM: Final = 0.15  # below, the model has no idea: absent
_SCORED_FROM: Final = 0.25  # joints that count in a person's score (docs/model.md: a peak of 0.2)
# Track id -> frame index -> labels (15, 3) there: x and y in image pixels, and their weight (fill.carried_labels).
Labels: TypeAlias = Mapping[int, Mapping[int, FloatArray]]
_NO_LABELS: Final[Labels] = {}


class PoseEstimator:
    """JM-Pose or one of its siblings, ready to estimate.

    Args:
        weights: a bundled name or a weights file.
        device: "auto", "cpu" or "cuda".
        reach: supporting frames on either side whose heatmaps are used, where the weights align them; None for as
            many as the weights' card says.
        flow: how flow is found, in a system that uses it: as the weights do, or by dense inverse search.
        engine: "auto": onnxruntime for the compact backbone on a CPU; "torch" for torch everywhere.

    Raises:
        WeightsError: no such weights, not those of a pose network, or they know no such reach.
    """

    def __init__(
        self,
        weights: str | Path = "jmpose_lite",
        device: str = "auto",
        *,
        reach: int | None = None,
        flow: FlowChoice = "own",
        engine: EngineChoice = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.reach: Final = reach
        self.flow: Final = flow
        state, card = read_weights(weights)
        if reach is not None:
            card = _with_reach(card, reach, place=str(weights))
        self.network: PoseNetwork = pose_network(state, card, place=str(weights))
        if flow == "dis" and self.network.flow is not None:
            self.network.flow = self.network.flow.searching()
        if engine == "auto" and self.device.type == "cpu":
            speed_up_backbone(self.network)
        self.streaming = StreamingNetwork(self.network, self.device)
        self._confidence: dict[Stage, nn.Module] = {
            stage: confidence_of(state, stage, place=str(weights)).to(self.device) for stage in ("initial", "refined")
        }
        self._evidence = EvidenceMaker()
        self.source = Path(weights).stem if isinstance(weights, Path) else str(weights)

    def estimate(
        self,
        video: Video,
        tracks: Mapping[int, Mapping[int, Xyxy]],
        *,
        frames: range | None = None,
        options: EstimateOptions = DEFAULT_OPTIONS,
        look: Look | None = None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
        on_evidence: OnEvidence | None = None,
        labels: Labels = _NO_LABELS,
    ) -> Iterator[Annotation]:
        """Estimate every box of every track, in the order of frames, a chunk of video at a time.

        Boxes on damaged frames give nothing; supporting frames that are damaged are taken from their neighbours.

        Args:
            tracks: track id -> frame index -> box in image pixels.
            frames: only the boxes of these frames are estimated; those beside them say where supporting frames
                are cropped. None for every box.
            options: their reach must be the estimator's own, or None; of the refined stage, their flow too.
            look: what the person detector sees in a frame, from which the network is told whose joints are meant;
                None, or options without a witness: from the boxes alone.
            on_progress: called with the boxes done and their total.
            should_stop: asked between passes.
            on_evidence: called with each annotation, before it is yielded, and what a fill needs to know of it.
            labels: an annotator's, which the refined stage heeds in the frames beside them.

        Raises:
            Cancelled: should_stop returned true; what was yielded before is whole.
            ValueError: the estimator was made for another reach or another flow.
        """
        if options.reach not in (None, self.reach):
            raise ValueError(f"options with a reach of {options.reach} for an estimator with {self.reach}")
        if options.stage == "refined" and options.flow != self.flow:
            raise ValueError(f"options with flow {options.flow!r} for an estimator with {self.flow!r}")
        stage = options.stage
        keys = {
            track_id: [frame for frame in sorted(boxes) if frames is None or frame in frames]
            for track_id, boxes in sorted(tracks.items())
        }
        total = sum(len(own) for own in keys.values())
        done = 0
        shared = self._frame_flow() if options.frame_flow and stage == "refined" else None
        for first, last in _chunks(sorted({frame for own in keys.values() for frame in own})):
            work = [
                segment
                for track_id, own in keys.items()
                for segment in segments(
                    track_id,
                    tracks[track_id],
                    [frame for frame in own if first <= frame < last],
                    video.frame_count,
                    self.network.crop_size,
                    exact=options.exact,
                    delta=0 if stage == "initial" else self.network.delta,
                )
            ]
            if shared is not None:
                shared.forget_before(first - self.network.delta)
            people: list[Annotation] = []
            watch = look if options.witness else None
            for segment, crops, seen in _crops(video, work, self.network.crop_size, shared, watch):
                if should_stop():
                    raise Cancelled("stopped; the people found until then are kept")
                maps = self.streaming.heatmaps(
                    crops,
                    stage,
                    windows=segment.windows,
                    crops_from_image=segment.crops_from_image,
                    flow_between=self._carried(shared, segment),
                    people=self.in_crops(seen, segment.boxes, segment.crops_from_image),
                    labels=_in_frames(labels.get(segment.track_id, {}), segment.frames),
                )
                own = list(self._annotations(segment, maps.wanted, stage, video))
                if on_evidence is not None:
                    for person, seen_of_it in zip(own, self._evidence.of_segment(segment, crops, maps), strict=True):
                        if person.frame_index not in video.damaged_frames:
                            on_evidence(person, seen_of_it)
                people.extend(own)
                done += len(segment.key_frames)
                on_progress(done, total)
            sound = (person for person in people if person.frame_index not in video.damaged_frames)
            yield from sorted(sound, key=lambda person: (person.frame_index, person.track_id))

    def in_crops(
        self, seen: Sequence[Witnessed], boxes: npt.NDArray[np.float64], crops_from_image: npt.NDArray[np.float64]
    ) -> PeopleInCrops | None:
        """What is witnessed of a person in crops, whose boxes (F, 4) lie in crops (F, 2, 3); None for nothing."""
        if not seen:
            return None
        return people_in_crops(seen, boxes, crops_from_image, geometry.scaled(1 / CELL), self.device)

    def still(self, image_rgb: npt.NDArray[np.uint8], bbox_xyxy: Xyxy) -> npt.NDArray[np.float64]:
        """Joints (15, 2) in image pixels of one person in an unrelated image (H, W, 3), by the initial heatmaps.

        Raises:
            ValueError: the box has no area.
        """
        size = self.network.crop_size
        crop_from_image = geometry.crop_from_image(bbox_xyxy, size, enlarge=ENLARGE)
        maps = self.streaming.heatmaps(cut(image_rgb, crop_from_image, size)[None], "initial")
        points, _ = self._decoded(maps.wanted, "initial", [crop_from_image])
        return points[0]

    def _frame_flow(self) -> FrameFlow | None:
        return None if self.network.flow is None else FrameFlow(self.network.flow, self.device)

    def _carried(self, shared: FrameFlow | None, segment: Segment) -> FlowBetween | None:
        if shared is None:
            return None

        def between(pairs: Sequence[Pair], key: int) -> Tensor:
            of_frames = [(segment.frames[start], segment.frames[end]) for start, end in pairs]
            return shared.carried(of_frames, segment.crops_from_image[key], self.network.crop_size)

        return between

    def _decoded(
        self, maps: Tensor, stage: Stage, crops_from_image: Sequence[Affine]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Joints (N, 15, 2) in image pixels and their confidence (N, 15) of heatmaps (N, 15, h, w)."""
        cells, _ = heatmaps.decode(maps, blur_sigma=1.0)
        crop_from_heatmap = geometry.scaled(self.network.crop_size[0] / maps.shape[-2])
        points = [
            geometry.apply(geometry.compose(geometry.inverse(crop), crop_from_heatmap), own)
            for crop, own in zip(crops_from_image, cells.double().cpu().numpy(), strict=True)
        ]
        return np.stack(points), self._confidence[stage](maps).double().cpu().numpy()

    def _annotations(self, segment: Segment, maps: Tensor, stage: Stage, video: Video) -> Iterator[Annotation]:
        key_crops = [segment.crops_from_image[window[len(window) // 2]] for window in segment.windows]
        points, confidence = self._decoded(maps, stage, key_crops)
        for index, frame in enumerate(segment.key_frames):
            sure = confidence[index]
            counted = sure[sure > _SCORED_FROM]
            yield Annotation(
                frame_index=frame,
                track_id=segment.track_id,
                bbox_xyxy=segment.bboxes_xyxy[index],
                keypoints=points[index],
                visibility=_visibility(points[index], sure, video.width, video.height),
                confidence=sure,
                origin=np.full(NUM_JOINTS, Origin.PREDICTED, np.uint8),
                score=float(counted.mean()) if len(counted) else 0.0,
                source=self.source,
            )


def _in_frames(labels: Mapping[int, FloatArray], frames: Sequence[int]) -> FloatArray | None:
    """Labels (F, 15, 3) of a track in these frames, weight 0 where there is none; None where there is none at all."""
    if not any(frame in labels for frame in frames):
        return None
    nothing = np.zeros((NUM_JOINTS, 3))
    return np.stack([labels.get(frame, nothing) for frame in frames])


def _with_reach(card: WeightsCard, reach: int, *, place: str) -> WeightsCard:
    if not card.options.get("align"):
        raise WeightsError(f"{place}: {card.variant} does not align supporting frames, so its window cannot be widened")
    if reach < DELTA:
        raise WeightsError(f"{place}: a reach of {reach} is too small; its learnt parts need {DELTA} frames or more")
    return msgspec.structs.replace(card, options={**card.options, "reach": reach})


def _visibility(
    points: npt.NDArray[np.float64], confidence: npt.NDArray[np.float64], width: int, height: int
) -> npt.NDArray[np.uint8]:
    inside = (points >= -0.5).all(axis=1) & (points[:, 0] <= width - 0.5) & (points[:, 1] <= height - 0.5)
    codes = np.full(NUM_JOINTS, Visibility.ABSENT, np.uint8)
    codes[inside & (confidence >= _PRESENT_FROM)] = Visibility.OCCLUDED
    codes[inside & (confidence >= _VISIBLE_FROM)] = Visibility.VISIBLE
    return codes


def _chunks(frames: list[int]) -> Iterator[tuple[int, int]]:
    """Ranges (last excluded) of CHUNK_FRAMES that hold the frames.

    They lie on one grid, so that a video is cut into the same segments wherever
    its estimation begins, and gives the same numbers.
    """
    for place in sorted({frame // CHUNK_FRAMES for frame in frames}):
        yield place * CHUNK_FRAMES, (place + 1) * CHUNK_FRAMES


def _crops(
    video: Video, work: list[Segment], crop_size: tuple[int, int], shared: FrameFlow | None, look: Look | None
) -> Iterator[tuple[Segment, npt.NDArray[np.uint8], list[Witnessed]]]:
    """Each segment with its crops (F, H, W, 3) and what is witnessed of its person in each, where that is looked for.

    Every frame is decoded once, and none is held but what `shared` keeps. In place of a damaged frame stands the
    nearest sound one.
    """
    wanted: dict[int, list[Segment]] = {}
    for segment in work:
        for frame in segment.frames:
            wanted.setdefault(frame, []).append(segment)
    crops: dict[int, list[npt.NDArray[np.uint8]]] = {id(segment): [] for segment in work}
    seen: dict[int, list[Witnessed]] = {id(segment): [] for segment in work}
    for frame in sorted(wanted):
        image = video.nearest_frame(frame)
        if shared is not None:
            shared.see(frame, image)
        boxes = {segment.track_id: _xyxy(segment.boxes[segment.frames.index(frame)]) for segment in wanted[frame]}
        people = witnessed_people(boxes, look(frame, image)) if look is not None else {}
        for segment in wanted[frame]:
            own = crops[id(segment)]
            own.append(cut(image, segment.crops_from_image[len(own)], crop_size))
            if people:
                seen[id(segment)].append(people[segment.track_id])
            if len(own) == len(segment.frames):
                yield segment, np.stack(crops.pop(id(segment))), seen.pop(id(segment))


def _xyxy(box: npt.NDArray[np.float64]) -> Xyxy:
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right, bottom
