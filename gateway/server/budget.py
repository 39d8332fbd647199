"""The memory that request bodies may take, all of them together."""

from gateway.errors import Unavailable

_RETRY_AFTER_S = 1.0
"""Long enough for one of many requests to end."""


class Budget:
    """Counts the bytes of all bodies that are held; refuses what would bring them over `limit`."""

    __slots__ = ("held", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def share(self) -> "Share":
        """What one request will hold, nothing yet."""
        return Share(self)


class Share:
    """The bytes that one request holds; whoever has it must `release` it."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def expect(self, size: int) -> None:
        """See whether `size` more bytes fit. They are not put aside: what is only announced may never
        come.

        Raises:
            Unavailable: they do not.
        """
        budget = self._budget
        if budget.held + size > budget.limit:
            raise Unavailable(
                f"the gateway is busy with request bodies of {budget.limit} bytes, its limit; try again in a"
                " moment",
                retry_after_s=_RETRY_AFTER_S,
            )

    def grow(self, size: int) -> None:
        """Hold `size` bytes more.

        Raises:
            Unavailable: they do not fit.
        """
        self.expect(size)
        self._budget.held += size
        self._size += size

    def release(self) -> None:
        """Give everything back."""
        self._budget.held -= self._size
        self._size = 0
