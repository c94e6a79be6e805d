"""Detections linked into people over time. numpy and scipy only.

`Tracker` works frame by frame as detections arrive; `link` sees a whole video
at once, and so can look ahead, bridge occlusions, and obey boxes that the
annotator drew.
"""

from jmpose_core.tracking.appearance import colour_histograms
from jmpose_core.tracking.detections import Detections
from jmpose_core.tracking.offline import Seed, link
from jmpose_core.tracking.online import Tracked, Tracker

__all__ = ["Detections", "Seed", "Tracked", "Tracker", "colour_histograms", "link"]
