"""Stage 0: a backbone on single PoseTrack frames, before JM-Pose's refiner is trained behind it.

    jmpose train POSETRACK... --preset jm-pose --variant hrnet_w48 --out OUT --init HRNET

HRNet's COCO checkpoints know neither head_top nor head_bottom, so a refiner behind one never sees
them. The schedule is MMPose's for PoseTrack18 (td-hm_hrnet-w48_8xb64-20e_posetrack18-384x288; docs/model.md).
Leaves VARIANT.safetensors, the --init of all variants with that backbone.
"""

from typing import Final

import torch

from jmpose_core.devices import as_images, autocast
from train.loop.training import Loss, Training
from train.objectives.heatmap_losses import heatmap_loss
from train.posetrack.dataset import PoseTrackAugmentation
from train.posetrack.epochs import Batch, EpochPlan
from train.posetrack.preset import PoseTrackCommand, PoseTrackResult

PLAN: Final = EpochPlan(
    epochs=20,
    batch=512,  # eight times 64
    at_once=64,
    peak_rate=5e-4,
    drops=(10, 15),
    largest_gradient=float("inf"),
)
AUGMENTATION: Final = PoseTrackAugmentation()


def train(command: PoseTrackCommand, plan: EpochPlan = PLAN) -> PoseTrackResult:
    """Train the backbone of the command's single-frame variant, batch statistics included.

    Raises:
        Cancelled: the command was stopped; resume it.
        JMPoseError: data, weights or checkpoint cannot be used; names place and cure.
    """
    torch.manual_seed(plan.seed)
    network, _ = command.start
    device = network.mean.device
    backbone = network.backbone.requires_grad_(True)

    def loss_of(batch: Batch) -> Loss:
        crops, cells, weight = (part.to(device, non_blocking=True) for part in batch)
        with autocast(device):
            output = network.of_frames(as_images(crops, device)[:, 0])
        loss = heatmap_loss(network, output.logits, cells, weight)
        return Loss(loss, {"loss": loss.detach()})

    optimiser = torch.optim.Adam(backbone.parameters(), lr=plan.peak_rate)
    training = Training(backbone, optimiser, plan.schedule, plan.largest_gradient, decay=None)
    return command.learn(training, plan, AUGMENTATION, loss_of)
