"""What a script sees of a project; docs/scripting.md has examples."""

from jmpose_core.scripting.project import Edits, ScriptedProject, ScriptedVideo, TrackArrays, open_project

__all__ = ["Edits", "ScriptedProject", "ScriptedVideo", "TrackArrays", "open_project"]
