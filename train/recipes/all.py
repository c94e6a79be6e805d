"""Every recipe in order, each in a process of its own, into folders of its name in OUT.

    python -m train.recipes.all --data ../shared/data --out runs

What has a report is finished and skipped; what has a checkpoint goes on from it. So the same command goes on
where it was stopped.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from jmpose_core.child_process import child_environment, python_command
from train.report.writing import is_reported

TEACHER: Final = "train.teachers.labelling"  # labels first: the refiner learns from them
PACKING: Final = "train.crowds.packing"  # and what the backbone learns from
RECIPES: Final = ("backbone", "detector", "flow", "refiner")  # the refiner takes the backbone and the flow


def commands(data: Path, out: Path) -> list[tuple[str, ...]]:
    """What is left to do, as command lines."""
    left = []
    if not all((out / "teacher" / part / "annotations.json").is_file() for part in ("lspet", "videos")):
        left.append(python_command(TEACHER, "--data", str(data), "--out", str(out / "teacher")))
    if not (out / "people" / "people.npz").is_file():
        left.append(python_command(PACKING, "--data", str(data), "--out", str(out / "people")))
    for recipe in RECIPES:
        folder = out / recipe
        if not is_reported(folder):
            resume = ["--resume"] if (folder / "checkpoint.pt").is_file() else []
            left.append(python_command(f"train.recipes.{recipe}", "--data", str(data), "--out", str(folder), *resume))
    return left


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m train.recipes.all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/, lspet/, flow/, videos/, teachers/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs' folders, as runs")
    arguments = parser.parse_args()
    for command in commands(arguments.data, arguments.out):
        ended = subprocess.run(command, env=child_environment(), check=False).returncode
        if ended:
            sys.exit(ended)  # the recipe has said why


if __name__ == "__main__":
    main()
