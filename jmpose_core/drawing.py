"""Pictures of people, heatmaps and flow for files and reports. All of it numpy and OpenCV; no Qt.

Pictures are H x W x 3 RGB uint8, and are never changed in place.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Visibility
from jmpose_core.colouring import (
    INK,
    JOINT_COLOURS,
    LIMB_COLOURS,
    MIDDLE,
    Colour,
    flow_rgb,
    heat_over,
    longest_flow,
    track_colour,
    with_wheel,
)
from jmpose_core.errors import JMPoseError
from jmpose_core.skeleton import LIMBS

Picture: TypeAlias = npt.NDArray[np.uint8]

_SUBPIXEL_BITS: Final = 4  # OpenCV draws at 1/16 pixel
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX


def draw_people(frame: Picture, people: Iterable[Annotation]) -> Picture:
    """The frame with boxes, track ids and skeletons: left orange, right blue, occluded joints hollow."""
    picture = frame.copy()
    unit = max(1.0, min(frame.shape[:2]) / 480)
    for person in people:
        _draw_box(picture, person, unit)
        _draw_limbs(picture, person, unit, LIMB_COLOURS)
        _draw_joints(picture, person, unit)
    return picture


def draw_tracks(frame: Picture, people: Iterable[Annotation]) -> Picture:
    """The frame with skeletons in the colours of their tracks: who is who, in a picture too small for letters."""
    picture = frame.copy()
    for person in people:
        _draw_limbs(picture, person, 1.0, [track_colour(person.track_id)] * len(LIMBS))
    return picture


def heatmaps_over(picture: Picture, heatmaps: npt.NDArray[np.floating]) -> Picture:
    """The maximum over joints of heatmaps (K, h, w) in 0..1, laid over a picture in warm colours."""
    return heat_over(picture, heatmaps.max(axis=0))


def panels(
    crop: Picture,
    initial: npt.NDArray[np.floating],
    flow: npt.NDArray[np.floating] | None,
    refined: npt.NDArray[np.floating],
    *,
    height: int = 512,
) -> Picture:
    """Crop, initial heatmaps, flow where there is one, and refined heatmaps side by side, each under its title."""
    width = round(height * crop.shape[1] / crop.shape[0])
    large = _resized(crop, width, height)
    titled = [("key frame", large), ("initial heatmaps", heatmaps_over(large, initial))]
    if flow is not None:
        titled.append(_flow_panel(flow, width, height))
    return in_a_row([*titled, ("refined heatmaps", heatmaps_over(large, refined))])


def _flow_panel(flow: npt.NDArray[np.floating], width: int, height: int) -> tuple[str, Picture]:
    """The flow with its colour wheel in a corner."""
    longest = longest_flow(flow)
    motion = flow_rgb(flow, (height, width), longest=longest)
    return f"flow, full colour {longest:.1f} px", with_wheel(motion)


def in_a_row(titled: Sequence[tuple[str, Picture]], *, gap: int = 12) -> Picture:
    """Pictures of one height on ink, each under its title."""
    height = titled[0][1].shape[0]
    band = 40
    width = sum(picture.shape[1] for _, picture in titled) + gap * (len(titled) + 1)
    sheet = np.full((height + band + gap, width, 3), INK, np.uint8)
    left = gap
    for title, picture in titled:
        sheet[band : band + height, left : left + picture.shape[1]] = picture
        _write(sheet, title, (left, band - 12), 0.6, MIDDLE)
        left += picture.shape[1] + gap
    return sheet


def contact_sheet(titled: Sequence[tuple[str, Picture]], *, columns: int, width: int = 320) -> Picture:
    """Pictures in rows of `columns`, each scaled to `width` with its title inside."""
    height = round(width * titled[0][1].shape[0] / titled[0][1].shape[1])
    rows = -(-len(titled) // columns)
    sheet = np.full((rows * (height + 4) + 4, columns * (width + 4) + 4, 3), INK, np.uint8)
    for index, (title, picture) in enumerate(titled):
        top, left = 4 + index // columns * (height + 4), 4 + index % columns * (width + 4)
        small = _resized(picture, width, height)
        _write(small, title, (6, height - 8), 0.4, MIDDLE)
        sheet[top : top + height, left : left + width] = small
    return sheet


def write_picture(path: Path, picture: Picture) -> None:
    """Write a .png or .jpg.

    Raises:
        JMPoseError: the file cannot be written.
    """
    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1])
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise JMPoseError(f"{path}: not written ({error}); choose a folder with space you may write to") from error


def _draw_box(picture: Picture, person: Annotation, unit: float) -> None:
    colour = track_colour(person.track_id)
    left, top, right, bottom = person.bbox_xyxy
    width = max(1, round(unit))
    cv2.rectangle(picture, _fixed(left, top), _fixed(right, bottom), colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    text = str(person.track_id)
    size = 0.45 * unit
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, size, 1)
    x, y = max(0, round(left)), max(text_height + 6, round(top))
    cv2.rectangle(picture, (x, y - text_height - 6), (x + text_width + 8, y), colour, cv2.FILLED)
    cv2.putText(picture, text, (x + 4, y - 4), _FONT, size, INK, 1, cv2.LINE_AA)


def _draw_limbs(picture: Picture, person: Annotation, unit: float, colours: Sequence[Colour]) -> None:
    shown = person.visibility > Visibility.ABSENT
    for width, is_ink in ((3.6 * unit, True), (2.0 * unit, False)):  # a dark rim keeps it legible on any ground
        for (first, second), own in zip(LIMBS, colours, strict=True):
            if shown[first] and shown[second]:
                colour = INK if is_ink else own
                ends = _fixed(*person.keypoints[first]), _fixed(*person.keypoints[second])
                cv2.line(picture, *ends, colour, max(1, round(width)), cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_joints(picture: Picture, person: Annotation, unit: float) -> None:
    radius = round(3.4 * unit * (1 << _SUBPIXEL_BITS))
    for joint, visibility in enumerate(person.visibility):
        if visibility == Visibility.ABSENT:
            continue
        centre, colour = _fixed(*person.keypoints[joint]), JOINT_COLOURS[joint]
        inside = colour if visibility == Visibility.VISIBLE else INK
        cv2.circle(picture, centre, radius, inside, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)
        rim = INK if visibility == Visibility.VISIBLE else colour
        cv2.circle(picture, centre, radius, rim, 1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(x: float, y: float) -> tuple[int, int]:
    scale = 1 << _SUBPIXEL_BITS
    return round(x * scale), round(y * scale)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    shrinks = width < picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC).astype(
        np.uint8
    )


def _write(picture: Picture, text: str, at: tuple[int, int], size: float, colour: Colour) -> None:
    cv2.putText(picture, text, at, _FONT, size, INK, 4, cv2.LINE_AA)
    cv2.putText(picture, text, at, _FONT, size, colour, 1, cv2.LINE_AA)
