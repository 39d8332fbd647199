"""HTTP as values: what goes to an upstream, what comes back, and the one method between."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True, frozen=True)
class HttpRequest:
    """A request to an upstream. `headers` are what we mean to say; the transport adds what HTTP needs.

    `connect_timeout_s` bounds the making of a connection, None: as the transport has it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    connect_timeout_s: float | None = None

    def with_headers(self, headers: Mapping[str, str]) -> "HttpRequest":
        """The same request with `headers` added; a name already there is replaced."""
        said = {**self.headers, **headers}
        return HttpRequest(self.method, self.url, said, self.body, self.connect_timeout_s)


@dataclass(slots=True)
class HttpReply:
    """The head of a reply and its body as it comes. Header names are lower case.

    `chunks` yields what each read brought, decoded where the reply said it was compressed. `has_ended` tells
    whether it is known already that nothing more will come.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    has_ended: Callable[[], bool] = lambda: False


class Transport(Protocol):
    """The way to an upstream."""

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Send `request`; leaving the context closes the exchange, whole or not.

        Raises (on entering, or while reading chunks):
            Unreachable: there is no connection, or it broke.
            UpstreamTimeout: connecting took too long.
            BadUpstreamReply: what came is not HTTP.
        """
        ...
