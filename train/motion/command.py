"""JM-Pose's refiner on clips of real and made motion, behind a fixed backbone: the bundled refiner.

    python -m train.motion.command --data DATA --backbone FILE --out OUT --seconds N [--resume] [--alpha A | --share S]

DATA holds jhmdb/ (clips with a label in every frame) and people/ (a pack of python -m train.crowds.packing: stills,
and what the witness saw). Runs where torch, torchvision, OpenCV, scipy and safetensors are alone, on a GPU where there
is one. Leaves in OUT refiner.safetensors (the moving average, in half precision), checkpoint.pt and log.jsonl, whose
lines have the held-out films' figures every 45 seconds.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import torch
from safetensors.torch import load_file
from torch import Tensor

from jmpose_core.devices import pick_device
from jmpose_core.errors import JMPoseError, WeightsError
from jmpose_core.model.compact import CompactBackbone, backbone_of, has_prior
from jmpose_core.model.guided_raft import guided_raft_lite, guided_raft_small
from jmpose_core.model.jmpose import BUNDLED, Switches, jmpose_lite_refiner
from jmpose_core.model.lite import lite_network
from jmpose_core.model.network import PoseNetwork
from train.loop.training import CHECKPOINT
from train.motion.encoding import FlowOf, GuidedFlow, dense_search_flow
from train.motion.jhmdb import DecodedClips, LabelledClip, read_clips
from train.motion.judging import Judge
from train.motion.learning import AHEAD, IO_SHARE, Plan, RefinerLearning
from train.motion.samples import MovingPeople
from train.motion.stills import read_stills, with_witness

_RESERVED: Final = 15.0  # seconds at the end, for the last figures and files
_SAMPLE_BYTES: Final = 1.3e6
PAIRS: Final = 4


def parser() -> argparse.ArgumentParser:
    of_command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    of_command.add_argument("--data", type=Path, required=True, help="folder with jhmdb/ and people/")
    of_command.add_argument("--backbone", type=Path, required=True, help="safetensors of the backbone")
    of_command.add_argument("--flow", type=Path, help="safetensors of RAFT; without, dense inverse search")
    of_command.add_argument("--out", type=Path, required=True, help="of checkpoint and decoded clips")
    of_command.add_argument("--published", type=Path, help="of refiner.safetensors; OUT by default")
    of_command.add_argument("--seconds", type=float, required=True, help="in all, reading and judging included")
    of_command.add_argument("--device", default="auto")
    of_command.add_argument("--workers", type=int, default=16, help="processes that make clips")
    of_command.add_argument("--batch", type=int, default=128)
    of_command.add_argument("--encode", type=int, default=64, help="clips that the fixed parts are shown at once")
    of_command.add_argument("--pool", type=int, default=16384, help="encoded clips that are kept")
    of_command.add_argument("--pairs", type=int, default=PAIRS, help="of key frames, of each held-out clip")
    of_command.add_argument("--most-clips", type=int, help="of JHMDB, for a trial")
    of_command.add_argument("--share", type=float, default=IO_SHARE, help="of the gradient, for the IO objective")
    of_command.add_argument("--alpha", type=float, help="weight of the IO objective, in place of its share")
    of_command.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    of_command.add_argument("--seed", type=int, default=1)
    return of_command


def run(arguments: argparse.Namespace, switches: Switches = BUNDLED) -> dict[str, float]:
    """Train as the command says.

    Returns:
        The held-out figures.

    Raises:
        JMPoseError: data or weights cannot be used.
    """
    started = time.perf_counter()
    cv2.setNumThreads(0)
    torch.manual_seed(arguments.seed)
    device = pick_device(arguments.device)
    network = with_backbone(arguments.backbone, switches).to(device)
    flow_of = flow_from(arguments.flow, device)
    published = arguments.published or arguments.out
    for folder in (arguments.out, published):
        folder.mkdir(parents=True, exist_ok=True)
    learnt, held_out = _split(arguments)
    plan = _plan(arguments, 0.0)
    judge = Judge.of(network, flow_of, held_out, pairs=arguments.pairs, batch=plan.encode, workers=arguments.workers)
    people = [still for still in read_stills(arguments.data / "people") if not still.held_out]
    samples = MovingPeople(learnt, people, crop_size=network.crop_size, seed=arguments.seed)
    left = arguments.seconds - _RESERVED
    plan = _plan(arguments, max(left - (time.perf_counter() - started), 1.0))
    learning = RefinerLearning(network, flow_of, plan)
    if arguments.resume:
        learning.training.resume(arguments.out / CHECKPOINT)
    return learning.learn(samples, judge, arguments.out, published)


def with_backbone(place: Path, switches: Switches) -> PoseNetwork:
    """The lite network with a backbone from a file of it alone, or of a whole network.

    Raises:
        WeightsError: it is another backbone's.
    """
    state = backbone_of(load_file(place))
    network = lite_network(CompactBackbone(prior=has_prior(state)), None, jmpose_lite_refiner(**switches))
    try:
        network.backbone.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{place}: not the compact backbone's weights ({error})") from error
    return network.to(memory_format=torch.channels_last)


def flow_from(place: Path | None, device: torch.device) -> FlowOf:
    """How flow is found: by the RAFT of a file, from dense inverse search on; by that search alone without one.

    Raises:
        WeightsError: no RAFT that starts from a flow has these weights.
    """
    if place is None:
        return dense_search_flow
    state = {
        name: value.float() if value.dtype.is_floating_point else value for name, value in load_file(place).items()
    }
    for build in (guided_raft_lite, guided_raft_small):
        raft = build()
        if raft.state_dict().keys() == state.keys() and _same_shapes(raft.state_dict(), state):
            raft.load_state_dict(state)
            return GuidedFlow(raft.to(device).eval().requires_grad_(False))
    raise WeightsError(f"{place}: not the weights of a RAFT that starts from a flow; make them with train.recipes.flow")


def _same_shapes(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return all(first[name].shape == second[name].shape for name in first)


def _plan(arguments: argparse.Namespace, seconds: float) -> Plan:
    encode = arguments.encode
    if arguments.workers and Path("/dev/shm").is_dir():  # where batches lie on their way from the workers
        room = shutil.disk_usage("/dev/shm").free / 2
        encode = max(4, min(encode, int(room / (arguments.workers * (AHEAD + 1) * _SAMPLE_BYTES))))
    return Plan(
        seconds=seconds,
        encode=encode,
        batch=arguments.batch,
        capacity=arguments.pool,
        workers=arguments.workers,
        alpha=arguments.alpha,
        share=arguments.share,
        seed=arguments.seed,
    )


def _split(arguments: argparse.Namespace) -> tuple[DecodedClips, DecodedClips]:
    """Clips to learn from and held-out ones, decoded."""
    clips = with_witness(read_clips(arguments.data / "jhmdb"), arguments.data / "people")
    sides = [[clip for clip in clips if clip.is_held_out is held_out] for held_out in (False, True)]
    learnt, held_out = (_some(side, arguments.most_clips) for side in sides)
    return DecodedClips(learnt, arguments.out / "learnt.npy"), DecodedClips(held_out, arguments.out / "held-out.npy")


def _some(clips: Sequence[LabelledClip], most: int | None) -> list[LabelledClip]:
    return list(clips if most is None else clips[:: max(1, len(clips) // most)][:most])


def main() -> None:
    try:
        run(parser().parse_args())
    except JMPoseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
