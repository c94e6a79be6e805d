"""Pack the data folder's people for a training elsewhere: pictures with surroundings, labels and witness.

    python -m train.crowds.packing --data ../shared/data --out runs/people [--only jhmdb coco]

About 90 MB in files of at most 24 MiB. Several processes may share the work, each with its own --part and --out; a
training takes all their folders. Needs the teachers (pip install 'jmpose-studio[train]').
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from train.crowds import sources
from train.crowds.scenes import Scene, write_pack
from train.crowds.sources import Teachers

SOURCES: Final[dict[str, Callable[[Path, Teachers, slice], Iterator[Scene]]]] = {
    "lspet": lambda data, teachers, part: sources.lsp_extended(data / "lspet", teachers, part),
    "coco": lambda data, teachers, part: sources.coco(data / "coco", teachers, part),
    "coco2": lambda data, teachers, part: sources.coco(data / "coco2", teachers, part),
    "jhmdb": lambda data, teachers, part: sources.jhmdb(data / "videos" / "jhmdb", teachers, part),
    "videos": sources.videos,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/, lspet/, videos/, teachers/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--most", type=int, help="people of each source, for a trial")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="the I-th of N shares")
    arguments = parser.parse_args()
    first, step = arguments.part
    teachers = Teachers.of(arguments.data)
    scenes = itertools.chain.from_iterable(
        itertools.islice(SOURCES[name](arguments.data, teachers, slice(first, None, step)), arguments.most)
        for name in arguments.only
    )
    sys.stdout.write(f"{write_pack(arguments.out, scenes)} people\n")


if __name__ == "__main__":
    main()
