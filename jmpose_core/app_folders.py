"""Where the program keeps its own files on this computer."""

import hashlib
from pathlib import Path

from platformdirs import user_cache_path, user_data_path, user_log_path

_APP, _AUTHOR = "jmpose-studio", "jmpose"


def data_folder() -> Path:
    """For what the user would miss: weights, projects without a place beside their video, the demo clip."""
    return user_data_path(_APP, _AUTHOR)


def log_folder() -> Path:
    """For what the engine and its libraries print."""
    return user_log_path(_APP, _AUTHOR)


def cache_folder() -> Path:
    """For what can be made again: it may be deleted at any time."""
    return user_cache_path(_APP, _AUTHOR)


def folder_mark(folder: Path) -> str:
    """Eight letters that tell files of one name in different folders apart."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]
