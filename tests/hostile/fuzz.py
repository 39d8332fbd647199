"""Bodies nobody thought of, for every route of every protocol: valid ones, changed here and there, and what
else there is. None is answered by an error of ours, and what goes on to an upstream is always whole JSON.
"""

import json
from asyncio import Runner
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlsplit

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gateway.app import build
from gateway.canonical.content import Text
from gateway.canonical.events import Choice, Response, explode
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.config.schema import GatewayConfig
from gateway.protocols import CODECS
from gateway.protocols.codec import Call, Codec, Endpoint, HttpAnswer, Losses, Operation
from gateway.wire.document import Document
from gateway.wire.fast_json import loads_strict
from gateway.wire.http import HttpReply, HttpRequest
from tests.hostile.cases import Case, complaints, post
from tests.hostile.dialects import DIALECTS
from tests.processes import pool
from tests.raw import said_to

MODELS = {"gpt-a": "openai_chat", "claude-a": "anthropic", "gemini-a": "gemini", "llama-a": "ollama"}
_PROVIDERS = {
    "openai_chat": ("openai-custom", "http://openai-chat.invalid/v1"),
    "anthropic": ("claude-custom", "http://anthropic.invalid"),
    "gemini": ("gemini", "http://gemini.invalid"),
    "ollama": ("ollama", "http://ollama.invalid"),
}
_ROUTES: Mapping[str, tuple[str, ...]] = {
    "openai_chat": ("/v1/chat/completions",),
    "anthropic": ("/v1/messages", "/v1/messages/count_tokens"),
    "gemini": tuple(
        f"/v1beta/models/MODEL:{verb}" for verb in ("generateContent", "streamGenerateContent", "countTokens")
    ),
    "ollama": ("/ollama/api/chat", "/ollama/api/generate", "/ollama/api/show"),
}
_ANSWERED = frozenset({200, 400, 404, 413})
"""All that a body can lead to while every upstream is well."""

_REPLY = Response([Choice([Text("fine")], Stop(StopReason.END, ""))], "r1", "m", 1, Usage(7, output_tokens=2))


class _Well:
    """A `Transport` to upstreams of all protocols that are always well, and pick at what they are sent."""

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Answer `request`."""
        return self._exchange(request)

    @asynccontextmanager
    async def _exchange(self, request: HttpRequest) -> AsyncIterator[HttpReply]:
        url = urlsplit(request.url)
        codec = CODECS[(url.hostname or "").removesuffix(".invalid").replace("-", "_")]
        payload = loads_strict(request.body)
        assert isinstance(payload, dict), "an upstream is sent an object"
        answer = _answer(codec, url.path, payload)
        yield HttpReply(answer.status, {"content-type": answer.content_type}, _once(answer.body))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _answer(codec: Codec, path: str, payload: dict[str, Any]) -> HttpAnswer:
    if "count" in path:
        return HttpAnswer(200, codec.encode_count(7))
    operation = Operation.COMPLETE if path.endswith("/generate") else Operation.GENERATE
    streams = path.endswith(":streamGenerateContent") if codec.name == "gemini" else None
    endpoint = Endpoint(operation, "POST", path, stream=streams)
    query = {"alt": "sse"} if streams else {}
    asked = codec.asked(Call(Document.of(payload), params={"model": "m"}, endpoint=endpoint, query=query))
    asked = replace(asked, reply_id="r1", created=1)
    if not asked.stream:
        return HttpAnswer(200, codec.encode_response(_REPLY, asked, Losses()))
    encoder, out = codec.stream_encoder(asked, Losses()), codec.framing.encoder()
    frames = (frame for event in explode(_REPLY) for frame in encoder.encode(event))
    body = b"".join(map(out.encode, frames)) + out.close()
    return HttpAnswer(200, body, content_type=codec.framing.content_type)


class Gateway:
    """A gateway in this process in front of upstreams that are well, to be asked from code that does not
    wait.
    """

    def __init__(self) -> None:
        members = (
            pool(name, *_PROVIDERS[name], models=[model], api_key=f"upstream-{name}")
            for model, name in MODELS.items()
        )
        config: dict[str, Any] = {
            "auth": {"open": True},
            "server": {"port": 0, "max_in_flight": 8},
            "pools": list(members),
            "default_pool": "openai_chat",
        }
        self._runner = Runner()
        self._listener = build(GatewayConfig.model_validate(config), _Well()).listener

    def __enter__(self) -> Self:
        self._runner.run(self._listener.listen("127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{self._listener.addresses[0][1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._listener.cleanup())
        self._runner.close()

    def complaints(
        self, name: str, path: str, body: bytes, *, statuses: frozenset[int] = _ANSWERED
    ) -> list[str]:
        """What is wrong with the answer to `body`."""
        case = Case("fuzz", path, (post(path, body),), statuses, name)
        return list(complaints(case, self._runner.run(said_to(self._url, *case.pieces))))


def _words(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from value
            for item in value.values():
                yield from _words(item)
        case list():
            for item in value:
                yield from _words(item)
        case _:
            return


_KNOWN = sorted({word for dialect in DIALECTS.values() for word in _words(dict(dialect.body))})
_MORE = (
    *("json_schema", "json_object", "function", "custom", "web_search", "input_audio", "file", "document"),
    *("redacted_thinking", "any", "none", "required", "developer", "tool_reference", "server_tool_use"),
    *("container_upload", "audio", "assistant", "model", "user", "system", "tool", "input_text", "image"),
    *(
        "url",
        "base64",
        "content",
        "enabled",
        "adaptive",
        "effort",
        "strict",
        "$ref",
        "anyOf",
        "items",
        "const",
    ),
)
_odd_words = st.sampled_from(
    (
        "",
        " ",
        "\0",
        "\ud800",
        "\u2028",
        "\U0001f600" * 9,
        "a" * 9000,
        "data:image/png;base64,",
        "data:,",
        "//x",
    )
)
_names = st.sampled_from((*_KNOWN, *_MORE)) | st.text(max_size=8)
_numbers = st.sampled_from((0, -1, 2**31, 2**63, 2**64 + 1, -(2**63) - 1, 0.5, -0.0, 1e308, 10**400))
_scalars = st.none() | st.booleans() | st.integers(-3, 99) | _numbers | _names | _odd_words
values: SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=9,
)
"""Any JSON, with a liking for the protocols' own words."""


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container within `value`, with each of its keys."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _replace(draw: DrawFn, holder: Any, key: Any) -> None:
    holder[key] = draw(values)


def _remove(draw: DrawFn, holder: Any, key: Any) -> None:
    del holder[key]


def _wrap(draw: DrawFn, holder: Any, key: Any) -> None:
    holder[key] = [holder[key]] if draw(st.booleans()) else {draw(_names): holder[key]}


def _double(draw: DrawFn, holder: Any, key: Any) -> None:
    copy = deepcopy(holder[key])
    if isinstance(holder, list):
        holder.insert(draw(st.integers(0, len(holder))), copy)
    else:
        holder[draw(_names)] = copy


def _repeat(draw: DrawFn, holder: Any, key: Any) -> None:
    holder[key] = [deepcopy(holder[key]) for _ in range(draw(st.integers(0, 30)))]


def _add(draw: DrawFn, holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.append(draw(values))
    else:
        holder[draw(_names)] = draw(values)


_CHANGES: tuple[Callable[[DrawFn, Any, Any], None], ...] = (
    _replace,
    _replace,
    _remove,
    _wrap,
    _double,
    _repeat,
    _add,
)


@st.composite
def _changed(draw: DrawFn, whole: Mapping[str, Any]) -> dict[str, Any]:
    """`whole` with a few changes anywhere in it."""
    document = deepcopy(dict(whole))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(document))
        if places:
            holder, key = draw(st.sampled_from(places))
            draw(st.sampled_from(_CHANGES))(draw, holder, key)
    return document


@st.composite
def _broken(draw: DrawFn, data: bytes) -> bytes:
    """`data` cut, or with other bytes in it."""
    at, until = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    return data[:at] + draw(st.binary(max_size=6)) + (data[until:] if draw(st.booleans()) else data[at:])


@st.composite
def sendings(draw: DrawFn) -> tuple[str, str, bytes]:
    """A protocol, a path, and a body."""
    dialect = DIALECTS[draw(st.sampled_from(sorted(DIALECTS)))]
    model = draw(st.sampled_from(sorted(MODELS)))
    path = draw(st.sampled_from(_ROUTES[dialect.name])).replace("MODEL", model)
    form = draw(st.integers(0, 9))
    if form == 0:
        return dialect.name, path, draw(st.binary(max_size=200))
    _, whole = dialect.said_to(model)
    if draw(st.booleans()) and "stream" in whole:
        whole["stream"] = True
    if path.endswith("/generate"):
        whole["prompt"] = "hi"
    document = draw(values) if form == 1 else draw(_changed(whole))
    data = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return dialect.name, path, draw(_broken(data)) if form == 2 else data
