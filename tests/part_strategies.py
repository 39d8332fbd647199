"""Hypothesis strategies for the parts of messages, shared by every codec."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.canonical.content import (
    Base64,
    Blocks,
    CacheMark,
    Citation,
    FileRef,
    Media,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.wire.fast_json import dumps

PROTOCOLS = ("anthropic", "gemini", "ollama", "openai_chat")

Draw: TypeAlias = Callable[[SearchStrategy[Any]], Any]

words = st.text('abc äöü é漢😀\n\t"\\{}<>&\u2028', min_size=1, max_size=12).map(lambda text: f"w{text}w")
ids = st.integers(0, 999).map(lambda number: f"call_{number:03}")
tool_names = st.sampled_from(["read_file", "web-fetch", "Search", "run2"])
json_scalars: SearchStrategy[JsonValue] = st.none() | st.booleans() | st.integers(-99, 99) | words
json_objects: SearchStrategy[JsonObject] = st.dictionaries(
    st.sampled_from(["path", "zeta", "alpha", "ключ"]),
    json_scalars | st.lists(json_scalars, max_size=2) | st.fixed_dictionaries({"x": json_scalars}),
    max_size=3,
)
arguments = json_objects.map(lambda value: dumps(value).decode())
schemas: SearchStrategy[JsonObject] = st.sampled_from(
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
        {
            "type": "object",
            "properties": {
                "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "l": {"type": "array", "items": {}},
            },
            "additionalProperties": False,
        },
    ]
)
answers: SearchStrategy[JsonObject] = st.just(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)
marks = st.sampled_from([CacheMark(), CacheMark("1h"), CacheMark("5m")])
families = st.sampled_from(PROTOCOLS)
payloads = st.sampled_from(["EqQBCgIYAhIM", "ErUB+abc/def=="])
signatures = st.sampled_from(
    [
        *(Signature("anthropic", payload) for payload in ("EqQBCgIYAhIM", "ErUB+abc/def==")),
        Signature("openai_chat", '{"type":"reasoning.text","signature":"EqQBCgIYAhIM"}'),
    ]
)
"""Each in the form in which the decoder of its family keeps it."""
texts = st.builds(Text, words)


def unknown(*owners: str) -> SearchStrategy[Extras]:
    """A field that only one of `owners` knows."""
    return st.sampled_from([{owner: {"not_known_yet": {"deep": [1]}}} for owner in owners])


PNG = "iVBORw0KGgo="
JPEG = "/9j/4AAQSkZJRg=="

PDF = Media("document", Base64("JVBERi0="), "application/pdf")
PICTURE = Media("image", Base64(PNG), "image/png")
MEDIA: Mapping[str, SearchStrategy[Media]] = {
    "image.base64": st.sampled_from([PICTURE, Media("image", Base64(JPEG), "image/jpeg")]),
    "image.url": st.just(Media("image", Url("https://pictures.example/a.png"))),
    "image.url.typed": st.just(Media("image", Url("https://pictures.example/a"), "image/png")),
    "image.file": families.map(lambda family: Media("image", FileRef("file_1", family))),
    "image.detail": st.just(replace(PICTURE, detail="low")),
    "document.base64": st.just(PDF),
    "document.url": st.sampled_from([None, "application/pdf"]).map(
        lambda mime: Media("document", Url("https://papers.example/a.pdf"), mime)
    ),
    "document.text": st.just(Media("document", PlainText("some words"), "text/plain")),
    "document.blocks": st.just(Media("document", Blocks([Text("a"), Text("b")]))),
    "document.file": families.map(lambda family: Media("document", FileRef("file_1", family))),
    "document.described": st.just(replace(PDF, title="T", context="C", citations=True)),
    "document.named": st.just(replace(PDF, filename="a.pdf")),
    "audio": st.just(Media("audio", Base64("UklGRg=="), "audio/wav")),
    "video": st.just(Media("video", Url("https://films.example/a.mp4"))),
}
"""Pictures, sounds, films and documents in the forms that some wire has."""


@st.composite
def citations(draw: Draw) -> Citation:
    """An Anthropic citation, with the canonical fields that follow from what its wire says."""
    raw: JsonObject = {
        "type": "char_location",
        "cited_text": "words",
        "document_index": draw(st.integers(0, 3)),
        "document_title": "T",
        "start_char_index": 0,
        "end_char_index": 5,
    }
    index = raw["document_index"]
    assert isinstance(index, int)
    return Citation("char", title="T", cited_text="words", document=index, raw={"anthropic": raw})


SERVER_TOOL: tuple[Part, Part] = (
    ServerToolUse(
        "anthropic",
        "web_search",
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        id="srvtoolu_1",
    ),
    ServerToolResult(
        "anthropic",
        "web_search",
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [
                {
                    "type": "web_search_result",
                    "url": "https://x.example",
                    "title": "X",
                    "encrypted_content": "e",
                }
            ],
        },
        call_id="srvtoolu_1",
    ),
)

CODE_RUN: tuple[Part, Part] = (
    Opaque("gemini", {"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
    ServerToolResult(
        "gemini", "code_execution", {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
    ),
)

# What may be added to a turn, by the role of the turn. Every strategy yields the parts to be added.
USER_PARTS: Mapping[str, SearchStrategy[list[Part]]] = {
    "text": texts.map(lambda part: [part]),
    "text.cache": st.builds(Text, words, cache=marks).map(lambda part: [part]),
    "text.extras": st.builds(Text, words, extras=unknown("anthropic", "gemini", "openai_chat")).map(
        lambda part: [part]
    ),
    **{name: chosen.map(lambda part: [part]) for name, chosen in MEDIA.items()},
    "media.extras": unknown("anthropic", "gemini", "openai_chat").map(
        lambda extras: [replace(PICTURE, extras=extras)]
    ),
    "media.cache": marks.map(lambda mark: [replace(PICTURE, cache=mark)]),
    "opaque": families.map(lambda owner: [Opaque(owner, {"type": "container_upload", "file_id": "f"})]),
}
ASSISTANT_PARTS: Mapping[str, SearchStrategy[list[Part]]] = {
    "text": texts.map(lambda part: [part]),
    "refusal": st.builds(Refusal, words).map(lambda part: [part]),
    "thinking": words.map(lambda text: [Thinking(text)]),
    "thinking.signature": st.builds(lambda text, word: [Thinking(text, signature=word)], words, signatures),
    "thinking.redacted": payloads.map(
        lambda word: [Thinking(signature=Signature("anthropic", word), redacted=True)]
    ),
    "thinking.summary": words.map(lambda text: [Thinking(summary=[text])]),
    "thinking.extras": st.builds(Thinking, words, extras=unknown("openai_chat")).map(lambda part: [part]),
    "citation": st.builds(lambda text, found: [Text(text, [found])], words, citations()),
    "server_tool": st.just(list(SERVER_TOOL)),
    "server_tool.code": st.just(list(CODE_RUN)),
}


def _with_unknown(owner: str, call: ToolCall, result: ToolResult) -> tuple[ToolCall, ToolResult]:
    extras: Extras = {owner: {"not_known_yet": 1}}
    return replace(call, extras=extras), replace(result, extras=extras)


# How a turn with calls may differ from the plainest one.
CALLS: Mapping[str, Callable[[ToolCall, ToolResult], tuple[ToolCall, ToolResult]]] = {
    "call": lambda call, result: (call, result),
    "call.custom": lambda call, result: (
        replace(call, kind="custom", arguments="free words"),
        replace(result, kind="custom"),
    ),
    "call.cache": lambda call, result: (replace(call, cache=CacheMark()), result),
    "call.broken_arguments": lambda call, result: (replace(call, arguments='{"a":'), result),
    "call.signature": lambda call, result: (replace(call, signature=Signature("gemini", "c2ln")), result),
    "call.namespace": lambda call, result: (replace(call, namespace="crm"), result),
    **{f"call.extras.{owner}": partial(_with_unknown, owner) for owner in PROTOCOLS},
    "result.error": lambda call, result: (call, replace(result, is_error=True)),
    "result.image": lambda call, result: (
        call,
        replace(result, content=[*result.content, Media("image", Base64(PNG), "image/png")]),
    ),
    "result.document": lambda call, result: (call, replace(result, content=[*result.content, PDF])),
    "result.empty": lambda call, result: (call, replace(result, content=[])),
    "result.cache": lambda call, result: (call, replace(result, cache=CacheMark())),
}
