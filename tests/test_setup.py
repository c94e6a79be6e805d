"""What `make` installs: the tested versions, and for the program no more than the program needs."""

import importlib.util
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [word for extra in PROJECT["optional-dependencies"].values() for word in extra]


def pinned() -> dict[str, str]:
    lines = [line for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_every_requirement_has_a_tested_version_that_it_allows() -> None:
    versions = pinned()
    for word in [*PROJECT["dependencies"], *EXTRAS]:
        requirement = Requirement(word)
        if requirement.name != PROJECT["name"]:
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), word


def test_the_constraints_name_versions_alone() -> None:
    """No address of a registry, no path of a machine, nothing that torch names itself for each platform."""
    for line in CONSTRAINTS.read_text().splitlines()[1:]:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
        assert not re.match(r"nvidia-|cuda-|triton", line), line


def planned(*words: str) -> str:
    """What make would do in a fresh clone."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    words = (make, "--dry-run", "--no-print-directory", *words, "VENV=fresh")
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("target", ["demo", "app", "bench"])
def test_the_program_is_installed_without_the_tools_of_its_tests(target: str) -> None:
    plan = planned(target)
    assert "pip install" in plan and "--constraint .ci/constraints.txt --editable ." in plan
    assert "[dev]" not in plan


@pytest.mark.parametrize("target", ["test", "check"])
def test_tests_and_checks_add_their_tools_to_the_same_environment(target: str) -> None:
    plan = planned(target)
    assert plan.index("--editable .\n") < plan.index("--editable '.[dev]'")
    assert "--constraint" not in planned(target, "CONSTRAINTS=")


def test_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets is not None
    described = re.findall(r"^# make (\w+) ", makefile, re.MULTILINE)
    assert sorted(described) == sorted(targets[1].split())


def test_a_report_of_pip_becomes_constraints() -> None:
    spec = importlib.util.spec_from_file_location("lock", ROOT / ".ci" / "lock.py")
    assert spec is not None and spec.loader is not None
    lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lock)
    names = [("torch", "2.14.1"), ("jmpose-studio", "0.1.0"), ("nvidia-cublas", "13.1"), ("Av", "18.1.0")]
    report = {"install": [{"metadata": {"name": name, "version": version}} for name, version in names]}
    assert lock.constraints(json.dumps(report))[1:] == ["Av==18.1.0", "torch==2.14.1"]
