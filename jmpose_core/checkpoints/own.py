"""This program's own pose networks: a part of one file starts another variant."""

from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.layout import Layout


def _recognises(names: Collection[str]) -> bool:
    return any(name.startswith("backbone.final_layer.") for name in names)


def _rename(name: str) -> str:
    return name


# Of ours, only dcpose_w48 as published has 17 rows.
OWN: Final = Layout(name="JM-Pose Studio", recognises=_recognises, rename=_rename, joints="posetrack18")
