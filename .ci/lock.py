"""Turn pip's report of an installation into a constraints file: python .ci/lock.py REPORT > .ci/constraints.txt."""

import json
import re
import sys
from pathlib import Path

# torch names these itself, other ones for each platform.
PLATFORMS = re.compile(r"nvidia-|cuda-|triton")
HEAD = "# Versions that this program was tested with. `make` installs these; `make lock` writes the newest ones here."


def constraints(report: str) -> list[str]:
    """The lines of the file: every package that would be installed but the program itself, by name."""
    packages = [entry["metadata"] for entry in json.loads(report)["install"]]
    chosen = {
        package["name"]: package["version"]
        for package in packages
        if package["name"] != "jmpose-studio" and not PLATFORMS.match(package["name"])
    }
    return [HEAD, *(f"{name}=={chosen[name]}" for name in sorted(chosen, key=str.lower))]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints(Path(sys.argv[1]).read_text())) + "\n")
