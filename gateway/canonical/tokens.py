"""An estimate of what a request costs to read, in tokens: to count, and for replies that must say it early.

Linear in what can be counted fast: letters, digits and signs of the text, JSON apart, plus what a vendor's
template adds around messages, tools and schemas, which no client sees. The weights were fitted to recorded
exchanges; they lean to the high side, because a client that trims its history too late is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from gateway.canonical.content import (
    Base64,
    Blocks,
    Media,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonValue
from gateway.canonical.request import Request, Tool
from gateway.wire.fast_json import dumps

IMAGE = 1600
"""Tokens of an image: about the most that vendors count after scaling it down."""

DOCUMENT = 3000
"""Tokens of a document whose size is not known, because only its provider can read it."""

_BASE64_PER_TOKEN = 40
"""Characters of base64 for a token of a document, sound or film."""

_LETTER, _DIGIT, _SIGN, _FOREIGN_BYTE = 0.22, 0.5, 0.5, 0.35
"""Tokens of a letter or blank, of a digit, of another ASCII character, of a byte of any other script."""

_LETTERS = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1)) + b" "
_DIGITS = b"0123456789"
_NON_ASCII = bytes(range(128, 256))


@dataclass(slots=True, frozen=True)
class Template:
    """What a family of models adds: to every request, to each message, call (or result) and tool, to a
    request with tools at all, and to one whose answer has a schema (None: it is not read, but binds the
    sampler). `json` is the weight of a letter of JSON, which some rewrite more tersely, `signature` that of a
    character of signed reasoning, which some read again.
    """

    request: float
    message: float
    call: float
    tool: float
    tools: float
    schema: float | None
    json: float = 0.22
    signature: float = 0


_EARLY_CLAUDE = Template(request=7, message=4, call=25, tool=40, tools=300, schema=150)
_TEMPLATES: Mapping[str, Template] = {
    "claude-3-opus": Template(request=7, message=4, call=25, tool=40, tools=500, schema=150),
    "claude-3": _EARLY_CLAUDE,
    "claude-sonnet-4-0": _EARLY_CLAUDE,
    "claude-sonnet-4-2025": _EARLY_CLAUDE,
    "claude": Template(request=7, message=4, call=25, tool=60, tools=400, schema=160),
    "gpt-oss": Template(request=64, message=6, call=8, tool=4, tools=14, schema=20),
    "gemini": Template(request=1, message=1, call=18, tool=5, tools=0, schema=None, json=0.12, signature=0.1),
    "gemma": Template(request=6, message=4, call=10, tool=25, tools=60, schema=10),
    "gpt-5": Template(request=3, message=4, call=5, tool=10, tools=64, schema=0),
    "gpt": Template(request=3, message=4, call=3, tool=8, tools=16, schema=0),
    "grok": Template(request=150, message=6, call=12, tool=10, tools=120, schema=20),
    "llama3": Template(request=6, message=4, call=10, tool=50, tools=150, schema=None),
    "llama": Template(request=36, message=4, call=10, tool=50, tools=330, schema=20),
    "mistral": Template(request=1, message=7, call=10, tool=10, tools=20, schema=10),
    "qwen3:": Template(request=4, message=4, call=10, tool=25, tools=150, schema=None),
    "qwen3.6": Template(request=7, message=4, call=10, tool=25, tools=200, schema=None),
    "qwen": Template(request=4, message=4, call=10, tool=25, tools=150, schema=10),
}
"""By a word in the model's name; the first that fits counts. Names without a dash before the number, or with
a colon behind it, are those of local servers, which hold models to a schema without telling them.
"""
_OTHER = Template(request=4, message=4, call=5, tool=25, tools=60, schema=10)


@dataclass(slots=True)
class _Tally:
    """What was found in a request: its words, its JSON, and the rest by number."""

    words: list[str] = field(default_factory=list)
    json: list[bytes] = field(default_factory=list)
    calls: int = 0
    media: int = 0
    signed: int = 0

    def add(self, parts: Iterable[Part]) -> None:
        """Count `parts`, and the parts inside them."""
        for part in parts:
            if isinstance(part, (Thinking, ToolCall)) and part.signature is not None:
                self.signed += len(part.signature.payload)
            match part:
                case Text() | Refusal():
                    self.words.append(part.text)
                case Thinking():
                    self.words += (part.text, *part.summary)
                case ToolCall():
                    self.calls += 1
                    self.words.append(part.name)
                    self.json.append(part.arguments.encode("utf-8", "replace"))
                case ToolResult():
                    self.calls += 1
                    self.add(part.content)
                case Media():
                    self._add_media(part)
                case ServerToolUse() | ServerToolResult() | Opaque():
                    self.add_json(part.raw)
                case _:
                    assert_never(part)

    def add_json(self, value: JsonValue) -> None:
        """Count a JSON value as it is written."""
        self.json.append(dumps(value))

    def add_tool(self, tool: Tool) -> None:
        """Count a tool's definition."""
        self.words += (tool.name, tool.description or "")
        for definition in (tool.schema, tool.format, tool.raw):
            if definition:
                self.add_json(definition)

    def _add_media(self, media: Media) -> None:
        self.words += (media.title or "", media.context or "")
        match media.source:
            case PlainText(text):
                self.words.append(text)
            case Blocks(parts):
                self.add(parts)
            case _ if media.kind == "image":
                self.media += IMAGE
            case Base64(data):
                self.media += len(data) // _BASE64_PER_TOKEN
            case _:
                self.media += DOCUMENT


def estimate(request: Request) -> int:
    """About how many tokens a model reads for `request`; never 0. 0.3 ms for 160 KB."""
    tally = _Tally()
    for message in request.messages:
        tally.add(message.parts)
    for tool in request.tools:
        tally.add_tool(tool)
    template = _template(request.model)
    schema = request.output.schema if request.output is not None else None
    if schema is not None and template.schema is not None:
        tally.add_json(schema)
    return max(1, round(_framing(request, tally, template) + _reading(tally, template) + tally.media))


def _template(model: str) -> Template:
    name = model.lower()
    return next((template for word, template in _TEMPLATES.items() if word in name), _OTHER)


def _framing(request: Request, tally: _Tally, template: Template) -> float:
    """What the vendor's template adds."""
    tokens = template.request + template.message * len(request.messages) + template.call * tally.calls
    if request.tools:
        tokens += template.tools + template.tool * len(request.tools)
    if request.output is not None and request.output.schema is not None:
        tokens += template.schema or 0
    return tokens + template.signature * tally.signed


def _reading(tally: _Tally, template: Template) -> float:
    """What the words and the JSON amount to."""
    words = "".join(tally.words).encode("utf-8", "replace")
    return _weigh(words, _LETTER, _SIGN) + _weigh(b"".join(tally.json), template.json, template.json * 1.5)


def _weigh(text: bytes, letter: float, sign: float) -> float:
    # Each step looks only at what the one before has left, so nearly all the cost is in the first.
    others = text.translate(None, _LETTERS)
    signs = others.translate(None, _DIGITS)
    ascii_signs = signs.translate(None, _NON_ASCII)
    digits, foreign = len(others) - len(signs), len(signs) - len(ascii_signs)
    return (
        letter * (len(text) - len(others))
        + _DIGIT * digits
        + _FOREIGN_BYTE * foreign
        + sign * len(ascii_signs)
    )
