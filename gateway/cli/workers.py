"""Several processes behind one port, and the one that watches over them.

The supervisor opens the port, one socket a worker, and forks. It holds the sockets for as long as it lives:
when a worker ends, connections to its place wait for the next one and none is refused. Over a channel to each
worker three things are said. The worker: that it serves (a byte), that it takes no more connections (the
end). The supervisor: that another one serves in its place (the end, which a dead supervisor says as well).
"""

import gc
import os
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

import structlog

from gateway.cli.crew import Crew, Worker
from gateway.config.schema import GatewayConfig
from gateway.server import sockets
from gateway.server.orders import HURRY

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_OVERDUE_S = 5.0
"""How long after the end of its drain a worker may live on."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Post:
    """What a worker finds when it begins: see `gateway.app.work`."""

    config: GatewayConfig
    sockets: list[socket.socket]
    supervisor: socket.socket


class NoWorkerStartedError(Exception):
    """A worker of the first crew ended before all served: the next one would as well."""


@dataclass(slots=True, eq=False)
class _Process:
    worker: Worker
    pid: int
    channel: socket.socket


class Supervisor:
    """Keeps as many workers as `config` says on a set of `shares` each, until SIGTERM or SIGINT; a second one
    does not wait for open requests. SIGHUP replaces all workers by new ones that run as `reread` says; None
    leaves everything as it is.
    """

    def __init__(
        self,
        config: GatewayConfig,
        shares: list[list[socket.socket]],
        reread: Callable[[], GatewayConfig | None],
        on_ready: Callable[[], None],
    ) -> None:
        self._config = config
        self._shares = shares
        self._reread = reread
        self._on_ready = on_ready
        self._crew = Crew(len(shares), monotonic())
        self._processes: dict[int, _Process] = {}
        # Of all selectors the one that has nothing in the kernel which a child could change.
        self._selector = selectors.PollSelector()
        self._served = False
        self._failed = False
        self._killing_at: float | None = None

    def run(self) -> Post | None:
        """Returns in the supervisor when all is over (None), and in every worker when it begins.

        Raises:
            NoWorkerStartedError: in the supervisor.
        """
        gc.freeze()
        with _heard() as inbox, self._selector:
            self._selector.register(inbox, selectors.EVENT_READ, partial(self._signalled, inbox))
            post = self._supervise()
        if self._failed:
            raise NoWorkerStartedError
        return post

    def _supervise(self) -> Post | None:
        while self._processes or self._killing_at is None:
            for place in self._crew.due(monotonic()):
                if (post := self._start(place)) is not None:
                    return post
            for key, _ in self._selector.select(self._patience_s()):
                key.data()
        return None

    def _patience_s(self) -> float | None:
        now = monotonic()
        if self._killing_at is None:
            return self._crew.wait_s(now)
        if now < self._killing_at:
            return self._killing_at - now
        self._signal_all(signal.SIGKILL)
        return None

    def _start(self, place: int) -> Post | None:
        worker = self._crew.start(place, monotonic())
        ours, theirs = socket.socketpair()
        # A signal between the fork and the child's own handlers would count as one to the supervisor.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                return self._post(place, ours, theirs)
        except OSError as error:
            log.error("worker_not_started", place=place, reason=error.strerror)  # noqa: TRY400 - says it all
            ours.close()
            self._crew.gone(worker, monotonic())
            return None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        log.info("worker_started", place=place, worker=pid)
        self._processes[pid] = process = _Process(worker, pid, ours)
        self._selector.register(ours, selectors.EVENT_READ, partial(self._told, process))
        return None

    def _post(self, place: int, ours: socket.socket, theirs: socket.socket) -> Post:
        """In a new worker: let go of what is the supervisor's, and of what is the other workers'."""
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        ours.close()
        for process in self._processes.values():
            process.channel.close()
        sockets.close([share for other, share in enumerate(self._shares) if other != place])
        return Post(self._config, self._shares[place], theirs)

    def _told(self, process: _Process) -> None:
        """Something came over the channel of `process`, unless it was hung up meanwhile."""
        if process.channel.fileno() < 0:
            return
        try:
            said = process.channel.recv(1)
        except ConnectionError:
            said = b""
        if not said:
            self._hang_up(process)
            self._crew.gone(process.worker, monotonic())
            if not self._served and self._killing_at is None:
                self._failed = True
                self._stop()
            return
        replaced = self._crew.ready(process.worker)
        for other in list(self._processes.values()):
            if other.worker is replaced:
                self._hang_up(other)
        if self._crew.complete and not self._served:
            self._served = True
            self._on_ready()

    def _hang_up(self, process: _Process) -> None:
        self._selector.unregister(process.channel)
        process.channel.close()

    def _signalled(self, inbox: socket.socket) -> None:
        acts: Mapping[int, Callable[[], None]] = {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._renew,
            signal.SIGCHLD: self._reap,
        }
        for number in inbox.recv(4096):
            acts[number]()

    def _stop(self) -> None:
        if self._killing_at is not None:
            self._signal_all(HURRY)
            return
        self._killing_at = monotonic() + self._config.server.drain_s + _OVERDUE_S
        self._crew.dismiss()
        sockets.close(self._shares)
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        for pid in self._processes:
            os.kill(pid, number)

    def _renew(self) -> None:
        if self._killing_at is not None or (config := self._reread()) is None:
            return
        log.info("renewing_workers")
        self._config = config
        self._crew.renew(monotonic())

    def _reap(self) -> None:
        for pid in list(self._processes):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            code = os.waitstatus_to_exitcode(status)
            del self._processes[pid]
            (log.info if code == 0 else log.warning)("worker_ended", worker=pid, code=code)


@contextmanager
def _heard() -> Iterator[socket.socket]:
    """Signals as bytes that can be waited for."""
    inbox, outbox = socket.socketpair()
    with inbox, outbox:
        inbox.setblocking(False)
        outbox.setblocking(False)
        before = {number: signal.signal(number, _heed) for number in _SIGNALS}
        signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        try:
            yield inbox
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)


def _heed(_number: int, _frame: object) -> None:
    """Python writes a signal to the wake-up socket only if somebody handles it."""
