"""Training and evaluation of optical flow on pairs of frames whose flow is known."""
