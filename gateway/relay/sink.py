"""Where a reply goes, and how far it has come. Each step closes a door."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol

from gateway.protocols.codec import HttpAnswer


class Said(IntEnum):
    """How much the client has been told."""

    NOTHING = 0
    """Everything is still possible: another deployment, an error status."""
    STATUS = 1
    """The status is out: another deployment is still possible, an error status is not."""
    CONTENT = 2
    """The first word is out: there is no way back."""
    DONE = 3


class Sink(Protocol):
    """A client that waits for its reply."""

    @property
    def said(self) -> Said:
        """How far the reply has come."""
        ...

    async def answer(self, answer: HttpAnswer) -> None:
        """Give a whole answer. Only while nothing has been said."""
        ...

    def keep_alive(
        self, content_type: str, headers: Callable[[], Mapping[str, str]], ping: Callable[[], bytes]
    ) -> None:
        """Promise a stream: from now on a silent client is sent a `ping` at every heartbeat.

        `headers` is asked when the status goes out, be it for the first heartbeat or the first word.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the stream; waits while the client is slow."""
        ...

    async def close(self) -> None:
        """End the stream as complete."""
        ...

    async def break_off(self, data: bytes) -> None:
        """Send `data` and end the connection without the mark of completeness, so that no client is
        fooled.
        """
        ...
