"""What is asked."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.canonical.content import CacheMark, Message
from gateway.canonical.json import Extras, JsonObject, JsonValue


@dataclass(slots=True)
class Tool:
    """A tool the model may use.

    A `function` takes JSON after `schema` (kept as received), a `custom` one free text after `format`
    (`type` and, of a grammar, `syntax` and `definition`), a `builtin` is run by the provider: `name` is our
    word for it (web_search, code_execution, …), `raw` the definition as its protocol `protocol` wrote it.
    """

    name: str
    description: str | None = None
    schema: JsonObject | None = None
    kind: Literal["function", "custom", "builtin"] = "function"
    strict: bool | None = None
    format: JsonObject | None = None
    namespace: str | None = None
    protocol: str | None = None
    raw: JsonObject | None = None
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)
    origin: str = field(default="", compare=False)


@dataclass(slots=True)
class ToolChoice:
    """Which tools the model may or must use.

    `any` means it must call one, `one` that it must call `names[0]`, `allowed` that it may choose among
    `names` (`required`: it must choose one of them), `validated` Gemini's checked free choice.
    """

    mode: Literal["auto", "none", "any", "one", "allowed", "validated"]
    names: list[str] = field(default_factory=list)
    required: bool = False


Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(slots=True)
class Reasoning:
    """How much the model should think before it answers.

    `mode` None leaves it to the model's default; `effort` and `budget` (tokens) size it; `visibility` says
    whether the client wants to see it: `omit`, `summary` or `full`.
    """

    mode: Literal["off", "auto", "effort", "budget", "between_tools"] | None = None
    effort: Effort | None = None
    budget: int | None = None
    visibility: Literal["omit", "summary", "full"] | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class OutputFormat:
    """The form of the answer: free text, some JSON, or JSON after `schema`."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    schema: JsonObject | None = None
    strict: bool | None = None


@dataclass(slots=True)
class Sampling:
    """How the next token is chosen. None means the client did not say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: JsonObject | None = None


@dataclass(slots=True)
class Continuation:
    """Handles to state that one provider keeps; meaningless to any other."""

    previous_response_id: str | None = None
    conversation: JsonValue = None
    cached_content: str | None = None
    container: JsonValue = None


@dataclass(slots=True)
class Request:
    """A request for a reply.

    `model` is what the client asked for. `user` is the end user's id, `cache` a request-wide cache wish,
    `cache_key` the client's key for prompt caching. `origins` maps the name of a setting here to its path in
    the client's body, for losses and errors; a setting without an entry has the same name there.
    """

    model: str
    messages: list[Message]
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    stop: list[str] = field(default_factory=list)
    sampling: Sampling = field(default_factory=Sampling)
    reasoning: Reasoning | None = None
    output: OutputFormat | None = None
    modalities: list[str] | None = None
    audio: JsonObject | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    verbosity: str | None = None
    stream: bool = False
    include_usage: bool | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    cache: CacheMark | None = None
    cache_key: str | None = None
    continuation: Continuation | None = None
    extras: Extras = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict, compare=False)

    def origin_of(self, setting: str) -> str:
        """The path of `setting` in the client's own body."""
        return self.origins.get(setting, setting)
