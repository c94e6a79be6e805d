"""Commands for the user's terminal that mend a video."""

import os
import shlex
import subprocess
from pathlib import Path


def conversion(path: Path) -> str:
    """How to make a sound video of one that FFmpeg still reads; run in the video's folder."""
    return f"convert it: ffmpeg -i {_quoted(path.name)} -c:v libx264 {_quoted(path.stem + '-converted.mp4')}"


def shortening(path: Path, frame_count: int) -> str:
    """How to make a sound video of the first pictures of one that is cut off; nothing is encoded again."""
    target = f"{path.stem}-repaired{path.suffix or '.mp4'}"
    return f"ffmpeg -i {_quoted(path.name)} -c copy -frames:v {frame_count} {_quoted(target)}"


def _quoted(name: str) -> str:
    """A file name as one word for the shell, and never as an option."""
    name = f"./{name}" if name.startswith("-") else name
    return subprocess.list2cmdline([name]) if os.name == "nt" else shlex.quote(name)
