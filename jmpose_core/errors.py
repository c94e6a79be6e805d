"""Errors a person can act on.

Each message names the place (file, field, frame) and the cure. The window and
the command line show these messages as they are; any other exception is a defect.
"""


class JMPoseError(Exception):
    """Base of every error that the program explains to its user."""


class VideoError(JMPoseError):
    """A video or image folder that cannot be opened, indexed or decoded."""


class DamagedFrameError(VideoError):
    """One frame that cannot be decoded; the others may be sound."""


class ProjectError(JMPoseError):
    """A project file that cannot be opened, migrated or written."""


class FormatError(JMPoseError):
    """An annotation file that breaks its format, with the path of the fault in the file."""


class WeightsError(JMPoseError):
    """A weights file that is missing, torn, or made for another variant."""


class EngineError(JMPoseError):
    """The engine's process refused a request, failed on it, or ended."""


class Cancelled(JMPoseError):  # noqa: N818 - a wish, not a fault
    """The user asked for the work to stop; what was done until then is kept."""
