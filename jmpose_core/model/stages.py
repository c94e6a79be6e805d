"""The two heatmaps of a pose network. No torch, so that the window may import it."""

from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["initial", "refined"]
