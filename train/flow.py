"""Train raft_small from scratch on synthetic pairs, within a budget of minutes.

    python -m train.flow --out runs/flow --minutes 22 [--resume]
    python -m train.flow evaluate --out runs/flow

Progress goes as JSON lines to standard output and OUT/log.jsonl; a checkpoint every two minutes; at the
end OUT/raft_small.safetensors and OUT/evaluation.json.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.models.optical_flow import raft_small

from jmpose_core.errors import JMPoseError, WeightsError
from jmpose_core.weights import WeightsCard, load_into, read_weights, save_weights
from train.flow_data import FlowBatches
from train.flow_evaluation import endpoint_errors, evaluate, held_out_pairs, raft_method
from train.flow_sources import FlowSources, load_sources

_GAMMA: Final = 0.8  # weight of an update against the next one, RAFT equation 7
_STRIDE: Final = 8  # of RAFT's features
_WEIGHT_DECAY: Final = 1e-5
_GRADIENT_LIMIT: Final = 1.0
_MOST_OVERFLOWS: Final = 20  # batches
_WARM_UP: Final = 0.05  # of the budget
_LOG_EVERY: Final = 25  # steps
_CHECKPOINT_EVERY: Final = 120.0  # seconds
_VALIDATION_PAIRS: Final = 32
_EVALUATION_PAIRS: Final = 200
_UPDATES: Final = 6  # at inference: raft_small_flow's


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the budget: small crops and few updates while there is most to learn, then the real size."""

    until: float
    size: tuple[int, int]
    batch: int
    updates: int
    matching_weight: float


_PHASES: Final = (
    Phase(until=0.6, size=(128, 128), batch=8, updates=4, matching_weight=0.5),
    Phase(until=1.0, size=(192, 144), batch=8, updates=5, matching_weight=0.1),
)
_MOTION_WARM_UP: Final = 1000  # batches


def sequence_loss(answers: list[Tensor], flow: Tensor) -> Tensor:
    """L1 distance of every update's flow to the exact one (B, 2, H, W), later updates weighing more (RAFT, eq. 7)."""
    weighted = [
        _GAMMA ** (len(answers) - 1 - index) * (answer.float() - flow).abs().mean()
        for index, answer in enumerate(answers)
    ]
    return torch.stack(weighted).sum()


def matching_loss(correlation: Tensor, flow: Tensor, visible: Tensor) -> Tensor:
    """Cross-entropy of each feature's match against the place where its pixel went.

    RAFT's own loss reaches the features only through the updates, which at first know nothing; telling the
    correlation where its peak belongs saves most of that time. Occluded pixels have no match and are left out.

    Args:
        correlation: (B * h * w, 1, h, w), RAFT's finest level; h, w = H / 8, W / 8.
        flow: (B, 2, H, W), pixels.
        visible: (B, H, W), bool.
    """
    height, width = correlation.shape[-2:]
    flow, visible = flow[..., ::_STRIDE, ::_STRIDE] / _STRIDE, visible[:, ::_STRIDE, ::_STRIDE]
    x = torch.arange(width) + flow[:, 0]
    y = torch.arange(height)[:, None] + flow[:, 1]
    known = visible & (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    log_match = F.log_softmax(correlation.float().flatten(1), dim=1).view_as(correlation)
    places = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1).view(-1, 1, 1, 2)
    at_target = F.grid_sample(log_match[known.flatten()], places[known.flatten()], align_corners=True)
    return -at_target.sum() / max(len(at_target), 1)


def learning_rate(progress: float, peak: float) -> float:
    """One cycle over the budget: linear up, cosine down to nothing. `progress` in [0, 1]."""
    if progress < _WARM_UP:
        return peak * max(progress / _WARM_UP, 0.02)
    return peak * 0.5 * (1 + math.cos(math.pi * min((progress - _WARM_UP) / (1 - _WARM_UP), 1.0)))


class Trainer:
    """The network, its optimiser and how far they are."""

    def __init__(self, out: Path, data: Path, *, minutes: float, peak: float, seed: int) -> None:
        torch.manual_seed(seed)
        self.out, self.data, self.seed, self.peak = out, data, seed, peak
        self.budget = minutes * 60
        self.raft = raft_small(weights=None)
        self.optimiser = torch.optim.AdamW(self.raft.parameters(), lr=peak, weight_decay=_WEIGHT_DECAY)
        self.step, self.elapsed, self.overflows = 0, 0.0, 0

    @property
    def progress(self) -> float:
        return min(self.elapsed / self.budget, 1.0)

    def run(self) -> None:
        sources = load_sources(self.data, held_out=False)
        held_out = load_sources(self.data, held_out=True)
        validation = held_out_pairs(held_out, _VALIDATION_PAIRS)
        for phase in _PHASES:
            if self.progress >= phase.until:
                continue
            batches = _batches(sources, phase, seed=self.seed, start=self.step)
            while self.progress < phase.until:
                self._until_checkpoint(batches, phase)
                figures = endpoint_errors(raft_method(self.raft, _UPDATES), validation)
                self._report({"step": self.step, "progress": round(self.progress, 3), **figures})
                self._save_checkpoint()
        report = evaluate(self.raft, self.data, held_out, pairs=_EVALUATION_PAIRS, updates=_UPDATES)
        (self.out / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
        write_weights(self.raft, self.out / "raft_small.safetensors", report)
        self._report({"evaluation": report})

    def _until_checkpoint(self, batches: Iterator[tuple[Tensor, ...]], phase: Phase) -> None:
        """Train for two minutes, or to the end of the phase."""
        self.raft.train()
        end = min(self.elapsed + _CHECKPOINT_EVERY, phase.until * self.budget)
        losses, since = [], self.elapsed
        while self.elapsed < end:
            begin = time.monotonic()
            losses.append(self._train_step(next(batches), phase))
            self.step += 1
            self.elapsed += time.monotonic() - begin
            if self.step % _LOG_EVERY == 0:
                flow_loss, match_loss = (sum(column) / len(losses) for column in zip(*losses, strict=True))
                speed = len(losses) * phase.batch / (self.elapsed - since)
                self._report(
                    {
                        "step": self.step,
                        "progress": round(self.progress, 3),
                        "flow_loss": round(flow_loss, 4),
                        "matching_loss": round(match_loss, 4),
                        "pairs_per_second": round(speed, 1),
                        "overflows": self.overflows,
                    }
                )
                losses, since = [], self.elapsed

    def _train_step(self, batch: tuple[Tensor, ...], phase: Phase) -> tuple[float, float]:
        first, second, flow, visible = batch
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.progress, self.peak)
        with torch.autocast("cpu", torch.bfloat16):
            answers = self.raft(first.float() / 127.5 - 1, second.float() / 127.5 - 1, num_flow_updates=phase.updates)
        flow_loss = sequence_loss(answers, flow)
        match_loss = matching_loss(self.raft.corr_block.corr_pyramid[0], flow, visible)
        self.optimiser.zero_grad(set_to_none=True)
        (flow_loss + phase.matching_weight * match_loss).backward()
        self._apply_gradients()
        return flow_loss.item(), match_loss.item()

    def _apply_gradients(self) -> None:
        """One step of the optimiser; a batch that overflowed is left out, many of them end the training."""
        norm = nn.utils.clip_grad_norm_(self.raft.parameters(), _GRADIENT_LIMIT)
        if norm.isfinite():
            self.optimiser.step()
            return
        self.overflows += 1
        if self.overflows > _MOST_OVERFLOWS:
            raise JMPoseError(f"{self.overflows} batches gave no finite gradient: start again with a lower --peak")

    def _report(self, record: Mapping[str, object]) -> None:
        line = json.dumps({"elapsed": round(self.elapsed, 1), **record})
        with (self.out / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _save_checkpoint(self) -> None:
        state = {"raft": self.raft.state_dict(), "optimiser": self.optimiser.state_dict()}
        target = self.out / "checkpoint.pt"
        part = target.with_suffix(".part")
        torch.save({**state, "step": self.step, "elapsed": self.elapsed}, part)
        part.replace(target)

    def resume(self) -> None:
        """Go on from OUT/checkpoint.pt.

        Raises:
            WeightsError: there is none.
        """
        path = self.out / "checkpoint.pt"
        if not path.exists():
            raise WeightsError(f"{path}: no checkpoint to resume from; leave --resume out")
        state = torch.load(path, weights_only=True)
        self.raft.load_state_dict(state["raft"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed = state["step"], state["elapsed"]


def write_weights(raft: nn.Module, path: Path, report: dict[str, dict[str, float]]) -> None:
    """The trained network with its card; `report` is what `evaluate` returned."""
    card = WeightsCard(
        variant="raft_small",
        joints=(),
        training_data=("synthetic pairs of LSP-Extended, COCO, DAVIS people and Debian photos (train/flow_data.py)",),
        recipe="python -m train.flow",
        figures={f"{method} {name}": value for method, figures in report.items() for name, value in figures.items()},
        options={"updates": _UPDATES},
    )
    save_weights(path, raft.state_dict(), card)


def _batches(sources: FlowSources, phase: Phase, *, seed: int, start: int) -> Iterator[tuple[Tensor, ...]]:
    dataset = FlowBatches(sources, size=phase.size, batch=phase.batch, seed=seed, start=start, warm_up=_MOTION_WARM_UP)
    return iter(DataLoader(dataset, batch_size=None, num_workers=1, prefetch_factor=4))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.flow", description="Train or evaluate raft_small.")
    parser.add_argument("action", nargs="?", choices=("train", "evaluate"), default="train")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, log, weights and evaluation")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with lspet/, coco/ and flow/")
    parser.add_argument("--minutes", type=float, default=22.0, help="of training, all runs that were resumed together")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peak", type=float, default=8e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(0)  # OpenCV's thread pool, once started, hangs in the loader's forked worker
    try:
        if arguments.action == "evaluate":
            raft = raft_small(weights=None)
            path = arguments.out / "raft_small.safetensors"
            load_into(raft, read_weights(path)[0], place=str(path))
            held_out = load_sources(arguments.data, held_out=True)
            report = evaluate(raft, arguments.data, held_out, pairs=_EVALUATION_PAIRS, updates=_UPDATES)
            sys.stdout.write(json.dumps(report, indent=2) + "\n")
            return
        arguments.out.mkdir(parents=True, exist_ok=True)
        trainer = Trainer(
            arguments.out, arguments.data, minutes=arguments.minutes, peak=arguments.peak, seed=arguments.seed
        )
        if arguments.resume:
            trainer.resume()
        elif (arguments.out / "checkpoint.pt").exists():
            raise WeightsError(f"{arguments.out} already holds a training; go on with --resume or name another --out")
        trainer.run()
    except JMPoseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
