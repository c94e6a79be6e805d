"""How poses are estimated: chosen by a user, sent to the engine, and read by the estimator. No torch."""

from typing import Final, Literal, TypeAlias

import msgspec

from jmpose_core.model.stages import Stage

FlowChoice: TypeAlias = Literal["own", "dis"]  # the weights' own; OpenCV's dense inverse search
EngineChoice: TypeAlias = Literal["auto", "torch"]  # onnxruntime where it is faster; torch everywhere


class EstimateOptions(msgspec.Struct, frozen=True):
    """The choices of one estimation, whole from the command line or the window to `PoseEstimator.estimate`.

    stage: whose heatmaps are decoded.
    exact: crop each window by its own key frame, as the paper does; slower.
    frame_flow: compute flow once for a pair of frames and carry it into every person's crop, not once a person.
    reach: supporting frames on either side whose heatmaps are used, where the weights align them; None for as
        many as the weights' card says.
    witness: tell the network whose joints are meant, by what the person detector sees of each person.
    flow: how flow is found; "dis" takes a fraction of a learnt flow's time on a CPU.
    """

    stage: Stage = "refined"
    exact: bool = False
    frame_flow: bool = False
    reach: int | None = None
    witness: bool = True
    flow: FlowChoice = "own"


DEFAULT_OPTIONS: Final = EstimateOptions()
