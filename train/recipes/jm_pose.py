"""JM-Pose and its siblings as the paper trains them: the refiner, behind a fixed backbone and fixed flow.

    jmpose train POSETRACK... --preset jm-pose --out OUT --init HRNET --init RAFT [--variant NAME] [--resume]

Wu et al., ACM MM 2024, section 4, with its family's published configuration where the paper is
silent (docs/model.md). A single-frame variant goes to stage 0, train.recipes.hrnet, whose result is the
--init of all the others. Leaves VARIANT.safetensors (the epoch of the best mAP on the val split, with
ground-truth boxes), log.jsonl with its charts in report/, and checkpoint.pt.
"""

from typing import Final

import torch

from jmpose_core.devices import as_images, autocast
from jmpose_core.model import heatmaps
from train.loop.training import Loss, Training, decay_groups
from train.objectives.heatmap_losses import heatmap_loss
from train.objectives.of_system import IO_WEIGHTS, InformationObjective
from train.posetrack.dataset import PoseTrackAugmentation
from train.posetrack.epochs import Batch, EpochPlan
from train.posetrack.preset import PoseTrackCommand, PoseTrackResult

PLAN: Final = EpochPlan(
    epochs=20,
    batch=32,  # the paper names none
    at_once=8,
    peak_rate=1e-4,
    drops=(5, 10, 15),
    largest_gradient=1.0,
)
AUGMENTATION: Final = PoseTrackAugmentation()
WEIGHT_DECAY: Final = 0.01  # AdamW's own; the paper names none. On matrices and kernels alone
PROBE_RATE: Final = 1e-3  # of the probes that the estimator vsd learns beside the refiner


def train(command: PoseTrackCommand, plan: EpochPlan = PLAN) -> PoseTrackResult:
    """Train the refiner of the command's variant; the backbone and RAFT stay as they are.

    Raises:
        Cancelled: the command was stopped; resume it.
        JMPoseError: data, weights or checkpoint cannot be used; names place and cure.
    """
    torch.manual_seed(plan.seed)
    network, _ = command.start
    device = network.mean.device
    alpha = 0.0 if "io" in command.without else IO_WEIGHTS[command.estimator]
    objective = InformationObjective(network, command.estimator, alpha)

    def loss_of(batch: Batch) -> Loss:
        crops, cells, weight = (part.to(device, non_blocking=True) for part in batch)
        with autocast(device):
            with torch.no_grad():
                maps = network.maps_of(as_images(crops, device))
            output = network.refiner(maps)
        fit = heatmap_loss(network, output.logits, cells, weight)
        truth = heatmaps.encode(cells, output.refined.shape[-2:], network.heatmap_sigma) * weight[..., None, None]
        information = objective(output, truth)
        return Loss(fit + information.total, {"loss": fit.detach(), **information.parts})

    groups = decay_groups(network.refiner, WEIGHT_DECAY)
    beside = {}
    if objective.probes is not None:
        beside["probes"] = objective.probes
        groups.append({"params": list(objective.probes.parameters()), "weight_decay": 0.0, "rate": PROBE_RATE})
    optimiser = torch.optim.AdamW(groups, lr=plan.peak_rate)
    training = Training(network.refiner, optimiser, plan.schedule, plan.largest_gradient, decay=None, beside=beside)
    return command.learn(training, plan, AUGMENTATION, loss_of)
