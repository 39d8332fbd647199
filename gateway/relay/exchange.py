"""A client's request on its way, and what the log will say of it."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate

from gateway.canonical.request import Request
from gateway.canonical.tokens import estimate
from gateway.canonical.usage import Usage
from gateway.errors import FailedAttempt, GatewayError
from gateway.protocols.codec import Asked, Call, Codec, Losses
from gateway.relay.sink import Said, Sink


@dataclass
class Meaning:
    """What `call` means, found out when somebody first asks.

    Nothing here leads back to the exchange, nor may anything else that an exchange holds: what holds itself
    is freed by the collector alone, late and dearly.
    """

    codec: Codec
    call: Call

    @cached_property
    def request(self) -> Request:
        """The request in canonical form.

        Raises:
            InvalidRequest: a field is malformed.
        """
        return self.codec.decode_request(self.call)

    def forget(self) -> None:
        """Let go of what was found out: nobody may ask again, and while an upstream thinks it only takes room
        that others could use.
        """
        self.__dict__.pop("request", None)
        self.call.document.forget()

    def tokens(self) -> int:
        """About how many tokens a model reads for it.

        Raises:
            InvalidRequest: a field is malformed.
        """
        return estimate(self.request)


@dataclass(slots=True)
class Exchange:
    """One request: as it was said (`call`), as it is understood (`request`), by which codec, to which
    sink. `client` tells who asks, `pool` that it wants that pool. `fail`: how the stream that carries the
    reply tells of a failure, known from its first word on. `answers`: whom to tell of that word.
    """

    codec: Codec
    call: Call
    asked: Asked
    sink: Sink
    request_id: str
    record: "Record"
    pool: str | None = None
    client: bytes = b""
    fail: Callable[[GatewayError], bytes] | None = None
    answers: Callable[[], None] | None = None
    meaning: Meaning = field(init=False)

    def __post_init__(self) -> None:
        self.meaning = Meaning(self.codec, self.call)
        self.asked.estimate = self.meaning.tokens

    @property
    def request(self) -> Request:
        """The request in canonical form, decoded when an attempt first needs it.

        Raises:
            InvalidRequest: a field is malformed.
        """
        return self.meaning.request

    def promise(self) -> None:
        """Keep a client that asked for a stream from waiting in silence, whatever becomes of its request."""
        if self.asked.stream:
            framing = self.asked.framing or self.codec.framing
            self.sink.keep_alive(
                framing.content_type, self.record.headers, partial(_ping, self.codec, self.asked)
            )

    def last_words(self, error: GatewayError) -> bytes:
        """What ends a stream, begun or only promised, so that its client knows of `error`."""
        if self.sink.said is Said.CONTENT and self.fail is not None:
            return self.fail(error)
        frames = self.codec.stream_encoder(self.asked, Losses()).fail(error)
        out = (self.asked.framing or self.codec.framing).encoder()
        return b"".join(map(out.encode, frames))


def _ping(codec: Codec, asked: Asked) -> bytes:
    return codec.stream_encoder(asked, Losses()).ping()


@dataclass(slots=True)
class Record:
    """The facts of one request, for its log line and, where they are `exposed`, its response headers."""

    exposed: bool = True
    pool: str = ""
    deployment: str = ""
    provider: str = ""
    upstream_model: str = ""
    lane: str = ""
    attempts: int = 0
    failed: list[FailedAttempt] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    upstream_request_id: str = ""
    usage: Usage | None = None
    stop: str = ""
    outcome: str = ""
    first_content_s: float | None = None

    def restore(self, earlier: "Record") -> None:
        """The attempt that `earlier` tells of counts after all; how many there were stays."""
        for name in _OF_ONE_ATTEMPT:
            setattr(self, name, getattr(earlier, name))

    @property
    def tokens(self) -> int:
        """All that were read and written, as far as the upstream said."""
        usage = self.usage or Usage()
        return (usage.input_tokens or 0) + (usage.output_tokens or 0)

    def headers(self) -> dict[str, str]:
        """What the gateway tells the client about the way the request took."""
        if not self.exposed:
            return {}
        said = {
            "x-gateway-provider": self.provider,
            "x-gateway-pool": self.pool,
            "x-gateway-deployment": self.deployment,
            "x-gateway-model": self.upstream_model,
            "x-gateway-lane": self.lane,
            "x-gateway-attempts": str(self.attempts) if self.attempts else "",
            "x-gateway-dropped": _shortened(self.losses.dropped),
            "x-gateway-upstream-request-id": self.upstream_request_id,
        }
        told = {name: value for name, value in said.items() if value}
        plain = "".join(told.values())
        if plain.isascii() and plain.isprintable():
            return told
        return {name: _ascii(value) for name, value in told.items()}


_OF_ONE_ATTEMPT = (
    "pool",
    "deployment",
    "provider",
    "upstream_model",
    "lane",
    "losses",
    "upstream_request_id",
    "usage",
    "stop",
    "first_content_s",
)
_HEADER_BYTES = 1024


def _shortened(dropped: Sequence[str]) -> str:
    """All of `dropped` in one line of at most 1 KiB; what does not fit is counted."""
    line = ", ".join(dropped)
    if len(line) <= _HEADER_BYTES:
        return line
    room = _HEADER_BYTES - len(f"+{len(dropped)} more")
    kept = bisect_right(list(accumulate(len(path) + len(", ") for path in dropped)), room)
    return ", ".join([*dropped[:kept], f"+{len(dropped) - kept} more"])


def _ascii(value: str) -> str:
    """`value` with everything that may not stand in a header as `?`: it may come from a client or an
    upstream.
    """
    return "".join(sign if " " <= sign <= "~" else "?" for sign in value)
