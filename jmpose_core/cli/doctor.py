"""jmpose doctor: what is installed, which device, which weights, what is missing."""

import importlib.metadata
import platform
import subprocess
import sys
from typing import Final

from rich.markup import escape

from jmpose_core.child_process import INTERPRETER, child_environment
from jmpose_core.cli.terminal import console, tell

_NEEDED = (
    "torch", "torchvision", "PySide6-Essentials", "pyqtgraph", "opencv-python-headless", "numpy", "scipy",
    "pycocotools", "av", "safetensors", "msgspec", "motmetrics", "platformdirs",
)  # fmt: skip
_EXTRAS = {
    "sleap-io": "SLEAP's .slp files",
    "onnxruntime": "training the bundled weights anew, from MoveNet",
    "onnx": "training the bundled weights anew, from MoveNet",
}
# What Qt's window needs of Debian and Ubuntu, the README's list.
QT_LIBRARIES: Final = (
    "libegl1 libgl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libdbus-1-3 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 "
    "libxkbcommon-x11-0"
)


def doctor() -> int:
    """Say what is installed, which device and weights there are, and what is missing (then the exit code is 1)."""
    tell(f"JM-Pose Studio {importlib.metadata.version('jmpose-studio')}, Python {sys.version.split()[0]}")
    tell(platform.platform())
    missing = [name for name in _NEEDED if not _tell_package(name, "needed: pip install -e .")]
    for name, purpose in _EXTRAS.items():
        _tell_package(name, f"only for {purpose}: pip install {name}")
    missing += _faults_of_qt()
    _tell_device()
    weights = _tell_weights()
    missing += [f"weights {name}" for name in ("detector", "jmpose_lite") if name not in weights]
    if missing:
        console.print(f"[bold red]missing:[/] {escape(', '.join(missing))}", highlight=False, soft_wrap=True)
        return 1
    console.print("[green]all there[/]")
    return 0


def _tell_package(name: str, absent: str) -> bool:
    try:
        tell(f"  {name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        tell(f"  {name}: not installed ({absent})")
        return False
    return True


def _faults_of_qt() -> list[str]:
    """Qt is loaded in a process of its own: where system libraries lack, only the window is lost."""
    probe = subprocess.run(
        [*INTERPRETER, "-c", "import PySide6.QtWidgets"],
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    if probe.returncode == 0:
        return []
    tell("Qt cannot be loaded; the command line works, the window does not. On Debian and Ubuntu:")
    tell(f"  apt-get install {QT_LIBRARIES}")
    return [f"Qt's system libraries ({probe.stderr.strip().splitlines()[-1]})"]


def _tell_device() -> None:
    import torch

    if torch.cuda.is_available():
        tell(f"device: cuda, {torch.cuda.get_device_name()}")
    else:
        tell(f"device: cpu, {torch.get_num_threads()} threads")


def _tell_weights() -> list[str]:
    """Names of the installed weights: the bundled ones and the user's own."""
    from jmpose_core.weights.files import installed_weights, user_weights

    paths = installed_weights()
    own = [path.stem for path in paths if path.parent == user_weights()]
    bundled = [path.stem for path in paths if path.parent != user_weights()]
    tell(f"weights: {', '.join(bundled) or 'none'}")
    if own:
        tell(f"your weights: {', '.join(own)} ({user_weights()})")
    return bundled + own
