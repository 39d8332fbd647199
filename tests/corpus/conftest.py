"""What the tests over recordings share."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
from structlog.typing import EventDict

Report: TypeAlias = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Print a line of figures past the capture, so that it stands in every log of a run."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write


async def request_line(log: Sequence[EventDict]) -> EventDict:
    """What the log says of the one request in it; it is written when the client has its answer already."""
    async with asyncio.timeout(5):
        while not (lines := [line for line in log if line["event"] == "request"]):
            await asyncio.sleep(0)
    (line,) = lines
    return line


def words_of(error: Any) -> str:
    """What an error says in any of the protocols."""
    said = error["error"]
    return str(said if isinstance(said, str) else said["message"])
