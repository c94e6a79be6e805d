"""docs/complaints.md names tests that exist, and each of the fifty has its line."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "complaints.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)}
    assert len(named) > 35 and named - there == set()


def test_every_number_has_its_line() -> None:
    complaints, wishes = PAGE.split("## Twenty wishes")
    for part, most in ((complaints, 30), (wishes, 20)):
        numbers = [
            int(number) for cell in re.findall(r"^\| ([\d, ]+) \|", part, re.MULTILINE) for number in cell.split(",")
        ]
        assert numbers == list(range(1, most + 1))
