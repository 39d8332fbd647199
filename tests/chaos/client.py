"""What every client of the campaign can: ask, and tell how it ended."""

from abc import abstractmethod
from typing import Protocol

from tests.chaos.endings import Heard

KEY = "chaos-client-key-3e9a"
PATIENCE_S = 30.0
DEADLY = (ValueError, LookupError, AttributeError, AssertionError, TypeError)
"""What SDKs raise where they were handed something that they never thought of."""

QUESTION = "Hello?"


class Client(Protocol):
    """One SDK bound to one gateway."""

    @abstractmethod
    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""


def failed(status: int, word: str, said: list[str], told: str) -> Heard:
    """An exchange that ended in an error, `said` before it; status 200 for a stream that broke."""
    return Heard(status, word or f"no error event: {told}", "".join(said), told=told)


def died(error: Exception, said: list[str]) -> Heard:
    """An SDK that raised what no caller expects of it."""
    return failed(200, f"the SDK died: {error!r}", said, "")


def counted(tokens: object) -> int:
    """A figure, or less than nothing: the SDKs let through whatever they are told."""
    return tokens if isinstance(tokens, int) else -1


def unwrapped(arguments: object) -> object:
    """Arguments that are no object can only be said as the one field of one."""
    match arguments:
        case {"_raw": inner, **rest} | {"value": inner, **rest} if not rest:
            return inner
        case _:
            return arguments
