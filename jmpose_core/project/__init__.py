"""The project: one SQLite file with videos, the layers of annotations, and the undo log."""

from jmpose_core.project.files import PROJECT_SUFFIX
from jmpose_core.project.people import Lane
from jmpose_core.project.project import Project
from jmpose_core.project.step import Step
from jmpose_core.project.undo import StepInfo
from jmpose_core.project.videos import VideoRecord

__all__ = ["PROJECT_SUFFIX", "Lane", "Project", "Step", "StepInfo", "VideoRecord"]
