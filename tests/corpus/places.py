"""What each protocol says where: one row a place, in one vocabulary for all four.

A row reads: the shape of a path (a pattern), what is said there, and what its value means. What begins alike
up to a colon (`argument: …`, `schema: …`) goes by the same rules.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Meant = Callable[[Any], Any]
Row = tuple[str, str, Meant]


def same(value: Any) -> Any:
    """The value itself."""
    return value


def word(**words: Any) -> Meant:
    """The one vocabulary's word; None for a word that says something else."""
    return lambda value: words.get(f"{value}_" if isinstance(value, bool) else str(value))


def const(value: Any) -> Meant:
    """Whatever stands there means this."""
    return lambda _: value


def opposite(value: Any) -> Any:
    """What says that something is off, as whether it is on."""
    return not value


def data_of(value: Any) -> Any:
    """The bytes in a `data:` address, or all there is."""
    return value.rpartition(";base64,")[2] if isinstance(value, str) and not _is_url(value) else None


def mime_of(value: Any) -> Any:
    """The type in a `data:` address."""
    found = re.match(r"data:([^;,]+)", value) if isinstance(value, str) else None
    return found[1] if found else None


def text_of(value: Any) -> Any:
    """The words that bytes are, if they are."""
    try:
        return b64decode(value, validate=True).decode()
    except ValueError:
        return None


def detail_of(value: Any) -> Any:
    """How closely to look."""
    return value.removeprefix("MEDIA_RESOLUTION_").lower()


def url_of(value: Any) -> Any:
    """An address on the web."""
    return value if isinstance(value, str) and _is_url(value) else None


def _is_url(value: str) -> bool:
    return "://" in value[:10]


def as_json(value: Any) -> str:
    """A value in words."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def lower(value: Any) -> Any:
    """A word of a schema, which one dialect writes in capitals."""
    return value.lower() if isinstance(value, str) and value.isupper() else value


def numbered_type(value: Any) -> Any:
    """A type by its number, as clients write it who ask for numbered enums."""
    types = ("", "string", "number", "integer", "boolean", "array", "object")
    return types[value] if isinstance(value, int) else None


def error(value: Any) -> Any:
    """The flag of an error."""
    return True if value is True else None


def error_in_words(value: Any) -> Any:
    """The flag of an error where there are only words for it."""
    return True if isinstance(value, str) and value.startswith("Error: ") else None


THINK = word(
    minimal="minimal", low="low", medium="medium", high="high", xhigh="xhigh", max="max", none="off",
    disabled="off", enabled="on", adaptive="on",
    MINIMAL="minimal", LOW="low", MEDIUM="medium", HIGH="high",
)  # fmt: skip


def think(value: Any) -> Any:
    """How much to think: a word, or tokens."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return {0: "off", -1: "on"}.get(value, value)
    return THINK(value)


ROLE = word(
    user="user", tool="user", function="user", assistant="assistant", model="assistant", system="system",
    developer="system",
)  # fmt: skip
FORMAT = word(
    json="json", json_object="json", json_schema="json", text="text",
    **{"application/json": "json", "text/plain": "text"},
)  # fmt: skip
CHOICE = word(
    auto="auto", any="any", required="any", none="none", tool="any", function="any", AUTO="auto", ANY="any",
    NONE="none", VALIDATED="validated",
)  # fmt: skip

_SAMPLING = (
    "temperature|top_p|top_k|min_p|seed|presence_penalty|frequency_penalty|repetition_penalty|logprobs"
    "|top_logprobs|n"
)
_ANY_SCHEMA = r"(?:.*\.)?([^.]+\.[^.]+|[^.]+)"
"""Of a path within a schema, its last two names: what is referred to may be written out in place."""

ANTHROPIC: Sequence[Row] = (
    (r"model", "model", same),
    (r"(max_tokens|stream|service_tier)", r"\1", same),
    (rf"({_SAMPLING})", r"\1", same),
    (r"stop_sequences\[\]", "stop", same),
    (r"metadata\.user_id", "user", same),
    (r"system(\[\]\.text)?", "words", same),
    (r"system(\[\]\.text)?", "role", const("system")),
    (r"messages\[\]\.role", "role", ROLE),
    (r"messages\[\]\.content(\[\]\.text)?", "words", same),
    (r"messages\[\]\.content\[\]\.content(\[\]\.text)?", "words", same),
    (r"messages\[\]\.content\[\]\.content(\[\]\.text)?", "error", error_in_words),
    (r".*\.source\.(data|content)", "words", same),
    (r".*\.source\.data", "data", data_of),
    (r".*\.source\.media_type", "mime", same),
    (r".*\.source\.url", "url", same),
    (r"messages\[\]\.content\[\]\.content\[\]\.(content\[\]\.text|title)", "words", same),
    (r"messages\[\]\.content\[\]\.title", "file name", same),
    (r"messages\[\]\.content\[\]\.thinking", "thought", same),
    (r"messages\[\]\.content\[\]\.id", "call id", same),
    (r"messages\[\]\.content\[\]\.name", "call name", same),
    (r"messages\[\]\.content\[\]\.input", "arguments", same),
    (r"messages\[\]\.content\[\]\.input\.(.*)", r"argument:\1", same),
    (r"messages\[\]\.content\[\]\.tool_use_id", "result id", same),
    (r"messages\[\]\.content\[\]\.is_error", "error", error),
    (r".*\.cache_control\.(type|ttl)", r"cache \1", same),
    (r"tools\[\]\.(name|strict)", r"tool \1", same),
    (r"tools\[\]\.description", "description", same),
    (r"tools\[\]\.name", "own tool", same),
    (r"tools\[\]\.type", "own tool", lambda value: re.sub(r"_\d{8}$", "", value)),
    (rf"tools\[\]\.input_schema\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"tool_choice\.type", "choice", CHOICE),
    (r"tool_choice\.name", "chosen", same),
    (r"tool_choice\.disable_parallel_tool_use", "parallel", opposite),
    (r"thinking\.(type|budget_tokens)", "think", think),
    (r"thinking\.display", "shown", word(summarized=True, omitted=False)),
    (r"output_config\.effort", "think", think),
    (r"(?:output_config\.format|output_format)\.type", "format", FORMAT),
    (rf"(?:output_config\.format|output_format)\.schema\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"(?:output_config\.format|output_format)\.schema\.description", "description", same),
)

OPENAI_CHAT: Sequence[Row] = (
    (r"model", "model", same),
    (r"(stream|service_tier)", r"\1", same),
    (r"max_(completion_)?tokens", "max_tokens", same),
    (rf"({_SAMPLING})", r"\1", same),
    (r"random_seed", "seed", same),
    (r"stop(\[\])?", "stop", same),
    (r"(user|safety_identifier)", "user", same),
    (r"messages\[\]\.role", "role", ROLE),
    (r"messages\[\]\.content(\[\]\.text)?", "words", same),
    (r"messages\[\]\.content", "error", error_in_words),
    (r"messages\[\]\.(reasoning|reasoning_content)", "thought", same),
    (r"messages\[\]\.reasoning_details\[\]\.(text|summary)", "thought", same),
    (r"messages\[\]\.content\[\]\.thinking\[\]\.text", "thought", same),
    (r"messages\[\]\.content\[\]\.image_url(\.url)?", "data", data_of),
    (r"messages\[\]\.content\[\]\.image_url(\.url)?", "mime", mime_of),
    (r"messages\[\]\.content\[\]\.image_url(\.url)?", "url", url_of),
    (r"messages\[\]\.content\[\]\.image_url\.detail", "detail", same),
    (r"messages\[\]\.content\[\]\.video_url(\.url)?", "data", data_of),
    (r"messages\[\]\.content\[\]\.video_url(\.url)?", "url", url_of),
    (r"messages\[\]\.content\[\]\.file\.file_data", "data", data_of),
    (r"messages\[\]\.content\[\]\.file\.file_data", "mime", mime_of),
    (r"messages\[\]\.content\[\]\.file\.filename", "file name", same),
    (r"messages\[\]\.content\[\]\.input_audio\.data", "data", data_of),
    (r"messages\[\]\.content\[\]\.input_audio\.format", "mime", lambda value: f"audio/{value}"),
    (r".*\.cache_control\.(type|ttl)", r"cache \1", same),
    (r".*\.prompt_cache_breakpoint\.mode", "cache type", word(explicit="ephemeral")),
    (r"messages\[\]\.tool_calls\[\]\.id", "call id", same),
    (r"messages\[\]\.(tool_calls\[\]\.function|function_call)\.name", "call name", same),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments", "arguments", same),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments\.(.*)", r"argument:\1", same),
    (r"messages\[\]\.tool_call_id", "result id", same),
    (r"(?:tools\[\]\.function|functions\[\])\.(name|strict)", r"tool \1", same),
    (r"tools\[\]\.custom\.name", "tool name", same),
    (r"(?:tools\[\]\.function|functions\[\])\.description", "description", same),
    (r"tools\[\]\.custom\.description", "description", same),
    (r"tools\[\]\.custom\.format\.grammar\.definition", "grammar", same),
    (rf"(?:tools\[\]\.function|functions\[\])\.parameters\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"web_search_options", "own tool", const("web_search")),
    (r"(?:tool_choice|function_call)(\.type)?", "choice", CHOICE),
    (r"(?:tool_choice\.function|function_call)\.name", "chosen", same),
    (r"parallel_tool_calls", "parallel", same),
    (r"modalities\[\]", "modality", same),
    (r"(?:reasoning_effort|reasoning\.effort|reasoning\.max_tokens)", "think", think),
    (r"(?:thinking\.type|enable_thinking|reasoning\.enabled)", "think", think),
    (r"response_format\.type", "format", FORMAT),
    (r"response_format\.json_schema\.description", "description", same),
    (rf"response_format\.json_schema\.schema\.{_ANY_SCHEMA}", r"schema:\1", lower),
)

GEMINI: Sequence[Row] = (
    (r"model", "model", same),
    (r"stream", "stream", same),
    (r"serviceTier", "service_tier", same),
    (r"generationConfig\.maxOutputTokens", "max_tokens", same),
    (r"generationConfig\.(temperature|seed)", r"\1", same),
    *(
        (rf"generationConfig\.{name}", what, same)
        for name, what in (
            ("topP", "top_p"),
            ("topK", "top_k"),
            ("presencePenalty", "presence_penalty"),
            ("frequencyPenalty", "frequency_penalty"),
            ("candidateCount", "n"),
            ("responseLogprobs", "logprobs"),
            ("logprobs", "top_logprobs"),
            (r"stopSequences\[\]", "stop"),
        )
    ),
    (r"generationConfig\.responseModalities\[\]", "modality", lambda value: value.lower()),
    (r"systemInstruction(\.parts\[\]\.text)?", "words", same),
    (r"systemInstruction(\.parts\[\]\.text)?", "role", const("system")),
    (r"contents\[\]\.role", "role", ROLE),
    (r"contents(\[\]\.parts\[\]\.text)?", "words", same),
    (r"contents\[\]\.parts\[\]\.text", "thought", same),
    (r"contents\[\]\.parts\[\]\.functionResponse\.response(\..*)?", "words", as_json),
    (r"contents\[\]\.parts\[\]\.functionResponse\.response\.error", "error", const(value=True)),
    (r"contents\[\]\.parts\[\]\.functionResponse\.id", "result id", same),
    (r"contents\[\]\.parts\[\]\.functionResponse\.name", "result name", same),
    (r".*\.inlineData\.data", "data", same),
    (r".*\.inlineData\.data", "words", text_of),
    (r".*\.mediaResolution\.level", "detail", detail_of),
    (r".*\.(inlineData|fileData)\.mimeType", "mime", same),
    (r".*\.fileData\.fileUri", "url", same),
    (r".*\.(inlineData|fileData)\.displayName", "file name", same),
    (r"contents\[\]\.parts\[\]\.functionCall\.id", "call id", same),
    (r"contents\[\]\.parts\[\]\.functionCall\.name", "call name", same),
    (r"contents\[\]\.parts\[\]\.functionCall\.args", "arguments", same),
    (r"contents\[\]\.parts\[\]\.functionCall\.args\.(.*)", r"argument:\1", same),
    (r"tools\[\]\.functionDeclarations\[\]\.name", "tool name", same),
    (r"tools\[\]\.functionDeclarations\[\]\.description", "description", same),
    (
        rf"tools\[\]\.functionDeclarations\[\]\.parameters(?:JsonSchema)?\.{_ANY_SCHEMA}",
        r"schema:\1",
        lower,
    ),
    (
        r"tools\[\]\.functionDeclarations\[\]\.parameters\.(?:.*\.)?((?:[^.]+\.)?type)",
        r"schema:\1",
        numbered_type,
    ),
    (r"tools\[\]\.googleSearch(\..*)?", "own tool", const("web_search")),
    (r"toolConfig\.functionCallingConfig\.mode", "choice", CHOICE),
    (r"toolConfig\.functionCallingConfig\.allowedFunctionNames\[\]", "chosen", same),
    (r"generationConfig\.thinkingConfig\.(thinkingBudget|thinkingLevel)", "think", think),
    (r"generationConfig\.thinkingConfig\.includeThoughts", "shown", same),
    # Who wants to see the thoughts wants some.
    (r"generationConfig\.thinkingConfig\.includeThoughts", "think", word(True_="on")),
    (r"generationConfig\.responseMimeType", "format", FORMAT),
    (rf"generationConfig\.response(?:Json)?Schema\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"generationConfig\.response(?:Json)?Schema\.description", "description", same),
)

OLLAMA: Sequence[Row] = (
    (r"model", "model", same),
    (r"(stream|logprobs|top_logprobs)", r"\1", same),
    (r"options\.num_predict", "max_tokens", same),
    (rf"options\.({_SAMPLING})", r"\1", same),
    (r"options\.repeat_penalty", "repetition_penalty", same),
    (r"options\.stop\[\]", "stop", same),
    (r"(prompt|system)", "words", same),
    (r"messages\[\]\.role", "role", ROLE),
    (r"messages\[\]\.content", "words", same),
    (r"messages\[\]\.content", "error", error_in_words),
    (r"messages\[\]\.thinking", "thought", same),
    (r"(messages\[\]\.)?images\[\]", "data", same),
    (r"messages\[\]\.tool_calls\[\]\.id", "call id", same),
    (r"messages\[\]\.tool_calls\[\]\.function\.name", "call name", same),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments", "arguments", same),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments\.(.*)", r"argument:\1", same),
    (r"messages\[\]\.tool_call_id", "result id", same),
    (r"messages\[\]\.tool_name", "result name", same),
    (r"tools\[\]\.function\.name", "tool name", same),
    (r"tools\[\]\.function\.description", "description", same),
    (rf"tools\[\]\.function\.parameters\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"think", "think", think),
    (r"format(\..*)?", "format", const("json")),
    (rf"format\.{_ANY_SCHEMA}", r"schema:\1", lower),
    (r"format\.description", "description", same),
)

PLACES: Mapping[str, Sequence[Row]] = {
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
    "openai_chat": OPENAI_CHAT,
}

BY_PLACE: Mapping[str, str] = {
    "anthropic": r"system\[\]\.type|messages\[\](\.content\[\])+(\.source)?\.type|tools\[\]\.type",
    # The order of properties is the one in which they are written.
    "gemini": r"systemInstruction\.role|contents\[\]\.parts\[\]\.thought|.*\.fileData\.mimeType"
    r"|.*\.propertyOrdering\[\]",
    "ollama": r"tools\[\]\.type|messages\[\]\.tool_calls\[\]\.(type|function\.index)",
    "openai_chat": r"messages\[\]\.content\[\](\.thinking\[\])?\.type"
    r"|messages\[\]\.tool_calls\[\]\.(type|index)|messages\[\]\.reasoning_details\[\]\.(type|index|format|id)|tools\[\]\.type",
}
"""The words that say what stands beside them, or where: their neighbours cannot be said without them."""

SEEN_IN_THE_DATA: Mapping[str, frozenset[str]] = {"ollama": frozenset({"mime"})}
"""By the upstream's protocol: what is not said because it is seen."""

AS_IF_UNSAID: Mapping[str, Mapping[str, Any]] = {
    "anthropic": {
        "messages[].content[].is_error": False,
        "messages[].content[].source.media_type": "text/plain",
        "tool_choice.type": "auto",
        "tool_choice.disable_parallel_tool_use": False,
    },
    "gemini": {
        "contents[].parts[].functionResponse.response": {},
        # The vendor's word for no signature.
        "contents[].parts[].thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
        "generationConfig": {},
        "generationConfig.candidateCount": 1,
        "generationConfig.responseModalities[]": "TEXT",
        "toolConfig.functionCallingConfig.allowedFunctionNames": [],
        "toolConfig.functionCallingConfig.mode": "AUTO",
    },
    "ollama": {"options": {}, "context": [], "images": [], "tools": [], "raw": False},
    "openai_chat": {
        "n": 1,
        "frequency_penalty": 0,
        "function_call": "auto",
        "modalities[]": "text",
        "presence_penalty": 0,
        "messages[].content": [],
        "messages[].content[].image_url.detail": "auto",
        "tools": [],
        "tools[].function.strict": False,
        "tool_choice": "auto",
        "response_format.type": "text",
        # Every other protocol always says what a reply cost, and the Messages API keeps to every schema.
        "stream_options.include_usage": True,
        "response_format.json_schema.strict": True,
    },
}
"""What means the same as nothing: the defaults of the client's protocol, and of all the others."""

_SHOWN = r"generationConfig\.thinkingConfig\.includeThoughts"
NAMED_BY_REPAIRS: Mapping[str, Sequence[tuple[str, str]]] = {
    "anthropic": [
        (r"thinking\.type", "left to the model"),
        (r"thinking\.display", "left out of the reply"),
        (r"tools\[\]\..*", "left out: another is chosen"),
    ],
    "gemini": [(_SHOWN, "left out of the reply"), (_SHOWN, "visibility left out: nothing to see")],
    "ollama": [("think", "left to the model")],
    "openai_chat": [
        # A label for the schema, and one for the bytes of a document, which not everybody has a place for.
        (r"response_format\.json_schema\.(name|strict)", "said by its schema alone"),
        (r"response_format\.json_schema\.(name|strict)", "the schema alone"),
        (r"messages\[\]\.content\[\]\.file\.filename", "left out"),
        (r"(reasoning\.enabled|thinking\.type)", "left to the model"),
        (r"tools\[\]\..*", "left out: another is chosen"),
    ],
}
"""What is not sent because it changes nothing, and is told to the operator by its path and in these words."""

_USERS_OWN = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}
)


def as_one_spelling(protocol: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with the names of Gemini's fields in camelCase, and lists where one thing alone may stand; and
    without the parameters of functions that take none.
    """
    said: dict[str, Any] = _without_idle_schemas(body)
    if protocol != "gemini":
        return said
    said = _camel(said)
    for holder, name in ((said, "tools"), (said.get("systemInstruction"), "parts")):
        if isinstance(holder, dict) and isinstance(holder.get(name), dict):
            holder[name] = [holder[name]]
    return said


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = {name: re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), name) for name in value}
    return {names[name]: item if names[name] in _USERS_OWN else _camel(item) for name, item in value.items()}


def _without_idle_schemas(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_idle_schemas(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_idle_schemas(item) for name, item in value.items() if not _is_idle(name, item)}


def _is_idle(name: str, schema: Any) -> bool:
    names = {"parameters", "parametersJsonSchema", "parameters_json_schema", "input_schema"}
    return name in names and isinstance(schema, dict) and schema.get("properties") == {}
