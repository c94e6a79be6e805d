"""Single image files, as they are shown: the size from the header, the picture as RGB."""

from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from jmpose_core.errors import VideoError
from jmpose_core.video.image_headers import read_header

IMAGE_SUFFIXES: Final = {
    *(".jpg", ".jpeg", ".jpe", ".jfif"),
    *(".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pnm"),
}
OTHER_IMAGE_SUFFIXES: Final = {  # pictures all the same: to leave one out would move the later frames up
    *(".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".jpx"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"),
    *(".tga", ".psd", ".exr", ".hdr", ".pcx", ".pbm", ".svg", ".dcm", ".fits"),
}


def read_image(path: Path) -> NDArray[np.uint8]:
    """The picture as height x width x 3 RGB, 8 bits a channel, turned upright by its EXIF orientation.

    So do viewers, browsers and CVAT; coordinates are those of the picture as shown.
    Raises `VideoError` if it cannot be decoded.
    """
    data = read_bytes(path)
    # cv2.imread cannot open every path (non-ASCII on Windows), and imdecode asserts on no bytes.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if bgr is None:
        raise VideoError(f"{path}: the image is empty, torn, or not an image. Copy it again, or remove it.")
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    header = read_header(BytesIO(data))
    if header is None or data[:2] in (b"II", b"MM"):  # OpenCV turns TIFF files itself, whatever the flags
        return rgb
    return header.orientation.applied(rgb)


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels as shown, from the header where that is understood, else by decoding.

    Raises `VideoError` if the file cannot be read, or holds several pictures.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file)
    except OSError as error:
        raise _unreadable(path, error) from error
    if header is None:
        height, width = read_image(path).shape[:2]
        return width, height
    if header.is_stack:
        raise StackError(f"{path}: the file holds several pictures. Save each as a file of its own, or as a video.")
    return header.shown_size


class StackError(VideoError):
    """An image file holds more than one picture."""


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises `VideoError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> VideoError:
    if path.is_symlink() and not path.exists():
        return VideoError(f"{path}: the link leads nowhere. Put back what it pointed to, or remove it.")
    return VideoError(f"{path}: cannot be read ({error.strerror}). Check its permissions and its disk.")
