"""Time and memory of reading and writing a PoseTrack18 file of 1,000 frames with 20 people each.

python benchmarks/formats.py [--frames 1000] [--people 20] [--repeat 3]

Prints the best wall and CPU seconds of each step, the file's size, and the memory that the document takes.
"""

import argparse
import gc
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.formats.people import annotations_of, document_from
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18


def crowd(frames: int, people: int) -> list[Annotation]:
    """Random people on every frame, with all joints and scores."""
    rng = np.random.default_rng(0)
    return [
        Annotation(
            frame_index=frame,
            track_id=track,
            bbox_xyxy=(100.0, 50.0, 400.0, 700.0),
            keypoints=rng.uniform(0, 1920, (15, 2)),
            visibility=np.full(15, Visibility.VISIBLE, np.uint8),
            confidence=rng.uniform(0, 1, 15),
            origin=np.full(15, Origin.PREDICTED, np.uint8),
            score=0.9,
        )
        for frame in range(frames)
        for track in range(people)
    ]


def best_of(repeat: int, step: Callable[[], Any]) -> tuple[Any, float, float]:
    """The last result, and the least wall and CPU seconds."""
    walls, cpus, result = [], [], None
    for _ in range(repeat):
        result = None
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        result = step()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return result, min(walls), min(cpus)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    annotations = crowd(options.frames, options.people)
    names = [f"images/val/000001_mpii_test/{index:06d}.jpg" for index in range(options.frames)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crowd.json"
        document, *built = best_of(options.repeat, lambda: document_from(annotations, names))
        _, *written = best_of(options.repeat, lambda: write_posetrack18(document, path))
        back, *read = best_of(options.repeat, lambda: read_posetrack18(path))
        _, *joints = best_of(options.repeat, lambda: annotations_of(back))
        megabytes = path.stat().st_size / 1e6
        tracemalloc.start()
        kept = read_posetrack18(path)
        held, peak = tracemalloc.get_traced_memory()
    lines = [f"{options.frames} frames, {options.people} people each, {len(kept.people)} people, {megabytes:.1f} MB"]
    for name, (wall, cpu) in (("document_from", built), ("write", written), ("read", read), ("annotations_of", joints)):
        lines.append(f"{name:15} {wall:6.2f} s wall {cpu:6.2f} s CPU")
    lines.append(f"document in memory {held / 1e6:.0f} MB, {peak / 1e6:.0f} MB while reading")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
