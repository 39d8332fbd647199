"""Hypothesis strategies for canonical values: one for requests and one for replies, shared by every codec.

A request has a valid history (calls answered directly behind their turn, strictly alternating roles), some of
the ordinary features that every wire has, and at most two of all features, so that a codec which lacks some
of them still accepts many samples, and what it accepts is more than plain text.
Left out, because no wire carries them from a request back to a request: item ids of protocols without items,
a tool result's `name` (it follows from the call), and models of signatures.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.canonical.content import (
    Message,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.events import Choice, Response
from gateway.canonical.request import (
    Continuation,
    OutputFormat,
    Reasoning,
    Request,
    Tool,
    ToolChoice,
)
from gateway.canonical.usage import Stop, StopReason, Usage
from tests.part_strategies import (
    ASSISTANT_PARTS,
    CALLS,
    PROTOCOLS,
    USER_PARTS,
    Draw,
    answers,
    arguments,
    citations,
    families,
    ids,
    marks,
    payloads,
    schemas,
    signatures,
    texts,
    tool_names,
    unknown,
    words,
)

_effort = st.sampled_from(["minimal", "low", "medium", "high", "xhigh", "max"])


def _tools(**changes: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    tool = st.builds(Tool, tool_names, words, schemas, **changes)
    return st.fixed_dictionaries({"tools": tool.map(lambda one: [one])})


def _choice(*choices: ToolChoice) -> SearchStrategy[dict[str, Any]]:
    tools = [
        Tool("Search", "finds", {"type": "object", "properties": {}}),
        Tool("run2", None, {"type": "object", "properties": {}}),
    ]
    return st.fixed_dictionaries({"tools": st.just(tools), "tool_choice": st.sampled_from(choices)})


def _set(**values: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(values)


def _sampling(**values: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(values).map(lambda chosen: {"sampling": chosen})


# The settings of a request: what each changes.
SETTINGS: Mapping[str, SearchStrategy[dict[str, Any]]] = {
    "max_tokens": _set(max_tokens=st.none() | st.integers(1, 9000)),
    "stop": _set(
        stop=st.lists(st.sampled_from(["END", "\n\nHuman:", "###"]), min_size=1, max_size=3, unique=True)
    ),
    "temperature": _sampling(temperature=st.sampled_from([0.0, 0.5, 1.0, 1.5])),
    "top_p": _sampling(top_p=st.sampled_from([0.1, 1.0])),
    "top_k": _sampling(top_k=st.integers(1, 50)),
    "min_p": _sampling(min_p=st.just(0.05)),
    "seed": _sampling(seed=st.integers(0, 9)),
    "presence_penalty": _sampling(presence_penalty=st.sampled_from([-1.0, 0.5])),
    "frequency_penalty": _sampling(frequency_penalty=st.sampled_from([-1.0, 0.5])),
    "repetition_penalty": _sampling(repetition_penalty=st.just(1.1)),
    "logit_bias": _sampling(logit_bias=st.just({"50256": -100})),
    "logprobs": _set(logprobs=st.just(True)),
    "top_logprobs": _set(logprobs=st.just(True), top_logprobs=st.integers(0, 5)),
    "n": _set(n=st.integers(2, 3)),
    "stream": _set(stream=st.just(True), include_usage=st.sampled_from([None, True])),
    "user": _set(user=st.sampled_from(["user-1", "7f3c"])),
    "metadata": _set(metadata=st.just({"run": "1"}), extras=st.just({"openai_chat": {"store": True}})),
    "service_tier": _set(service_tier=st.sampled_from(["auto", "flex", "standard_only"])),
    "verbosity": _set(verbosity=st.sampled_from(["low", "high"])),
    "modalities": _set(
        modalities=st.just(["text", "audio"]), audio=st.just({"voice": "alloy", "format": "wav"})
    ),
    "cache": _set(cache=marks),
    "cache_key": _set(cache_key=st.just("session-1")),
    "continuation": _set(continuation=st.just(Continuation(previous_response_id="resp_1"))),
    "continuation.cached": _set(continuation=st.just(Continuation(cached_content="cachedContents/1"))),
    "continuation.container": _set(continuation=st.just(Continuation(container="container_1"))),
    "reasoning.off": _set(reasoning=st.just(Reasoning("off"))),
    "reasoning.effort": _set(reasoning=st.builds(Reasoning, st.just("effort"), _effort)),
    "reasoning.effort.shown": _set(
        reasoning=st.builds(
            Reasoning, st.just("effort"), _effort, visibility=st.sampled_from(["omit", "summary"])
        )
    ),
    "reasoning.auto": _set(reasoning=st.builds(Reasoning, st.just("auto"), st.none() | _effort)),
    "reasoning.budget": _set(
        reasoning=st.builds(Reasoning, st.just("budget"), budget=st.integers(1024, 4000)),
        max_tokens=st.just(9000),
    ),
    "reasoning.between_tools": _set(reasoning=st.just(Reasoning("between_tools"))),
    "reasoning.visibility": _set(
        reasoning=st.builds(
            Reasoning, st.just("auto"), visibility=st.sampled_from(["omit", "summary", "full"])
        )
    ),
    "reasoning.budget.shown": _set(
        reasoning=st.builds(
            Reasoning,
            st.just("budget"),
            budget=st.integers(1024, 4000),
            visibility=st.sampled_from(["omit", "summary"]),
        ),
        max_tokens=st.just(9000),
    ),
    "reasoning.extras": _set(
        reasoning=st.builds(
            Reasoning, st.just("auto"), visibility=st.just("summary"), extras=unknown("anthropic", "gemini")
        )
    ),
    "output.text": _set(output=st.just(OutputFormat("text"))),
    "output.json_object": _set(output=st.just(OutputFormat("json_object"))),
    "output.json_schema": _set(output=st.builds(OutputFormat, st.just("json_schema"), schema=answers)),
    "output.named_schema": _set(
        output=st.builds(
            OutputFormat,
            st.just("json_schema"),
            name=st.just("answer"),
            description=st.none() | words,
            schema=answers,
            strict=st.sampled_from([None, True]),
        )
    ),
    "tool": _tools(),
    "tool.strict": _tools(strict=st.booleans()),
    "tool.cache": _tools(cache=marks),
    **{f"tool.extras.{owner}": _tools(extras=unknown(owner)) for owner in PROTOCOLS},
    "tool.namespace": _tools(namespace=st.just("crm")),
    "tool.without_schema": _set(tools=st.just([Tool("run2")])),
    "tool.custom": _set(
        tools=st.sampled_from(
            [[Tool("patch", "edits", kind="custom")], [Tool("patch", kind="custom", format={"type": "text"})]]
        )
    ),
    "tool.builtin": _set(
        tools=st.just(
            [
                Tool(
                    "web_search",
                    kind="builtin",
                    protocol="anthropic",
                    raw={"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
                )
            ]
        )
    ),
    "tool.searching": _set(
        tools=st.just(
            [
                Tool(
                    "web_search",
                    kind="builtin",
                    protocol="openai_chat",
                    raw={"search_context_size": "low"},
                )
            ]
        )
    ),
    "tool.grounding": _set(
        tools=st.just([Tool("web_search", kind="builtin", protocol="gemini", raw={"googleSearch": {}})])
    ),
    "tool_choice.auto": _choice(ToolChoice("auto")),
    "tool_choice.none": _choice(ToolChoice("none")),
    "tool_choice.any": _choice(ToolChoice("any")),
    "tool_choice.one": _choice(ToolChoice("one", ["run2"])),
    "tool_choice.allowed": _choice(
        ToolChoice("allowed", ["run2"]), ToolChoice("allowed", ["run2"], required=True)
    ),
    "tool_choice.validated": _choice(ToolChoice("validated")),
    "parallel_tool_calls": _choice(ToolChoice("auto"), ToolChoice("any")).flatmap(
        lambda chosen: st.booleans().map(lambda parallel: {**chosen, "parallel_tool_calls": parallel})
    ),
    "extras": families.map(lambda owner: {"extras": {owner: {"not_known_yet": {"deep": [1]}}}}),
}
# What a whole message may be beside its parts.
MESSAGES = (
    "system",
    "system.blocks",
    "system.cache",
    "system.inline",
    "developer",
    "message.name",
    "message.phase",
    *(f"message.extras.{owner}" for owner in PROTOCOLS),
    "prefill",
)


ORDINARY = (
    *("stop", "temperature", "top_p", "stream", "system", "prefill"),
    *("tool", "user.image.base64", "assistant.text", "call", "result.empty"),
)
"""What every wire has a word for."""


@st.composite
def requests(draw: Draw, feature: str | None = None) -> tuple[Request, frozenset[str]]:
    """A request with `feature` and perhaps another one (by default with at most two of all), with some
    ordinary ones beside, and the names of those in it.
    """
    more = draw(st.sampled_from([0, 0, 1, 2] if feature is None else [0, 0, 1]))
    wanted = [feature] if feature is not None else []
    wanted += [draw(st.sampled_from(FEATURES)) for _ in range(more)]
    wanted += draw(st.lists(st.sampled_from(ORDINARY), max_size=3, unique=True))
    features = [*{_group(name): name for name in reversed(wanted)}.values()]
    request = Request(draw(st.sampled_from(["m-1", "vendor/m:2"])), _history(draw, features), max_tokens=100)
    for name in features:
        if name in SETTINGS:
            changes = dict(draw(SETTINGS[name]))
            request = replace(
                request,
                sampling=replace(request.sampling, **changes.pop("sampling", {})),
                extras={**request.extras, **changes.pop("extras", {})},
                **changes,
            )
    return request, frozenset(features)


FEATURES = (
    *SETTINGS,
    *CALLS,
    *(f"user.{name}" for name in USER_PARTS),
    *(f"assistant.{name}" for name in ASSISTANT_PARTS),
    *MESSAGES,
)


def _group(feature: str) -> str:
    """Features of one group would overwrite each other, so a request has at most one of each."""
    group = feature.partition(".")[0]
    return {"tool_choice": "tool", "parallel_tool_calls": "tool", "developer": "system"}.get(group, group)


def _history(draw: Draw, features: list[str]) -> list[Message]:
    assistant = [name for name in features if name in CALLS or name.startswith(("assistant.", "message."))]
    messages = [*_instructions(draw, features), _user_turn(draw, features)]
    if "system.inline" in features:
        messages.append(Message("system", [draw(texts)]))
    if assistant or "system.inline" in features:
        messages += _exchange(draw, assistant)
    if "prefill" in features:
        messages.append(Message("assistant", [draw(texts)]))
    return messages


def _instructions(draw: Draw, features: list[str]) -> list[Message]:
    if "system" in features:
        return [Message("system", [draw(texts)])]
    if "system.blocks" in features:
        return [Message("system", [draw(texts), draw(texts)])]
    if "system.cache" in features:
        return [Message("system", [replace(draw(texts), cache=draw(marks))])]
    return [Message("developer", [draw(texts)])] if "developer" in features else []


def _user_turn(draw: Draw, features: list[str]) -> Message:
    # Some providers refuse to answer in JSON unless the word was said.
    parts: list[Part] = [Text("Answer in JSON.") if "output.json_object" in features else draw(texts)]
    for name, added in USER_PARTS.items():
        if f"user.{name}" in features:
            parts += draw(added)
    owners = [owner for owner in PROTOCOLS if f"message.extras.{owner}" in features]
    extras = draw(unknown(*owners)) if owners else {}
    return Message("user", parts, name="ann" if "message.name" in features else None, extras=extras)


def _exchange(draw: Draw, features: list[str]) -> list[Message]:
    """An assistant's turn and the user's answer to it."""
    parts: list[Part] = []
    for name, added in ASSISTANT_PARTS.items():
        if f"assistant.{name}" in features:
            parts += draw(added)
    changes = [CALLS[name] for name in features if name in CALLS]
    results: list[Part] = []
    for call_id in draw(st.lists(ids, min_size=1, max_size=2, unique=True)) if changes else ():
        call = ToolCall(call_id, draw(tool_names), draw(arguments))
        result = ToolResult(call_id, [draw(texts)])
        for change in changes:
            call, result = change(call, result)
        parts.append(call)
        results.append(result)
    phase: Literal["commentary"] | None = "commentary" if "message.phase" in features else None
    more: list[Part] = [draw(texts)] if not results or draw(st.booleans()) else []
    return [Message("assistant", parts or [draw(texts)], phase=phase), Message("user", [*results, *more])]


# What a reply may hold.
REPLY_PARTS: Mapping[str, SearchStrategy[Part]] = {
    "text": texts,
    "refusal": st.builds(Refusal, words),
    "thinking": st.builds(Thinking, words),
    "thinking.signature": st.builds(Thinking, words, signature=signatures),
    "thinking.redacted": payloads.map(
        lambda word: Thinking(signature=Signature("anthropic", word), redacted=True)
    ),
    "call": st.builds(ToolCall, ids, tool_names, arguments),
    "call.signature": st.builds(
        ToolCall, ids, tool_names, arguments, signature=payloads.map(lambda word: Signature("gemini", word))
    ),
    "citation": st.builds(lambda text, found: Text(text, [found]), words, citations()),
}
_CUT_SHORT = (
    StopReason.LENGTH,
    StopReason.CONTEXT_WINDOW,
    StopReason.CONTENT_FILTER,
    StopReason.REFUSAL,
    StopReason.RECITATION,
)
counts = st.none() | st.integers(0, 500)


@st.composite
def usages(draw: Draw) -> Usage:
    """Counts that add up: cached and reasoning tokens are part of the sums."""
    read, write, reasoning = draw(counts), draw(counts), draw(counts)
    return Usage(
        input_tokens=(read or 0) + (write or 0) + draw(st.integers(0, 500)),
        cache_read=read,
        cache_write=write,
        output_tokens=(reasoning or 0) + draw(st.integers(0, 500)),
        reasoning=reasoning,
    )


@st.composite
def choices(draw: Draw, fewest: int = 0) -> Choice:
    """An answer of at least `fewest` parts, whose calls have ids, and a stop that agrees with them."""
    kinds = draw(st.lists(st.sampled_from(sorted(REPLY_PARTS)), min_size=fewest, max_size=4))
    parts: list[Part] = [draw(REPLY_PARTS[kind]) for kind in kinds]
    parts = [
        replace(part, id=f"call_{i}") if isinstance(part, ToolCall) else part for i, part in enumerate(parts)
    ]
    called = any(isinstance(part, ToolCall) for part in parts)
    others = [reason for reason in StopReason if reason is not StopReason.TOOL_CALL]
    ends = [StopReason.TOOL_CALL, *_CUT_SHORT] if called else others
    reason = draw(st.sampled_from([*(ends[:1] * 4), *ends]))
    sequence = "END" if reason is StopReason.STOP_SEQUENCE else None
    logprobs = draw(
        st.none() | st.just([{"token": "w", "logprob": -0.5, "bytes": [119], "top_logprobs": []}])
    )
    return Choice(parts, Stop(reason, draw(st.sampled_from(["", "word"])), sequence), logprobs)


@st.composite
def responses(draw: Draw) -> Response:
    """A reply, almost always with one choice."""
    owner = draw(families)
    replies = [draw(choices())]
    if draw(st.integers(0, 5)) == 5:
        replies = [draw(choices(fewest=1)), draw(choices(fewest=1))]
    return Response(
        replies,
        id="reply-1",
        model="m-1",
        created=draw(st.none() | st.just(1767225600)),
        usage=draw(st.none() | usages()),
        extras=draw(st.sampled_from([{}, {owner: {"not_known_yet": 1}}])),
    )
