"""Which answers clients may complain of: their own of the last hour, each once, and only so many that nobody
can have a deployment left alone by complaining.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.timing import Clock, Window

LIFE_S = 3600.0
"""How long an answer can be complained of."""

SHARE = 0.1
"""Of a client's answers in that time at most so many complaints count."""

_MOST_ANSWERS = 20_000
_MOST_CLIENTS = 1000
"""So many are remembered at most, whoever was heard of least recently is forgotten first."""


class Complaint(StrEnum):
    """What becomes of one."""

    COUNTS = "it counts"
    UNKNOWN = "no such answer of the last hour is known"
    REPEATED = "it was made before"
    ONE_TOO_MANY = "too many of this key's answers were complained of already"


@dataclass(slots=True, frozen=True)
class Answer:
    """Who gave an answer: the deployment, its pool, and the model's name there."""

    pool: str
    deployment: str
    model: str


@dataclass(slots=True)
class _Given:
    answer: Answer
    until: float
    complained: bool = False


@dataclass(slots=True)
class _Client:
    answers: Window = field(default_factory=lambda: Window(LIFE_S))
    complaints: Window = field(default_factory=lambda: Window(LIFE_S))


@dataclass(slots=True)
class Complaints:
    """Remembers who gave which answer. Clients are told apart by what stands for their keys."""

    clock: Clock
    most_answers: int = _MOST_ANSWERS
    most_clients: int = _MOST_CLIENTS
    _given: OrderedDict[tuple[bytes, str], _Given] = field(default_factory=OrderedDict)
    _clients: OrderedDict[bytes, _Client] = field(default_factory=OrderedDict)

    def answered(self, client: bytes, request_id: str, answer: Answer) -> None:
        """`client` was given `answer` to its request."""
        now, key = self.clock(), (client, request_id)
        self._given[key] = _Given(answer, now + LIFE_S)
        self._given.move_to_end(key)
        if len(self._given) > self.most_answers:
            self._given.popitem(last=False)
        self._client(client).answers.add(now)

    def complain(self, client: bytes, request_id: str) -> tuple[Complaint, Answer | None]:
        """`client` says that the answer to its request was no good: what becomes of that, and of whom it
        complains where that counts.
        """
        now, given = self.clock(), self._given.get((client, request_id))
        if given is None or given.until <= now:
            return Complaint.UNKNOWN, None
        if given.complained:
            return Complaint.REPEATED, None
        given.complained = True
        known = self._client(client)
        if known.complaints.total(now) + 1 > SHARE * known.answers.total(now):
            return Complaint.ONE_TOO_MANY, None
        known.complaints.add(now)
        return Complaint.COUNTS, given.answer

    def _client(self, client: bytes) -> _Client:
        known = self._clients.get(client)
        if known is None:
            known = self._clients[client] = _Client()
        self._clients.move_to_end(client)
        if len(self._clients) > self.most_clients:
            self._clients.popitem(last=False)
        return known
