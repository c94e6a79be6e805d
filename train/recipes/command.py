"""What every recipe's command takes, and how it starts and ends."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from jmpose_core.child_process import INTERRUPTED
from jmpose_core.errors import Cancelled, JMPoseError
from train.loop.moving_average import NetworkT
from train.loop.signals import stop_on_signals
from train.loop.training import Training, make_folder, refuse_overwriting


@dataclass(frozen=True, slots=True)
class Command:
    """A recipe's command.

    data: the folder that ../shared/data is. out: this run's folder; what a recipe
    needs of an earlier one lies in the folder beside it that bears that recipe's name.
    """

    name: str
    data: Path
    out: Path
    minutes: float
    resume: bool
    should_stop: Callable[[], bool] = lambda: False

    @property
    def text(self) -> str:
        """The command as a weights file's card tells it."""
        return f"python -m train.recipes.{self.name} --minutes {self.minutes:g}"

    def beside(self, recipe: str) -> Path:
        """The folder of an earlier recipe's run."""
        return self.out.parent / recipe

    def take_up(self, training: Training[NetworkT]) -> Training[NetworkT]:
        """The training as its checkpoint left it with --resume; as it is without.

        Raises:
            WeightsError: nothing to resume from, or a training that would be overwritten.
        """
        training.take_up(self.out, resume=self.resume)
        return training

    def refuse_overwriting(self) -> None:
        """Stop where a new training would write over one that is there.

        Raises:
            WeightsError: there is one, and --resume was not given.
        """
        if not self.resume:
            refuse_overwriting(self.out)


def start(name: str, description: str | None, minutes: float, train: Callable[[Command], None]) -> None:
    """Read the command line, and train; an error that a person can act on ends it with one line."""
    parser = argparse.ArgumentParser(
        prog=f"python -m train.recipes.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/, lspet/, flow/, videos/, teachers/")
    parser.add_argument("--out", type=Path, required=True, help=f"this run's folder, as runs/{name}")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help=f"of learning, resumed runs together ({minutes:g})"
    )
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)  # OpenCV's thread pool, once started, hangs in a loader's forked worker
    torch.manual_seed(0)
    try:
        make_folder(arguments.out)
        stop = stop_on_signals()
        train(Command(name, arguments.data, arguments.out, arguments.minutes, arguments.resume, stop))
    except Cancelled as stopped:
        sys.stderr.write(f"{stopped}\n")
        sys.exit(INTERRUPTED)
    except JMPoseError as error:
        sys.exit(str(error))
