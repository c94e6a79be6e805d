"""Pairs of frames whose flow is known."""

import cv2
import numpy as np

from train.flow.pairs import FlowPair


def shifted_pair(shift: int) -> FlowPair:
    """A smooth random picture that moves `shift` pixels to the left; 192x144, what leaves the frame is not visible."""
    noise = np.random.default_rng(0).integers(0, 256, (192, 144 + shift, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    wide = cv2.normalize(smooth, smooth.copy(), 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    flow = np.zeros((192, 144, 2), np.float32)
    flow[..., 0] = shift
    visible = np.ones((192, 144), bool)
    visible[:, -shift:] = False
    return FlowPair(np.ascontiguousarray(wide[:, shift:]), np.ascontiguousarray(wide[:, :144]), flow, visible)
