"""jmpose bench project: the project file of a long video beside one JSON file that is read and written whole."""

import math
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import typer

from jmpose_core.annotations import Annotation, Origin, Visibility
from jmpose_core.cli.bench.figures import Figures, JsonOption, keep, timed
from jmpose_core.cli.bench.plain_json import PlainJson
from jmpose_core.cli.terminal import show_table, tell
from jmpose_core.project import Project
from jmpose_core.skeleton import NUM_JOINTS
from jmpose_core.video import write_video

SIZES: Final = ((20_000, 4), (1_000, 20))  # frames, people in each: a long video, a crowd
BATCH: Final = 100  # frames whose predictions are written at once
BASELINE_REPEATS: Final = 5  # of whatever writes or reads the whole file
_SIDE: Final = 16  # pixels of the stand-in video, which is never looked at

Work = Callable[[], Any]


class Sample(NamedTuple):
    """What one call took."""

    wall_ms: float
    cpu_ms: float  # does not grow when other programs keep the machine busy


def bench_project(
    frames: Annotated[int | None, typer.Option(min=1, help="Of one project; by default two sizes are run.")] = None,
    people: Annotated[int, typer.Option(min=1, help="In each frame, with --frames.")] = 4,
    repeat: Annotated[int, typer.Option(min=2, help="Times that each operation is timed.")] = 40,
    json_out: JsonOption = None,
) -> int:
    """Milliseconds and memory of a generated project, and of the same work on a plain JSON file."""
    report = {}
    for size in SIZES if frames is None else ((frames, people),):
        report["{} x {}".format(*size)] = figures = _measured(*size, repeat)
        tell(f"{size[0]} frames, {size[1]} people in each; x: how many times the JSON file takes of the project's")
        show_table(_rows(figures))
    return keep(report, json_out)


def _measured(frames: int, people: int, repeat: int) -> dict[str, Any]:
    everybody = _everybody(frames, people)
    with tempfile.TemporaryDirectory() as folder:
        project_path, json_path = Path(folder) / "long.jmpose", Path(folder) / "long.json"
        video_path = Path(folder) / "long.mp4"
        write_video(video_path, _grey_frames(frames), 25.0, (_SIDE, _SIDE))
        with Project.create(project_path) as project:
            video_id = project.add_video(video_path).id
            write = _sampled([lambda: project.apply_predictions(video_id, everybody, text="Predict")])
            figures = {"write all people": _compared(write, _sampled([lambda: PlainJson.create(json_path, everybody)]))}
            figures |= _edits(project, video_id, PlainJson.open(json_path), everybody, repeat)
        opening = _sampled([lambda: Project.open(project_path).close()] * repeat)
        figures["open"] = _compared(opening, _sampled([lambda: PlainJson.open(json_path)] * BASELINE_REPEATS))
        figures["memory, MB"] = _beside(
            _peak_megabytes(lambda: _look(project_path, video_id)), _peak_megabytes(lambda: PlainJson.open(json_path))
        )
        figures["size on disk, MB"] = _beside(project_path.stat().st_size / 1e6, json_path.stat().st_size / 1e6)
    return figures


def _edits(
    project: Project, video_id: int, plain: PlainJson, everybody: list[Annotation], repeat: int
) -> dict[str, Figures]:
    """Reading and changing what is open; frames and people are drawn at random, the same for both."""
    rng = np.random.default_rng(1)
    chosen = [everybody[index] for index in rng.integers(0, len(everybody), repeat)]
    moved = [person.with_joint(0, xy=(1.0, 2.0)) for person in chosen]
    first = int(rng.integers(0, max(1, everybody[-1].frame_index - BATCH)))
    batch = [person for person in everybody if first <= person.frame_index < first + BATCH]

    def edit(person: Annotation) -> None:
        with project.step("Move joint") as step:
            step.put(video_id, person)

    def predict() -> None:
        project.apply_predictions(video_id, batch, text="Predict", first=first, last=first + BATCH)

    few = moved[:BASELINE_REPEATS]
    return {
        "people of a frame": _compared(
            _sampled([partial(project.people, video_id, person.frame_index) for person in chosen]),
            _sampled([partial(plain.people, person.frame_index) for person in chosen]),
        ),
        "timeline": _compared(
            _sampled([lambda: project.timeline(video_id)] * repeat), _sampled([plain.timeline] * BASELINE_REPEATS)
        ),
        "edit, on disk": _compared(
            _sampled([partial(edit, person) for person in moved]),
            _sampled([partial(plain.put, person) for person in few]),
        ),
        "undo, on disk": _compared(_sampled([project.undo] * len(moved)), _sampled([plain.undo] * len(few))),
        f"predictions of {BATCH} frames, on disk": _compared(
            _sampled([predict] * BASELINE_REPEATS), _sampled([lambda: plain.replace(batch)] * BASELINE_REPEATS)
        ),
    }


def _sampled(works: Sequence[Work]) -> list[Sample]:
    samples = []
    for work in works:
        cpu = time.process_time()
        wall = timed(work)[1]
        samples.append(Sample(1000 * wall, 1000 * (time.process_time() - cpu)))
    return samples


def _compared(project: list[Sample], plain: list[Sample]) -> Figures:
    """Wall milliseconds of both, median and 95th percentile; how many times longer JSON takes, in wall and CPU time."""
    figures: Figures = {}
    for name, samples in (("project", project), ("json", plain)):
        walls = [sample.wall_ms for sample in samples]
        figures[f"{name}_ms"] = statistics.median(walls)
        figures[f"{name}_ms_p95"] = float(np.quantile(walls, 0.95))
        figures[f"{name}_cpu_ms"] = statistics.fmean(sample.cpu_ms for sample in samples)
    figures["ratio"] = figures["json_ms"] / figures["project_ms"]
    figures["cpu_ratio"] = figures["json_cpu_ms"] / max(figures["project_cpu_ms"], 1e-3)
    return figures


def _beside(project: float, plain: float) -> Figures:
    return {"project": project, "json": plain, "ratio": plain / project}


def _look(path: Path, video_id: int) -> None:
    """What the window does with a project that was just opened."""
    with Project.open(path) as project:
        project.people(video_id, 0)
        project.timeline(video_id)


def _peak_megabytes(work: Work) -> float:
    """Of Python's own memory. SQLite keeps 2 MB of pages beside it (its default cache)."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _rows(figures: dict[str, Figures]) -> list[list[str]]:
    rows = [["wall ms", "project", "95 of 100", "JSON", "95 of 100", "x wall", "x CPU"]]
    columns = ("project_ms", "project_ms_p95", "json_ms", "json_ms_p95", "ratio", "cpu_ratio")
    for name, found in figures.items():
        values = [found.get(column) for column in columns]
        if "project" in found:
            values = [found["project"], None, found["json"], None, found["ratio"], None]
        rows.append([name, *("" if value is None else f"{value:.2f}" for value in values)])
    return rows


def _grey_frames(count: int) -> Iterator[np.ndarray]:
    grey = np.full((_SIDE, _SIDE, 3), 128, np.uint8)
    return (grey for _ in range(count))


def _everybody(frames: int, people: int) -> list[Annotation]:
    """People side by side who sway about their place, all joints predicted."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0, 100, (people, NUM_JOINTS, 2))
    everybody = []
    for frame in range(frames):
        shake = rng.normal(0, 2, (people, NUM_JOINTS, 2))
        confidence = rng.uniform(0.2, 1, (people, NUM_JOINTS))
        for track in range(people):
            left = 120.0 * track + 20 * math.sin(frame / 50)
            everybody.append(
                Annotation(
                    frame_index=frame,
                    track_id=track,
                    bbox_xyxy=(left, 0.0, left + 100, 100.0),
                    keypoints=spread[track] + shake[track] + np.array([left, 0]),
                    visibility=np.full(NUM_JOINTS, Visibility.VISIBLE, np.uint8),
                    confidence=confidence[track],
                    origin=np.full(NUM_JOINTS, Origin.PREDICTED, np.uint8),
                    score=0.9,
                    source="bench",
                )
            )
    return everybody
