"""Where the program keeps its own files on this computer."""

from pathlib import Path

from platformdirs import user_data_path, user_log_path

_APP, _AUTHOR = "jmpose-studio", "jmpose"


def data_folder() -> Path:
    """For what the user would miss: weights, projects without a place beside their video, the demo clip."""
    return user_data_path(_APP, _AUTHOR)


def log_folder() -> Path:
    """For what the engine and its libraries print."""
    return user_log_path(_APP, _AUTHOR)
