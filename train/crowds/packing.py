"""Pack the data folder's people for a training elsewhere: pictures with surroundings, labels and witness.

    python -m train.crowds.packing --data ../shared/data --out runs/people [--only jhmdb coco]

About 90 MB in parts of at most 24 MiB. Needs the teachers (pip install 'jmpose-studio[train]' ncnn).
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

SOURCES: Final[dict[str, Callable[[Path, Teachers], Iterator[Scene]]]] = {
    "lspet": lambda data, teachers: sources.lsp_extended(data / "lspet", teachers),
    "coco": lambda data, teachers: sources.coco(data / "coco", teachers),
    "coco2": lambda data, teachers: sources.coco(data / "coco2", teachers),
    "jhmdb": lambda data, teachers: sources.jhmdb(data / "videos" / "jhmdb", teachers),
    "videos": sources.videos,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with coco/, lspet/, videos/, teachers/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--most", type=int, help="people of each source, for a trial")
    arguments = parser.parse_args()
    teachers = Teachers.of(arguments.data)
    scenes = itertools.chain.from_iterable(
        itertools.islice(SOURCES[name](arguments.data, teachers), arguments.most) for name in arguments.only
    )
    sys.stdout.write(f"{write_pack(arguments.out, scenes)} people\n")


if __name__ == "__main__":
    main()
