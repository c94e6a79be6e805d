"""From a video and its boxes to annotations: detection, crops, and streaming inference."""
