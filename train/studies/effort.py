"""What corrections that travel, and a queue, save a simulated annotator, on people who were never learnt from.

    python -m train.studies.effort --data ../shared/data [--clips N] [--json FILE]

JHMDB's held-out films, boxes and tracks of the ground truth. The queue's model is fitted anew without the film that
it is judged on. See jmpose_core.evaluation.labelling for what is counted.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from jmpose_core.errors import JMPoseError
from jmpose_core.evaluation.labelling import Policy
from jmpose_core.evaluation.labelling_report import labelling_report
from jmpose_core.queue.error_model import ErrorModel
from train.motion.tracklets import held_out_tracklets
from train.recipes.queue import FOLDS, Samples, fitted

CLIPS: Final = 30


def compared(folder: Path, clips: int | None) -> list[dict[str, Any]]:
    """A report of each policy."""
    started = time.perf_counter()
    people = held_out_tracklets(folder, most=clips)
    engine_seconds = time.perf_counter() - started
    model_of_film: dict[int, ErrorModel] = {}
    films = sorted({film for film, _ in people})
    for fold in range(min(FOLDS, len(films))):
        own = films[fold::FOLDS]
        others = Samples([one for one in people if one[0] not in own])
        model_of_film |= dict.fromkeys(own, fitted(others.terms, others.wrong))
    models = [model_of_film[film] for film, _ in people]
    judged = [person for _, person in people]
    return [labelling_report(judged, policy, models, engine_seconds=engine_seconds) for policy in Policy]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--clips", type=int, default=CLIPS, help="of the held-out ones; 0: all")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    try:
        found = compared(arguments.data / "videos" / "jhmdb", arguments.clips or None)
    except JMPoseError as error:
        sys.exit(str(error))
    for report in found:
        shown = {name: round(value, 4) if isinstance(value, float) else value for name, value in report.items()}
        sys.stdout.write(json.dumps({name: value for name, value in shown.items() if name != "curve"}) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
