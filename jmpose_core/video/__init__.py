"""Frames by index, from a video file or a folder of images; and writing a video.

Frame N is the same picture however it is reached. Pictures are H x W x 3 uint8, RGB.
"""

from pathlib import Path

from jmpose_core.errors import VideoError
from jmpose_core.video.base import Fingerprint, Video
from jmpose_core.video.image_folder import ImageFolder, list_images, other_images
from jmpose_core.video.video_file import VideoFile
from jmpose_core.video.writer import write_video

__all__ = [
    "Fingerprint",
    "ImageFolder",
    "Video",
    "VideoFile",
    "list_images",
    "open_video",
    "other_images",
    "write_video",
]


def open_video(path: Path) -> Video:
    """Open a video file or a folder of images of one size.

    Raises `VideoError` if it is missing, empty, torn, has no pictures, or mixes picture sizes.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise VideoError(f"{path}: there is no such file or folder. Check the path, or whether its disk is connected.")
    return VideoFile(path)
