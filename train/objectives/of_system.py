"""The information objective of whichever system is trained, weighed as its paper's recipe does."""

from dataclasses import fields, replace
from typing import Any, Final, Literal, get_args

import torch
from torch import Tensor, nn

from jmpose_core.errors import JMPoseError
from jmpose_core.model.clip_maps import Refined
from jmpose_core.model.famipose import FAMIPoseOutput
from jmpose_core.model.hrnet import HRNet
from jmpose_core.model.jmpose import JMPose, JMPoseOutput
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.tdmi import TDMIOutput
from jmpose_core.skeleton import NUM_JOINTS
from train.loop.training import Loss
from train.objectives.family import famipose_coded, famipose_corrected, tdmi_coded, tdmi_corrected
from train.objectives.information import (
    FamilyInformation,
    GaussianInformation,
    VariationalInformation,
    information_orthogonality,
)

EstimatorName = Literal["gauss", "vsd", "family"]
ESTIMATORS: Final[tuple[EstimatorName, ...]] = get_args(EstimatorName)

# alpha of docs/model.md. The coded terms are means over cells, about 1/6912 of a nat each, and weigh 1 as published.
IO_WEIGHTS: Final[dict[EstimatorName, float]] = {"gauss": 1e-4, "vsd": 1e-4, "family": 1.0}


class InformationObjective:
    """JM-Pose's IO objective, or TDMI's or FAMI-Pose's mutual information terms; zero for systems that have none.

    Args:
        network: the system.
        estimator: how information is estimated (train.objectives.information). TDMI and FAMI-Pose know "gauss", their
            terms corrected, and "family", as coded.
        weight: alpha; 0 leaves the objective out of the loss, not out of the log.

    Attributes:
        probes: what "vsd" also learns, with an optimiser of its own.

    Raises:
        JMPoseError: the estimator does not fit the network.
    """

    def __init__(self, network: PoseNetwork, estimator: EstimatorName, weight: float) -> None:
        self.weight = weight
        self.probes: VariationalInformation | None = None
        self._final_layer: nn.Conv2d | None = None
        if estimator == "family":
            self._final_layer = _final_layer(network)
        elif estimator == "vsd":
            channels = _channels(network)
            self.probes = VariationalInformation(channels=channels, joints=NUM_JOINTS).to(network.mean.device)

    def __call__(self, output: Refined, truth: Tensor) -> Loss:
        """What is added to the heatmap loss; its terms, in nats and without weight, for the log.

        Args:
            truth: (B, K, h, w) heatmaps of the label, 0 for a joint that is not labelled.
        """
        with torch.autocast(truth.device.type, enabled=False):  # estimates need single precision
            output, read_out = _single(output), self._final_layer
            match output:
                case JMPoseOutput():
                    return self._io(output)
                case TDMIOutput():
                    terms = tdmi_corrected(output, truth) if read_out is None else tdmi_coded(output, read_out)
                case FAMIPoseOutput():
                    terms = famipose_corrected(output, truth) if read_out is None else famipose_coded(output, read_out)
                case _:
                    return Loss(truth.new_zeros(()), {})
        return Loss(self.weight * terms.total, terms.named)

    def _io(self, output: JMPoseOutput) -> Loss:
        layers = (output.joint_features, output.motion_features)
        if self.probes is not None:
            estimate = self.probes
        elif self._final_layer is not None:
            estimate = FamilyInformation(self._final_layer.weight)
        else:
            estimate = GaussianInformation()
        terms = information_orthogonality(estimate, *layers, output.aggregated)
        total = self.weight * terms.total
        parts = {"relevancy": terms.relevancy, "complement": terms.complement, "redundancy": terms.redundancy}
        if self.probes is not None:
            probing = [self.probes.probe_loss(j, m, output.aggregated) for j, m in zip(*layers, strict=True)]
            parts["probes"] = torch.stack(probing).sum()
            total = total + parts["probes"]  # reaches the probes alone, as the rest reaches all but them
        return Loss(total, {name: part.detach() for name, part in parts.items()})


def _single(output: Any) -> Any:
    """A refiner's output with all its tensors in single precision."""

    def single(value: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        return tuple(part.float() for part in value) if isinstance(value, tuple) else value.float()

    return replace(output, **{field.name: single(getattr(output, field.name)) for field in fields(output)})


def _final_layer(network: PoseNetwork) -> nn.Conv2d:
    """The fixed 1x1 layer from an HRNet's last feature to heatmaps, which reads the refiner's features too."""
    if not isinstance(network.backbone, HRNet):
        raise JMPoseError("the estimator family reads features as an HRNet does; train this variant with gauss or vsd")
    return network.backbone.final_layer


def _channels(network: PoseNetwork) -> int:
    """Of either feature that the IO objective sees."""
    if not isinstance(network.refiner, JMPose) or network.refiner.jmml is None:
        raise JMPoseError("the estimator vsd needs JM-Pose with its mutual learning; train this variant with gauss")
    return network.refiner.channels
