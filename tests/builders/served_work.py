"""Work for `engine.server.serve` without a network: what tests of the window and of the transport have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from jmpose_core.annotations import Annotation
from jmpose_core.engine.protocol import Predict, Preview, Probe, ProbeResult, Progress, Ready
from jmpose_core.fill.evidence import GRID, PEAKS, Evidence, OnEvidence
from jmpose_core.geometry import compose, crop_from_image, scaled
from jmpose_core.skeleton import NUM_JOINTS

CROP_SIZE = (256, 192)
MAPS = (64, 48)


@dataclass(frozen=True)
class Running:
    """What the server gives a prediction to ask and to report with."""

    on_progress: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    visible_frame: Callable[[], int]
    on_preview: Callable[[Preview], None]
    on_evidence: OnEvidence | None


def evidence_of(person: Annotation) -> Evidence:
    """One peak at each joint, as high as its confidence; all around it moves one pixel a frame to the right."""
    peaks = np.zeros((NUM_JOINTS, PEAKS, 3), np.float32)
    peaks[:, 0, :2], peaks[:, 0, 2] = person.keypoints, person.confidence
    forward = np.stack([np.ones(GRID, np.float32), np.zeros(GRID, np.float32)])
    return Evidence(
        peaks=peaks,
        initial=peaks[:, 0],
        spread=(5 / np.maximum(person.confidence, 0.1)).astype(np.float32),
        grid_from_image=compose(scaled(GRID[0] / CROP_SIZE[0]), crop_from_image(person.bbox_xyxy, CROP_SIZE)),
        forward=forward,
        backward=-forward,
        has_forward=True,
        has_backward=True,
    )


class ServedWork(ABC):
    """What `server.serve` computes with; a subclass says whom it finds and what heatmaps it shows."""

    weights: tuple[str, ...] = ()

    @abstractmethod
    def people(self, request: Predict, running: Running) -> Iterator[Annotation]:
        """The people of a prediction."""

    @abstractmethod
    def heatmaps(self, request: Probe) -> np.ndarray:
        """The refined heatmaps (15, 64, 48) of a probe; the initial ones are half as high."""

    def flow(self, request: Probe) -> np.ndarray | None:
        """The flow (2, 64, 48) of a probe."""
        return np.ones((2, *MAPS), np.float32)

    def ready(self) -> Ready:
        return Ready(device="cpu", weights=list(self.weights))

    def predict(
        self,
        request: Predict,
        *,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        visible_frame: Callable[[], int],
        on_preview: Callable[[Preview], None],
        on_evidence: OnEvidence | None,
    ) -> Iterator[Annotation]:
        return self.people(request, Running(on_progress, should_stop, visible_frame, on_preview, on_evidence))

    def damage_report(self) -> str:
        return ""

    def probe(self, request: Probe) -> ProbeResult:
        refined = self.heatmaps(request)
        assert refined.shape == (NUM_JOINTS, *MAPS)
        return ProbeResult(
            crop_rgb=np.full((*CROP_SIZE, 3), 127, np.uint8),
            initial=refined * np.float32(0.5),
            flow=(flow := self.flow(request)),
            flow_error=None if flow is None else np.full(MAPS, 2.0, np.float32),
            refined=refined,
            crop_from_image=crop_from_image(request.bbox_xyxy, CROP_SIZE),
        )
