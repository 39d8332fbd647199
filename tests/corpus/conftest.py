"""What the tests over recordings share."""

import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

Report: TypeAlias = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Print a line of figures past the capture, so that it stands in every log of a run."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write
