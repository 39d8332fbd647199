"""A key in a header."""

from dataclasses import dataclass, field

from gateway.wire.http import HttpRequest

_SHOWN = 4
_LONG_ENOUGH = 16
"""Of a shorter key its end would be too much."""


@dataclass(slots=True, frozen=True)
class ApiKey:
    """A fixed key, sent as `header: prefix + key`."""

    header: str
    key: str = field(repr=False)
    prefix: str = ""

    @property
    def hint(self) -> str:
        """How it ends."""
        return "…" + (self.key[-_SHOWN:] if len(self.key) >= _LONG_ENOUGH else "")

    def sign(self, request: HttpRequest) -> HttpRequest:
        """Add the header."""
        return request.with_headers({self.header: self.prefix + self.key})

    async def renew(self) -> bool:
        """A fixed key has no successor."""
        return False


@dataclass(slots=True, frozen=True)
class NoKey:
    """For upstreams that ask for none."""

    hint = ""

    def sign(self, request: HttpRequest) -> HttpRequest:
        """Add nothing."""
        return request

    async def renew(self) -> bool:
        """There is nothing to renew."""
        return False
