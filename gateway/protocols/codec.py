"""What a codec is: one wire format seen from both ends, in four pairs.

                client side            upstream side
    request     decode_request  ──►   encode_request
    response    encode_response ◄──   decode_response
    stream      stream_encoder  ◄──   stream_decoder
    error       encode_error    ◄──   decode_error
                      the canonical form in between

Codecs meet only in the canonical form; none imports, names or tests for another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.canonical.content import Blocks, Media, Part, ToolResult
from gateway.canonical.events import Event, Response
from gateway.canonical.json import Extras, JsonObject, JsonValue, Untaken
from gateway.canonical.request import Request
from gateway.errors import GatewayError, InvalidRequest, UpstreamError
from gateway.protocols.target import Target
from gateway.wire.document import Document
from gateway.wire.fast_json import JsonError
from gateway.wire.frames import Frame, Framing


class Operation(StrEnum):
    """What a route is for."""

    GENERATE = "generate"
    STREAM = "stream"
    """Where an upstream has a path of its own for replies that are streamed."""
    COMPLETE = "complete"
    """Another form of GENERATE, a prompt alone, which upstreams of the same protocol have at its own path."""
    LOCAL = "local"
    """What the codec answers by itself (`Codec.answer`)."""
    ABSENT = "absent"
    """What clients look for and nobody serves here: they are told what is served."""
    COUNT_TOKENS = "count_tokens"
    LIST_MODELS = "list_models"
    SHOW_MODEL = "show_model"


@dataclass(slots=True, frozen=True)
class Endpoint:
    """An HTTP route as data.

    Of two endpoints on one path, the one whose `when` header (or `when_query` parameter) is present wins.
    `stream` says for protocols whose path tells it whether a reply is to be streamed; None: the body says.
    """

    operation: Operation
    method: str
    path: str
    when: str | None = None
    when_query: str | None = None
    stream: bool | None = None

    @property
    def conditional(self) -> bool:
        """Whether the path alone does not make it the one that is meant."""
        return self.when is not None or self.when_query is not None

    def meant(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether a request on its path means it."""
        return not self.conditional or self.when in headers or self.when_query in query


@dataclass(slots=True)
class Call:
    """A client's request before it is understood. Header names are lower case; `params` come from the path;
    `received` is Unix seconds.
    """

    document: Document = field(default_factory=Document)
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    received: int = 0

    @property
    def body(self) -> bytes:
        """The bytes of its body as they came."""
        return self.document.data

    @property
    def payload(self) -> JsonObject:
        """All that its body says: dear, and needed only where it is translated.

        Raises:
            InvalidRequest: it nests too deep or holds too much to be understood.
        """
        try:
            return self.document.whole
        except JsonError as error:
            raise unreadable(error) from error

    def said(self, name: str) -> JsonValue:
        """What the field `name` of its body says, None if it is not there.

        Raises:
            InvalidRequest: it nests too deep or holds too much to be understood.
        """
        try:
            return self.document.get(name)
        except JsonError as error:
            raise unreadable(error) from error


@dataclass(slots=True)
class Asked:
    """What the encoders of a reply must know of its request.

    `reply_id` is unique and made of `[A-Za-z0-9]`, for protocols whose replies carry an id of their own;
    `created` is Unix seconds; `estimate` guesses the input tokens, for protocols that say them before the
    upstream has: only an encoder that must know them pays for it. `framing` is how the client wants its
    stream put on the wire, None the codec's own way. `thoughts`: the client wants to read the reasoning.
    """

    model: str
    stream: bool = False
    include_usage: bool = False
    reply_id: str = ""
    created: int = 0
    estimate: Callable[[], int] = lambda: 0
    framing: Framing | None = None
    thoughts: bool = True

    @property
    def input_tokens(self) -> int:
        """The estimate."""
        return self.estimate()


@dataclass(slots=True)
class Sent:
    """What goes to an upstream, and what the decoder of the reply must know of it.

    `tool_names` maps names as sent back to the client's, where they had to be changed; `custom_tools` are the
    names (as sent) of functions that stand for free-text tools, their one string argument is called `input`;
    `json_tool` the name of the tool that stands for a structured answer.
    """

    body: JsonObject = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    tool_names: dict[str, str] = field(default_factory=dict)
    custom_tools: frozenset[str] = frozenset()
    json_tool: str | None = None
    finish_optional: bool = False


@dataclass(slots=True)
class Losses:
    """What an encoder could not say or had to change, by the client's own path.

    `dropped` reaches the client (`logit_bias`, `temperature 1.4->1.0`, `tools[3].strict`); `repaired` tells
    of changes that keep the meaning (two messages merged, an id respelled) and goes to the log only.
    """

    dropped: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    def drop(self, path: str, change: str = "") -> None:
        """Note that what stands at `path` was lost, or changed as `change` says (`1.4->1.0`)."""
        self.dropped.append(f"{path} {change}" if change else path)

    def repair(self, path: str, change: str) -> None:
        """Note that what stands at `path` was said differently."""
        self.repaired.append(f"{path} {change}")

    def __bool__(self) -> bool:
        return bool(self.dropped or self.repaired)


class StreamDecoder(Protocol):
    """The state of one upstream stream.

    `payload` is the parsed JSON of the frame decoded last, None for one that holds none.
    """

    payload: JsonValue

    @property
    def finished(self) -> bool:
        """Whether every choice that began has said why it ended: `close` would find nothing missing."""
        ...

    def decode(self, frame: Frame) -> list[Event]:
        """The events that `frame` says; frames after the terminator say nothing.

        Raises:
            UpstreamError: the frame is an error, or not what the protocol promises (BadUpstreamReply).
        """
        ...

    def close(self) -> list[Event]:
        """The bytes have ended: the events still owed, `End` last, none if `End` was already given.

        Raises:
            BadUpstreamReply: the stream was not finished, so what came must not pass as a whole reply.
        """
        ...


class StreamEncoder(Protocol):
    """The state of one stream to a client."""

    def encode(self, event: Event) -> list[Frame]:
        """The frames that say `event`; the last ones come with End."""
        ...

    def fail(self, error: GatewayError) -> list[Frame]:
        """The frames that end the stream with an error, so that no client takes it for complete."""
        ...

    def ping(self) -> bytes:
        """Bytes that keep the connection alive and that every client of this protocol survives, at any
        time.
        """
        ...


class Mender(Protocol):
    """Mends the records of a stream that passes through in its own protocol: a closed list of edits.

    Missing `usage` that crashes SDKs is filled; a second finish and whatever follows the terminator are
    dropped; a missing terminator after a finish is added; a usage record that only the gateway asked for is
    swallowed.
    """

    def mend(self, frame: Frame, payload: JsonValue) -> Frame | None:
        """The record to send for `frame`, which parsed as `payload`: itself, a mended one, or None for
        nothing.
        """
        ...

    def finish(self) -> list[Frame]:
        """The records that a stream which ended well still owes its client."""
        ...


@dataclass(slots=True, frozen=True)
class HttpAnswer:
    """A whole answer to a client."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(slots=True, frozen=True)
class ModelCard:
    """A model that clients may name. `created` is Unix seconds, limits are tokens."""

    id: str
    owned_by: str = "gateway"
    created: int = 1767225600
    context: int | None = None
    max_output: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Codec:
    """One wire format, both directions. Every function is pure; encoders never change their arguments.

    mounts: the paths below which its endpoints are found.
    id_headers: the response headers in which clients of this protocol look for the request's id.
    answer: what needs no upstream (an empty request that only loads a model, a version), None for all else.
    asked: the little that routing needs. Raises InvalidRequest. redirect: the client's own body for an
    upstream of the same protocol: a closed list of edits (the model's name,
        `stream_options.include_usage`, reasoning that another provider issued), every other byte as it was.
        True in the pair says that usage was asked for only on our behalf.
    decode_request: raises InvalidRequest with the path of what is malformed; unknown fields go to `extras`.
    encode_request: raises Unsayable for content the protocol has no word for; settings it lacks go to Losses.
    decode_response: raises BadUpstreamReply, or the UpstreamError that a 200 with an error in it tells.
    decode_error: from status, lower-case headers and body; never raises, whatever the body is.
    encode_error: from the error and the request's id.
    decode_models: the names in an upstream's list of models; what is no list has none. whole_list: the query
        that asks for the list in one piece.
    """

    name: str
    framing: Framing
    endpoints: tuple[Endpoint, ...]
    mounts: tuple[str, ...] = ("",)
    id_headers: tuple[str, ...] = ("x-request-id",)
    asked: Callable[[Call], Asked]
    redirect: Callable[[Call, Target, Losses], tuple[bytes, bool]]
    decode_request: Callable[[Call], Request]
    encode_request: Callable[[Request, Target, Losses], Sent]
    decode_response: Callable[[bytes, Sent], Response]
    encode_response: Callable[[Response, Asked, Losses], bytes]
    stream_decoder: Callable[[Sent], StreamDecoder]
    stream_encoder: Callable[[Asked, Losses], StreamEncoder]
    mender: Callable[[Asked, bool], Mender]
    decode_error: Callable[[int, Mapping[str, str], bytes], UpstreamError]
    encode_error: Callable[[GatewayError, str], HttpAnswer]
    encode_count: Callable[[int], bytes]
    decode_count: Callable[[bytes], int]
    encode_models: Callable[[Sequence[ModelCard]], bytes]
    encode_model: Callable[[ModelCard], bytes]
    decode_models: Callable[[JsonValue], Sequence[str]]
    whole_list: str = ""
    answer: Callable[[Call], HttpAnswer | None] = lambda _: None


def foreign_fields(request: Request, protocol: str) -> Iterator[str]:
    """The paths of all fields that only another protocol than `protocol` knows: a translation loses every
    one.
    """
    yield from _foreign(request.extras, "", protocol)
    if request.reasoning is not None:
        yield from _foreign(request.reasoning.extras, request.origin_of("reasoning"), protocol)
    for tool in request.tools:
        if tool.extras:
            yield from _foreign(tool.extras, tool.origin, protocol)
    for message in request.messages:
        if message.extras:
            yield from _foreign(message.extras, message.origin, protocol)
        yield from _foreign_in_parts(message.parts, protocol)


def _foreign_in_parts(parts: Sequence[Part], protocol: str) -> list[str]:
    found: list[str] = []
    for part in parts:
        extras: Extras | None = getattr(part, "extras", None)
        if extras:
            found += _foreign(extras, part.origin, protocol)
        if isinstance(part, ToolResult):
            found += _foreign_in_parts(part.content, protocol)
        elif isinstance(part, Media) and isinstance(part.source, Blocks):
            found += _foreign_in_parts(part.source.parts, protocol)
    return found


def _foreign(extras: Extras, path: str, protocol: str) -> Iterator[str]:
    for owner, fields in extras.items():
        if owner != protocol:
            yield from _paths(fields, path)


def _paths(fields: JsonObject, path: str) -> Iterator[str]:
    """The paths of `fields` of the object at `path`; of an object that was understood but for some of its
    fields, of these.
    """
    for name, value in fields.items():
        place = f"{path}.{name}" if path else name
        if isinstance(value, Untaken):
            yield from _paths(value, place)
        else:
            yield place


def unreadable(error: JsonError) -> InvalidRequest:
    """What a client is told whose body is not JSON, or none that anybody should read."""
    return InvalidRequest(f"the request body is not valid JSON: {error}")


def required_model(model: JsonValue) -> str:
    """The model that a client names as `model`.

    Raises:
        InvalidRequest: it names none.
    """
    if not isinstance(model, str) or not model:
        raise InvalidRequest("model: a non-empty string is required", param="model")
    return model
