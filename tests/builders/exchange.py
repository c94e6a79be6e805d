"""Small real projects and the command line, for the tests of import and export."""

import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from jmpose_core import cli
from jmpose_core.annotations import Annotation
from jmpose_core.formats.people import document_from
from jmpose_core.formats.table import write_document
from jmpose_core.project import Project

FRAMES = 6
NAMES = [f"{frame:06d}.jpg" for frame in range(FRAMES)]
WIDTH, HEIGHT = 320, 180


def run_cli(*arguments: object) -> int:
    """The exit code of `jmpose ARGUMENTS`."""
    with patch.object(sys, "argv", ["jmpose", *map(str, arguments)]), pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def image_folder(path: Path, *, first: int = 0, pattern: str = "{:06d}.jpg") -> Path:
    """FRAMES pictures, each of its own brightness."""
    path.mkdir(parents=True)
    for number in range(first, first + FRAMES):
        cv2.imwrite(str(path / pattern.format(number)), np.full((HEIGHT, WIDTH, 3), 20 * (number % 10), np.uint8))
    return path


def project_of(path: Path, *videos: Path) -> Path:
    with Project.create(path) as project:
        for video in videos:
            project.add_video(video)
    return path


def put(path: Path, people: Sequence[Annotation], *, video: int = 0) -> None:
    """People into a video, as an annotator's work."""
    with Project.open(path) as project:
        video_id = project.videos()[video].id
        with project.step("Annotate") as step:
            step.put_all(video_id, people)


def people_of(path: Path, video: int = 0) -> list[Annotation]:
    with Project.open(path, read_only=True) as project:
        return list(project.people_between(project.videos()[video].id, 0, FRAMES))


def places(path: Path, video: int = 0) -> list[tuple[int, int]]:
    """Frame and left edge of each person: who is where."""
    return [(person.frame_index, round(person.bbox_xyxy[0])) for person in people_of(path, video)]


def label_file(
    path: Path, people: Sequence[Annotation], names: Sequence[str] = NAMES, format_name: str = "coco"
) -> Path:
    write_document(document_from(people, names, image_size=(WIDTH, HEIGHT), scores=False), path, format_name)
    return path
