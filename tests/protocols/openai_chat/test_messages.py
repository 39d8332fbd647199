"""The messages of a request, both ways."""

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    CacheMark,
    Citation,
    FileRef,
    Media,
    Message,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols import carry
from gateway.protocols.codec import Losses, foreign_fields
from tests.protocols.openai_chat.exchange import asking, assistant, decoded, user, wire_messages

_PNG = "iVBORw0KGgoAAA"
_HI: JsonObject = {"role": "user", "content": "hi"}


def _calls(*ids: str) -> JsonObject:
    calls: list[JsonValue] = [
        {"id": call_id, "type": "function", "function": {"name": f"f{call_id}", "arguments": "{}"}}
        for call_id in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _result(call_id: str, content: JsonValue = "ok") -> JsonObject:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _part(part: JsonValue, role: str = "user") -> Part:
    return decoded([{"role": role, "content": [part]}]).messages[0].parts[0]


def test_a_string_and_one_text_part_mean_the_same() -> None:
    request = decoded([_HI, {"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    assert request.messages == [Message("user", [Text("hi")])] * 2
    assert [message.parts[0].origin for message in request.messages] == [
        "messages[0].content",
        "messages[1].content[0]",
    ]


def test_empty_text_says_nothing_and_the_image_beside_it_stays() -> None:
    image: JsonObject = {"type": "image_url", "image_url": {"url": "https://a.example/i"}}
    request = decoded([{"role": "user", "content": [{"type": "text", "text": ""}, image, ""]}])
    assert request.messages[0].parts == [Media("image", Url("https://a.example/i"))]
    assert decoded([{"role": "user", "content": ""}]).messages[0].parts == []


def test_empty_text_of_another_protocol_is_left_out_and_noted() -> None:
    losses = Losses()
    assert wire_messages(asking(user(Text("", origin="p"), Text("hi"))), losses) == [_HI]
    assert losses.repaired == ["p left out: it is empty"]


def test_what_a_part_says_wins_over_an_unknown_field_of_the_same_name() -> None:
    part = Text("hi", extras={"openai_chat": {"text": "old", "odd": 1}})
    assert wire_messages(asking(user(part))) == [
        {"role": "user", "content": [{"text": "hi", "odd": 1, "type": "text"}]}
    ]


def test_results_and_the_words_behind_them_are_one_turn() -> None:
    messages: list[JsonValue] = [
        _HI,
        _calls("a", "b"),
        _result("a"),
        _result("b"),
        {"role": "user", "content": "on", "name": "ann"},
    ]
    request = decoded(messages)
    assert request.messages[2] == Message(
        "user", [ToolResult("a", [Text("ok")]), ToolResult("b", [Text("ok")]), Text("on")], "ann"
    )
    assert wire_messages(request) == messages


def test_a_result_without_an_id_belongs_to_the_only_call_that_waits() -> None:
    unnamed: JsonObject = {"role": "tool", "content": "ok"}
    request = decoded([_HI, _calls("a", "b"), _result("b"), unnamed])
    assert [part.call_id for part in request.messages[2].parts if isinstance(part, ToolResult)] == ["b", "a"]
    with pytest.raises(InvalidRequest, match=r"messages\[2\].tool_call_id: required, 2 calls"):
        decoded([_HI, _calls("a", "b"), unnamed])
    with pytest.raises(InvalidRequest, match="0 calls"):
        decoded([_HI, unnamed])


def test_a_retired_function_message_answers_the_call_of_its_name() -> None:
    asked: JsonObject = {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": "{}"},
    }
    request = decoded([_HI, asked, {"role": "function", "name": "f", "content": "ok"}])
    assert request.messages[1].parts == [ToolCall("call_1_0", "f")]
    assert request.messages[2].parts == [ToolResult("call_1_0", [Text("ok")], name="f")]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"role": "robot", "content": "x"}, "messages[0].role"),
        ({"content": "x"}, "messages[0].role"),
        ({"role": "user", "content": 5}, "messages[0].content"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[0].content[0].file"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[0].content[0].input_audio"),
        ({"role": "assistant", "audio": {}}, "messages[0].audio.id"),
        ("hi", "messages[0]"),
    ],
)
def test_a_malformed_message_is_named_by_its_path(message: JsonValue, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded([message])
    assert caught.value.param == path


@pytest.mark.parametrize(
    ("wire", "media"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/JPG;base64,{_PNG}", "detail": "low"}},
            Media("image", Base64(_PNG), "image/jpeg", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": "https://a.example/i"},
            Media("image", Url("https://a.example/i")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            Media("audio", Base64("AAAA"), "audio/mpeg"),
        ),
        (
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0"},
            },
            Media("document", Base64("JVBERi0"), "application/pdf", "a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_id": "f1"}},
            Media("document", FileRef("f1", "openai_chat")),
        ),
        (
            {"type": "file", "file": {"file_id": "f1", "filename": "a.pdf"}},
            Media("document", FileRef("f1", "openai_chat"), None, "a.pdf"),
        ),
        (
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
            Media("video", Base64("AAAA"), "video/mp4"),
        ),
        (
            {"type": "audio_url", "audio_url": {"url": "https://a.example/a"}},
            Media("audio", Url("https://a.example/a")),
        ),
    ],
)
def test_media_go_both_ways(wire: JsonObject, media: Media) -> None:
    assert _part(wire) == media
    losses = Losses()
    messages = wire_messages(asking(user(media)), losses)
    assert not losses
    assert decoded(messages if isinstance(messages, list) else []).messages[0].parts == [media]


def test_unknown_fields_of_a_part_stay_with_it_at_any_depth() -> None:
    wire: JsonObject = {
        "type": "image_url",
        "image_url": {"url": "https://a.example/i", "format": "x"},
        "odd": 1,
    }
    assert wire_messages(decoded([{"role": "user", "content": [wire]}])) == [
        {"role": "user", "content": [wire]}
    ]


def test_a_part_nobody_knows_goes_back_as_it_came() -> None:
    wire: JsonObject = {"type": "file_url", "file_url": {"url": "x"}}
    assert _part(wire) == Opaque("openai_chat", wire)
    assert wire_messages(decoded([{"role": "user", "content": [wire]}])) == [
        {"role": "user", "content": [wire]}
    ]


@pytest.mark.parametrize(
    "part",
    [
        Opaque("anthropic", {"type": "x"}, origin="messages[0].content[1]"),
        ServerToolUse("anthropic", "web_search", {}, origin="messages[0].content[1]"),
        Media("image", FileRef("f", "anthropic"), origin="messages[0].content[1]"),
        Media("image", Base64("????"), origin="messages[0].content[1]"),
        Media("document", FileRef("f", "anthropic"), origin="messages[0].content[1]"),
        Media("document", Url("https://a.example/d"), origin="messages[0].content[1]"),
        Media("audio", Base64("AAAA"), origin="messages[0].content[1]"),
        Media("audio", FileRef("f", "gemini"), origin="messages[0].content[1]"),
        Media("document", Blocks([Thinking("x")]), origin="messages[0].content[1]"),
    ],
)
def test_content_without_a_word_here_is_refused_by_its_path(part: Part) -> None:
    with pytest.raises(Unsayable) as caught:
        wire_messages(asking(user(Text("look"), part)))
    assert caught.value.param == "messages[0].content[1]"


def test_media_the_model_cannot_read_are_refused() -> None:
    with pytest.raises(Unsayable, match="reads no images"):
        wire_messages(asking(user(Media("image", Url("https://a.example/i")))), media=frozenset({"audio"}))


def test_an_image_without_a_type_is_named_by_its_first_bytes() -> None:
    losses = Losses()
    part = Media("image", Base64(_PNG), origin="m")
    assert wire_messages(asking(user(part)), losses) == [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}}],
        }
    ]
    assert losses.repaired == ["m named image/png"]


def test_what_a_medium_cannot_say_is_named() -> None:
    losses = Losses()
    image = Media(
        "image",
        Url("https://a.example/i"),
        "image/png",
        "n",
        "t",
        "c",
        "original",
        citations=True,
        origin="m",
    )
    wire_messages(asking(user(image)), losses)
    assert losses.dropped == [
        "m.filename",
        "m.title",
        "m.context",
        "m.citations",
        "m.detail original->high",
    ]
    assert losses.repaired == ["m without its media type: the address says it"]


def test_a_sound_is_named_by_its_format() -> None:
    losses = Losses()
    wire_messages(asking(user(Media("audio", Base64("AAAA"), "audio/x-wav", origin="m"))), losses)
    assert losses.repaired == ["m audio/x-wav named wav"]


def test_a_document_without_a_name_gets_one() -> None:
    losses = Losses()
    documents = [
        Media("document", Base64("JVBERi0"), "application/pdf", title="Report", origin="a"),
        Media("document", Base64("JVBERi0"), "application/pdf", origin="b"),
    ]
    assert "document.pdf" in str(wire_messages(asking(user(*documents)), losses))
    assert losses.repaired == ["a named Report", "b named document.pdf"]
    assert not losses.dropped


def test_a_document_of_words_becomes_words_with_its_title() -> None:
    losses = Losses()
    plain = Media("document", PlainText("words"), title="T", context="C", citations=True, origin="a")
    blocks = Media(
        "document", Blocks([Text("one"), Media("image", Url("https://a.example/i"))]), title="B", origin="b"
    )
    assert wire_messages(asking(user(plain, blocks)), losses) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T\nC\n\nwords"},
                {"type": "text", "text": "B"},
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": "https://a.example/i"}},
            ],
        }
    ]
    assert losses.dropped == ["a.citations"]
    assert wire_messages(asking(user(Media("document", PlainText("bare"))))) == [
        {"role": "user", "content": "bare"}
    ]


def test_leading_instructions_become_one_message_and_keep_their_blocks() -> None:
    losses = Losses()
    request = asking(
        Message("system", [Text("A"), Text("B")], origin="system"),
        Message("developer", [Text("C")], "ann", origin="dev"),
        user(Text("hi")),
        Message("system", [Text("D")], origin="late"),
    )
    assert wire_messages(request, losses) == [
        {"role": "system", "content": [{"type": "text", "text": text} for text in "ABC"]},
        _HI,
        {"role": "system", "content": "D"},
    ]
    assert losses.repaired == ["dev joined to the instructions before it"]
    assert losses.dropped == ["dev.name"]


def test_instructions_take_the_role_the_upstream_knows() -> None:
    request = decoded([{"role": "developer", "content": "A"}, _HI])
    assert wire_messages(request) == [{"role": "developer", "content": "A"}, _HI]
    losses = Losses()
    assert wire_messages(request, losses, roles="system") == [{"role": "system", "content": "A"}, _HI]
    assert losses.repaired == ["messages[0] role system"]


def test_the_billing_line_of_claude_code_is_left_out() -> None:
    losses = Losses()
    billing = Text("x-anthropic-billing-header: cc=1", origin="system[0]")
    assert wire_messages(asking(Message("system", [billing, Text("A")]), user(Text("hi"))), losses) == [
        {"role": "system", "content": "A"},
        _HI,
    ]
    assert losses.repaired == ["system[0] billing line left out"]
    assert not losses.dropped
    assert wire_messages(asking(Message("system", [billing]), user(Text("hi")))) == [_HI]


def test_instructions_hold_only_words() -> None:
    with pytest.raises(Unsayable, match="only text may stand in instructions"):
        wire_messages(asking(Message("system", [Media("image", Url("https://a.example/i"))])))


def test_content_is_null_only_beside_calls() -> None:
    request = decoded([_HI, {"role": "assistant", "content": None}, {"role": "user", "content": "?"}])
    assert wire_messages(request) == [
        _HI,
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "?"},
    ]
    called = decoded([_HI, {**_calls("a"), "content": ""}, _result("a")])
    assert wire_messages(called) == [_HI, _calls("a"), _result("a")]


def test_a_refusal_and_stored_sound_of_an_assistant_go_both_ways() -> None:
    said: JsonObject = {
        "role": "assistant",
        "content": "no",
        "refusal": "I will not",
        "audio": {"id": "audio_1"},
    }
    request = decoded([_HI, said])
    assert request.messages[1].parts == [
        Text("no"),
        Refusal("I will not"),
        Media("audio", FileRef("audio_1", "openai_chat")),
    ]
    again = wire_messages(request)
    assert decoded(again if isinstance(again, list) else []) == request


def test_other_media_of_an_assistant_are_refused() -> None:
    with pytest.raises(Unsayable, match="no image may stand in an assistant's message"):
        wire_messages(asking(user(Text("hi")), assistant(Media("image", Url("https://a.example/i")))))


def test_an_images_place_in_a_result_is_behind_all_results() -> None:
    losses = Losses()
    image = Media("image", Url("https://a.example/i"), origin="i")
    request = asking(
        user(Text("hi")),
        assistant(ToolCall("a", "fa"), ToolCall("b", "fb")),
        user(ToolResult("a", [Text("see"), image], origin="r"), ToolResult("b", [Text("ok")]), Text("on")),
    )
    assert wire_messages(request, losses) == [
        _HI,
        _calls("a", "b"),
        _result("a", [{"type": "text", "text": "see"}, {"type": "text", "text": "[attached below]"}]),
        _result("b"),
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://a.example/i"}},
                {"type": "text", "text": "on"},
            ],
        },
    ]
    assert losses.repaired == ["r what is no text attached below"]


def test_an_error_flag_is_said_in_words() -> None:
    losses = Losses()
    request = asking(
        user(Text("hi")),
        assistant(ToolCall("a", "fa"), ToolCall("b", "fb"), ToolCall("c", "fc")),
        user(
            ToolResult("a", [Text("lost")], is_error=True, origin="r"),
            ToolResult("b", [], is_error=True, item_id="i", origin="s"),
            ToolResult("c", [], is_error=False, name="fc", origin="t"),
        ),
    )
    messages = wire_messages(request, losses)
    assert isinstance(messages, list)
    assert messages[2:] == [
        _result("a", "Error: lost"),
        _result("b", "Error"),
        {**_result("c", ""), "name": "fc"},
    ]
    assert losses.repaired == [
        "r error flag said in words",
        "s error flag said in words",
        "s without its item id",
        "t no error flag",
    ]


def test_a_tool_message_keeps_its_name_mark_and_unknown_fields() -> None:
    said: JsonObject = {**_result("a"), "name": "fa", "cache_control": {"type": "ephemeral"}, "odd": 1}
    assert wire_messages(decoded([_HI, _calls("a"), said]), cache_marks=True) == [_HI, _calls("a"), said]


def test_a_name_without_a_message_to_stand_on_is_a_named_loss() -> None:
    losses = Losses()
    extras: Extras = {"openai_chat": {"odd": 1}}
    named = Message("user", [ToolResult("a", [Text("ok")])], "ann", extras=extras, origin="messages[2]")
    wire_messages(asking(user(Text("hi")), assistant(ToolCall("a", "f")), named), losses)
    assert losses.dropped == ["messages[2].name", "messages[2].odd"]


def test_a_participants_name_that_does_not_fit_is_a_named_loss() -> None:
    losses = Losses()
    request = asking(Message("user", [Text("hi")], "Ann Lee", origin="messages[0]"))
    assert wire_messages(request, losses) == [_HI]
    assert losses.dropped == ["messages[0].name"]


def test_what_other_protocols_say_of_a_message_is_named() -> None:
    losses = Losses()
    said = Message(
        "assistant", [Text("a", [Citation("url")], origin="p")], phase="commentary", item_id="i", origin="m"
    )
    assert wire_messages(asking(user(Text("hi")), said), losses) == [
        _HI,
        {"role": "assistant", "content": "a"},
    ]
    assert losses.dropped == ["m.phase", "p.citations"]
    assert losses.repaired == ["m without its item id"]


def test_the_parts_of_an_assistant_come_in_the_wires_order() -> None:
    losses = Losses()
    request = asking(
        user(Text("hi")), assistant(ToolCall("a", "fa"), Text("then")), user(ToolResult("a", [Text("ok")]))
    )
    assert wire_messages(request, losses) == [_HI, {**_calls("a"), "content": "then"}, _result("a")]
    assert losses.repaired == ["messages[1] reordered: reasoning, words, calls"]


def test_cache_marks_are_kept_or_named() -> None:
    marked: JsonObject = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    request = decoded([{"role": "user", "content": [marked]}])
    assert request.messages[0].parts == [Text("hi", cache=CacheMark("1h"))]
    assert wire_messages(request, cache_marks=True) == [{"role": "user", "content": [marked]}]
    losses = Losses()
    assert wire_messages(request, losses) == [_HI]
    assert losses.dropped == ["messages[0].content[0].cache_control"]


def test_openais_breakpoint_and_a_mark_on_a_message_are_marks_too() -> None:
    point: JsonObject = {"type": "text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert _part(point) == Text("hi", cache=CacheMark())
    whole = decoded([{"role": "system", "content": "A", "cache_control": {"type": "ephemeral"}}])
    assert whole.messages == [Message("system", [Text("A", cache=CacheMark())])]


# Reasoning


def _thought(**fields: JsonValue) -> list[Part]:
    return decoded([_HI, {"role": "assistant", "content": "a", **fields}]).messages[1].parts[:-1]


def _entry(word: str, text: str = "hm") -> JsonObject:
    return {"type": "reasoning.text", "text": text, "signature": word}


def test_reasoning_is_read_from_every_field_and_counts_once() -> None:
    assert _thought(reasoning_content="hm") == [Thinking("hm")]
    assert _thought(reasoning="hm", reasoning_content="hm") == [Thinking("hm")]
    assert _thought(reasoning=[{"text": "h"}, "m"]) == [Thinking("hm")]
    assert _thought(reasoning="hm", reasoning_details=[{"type": "reasoning.text", "text": "hm"}]) == [
        Thinking("hm")
    ]
    assert _thought(reasoning_details=["odd"]) == []
    assert _part({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, "assistant") == Thinking(
        "hm"
    )


def test_signatures_we_wrapped_come_back_as_their_issuers() -> None:
    mine, none = (
        carry.wrap(Signature("anthropic", "s", "claude"), "openai_chat"),
        carry.wrap(None, "openai_chat"),
    )
    details: list[JsonValue] = [
        _entry(mine),
        _entry(none, "more"),
        {"type": "reasoning.encrypted", "data": mine},
    ]
    assert _thought(reasoning_content="hm\n\nmore", reasoning_details=details) == [
        Thinking("hm", signature=Signature("anthropic", "s", "claude")),
        Thinking("more"),
        Thinking(signature=Signature("anthropic", "s", "claude"), redacted=True),
    ]


def test_a_client_that_keeps_the_text_apart_from_the_signature_loses_neither() -> None:
    word = carry.wrap(Signature("gemini", "s"), "openai_chat")
    assert _thought(reasoning_content="hm", reasoning_details=[_entry(word, "")]) == [
        Thinking("hm", signature=Signature("gemini", "s"))
    ]


def test_anthropics_own_blocks_are_understood() -> None:
    blocks: list[JsonValue] = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "secret"},
    ]
    assert _thought(thinking_blocks=blocks) == [
        Thinking("hm", signature=Signature("anthropic", "sig")),
        Thinking(signature=Signature("anthropic", "secret"), redacted=True),
    ]


@pytest.mark.parametrize(
    "details",
    [
        [
            {
                "type": "reasoning.text",
                "text": "hm",
                "signature": "sig",
                "format": "anthropic-claude-v1",
                "index": 0,
            }
        ],
        [{"type": "reasoning.encrypted", "data": "blob", "format": "google-gemini-v1", "id": "t"}],
        [{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.encrypted", "data": "blob"}],
        [
            {"type": "reasoning.summary", "summary": "hm", "format": "openai-responses-v1"},
            {"type": "reasoning.encrypted", "data": "blob", "format": "openai-responses-v1"},
        ],
        [{"type": "reasoning.text", "text": "hm", "format": "unknown", "id": "r"}],
    ],
)
def test_a_vendors_own_entries_go_back_whole_where_reasoning_must_come_back(details: list[JsonValue]) -> None:
    request = decoded([_HI, {"role": "assistant", "content": "a", "reasoning_details": details}])
    losses = Losses()
    messages = wire_messages(request, losses, reasoning_replay=True)
    assert isinstance(messages, list)
    said = messages[1]
    assert isinstance(said, dict)
    assert said["reasoning_details"] == details
    assert not losses
    assert decoded(messages) == request


def test_what_vendors_say_beside_unsigned_reasoning_is_named_where_it_is_lost() -> None:
    entry: JsonValue = {
        "type": "reasoning.text",
        "text": "hm",
        "format": "unknown",
        "signature": None,
        "index": 0,
    }
    said: JsonValue = {"role": "assistant", "content": "a", "reasoning": "hm", "reasoning_details": [entry]}
    request = decoded([_HI, said])
    assert request.messages[1].parts[0] == Thinking("hm", extras={"openai_chat": {"format": "unknown"}})
    assert list(foreign_fields(request, "anthropic")) == ["messages[1].reasoning_details.format"]


def test_a_call_comes_back_without_its_place_in_the_stream() -> None:
    function: JsonValue = {"name": "f", "arguments": "{}"}
    call: JsonObject = {"id": "c", "type": "function", "function": function}
    assert decoded([_HI, {"role": "assistant", "tool_calls": [{"index": 0, **call}]}]).messages[1].parts == [
        ToolCall("c", "f")
    ]


def test_past_reasoning_is_a_named_loss_where_nobody_wants_it() -> None:
    losses = Losses()
    thought = Thinking("hm", origin="t")
    request = asking(user(Text("hi")), assistant(thought), user(Text("?")), assistant(thought, Text("a")))
    assert wire_messages(request, losses) == [
        _HI,
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "a"},
    ]
    assert losses.dropped == ["t", "t"]


def test_past_reasoning_goes_back_in_the_field_the_model_knows() -> None:
    losses = Losses()
    signed = Thinking("hm", signature=Signature("anthropic", "s"), origin="t")
    request = asking(
        user(Text("hi")), assistant(signed, ToolCall("a", "fa")), user(ToolResult("a", [Text("ok")]))
    )
    assert wire_messages(request, losses, reasoning_replay=True, reasoning_field="reasoning") == [
        _HI,
        {**_calls("a"), "reasoning": "hm"},
        _result("a"),
    ]
    assert losses.dropped == ["t.signature"]


def test_calls_whose_reasoning_is_unknown_have_an_empty_one() -> None:
    request = asking(user(Text("hi")), assistant(ToolCall("a", "fa")), user(ToolResult("a", [Text("ok")])))
    assert wire_messages(request, reasoning_replay=True) == [
        _HI,
        {**_calls("a"), "reasoning_content": ""},
        _result("a"),
    ]


def test_several_thoughts_become_one_text() -> None:
    losses = Losses()
    thoughts: list[Part] = [
        Thinking("a", origin="0"),
        Thinking(summary=["b", "c"], origin="1"),
        Thinking(origin="2"),
    ]
    hidden = Thinking(signature=Signature("anthropic", "s"), redacted=True, origin="3")
    messages = wire_messages(
        asking(user(Text("hi")), assistant(*thoughts, hidden, Text("x"))), losses, reasoning_replay=True
    )
    assert messages == [_HI, {"role": "assistant", "content": "x", "reasoning_content": "a\n\nb\n\nc"}]
    assert losses.dropped == ["3"]
    assert losses.repaired == [
        "1 said as plain reasoning",
        "2 left out: it is empty",
        "messages[1] reasoning joined",
    ]


def test_a_payload_that_is_no_entry_is_a_signature() -> None:
    part = Thinking("hm", signature=Signature("openai_chat", "not json"))
    messages = wire_messages(asking(user(Text("hi")), assistant(part, Text("x"))), reasoning_replay=True)
    assert isinstance(messages, list)
    said = messages[1]
    assert isinstance(said, dict)
    assert said["reasoning_details"] == [{"type": "reasoning.text", "signature": "not json", "text": "hm"}]
