"""What a fine-tuning on this project would learn from, before it starts. Slow: run it in a thread."""

from dataclasses import dataclass
from pathlib import Path

from jmpose_core.annotations import Visibility
from jmpose_core.app_folders import data_folder, folder_mark
from jmpose_core.project import Project
from jmpose_core.training_messages import HELD_OUT_EVERY


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """People somebody has corrected or verified, in all videos of a project."""

    project: Path
    weights: str  # name or file that the training starts from
    out: Path  # folder of the new weights
    people: int
    frames: int
    joints: int  # corrected or verified, and not absent
    held_out: int  # of the frames: each video's every fifth, as train.finetune.corrected takes them


def plan_finetuning(project_path: Path, weights: str) -> FinetunePlan:
    """Count what there is to learn from.

    Raises:
        ProjectError: the project cannot be read.
    """
    people = frames = joints = held_out = 0
    with Project.open(project_path, read_only=True) as project:
        for video in project.videos():
            learnt_frames: set[int] = set()
            for person in project.people_between(video.id, 0, video.frame_count):
                if known := int((person.touched & (person.visibility != Visibility.ABSENT)).sum()):
                    people, joints = people + 1, joints + known
                    learnt_frames.add(person.frame_index)
            frames += len(learnt_frames)
            held_out += len(learnt_frames) // HELD_OUT_EVERY
    out = weights_folder(project_path)
    return FinetunePlan(project_path, weights, out, people, frames, joints, held_out)


def weights_folder(project_path: Path) -> Path:
    """Where a project's fine-tuned weights go: projects of one name in different folders have different ones."""
    absolute = project_path.absolute()
    return data_folder() / "weights" / f"{absolute.stem}-{folder_mark(absolute.parent)}"
