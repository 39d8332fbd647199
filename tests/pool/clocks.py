"""Clocks that go when they are told to."""


class At:
    """A clock that stands at `now`."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """What it says."""
        return self.now
