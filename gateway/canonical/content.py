"""What is said: the parts of a message.

A part may carry `cache` (a prompt-cache breakpoint set by the client), `extras` (fields only one protocol
knows) and `origin` (its path in the client's own body, which losses and errors name; never compared).
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.canonical.json import Extras, JsonObject


@dataclass(slots=True, frozen=True)
class CacheMark:
    """A prompt-cache breakpoint: everything up to here may be cached for `ttl` (None: the provider's
    default).
    """

    ttl: str | None = None


@dataclass(slots=True, frozen=True)
class Signature:
    """Opaque state that only its issuer can read and that must come back to it unchanged.

    `family` is the protocol whose upstream issued it; `model` the upstream model, empty when not known.
    `unsaid` are the words that it signs, where a client carries them without having wanted to read them.
    """

    family: str
    payload: str
    model: str = ""
    unsaid: str | None = None


@dataclass(slots=True)
class Citation:
    """Where a passage of an answer comes from.

    `start` and `end` count code points in the text part that carries the citation; None means all of it.
    `raw` is the citation as its protocol wrote it, so that the same protocol can write it back whole.
    """

    kind: Literal["url", "file", "char", "page", "block", "search_result"]
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    document: int | None = None
    raw: Extras = field(default_factory=dict)


@dataclass(slots=True)
class Text:
    """Words, possibly with citations."""

    text: str
    citations: list[Citation] = field(default_factory=list)
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class Refusal:
    """The model's words for why it will not answer."""

    text: str
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class Thinking:
    """Reasoning. `summary` holds the paragraphs of protocols that show a summary instead of the text.

    A `redacted` one has no text, only a signature. `item_id` is the id of the protocol's own item, if it has
    one.
    """

    text: str = ""
    summary: list[str] = field(default_factory=list)
    signature: Signature | None = None
    redacted: bool = False
    item_id: str | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True, frozen=True)
class Base64:
    """Bytes in standard base64, kept as the string that was sent."""

    data: str


@dataclass(slots=True, frozen=True)
class Url:
    """A web address that the provider fetches itself; the gateway never does."""

    url: str


@dataclass(slots=True, frozen=True)
class FileRef:
    """A file stored at one provider; `family` is the protocol whose upstream holds it."""

    file_id: str
    family: str


@dataclass(slots=True, frozen=True)
class PlainText:
    """A document given as words."""

    text: str


@dataclass(slots=True)
class Blocks:
    """A document given as parts of its own."""

    parts: "list[Part]"


Source: TypeAlias = Base64 | Url | FileRef | PlainText | Blocks


@dataclass(slots=True)
class Media:
    """An image, sound, film or document. `mime` is lower case, None when the wire did not say it.

    `filename` names a file, `title` and `context` describe a document to the model, `detail` asks for an
    image's resolution (auto, low, high, original), `citations` whether the model may cite the document. The
    `context` of sound is its transcript.
    """

    kind: Literal["image", "audio", "video", "document"]
    source: Source
    mime: str | None = None
    filename: str | None = None
    title: str | None = None
    context: str | None = None
    detail: str | None = None
    citations: bool | None = None
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class ToolCall:
    """The model asks the client to run a tool.

    `arguments` is the text the model wrote: JSON for a function (kept as text, because models write invalid
    JSON and parsing reorders nothing but loses spelling), free text for a custom tool.
    """

    id: str
    name: str
    arguments: str = "{}"
    kind: Literal["function", "custom"] = "function"
    namespace: str | None = None
    signature: Signature | None = None
    item_id: str | None = None
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class ToolResult:
    """What a tool said, for the call `call_id`. `name` is the tool's, where the wire said it."""

    call_id: str
    content: "list[Part]" = field(default_factory=list)
    is_error: bool | None = None
    name: str | None = None
    kind: Literal["function", "custom"] = "function"
    item_id: str | None = None
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class ServerToolUse:
    """The provider ran a tool of its own (web search, code execution). `raw` is the item as its protocol
    wrote it.
    """

    protocol: str
    name: str
    raw: JsonObject
    id: str = ""
    cache: CacheMark | None = None
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class ServerToolResult:
    """What the provider's own tool found; `text` renders it for clients whose protocol has no word for it."""

    protocol: str
    name: str
    raw: JsonObject
    call_id: str = ""
    text: str = ""
    cache: CacheMark | None = None
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class Opaque:
    """A part without a canonical word. Only its own protocol writes it back; `text` renders it for the
    others, and `name` is what they call it where they name it as lost.
    """

    protocol: str
    raw: JsonObject
    text: str = ""
    name: str = field(default="part", compare=False)
    origin: str = field(default="", compare=False)


Part: TypeAlias = (
    Text | Refusal | Thinking | Media | ToolCall | ToolResult | ServerToolUse | ServerToolResult | Opaque
)

Role: TypeAlias = Literal["system", "developer", "user", "assistant"]


@dataclass(slots=True)
class Message:
    """One turn. A system prompt is a message too, wherever it stood; tool results are parts of a user turn.

    `name` is the participant's, `phase` says whether an assistant turn was commentary or the final answer.
    """

    role: Role
    parts: list[Part]
    name: str | None = None
    phase: Literal["commentary", "final_answer"] | None = None
    item_id: str | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)
