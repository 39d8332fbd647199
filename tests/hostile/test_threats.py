"""The threats in SECURITY.md: each names tests, and the tests are there."""

import re
from pathlib import Path

_HERE = Path(__file__)
_ROWS = [
    line
    for line in (_HERE.parents[2] / "SECURITY.md").read_text("utf-8").partition("## Threats")[2].splitlines()
    if line.startswith("| a")
]


def _tests() -> set[str]:
    """The names of all tests of the project."""
    named = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
    return {
        name
        for file in _HERE.parents[1].rglob("test_*.py")
        for name in named.findall(file.read_text("utf-8"))
    }


def test_every_threat_is_met_by_tests_that_exist() -> None:
    named = [re.findall(r"`(test_\w+)`", row) for row in _ROWS]
    assert len(_ROWS) > 20
    assert all(named)
    assert {name for names in named for name in names} <= _tests()
