"""torchvision's RAFT, which is ours too: bare names."""

from collections.abc import Collection
from typing import Final

from jmpose_core.checkpoints.layout import Layout


def _recognises(names: Collection[str]) -> bool:
    return "feature_encoder.convnormrelu.0.weight" in names


def _rename(name: str) -> str:
    return f"flow.raft.{name}"


RAFT_TORCHVISION: Final = Layout(name="torchvision RAFT", recognises=_recognises, rename=_rename)
