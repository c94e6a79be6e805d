import numpy as np

from jmpose_core.tracking import colour_histograms
from jmpose_core.tracking.affinity import likeness


def person(colour, *, light=1.0):
    frame = np.full((200, 100, 3), 90, np.uint8)
    frame[20:180, 25:75] = np.array(colour) * light
    return colour_histograms(frame, np.array([[20.0, 15, 80, 185]]))[0]


def test_same_clothes_are_alike_and_others_are_not():
    red, darker_red, blue = person([200, 40, 40]), person([200, 40, 40], light=0.95), person([40, 40, 200])
    assert likeness(red, darker_red) > 0.9
    assert likeness(red, blue) < 0.5


def test_each_sums_to_one_even_outside_the_frame():
    frame = np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    boxes = np.array([[0.0, 0, 59, 49], [-100, -100, -50, -50], [10, 10, 10.5, 10.5]])
    np.testing.assert_allclose(colour_histograms(frame, boxes).sum(axis=1), 1)
    assert colour_histograms(frame, np.zeros((0, 4))).shape[0] == 0
