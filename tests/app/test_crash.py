"""Nothing that the annotator saw done is lost, however the window ends."""

from pathlib import Path

from jmpose_core.annotations import Origin, Visibility
from jmpose_core.project import Project
from tests.builders.killed_window import killed_after_its_word


def test_a_killed_window_loses_no_edit(clip: Path) -> None:
    assert killed_after_its_word(clip) == "edited\n"
    with Project.open(clip.with_suffix(".jmpose")) as project:
        (person,) = project.people(1, 0)
        assert tuple(person.keypoints[3]) == (150.0, 222.25)
        assert person.origin[3] == Origin.CORRECTED
        assert person.visibility[3] == Visibility.VISIBLE
        assert project.undo_text == "Place left hip"
