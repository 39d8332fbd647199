"""Orders to stop, as a gateway that runs by itself gets them and as a worker does."""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeAlias

Act: TypeAlias = Callable[[], None]

READY = b"r"
"""What a worker says over its channel once it serves."""

_STOP = (signal.SIGTERM, signal.SIGINT)
HURRY = signal.SIGQUIT
"""Tells a worker not to wait for open requests any more."""


class Orders(Protocol):
    """Where orders come from. Both methods are for a running loop."""

    relieved: bool
    """Whether others listen on the port from now on, so that nobody need be given time to notice."""

    def on_stop(self, act: Act) -> None:
        """Have the first order to stop call `act`."""

    def on_hurry(self, act: Act) -> None:
        """From now on, have an order to stop at once call `act`."""


class Signals:
    """The orders of a gateway that runs by itself: SIGTERM or SIGINT, and the same again."""

    relieved = False

    def on_stop(self, act: Act) -> None:
        """The first signal."""
        _on(_STOP, act)

    def on_hurry(self, act: Act) -> None:
        """The second."""
        _on(_STOP, act)


class Channel:
    """The orders of a worker: signals, and its end of a connection to the supervisor.

    Service managers send SIGTERM to supervisor and workers alike, terminals SIGINT: a second one of these is
    no order to hurry. Whoever stops says so by saying no more. Where the supervisor says no more, it has
    another worker in this one's place, or is gone itself.
    """

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self.relieved = False

    def ready(self) -> None:
        """Tell the supervisor that this worker serves."""
        with suppress(OSError):  # whoever is gone is noticed by `on_stop`
            self._supervisor.send(READY)

    def on_stop(self, act: Act) -> None:
        """The first signal, or the end of the connection."""

        def stop() -> None:
            _on((*_STOP, HURRY), _nothing)
            loop.remove_reader(self._supervisor)
            self._supervisor.close()
            act()

        def hung_up() -> None:
            self.relieved = True
            stop()

        loop = asyncio.get_running_loop()
        _on((*_STOP, HURRY), stop)
        # That one is the supervisor's, but may be sent to all of a group.
        _on((signal.SIGHUP,), _nothing)
        loop.add_reader(self._supervisor, hung_up)

    def on_hurry(self, act: Act) -> None:
        """The signal `HURRY`."""
        _on((HURRY,), act)


def _on(signals: tuple[signal.Signals, ...], act: Act) -> None:
    for number in signals:
        asyncio.get_running_loop().add_signal_handler(number, act)


def _nothing() -> None:
    """What a repeated signal does to a worker that stops already."""
