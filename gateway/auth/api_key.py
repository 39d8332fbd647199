"""A key in a header."""

from dataclasses import dataclass, field

from gateway.wire.http import HttpRequest


@dataclass(slots=True, frozen=True)
class ApiKey:
    """A fixed key, sent as `header: prefix + key`."""

    header: str
    key: str = field(repr=False)
    prefix: str = ""

    def sign(self, request: HttpRequest) -> HttpRequest:
        """Add the header."""
        return request.with_headers({self.header: self.prefix + self.key})

    async def renew(self) -> bool:
        """A fixed key has no successor."""
        return False


@dataclass(slots=True, frozen=True)
class NoKey:
    """For upstreams that ask for none."""

    def sign(self, request: HttpRequest) -> HttpRequest:
        """Add nothing."""
        return request

    async def renew(self) -> bool:
        """There is nothing to renew."""
        return False
