"""A PoseTrack18 file of 1,000 frames with 20 people each: time and memory of reading and writing it.

python benchmarks/formats.py [--frames 1000] [--people 20] [--repeat 3]

Beside each step stands the least that any Python program does with such a file: Python's own json,
and one array a person. x is the baseline's CPU time divided by ours, so above 1 we are quicker.
"""

import argparse
import gc
import json
import os
import platform
import resource
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.people import annotations_of, document_from
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18


class Took(NamedTuple):
    """The least of several runs, in seconds."""

    wall: float
    cpu: float


def crowd(frames: int, people: int) -> PoseTrackDocument:
    """Random people on every frame, with all joints and scores."""
    rng = np.random.default_rng(0)
    annotations = [
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
    return document_from(annotations, [f"images/val/000001_mpii_test/{index:06d}.jpg" for index in range(frames)])


def plain_read(path: Path) -> tuple[Any, list[np.ndarray]]:
    """The baseline of reading: nothing is checked."""
    values = json.loads(path.read_bytes())
    return values, [np.array(person["keypoints"]).reshape(-1, 3) for person in values["annotations"]]


def plain_write(values: Any, path: Path) -> None:
    """The baseline of writing: not atomic, not flushed to the disk."""
    path.write_text(json.dumps(values))


def best_of(repeat: int, step: Callable[[], Any]) -> Took:
    walls, cpus = [], []
    for _ in range(repeat):
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return Took(min(walls), min(cpus))


def megabytes(step: Callable[[], Any]) -> tuple[float, float]:
    """What the result holds, and the most that was in use on the way."""
    gc.collect()
    tracemalloc.start()
    kept = step()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return held / 1e6, peak / 1e6


def measured(folder: Path, frames: int, people: int, repeat: int) -> list[str]:
    path, copy = folder / "crowd.json", folder / "copy.json"
    document = crowd(frames, people)
    written = best_of(repeat, lambda: write_posetrack18(document, path))
    values, _ = plain_read(path)
    lines = [f"{frames} frames, {people} people in each, {path.stat().st_size / 1e6:.1f} MB"]
    steps = (
        ("write", written, best_of(repeat, lambda: plain_write(values, copy))),
        (
            "read",
            best_of(repeat, lambda: read_posetrack18(path)),
            best_of(repeat, lambda: plain_read(path)),
        ),
        (
            "read, to annotations",
            best_of(repeat, lambda: annotations_of(read_posetrack18(path))),
            best_of(repeat, lambda: plain_read(path)),
        ),
    )
    for name, ours, plain in steps:
        lines.append(
            f"{name:21} {ours.wall:6.2f} s wall {ours.cpu:6.2f} s CPU; "
            f"plain json {plain.wall:6.2f} s wall {plain.cpu:6.2f} s CPU; x {plain.cpu / ours.cpu:.2f}"
        )
    (held, peak), (plain_held, plain_peak) = (
        megabytes(lambda: read_posetrack18(path)),
        megabytes(lambda: plain_read(path)),
    )
    lines.append(
        f"memory of reading     {held:6.1f} MB held, {peak:6.1f} MB peak; "
        f"plain json {plain_held:6.1f} MB held, {plain_peak:6.1f} MB peak; x {plain_peak / peak:.2f}"
    )
    lines.append(f"                      {1000 * held / (frames * people):.2f} kB a person")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {sys.version.split()[0]}"]
    with tempfile.TemporaryDirectory() as folder:
        for part in (4, 1):  # a quarter and the whole: memory grows in proportion, or not
            lines += measured(Path(folder), max(1, options.frames // part), options.people, options.repeat)
    lines.append(f"largest size of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
