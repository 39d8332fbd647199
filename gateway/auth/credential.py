"""What signs a request to an upstream."""

from typing import Protocol

from gateway.wire.http import HttpRequest


class Credential(Protocol):
    """One account at one upstream. Its `repr` never shows the secret."""

    @property
    def hint(self) -> str:
        """Enough of the secret for its owner to tell it from others; empty where there is none."""
        ...

    def sign(self, request: HttpRequest) -> HttpRequest:
        """`request` with what convinces the upstream; costs a header, never a network call."""
        ...

    async def renew(self) -> bool:
        """Get a fresh secret after a 401. False: there is none to be had, the rejection stands."""
        ...
