"""Files that ship with the program. The only place that builds their paths."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
DEMO_CLIP: Final = ROOT / "demo" / "demo.mp4"
WEIGHTS: Final = ROOT / "weights"
ICONS: Final = ROOT / "icons"
QUEUE: Final = ROOT / "queue.json"  # the error model: python -m train.recipes.queue
