"""What the demo model says: a pure function of the request.

It knows no more than its rules. In this order: a tool that the client demands is called; the result of a tool
is read back; a structured answer is made from its schema; *use the tool NAME* in the last message of the user
calls that tool, once in a conversation and never one that starts agents of its own; anything else gets a
friendly word. A token of this model is a word with the white space behind it, so that limits and counts can
be checked by eye.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from gateway.canonical.content import Message, Text, ToolCall, ToolResult
from gateway.canonical.events import Choice, Delta, Event, Response, explode
from gateway.canonical.json import JsonObject
from gateway.canonical.request import Request, Tool
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import InvalidRequest
from gateway.providers.demo.instance import instance_of
from gateway.wire.fast_json import dumps

MAX_CHOICES = 8

_WORD = re.compile(r"\s*\S+\s*|\s+")
_WISH = re.compile(r"\buse the tool\s+[\"'`“]?([A-Za-z0-9_./:-]*[A-Za-z0-9_])", re.IGNORECASE)
_STARTS_AGENTS = re.compile("task|agent|spawn|dispatch", re.IGNORECASE)
_LONGEST_QUOTE = 400
_ANY_OBJECT: JsonObject = {"type": "object", "required": ["answer"]}

_GREETING = (
    "Hello! This is the demo model that is built into the gateway. It does not think, but everything between "
    "you and it works as with a real model. "
)
_HELP = (
    "Say `use the tool NAME` to see a tool being called. For real answers stop the gateway and start it "
    "with a key: set ANTHROPIC_API_KEY or OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own."
)


def check(request: Request) -> None:
    """Refuse what a real model would refuse.

    Raises:
        InvalidRequest: a field makes no sense; `param` is its path.
    """
    if not request.messages:
        raise _invalid(request, "messages", "at least one message is required")
    if request.max_tokens is not None and request.max_tokens < 1:
        raise _invalid(request, "max_tokens", "at least 1 is required")
    if request.n is not None and not 1 <= request.n <= MAX_CHOICES:
        raise _invalid(request, "n", f"a number from 1 to {MAX_CHOICES} is required")
    temperature = request.sampling.temperature
    if temperature is not None and not 0 <= temperature <= 2:
        raise _invalid(request, "temperature", "a number from 0 to 2 is required")
    _check_tool_choice(request)
    _check_results(request)


def answer(request: Request, input_tokens: int) -> Response:
    """The reply to `request`, whose input counts as `input_tokens`. Has neither id nor model nor time."""
    part, stop = _cut(_part(request), request)
    count = request.n or 1
    return Response(
        choices=[Choice([part] if _said(part) else [], stop) for _ in range(count)],
        usage=Usage(
            input_tokens=input_tokens, output_tokens=count * len(_words(_said(part))), estimated=True
        ),
    )


def spoken(response: Response) -> Iterator[Event]:
    """The events of `response`, word by word."""
    for event in explode(response):
        if isinstance(event, Delta) and isinstance(event.value, str):
            yield from (replace(event, value=word) for word in _words(event.value))
        else:
            yield event


def _part(request: Request) -> Text | ToolCall:
    demanded = _demanded(request)
    if demanded is not None:
        return _call(demanded, request)
    last = _last(request)
    results = [part for part in last.parts if isinstance(part, ToolResult)]
    if results:
        return Text(" ".join(_read(result, request) for result in results))
    if request.output is not None and request.output.kind != "text":
        return Text(dumps(instance_of(request.output.schema or _ANY_OBJECT)).decode())
    return _wished(request, last)


def _last(request: Request) -> Message:
    """The last message that is no instruction: some clients put instructions behind the user's words."""
    said = [message for message in request.messages if message.role in {"user", "assistant"}]
    return said[-1] if said else request.messages[-1]


def _demanded(request: Request) -> Tool | None:
    """The tool that the client says must be called; where it leaves a choice, one that starts no agents."""
    choice, tools = request.tool_choice, _callable(request)
    if choice is None or not (
        choice.mode in {"any", "one"} or (choice.mode == "allowed" and choice.required)
    ):
        return None
    if choice.names:
        tools = [tool for tool in tools if tool.name in choice.names]
    return min(tools, key=lambda tool: bool(_STARTS_AGENTS.search(tool.name)), default=None)


def _wished(request: Request, last: Message) -> Text | ToolCall:
    """The answer to the user's last words: the call they wish for, or words of our own."""
    words = [part.text for part in last.parts if isinstance(part, Text)] if last.role == "user" else []
    name = next((found[1] for text in reversed(words) if (found := _WISH.search(text))), None)
    if name is None:
        said = f"You said: {_quoted(words[-1])} " if words else ""
        return Text(f"{_GREETING}{said}{_HELP}")
    tool = next((tool for tool in _callable(request) if tool.name.lower() == name.lower()), None)
    if tool is None:
        return Text(f"There is no tool called {name} in this request.")
    if request.tool_choice is not None and request.tool_choice.mode == "none":
        return Text("The request says that no tool may be called.")
    if _STARTS_AGENTS.search(tool.name):
        return Text(f"The demo model never calls {name}: it may start agents of its own.")
    if any(isinstance(part, ToolCall) for message in request.messages for part in message.parts):
        return Text("The demo model calls one tool in a conversation, and it already has.")
    return _call(tool, request)


def _callable(request: Request) -> list[Tool]:
    """The tools that the client runs; those of a provider nobody runs here."""
    allowed = (
        request.tool_choice.names if request.tool_choice and request.tool_choice.mode == "allowed" else None
    )
    return [
        tool for tool in request.tools if tool.kind != "builtin" and (allowed is None or tool.name in allowed)
    ]


def _call(tool: Tool, request: Request) -> ToolCall:
    """A call of `tool`. Its id is made of its place in the conversation, so the same request gets the
    same reply.
    """
    call_id = f"call_demo{len(request.messages):04d}"
    if tool.kind == "custom":
        return ToolCall(call_id, tool.name, "demo", kind="custom", namespace=tool.namespace)
    made = instance_of({"type": "object", **(tool.schema or {})})
    return ToolCall(call_id, tool.name, dumps(made).decode(), namespace=tool.namespace)


def _read(result: ToolResult, request: Request) -> str:
    """What a tool said, told again."""
    names = {
        part.id: part.name
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    name = names.get(result.call_id, result.name or "the tool")
    texts = [part.text for part in result.content if isinstance(part, Text) and part.text.strip()]
    others = len(result.content) - len(texts)
    if not texts:
        return f"{name} returned {'something other than text' if others else 'nothing'}."
    return f"{name} {'failed and said' if result.is_error else 'said'}: {_quoted(' '.join(texts))}"


def _quoted(text: str) -> str:
    text = text.strip()
    return f"“{text[:_LONGEST_QUOTE]}…”" if len(text) > _LONGEST_QUOTE else f"“{text}”"


def _cut(part: Text | ToolCall, request: Request) -> tuple[Text | ToolCall, Stop]:
    """`part` within the request's limits, and why it ends where it does."""
    if isinstance(part, Text):
        part, sequence = _before_stop(part, request.stop)
        stop = Stop(StopReason.STOP_SEQUENCE, "stop", sequence) if sequence else Stop(StopReason.END, "stop")
    else:
        stop = Stop(StopReason.TOOL_CALL, "tool_calls")
    words = _words(_said(part))
    if request.max_tokens is not None and len(words) > request.max_tokens:
        part = _saying(part, "".join(words[: request.max_tokens]))
        stop = Stop(StopReason.LENGTH, "length")
    return part, stop


def _before_stop(part: Text, sequences: list[str]) -> tuple[Text, str | None]:
    """`part` up to the first stop sequence in it, and which one that is."""
    places = [(at, sequence) for sequence in sequences if sequence and (at := part.text.find(sequence)) >= 0]
    if not places:
        return part, None
    at, sequence = min(places)
    return Text(part.text[:at]), sequence


def _said(part: Text | ToolCall) -> str:
    return part.text if isinstance(part, Text) else part.arguments


def _saying(part: Text | ToolCall, words: str) -> Text | ToolCall:
    return Text(words) if isinstance(part, Text) else replace(part, arguments=words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _check_tool_choice(request: Request) -> None:
    choice = request.tool_choice
    if choice is None or choice.mode in {"auto", "none"}:
        return
    if not _callable(request):
        raise _invalid(request, "tool_choice", "no tool is given that could be called")
    known = {tool.name for tool in request.tools}
    for name in choice.names:
        if name not in known:
            raise _invalid(request, "tool_choice", f"there is no tool called {name}")


def _check_results(request: Request) -> None:
    """Every tool result answers a call that stands before it."""
    called: set[str] = set()
    for part in (part for message in request.messages for part in message.parts):
        if isinstance(part, ToolCall):
            called.add(part.id)
        elif isinstance(part, ToolResult) and part.call_id not in called:
            raise InvalidRequest(
                f"{part.origin}: there is no call for this result before it", param=part.origin
            )


def _invalid(request: Request, setting: str, remedy: str) -> InvalidRequest:
    path = request.origin_of(setting)
    return InvalidRequest(f"{path}: {remedy}", param=path)
