"""Where every word of a request went when it was translated.

A request is taken apart into leaves, its scalars with their paths. Each leaf of what a client sent must be
found in what the upstream was sent, at a place that a table gives for it, or be named as lost by its path.
The tables are the checked-in list of what a translation may do to a field: they hold no code of the gateway.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Same = Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Leaf:
    """A scalar and where it stands. Its `shape` is its path without numbers."""

    path: str
    value: Any

    @property
    def shape(self) -> str:
        return re.sub(r"\[\d+\]", "[]", self.path)


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """The scalars within `value`; null says nothing, and the JSON text of a call's arguments is taken
    apart.
    """
    if path.endswith("function.arguments") and isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except ValueError:
            yield Leaf(path, value)
            return
    if value in ({}, []):
        yield Leaf(path, value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    elif value is not None:
        yield Leaf(path, value)


def equal(asked: Any, sent: Any) -> bool:
    """The same value; 1 is not true."""
    return bool(asked == sent) and isinstance(asked, bool) == isinstance(sent, bool)


def within(asked: Any, sent: Any) -> bool:
    """The words stand somewhere in those that were sent; texts may be joined."""
    return isinstance(sent, str) and str(asked) in sent


def opposite(asked: Any, sent: Any) -> bool:
    """The one says that something is on, the other that it is not off."""
    return asked is (not sent)


def respelled(asked: Any, sent: Any) -> bool:
    """An id of letters that the other protocol does not take, by its stable stand-in."""
    return not re.fullmatch(r"[a-zA-Z0-9_-]+", str(asked)) and str(sent).startswith("h_")


def budget(asked: Any, sent: Any) -> bool:
    """An effort in words as the tokens it stands for."""
    return (asked, sent) in {("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24_576)}


def in_words(asked: Any, sent: Any) -> bool:
    """The flag of an error, which the other protocol has only words for."""
    return asked is True and str(sent).startswith("Error: ")


def web_search(asked: Any, _sent: Any) -> bool:
    """The tool that has a field of its own."""
    return bool(asked == "web_search")


def switched(asked: Any, sent: Any) -> bool:
    """On or off, in words."""
    return sent in ({"enabled", "adaptive"} if asked else {"disabled"})


def as_word(**words: str) -> Same:
    """The word of the other protocol, any of several between bars."""
    return lambda asked, sent: sent in words.get(str(asked), "").split("|")


def anything(_asked: Any, _sent: Any) -> bool:
    """Whatever stands there was put there for it."""
    return True


def data_url(asked: Any, sent: Any) -> bool:
    """The one half of a `data:` address, or all of it, in the other form."""
    halves = (f"data:{asked};base64,", f";base64,{asked}")
    return isinstance(sent, str) and (sent.startswith(halves[0]) or sent.endswith(halves[1]))


def data_halves(asked: Any, sent: Any) -> bool:
    """The bytes of a `data:` address; of a document in words, those words."""
    return isinstance(asked, str) and asked.partition(";base64,")[2] == sent


Rule = tuple[str, Sequence[str], Same]
"""Shapes in the client's request (a pattern), places in the upstream's (templates), and what holds there."""

_WORDS = ("messages[].content", "messages[].content[].text")

FROM_ANTHROPIC: Sequence[Rule] = (
    (r"model", ["model"], anything),
    (r"max_tokens", ["max_tokens"], equal),
    (r"(stream|temperature|top_p|top_k|service_tier)", [r"\1"], equal),
    (r"stop_sequences\[\]", ["stop[]"], equal),
    (r"metadata\.user_id", ["user"], equal),
    (r"system(\[\]\.text)?", _WORDS, within),
    (
        r"messages\[\]\.role",
        ["messages[].role"],
        as_word(user="user|tool", assistant="assistant", system="system"),
    ),
    (r"messages\[\]\.content(\[\]\.text)?", _WORDS, within),
    (r"messages\[\]\.content\[\]\.content(\[\]\.text)?", _WORDS, within),
    (
        r"messages\[\]\.content\[\].*\.source\.(data|media_type)",
        ["messages[].content[].image_url.url", "messages[].content[].file.file_data"],
        data_url,
    ),
    (r"messages\[\]\.content\[\].*\.source\.url", ["messages[].content[].image_url.url"], equal),
    (r"messages\[\]\.content\[\]\.source\.data", _WORDS, within),
    (r"messages\[\]\.content\[\]\.source\.content", _WORDS, within),
    (r"messages\[\]\.content\[\]\.content\[\]\.(content\[\]\.text|title)", _WORDS, within),
    (r"messages\[\]\.content\[\]\.title", [*_WORDS, "messages[].content[].file.filename"], within),
    (r"messages\[\]\.content\[\]\.id", ["messages[].tool_calls[].id"], equal),
    (r"messages\[\]\.content\[\]\.name", ["messages[].tool_calls[].function.name"], equal),
    (r"messages\[\]\.content\[\]\.input\.(.*)", [r"messages[].tool_calls[].function.arguments.\1"], equal),
    (r"messages\[\]\.content\[\]\.tool_use_id", ["messages[].tool_call_id"], equal),
    (r"messages\[\]\.content\[\]\.input", ["messages[].tool_calls[].function.arguments"], equal),
    (r"messages\[\]\.content\[\]\.is_error", ["messages[].content"], in_words),
    (r"tools\[\]\.(name|description|strict)", [r"tools[].function.\1"], equal),
    (r"tools\[\]\.name", ["web_search_options"], web_search),
    (r"tools\[\]\.input_schema\.(.*)", [r"tools[].function.parameters.\1"], equal),
    (r"tool_choice\.type", ["tool_choice"], as_word(auto="auto", any="required", none="none")),
    (r"tool_choice\.type", ["tool_choice.type"], as_word(tool="function")),
    (r"tool_choice\.name", ["tool_choice.function.name"], equal),
    (r"tool_choice\.disable_parallel_tool_use", ["parallel_tool_calls"], opposite),
    (r"thinking\.type", ["reasoning_effort"], as_word(disabled="none", adaptive="low|medium|high|xhigh")),
    (r"output_config\.effort", ["reasoning_effort"], equal),
    (r"(?:output_config\.format|output_format)\.type", ["response_format.type"], equal),
    (
        r"(?:output_config\.format|output_format)\.schema\.(.*)",
        [r"response_format.json_schema.schema.\1"],
        equal,
    ),
)

FROM_OPENAI_CHAT: Sequence[Rule] = (
    (r"model", ["model"], anything),
    (r"max_(completion_)?tokens", ["max_tokens"], equal),
    (r"(stream|temperature|top_p|top_k|service_tier)", [r"\1"], equal),
    (r"stop(\[\])?", ["stop_sequences[]"], equal),
    (r"(user|safety_identifier)", ["metadata.user_id"], equal),
    (
        r"messages\[\]\.role",
        ["messages[].role"],
        as_word(user="user", assistant="assistant", tool="user", function="user"),
    ),
    (
        r"messages\[\]\.role",
        ["system[].type", "messages[].role"],
        as_word(system="text|user", developer="text|user"),
    ),
    (
        r"messages\[\]\.content(\[\]\.text)?",
        [
            "system[].text",
            "messages[].content[].text",
            "messages[].content[].content",
            "messages[].content[].content[].text",
        ],
        within,
    ),
    (r"messages\[\]\.content\[\]\.image_url(\.url)?", ["messages[].content[].source.data"], data_halves),
    (r"messages\[\]\.content\[\]\.image_url(\.url)?", ["messages[].content[].source.url"], equal),
    (r"messages\[\]\.content\[\]\.file\.file_data", ["messages[].content[].source.data"], data_halves),
    (r"messages\[\]\.content\[\]\.file\.filename", ["messages[].content[].title"], equal),
    (
        r".*\.cache_control\.(type|ttl)",
        [r"system[].cache_control.\1", r"messages[].content[].cache_control.\1", r"tools[].cache_control.\1"],
        equal,
    ),
    (
        r".*\.prompt_cache_breakpoint\.mode",
        ["messages[].content[].cache_control.type"],
        as_word(explicit="ephemeral"),
    ),
    (r"messages\[\]\.tool_calls\[\]\.id", ["messages[].content[].id"], equal),
    (r"messages\[\]\.(tool_calls\[\]\.function|function_call)\.name", ["messages[].content[].name"], equal),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments", ["messages[].content[].input"], equal),
    (r"messages\[\]\.tool_calls\[\]\.function\.arguments\.(.*)", [r"messages[].content[].input.\1"], equal),
    (r"messages\[\]\.tool_call_id", ["messages[].content[].tool_use_id"], equal),
    (r"messages\[\]\.tool_calls\[\]\.id", ["messages[].content[].id"], respelled),
    (r"messages\[\]\.tool_call_id", ["messages[].content[].tool_use_id"], respelled),
    (r"(?:tools\[\]\.function|functions\[\])\.(name|description|strict)", [r"tools[].\1"], equal),
    (r"(?:tools\[\]\.function|functions\[\])\.parameters\.(.*)", [r"tools[].input_schema.\1"], equal),
    (r"tools\[\]\.custom\.name", ["tools[].name"], equal),
    (r"tools\[\]\.custom\.(description|format\.grammar\.definition)", ["tools[].description"], within),
    (
        r"(?:tool_choice|function_call)",
        ["tool_choice.type"],
        as_word(auto="auto", required="any", any="any", none="none"),
    ),
    (r"tool_choice\.type", ["tool_choice.type"], as_word(function="tool")),
    (r"(?:tool_choice\.function|function_call)\.name", ["tool_choice.name"], equal),
    (r"parallel_tool_calls", ["tool_choice.disable_parallel_tool_use"], opposite),
    (r"(?:reasoning_effort|reasoning\.effort)", ["thinking.budget_tokens"], budget),
    (r"(?:reasoning_effort|reasoning\.effort)", ["thinking.type"], as_word(none="disabled")),
    (r"thinking\.type", ["thinking.type"], as_word(disabled="disabled", enabled="enabled|adaptive")),
    (r"(?:enable_thinking|reasoning\.enabled)", ["thinking.type"], switched),
    (r"response_format\.json_schema\.(description)", [r"output_config.format.schema.\1"], equal),
    (r"response_format\.type", ["output_config.format.type"], equal),
    (r"response_format\.json_schema\.schema\.(.*)", [r"output_config.format.schema.\1"], equal),
)

BY_PLACE: Mapping[str, str] = {
    "anthropic": r"system\[\]\.type|messages\[\](\.content\[\])+(\.source)?\.type|tools\[\]\.type",
    "openai_chat": r"messages\[\]\.content\[\]\.type|messages\[\]\.tool_calls\[\]\.(type|index)"
    r"|tools\[\]\.type",
}
"""The words that say what stands beside them, or where: their neighbours cannot be said without them."""

AS_IF_UNSAID: Mapping[str, Mapping[str, Any]] = {
    "anthropic": {
        "stream": False,
        "messages[].content[].is_error": False,
        "messages[].content[].source.media_type": "text/plain",
    },
    "openai_chat": {
        "stream": False,
        "n": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "messages[].content": [],
        "tools": [],
        "response_format.type": "text",
        # The Messages API always says what a reply cost, and keeps to every schema.
        "stream_options.include_usage": True,
        "response_format.json_schema.strict": True,
    },
}
"""What means the same as nothing: defaults, in the client's protocol or in the upstream's."""

NAMED_BY_REPAIRS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"thinking.type": "thinking left to the model"},
    "openai_chat": {
        # A label for the schema, which has no place in the Messages API.
        "response_format.json_schema.name": "response_format said by its schema alone",
        "response_format.json_schema.strict": "response_format said by its schema alone",
    },
}
"""What is not sent because it changes nothing, and is told to the operator in these words."""

RULES: Mapping[str, Sequence[Rule]] = {"anthropic": FROM_ANTHROPIC, "openai_chat": FROM_OPENAI_CHAT}


_WRAPPERS = re.compile(r"\.(?:function|custom|image_url|file|input_audio|json_schema)(?=\.)")
_REASONING = re.compile(r"\.(?:reasoning_content|reasoning_details|thinking_blocks)\b")


def unaccounted(
    protocol: str, asked: Mapping[str, Any], sent: Mapping[str, Any], line: Mapping[str, Sequence[str]]
) -> list[Leaf]:
    """The leaves of a client's request that were neither sent nor named in the log's `line` about it."""
    places: dict[str, list[Any]] = {}
    for leaf in leaves(sent):
        places.setdefault(leaf.shape, []).append(leaf.value)
    lost = [_named(note.partition(" ")[0]) for note in line["losses"]]
    return [
        leaf
        for leaf in leaves(asked)
        if not _is_lost(_named(leaf.path), lost)
        and NAMED_BY_REPAIRS[protocol].get(leaf.shape, "") not in line["repairs"]
        and not _is_sent(protocol, leaf, places)
    ]


def _named(path: str) -> str:
    """How a loss names what stands at `path`.

    By its part and its own name, without the object that a part of Chat Completions is wrapped in; and
    reasoning that vendors have a client say in several fields at once, once.
    """
    return _REASONING.sub(".reasoning", _WRAPPERS.sub("", path))


def _is_lost(path: str, lost: Sequence[str]) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in lost)


def _is_sent(protocol: str, leaf: Leaf, places: Mapping[str, Sequence[Any]]) -> bool:
    is_silent = isinstance(leaf.value, str) and not leaf.value.strip()
    unsaid = AS_IF_UNSAID[protocol]
    if is_silent or re.fullmatch(BY_PLACE[protocol], leaf.shape):
        return True
    if leaf.shape in unsaid and equal(leaf.value, unsaid[leaf.shape]):
        return True
    for pattern, templates, holds in RULES[protocol]:
        found = re.fullmatch(pattern, leaf.shape)
        if found is None:
            continue
        expanded = [template.replace(r"\1", (found.groups() or ("",))[0] or "") for template in templates]
        if any(holds(leaf.value, value) for place in expanded for value in places.get(place, ())):
            return True
    return False
