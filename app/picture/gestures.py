"""One class a gesture: begin at a point, follow the hand, end as one edit. Nothing is changed on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import TypeAlias

import numpy as np

from app.session.edits import box_between, moved_by, with_joint_moved, with_joints_moved
from jmpose_core.annotations import Annotation
from jmpose_core.geometry import Xyxy, bbox_of_points
from jmpose_core.skeleton import JOINT_TITLES

Point = tuple[float, float]  # image pixels


@dataclass(slots=True)
class _Drag:
    """`preview` is the person as the drag would leave it; the person itself while it has not begun."""

    person: Annotation
    start: Point
    preview: Annotation = field(init=False)

    def __post_init__(self) -> None:
        self.preview = self.person


@dataclass(slots=True)
class DragJoint(_Drag):
    """Move one joint. It keeps its distance to the cursor, so grabbing it a little beside it does not shift it."""

    joint: int

    @property
    def text(self) -> str:
        return f"Move {JOINT_TITLES[self.joint]}"

    def follow(self, xy: Point) -> None:
        x, y = self.person.keypoints[self.joint]
        target = (float(x) + xy[0] - self.start[0], float(y) + xy[1] - self.start[1])
        self.preview = with_joint_moved(self.person, self.joint, target)


@dataclass(slots=True)
class DragJoints(_Drag):
    """Move some joints, as the ends of a limb; within `slack` image pixels the hand only trembled in a click."""

    joints: tuple[int, ...]
    slack: float

    @property
    def text(self) -> str:
        return f"Move {_named(self.joints)}"

    def follow(self, xy: Point) -> None:
        dx, dy = xy[0] - self.start[0], xy[1] - self.start[1]
        if self.preview is not self.person or hypot(dx, dy) > self.slack:
            self.preview = with_joints_moved(self.person, self.joints, dx, dy)


@dataclass(slots=True)
class DragPerson(_Drag):
    """Move a whole person; only begun with a modifier key held, so that it never happens by accident."""

    @property
    def text(self) -> str:
        return "Move person"

    def follow(self, xy: Point) -> None:
        self.preview = moved_by(self.person, xy[0] - self.start[0], xy[1] - self.start[1])


@dataclass(slots=True)
class DrawBox:
    """Draw the box of a person whom the detector missed."""

    start: Point
    bbox_xyxy: Xyxy | None = None  # None while too small to be meant

    @property
    def text(self) -> str:
        return "Add person"

    def follow(self, xy: Point) -> None:
        self.bbox_xyxy = box_between(self.start, xy)


@dataclass(slots=True)
class Marquee:
    """Gather joints in a rectangle."""

    start: Point
    bbox_xyxy: Xyxy | None = None  # None before the hand has moved

    def follow(self, xy: Point) -> None:
        self.bbox_xyxy = bbox_of_points(np.array([self.start, xy]))


@dataclass(slots=True)
class NudgeJoints:
    """Move joints by arrow keys; what is pressed until a key is let go is one edit."""

    person: Annotation
    joints: tuple[int, ...]
    preview: Annotation = field(init=False)

    def __post_init__(self) -> None:
        self.preview = self.person

    @property
    def text(self) -> str:
        return f"Nudge {_named(self.joints)}"

    def by(self, dx: float, dy: float) -> None:
        """One press, or one repetition of a key that is held."""
        self.preview = with_joints_moved(self.preview, self.joints, dx, dy)


Rectangle: TypeAlias = DrawBox | Marquee
Gesture: TypeAlias = DragJoint | DragJoints | DragPerson | Rectangle | NudgeJoints


def _named(joints: Sequence[int]) -> str:
    return " and ".join(JOINT_TITLES[joint] for joint in joints) if len(joints) <= 2 else f"{len(joints)} joints"
