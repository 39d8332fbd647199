"""Streams, both ways, and mended on their way through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Choice, Close, Delta, End, Open, Response, Start, collect
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, Overloaded, RateLimited, RequestRefused, UpstreamTimeout
from gateway.protocols import carry
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.openai_chat import CODEC
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame
from tests.protocols.openai_chat.exchange import (
    ASKED,
    calling,
    chunks_of,
    delta,
    deltas_of,
    events_of,
    frames_of,
    heard,
)

_DONE = b"[DONE]"


def _reply(*parts: Part, reason: StopReason = StopReason.END) -> Response:
    return Response([Choice(list(parts), Stop(reason))], "c1", "up", 5)


def _call(index: int | None, call_id: str = "", name: str = "", arguments: JsonValue = None) -> JsonObject:
    function: JsonObject = {"name": name} if name else {}
    if arguments is not None:
        function["arguments"] = arguments
    said: JsonObject = {"function": function}
    if index is not None:
        said["index"] = index
    return {**said, "id": call_id} if call_id else said


def _calls(*chunks: JsonObject) -> list[tuple[str, str, str]]:
    parts = heard(*chunks, delta({}, "tool_calls"), _DONE).parts
    return [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def test_text_is_heard_as_it_comes() -> None:
    events = events_of(
        [
            delta({"role": "assistant", "content": ""}),
            delta({"content": "h"}),
            delta({"content": "i"}),
            delta({}, "stop"),
            _DONE,
        ]
    )
    assert events == [
        Start("c1", "up", 5),
        Open(0, Text("")),
        Delta(0, "text", "h"),
        Delta(0, "text", "i"),
        Close(0, Text("hi")),
        End([Stop(StopReason.END, "stop")]),
    ]


def test_reasoning_and_text_in_one_delta_are_two_blocks() -> None:
    parts = heard(delta({"reasoning_content": "hm", "content": "so"}), delta({}, "stop")).parts
    assert parts == [Thinking("hm"), Text("so")]


def test_the_same_reasoning_in_two_fields_counts_once() -> None:
    entry: JsonObject = {"type": "reasoning.text", "text": "hm", "index": 0}
    one = heard(delta({"reasoning": "hm", "reasoning_details": [entry]}), delta({}, "stop")).parts
    late = heard(
        delta({"reasoning_content": "hm"}), delta({"reasoning_details": [entry]}), delta({}, "stop")
    ).parts
    assert one == late == [Thinking("hm")]


def test_a_vendors_signature_is_kept_with_all_its_fields() -> None:
    text: JsonObject = {"type": "reasoning.text", "text": "hm", "index": 0}
    bare: JsonObject = {"type": "reasoning.text", "signature": "s", "format": "x"}
    sign: JsonObject = {**bare, "index": 0}
    response = heard(
        delta({"reasoning_details": [text]}), delta({"reasoning_details": [sign, "odd"]}), delta({}, "stop")
    )
    assert response.parts == [Thinking("hm", signature=Signature("openai_chat", dumps(bare).decode()))]


def test_a_late_encrypted_entry_is_a_redacted_block() -> None:
    entry: JsonObject = {"type": "reasoning.encrypted", "data": "blob"}
    parts = heard(delta({"content": "a"}), delta({"reasoning_details": [entry]}), delta({}, "stop")).parts
    assert parts == [
        Text("a"),
        Thinking(signature=Signature("openai_chat", dumps(entry).decode()), redacted=True),
    ]


@pytest.mark.parametrize(
    "chunks",
    [
        [
            calling(_call(0, "a", "f", "")),
            calling(_call(0, arguments='{"x":')),
            calling(_call(0, arguments="1}")),
        ],
        [calling(_call(None, "a", "f", '{"x":1}'))],
        [calling(_call(1, "a", "f", '{"x":')), calling(_call(1, "", "", "1}"))],
        [calling(_call(0, "a", "f", '{"x":')), calling(_call(0, "a", "f", "1}"))],
        [
            calling(_call(0, "a")),
            calling(_call(0, arguments='{"x":')),
            calling(_call(0, "", "f")),
            calling(_call(0, arguments="1}")),
        ],
        [calling(_call(0, "a", "f", '{"x":1'), _call(None, arguments="}"))],
        [calling(_call(0, "a", "f", {"x": 1}))],
        [calling(_call(0, "a", "f", '{"x":')), calling(_call(0, "b", "", "1}"))],
        [calling(_call(7, "a", "f")), calling(_call(0, "a", "", '{"x":1}'))],
    ],
)
def test_one_call_is_heard_however_its_fragments_are_labelled(chunks: list[JsonObject]) -> None:
    assert _calls(*chunks) == [("a", "f", '{"x":1}')]


@pytest.mark.parametrize(
    "chunks",
    [
        [calling(_call(0, "a", "f", "{}")), calling(_call(1, "b", "g", "{}"))],
        [calling(_call(0, "a", "f", "{}")), calling(_call(0, "b", "g", "{}"))],
        [calling(_call(None, "a", "f", "{}"), _call(None, "b", "g", "{}"))],
        [
            calling(_call(3, "a", "f", "{")),
            calling(_call(5, "b", "g", "{")),
            calling(_call(3, "", "", "}")),
            calling(_call(5, "", "", "}")),
        ],
        [
            calling(_call(0, "a", "f", "{")),
            calling(_call(1, "b", "g", "{")),
            calling(_call(0, "", "", "}"), _call(1, "", "", "}")),
        ],
    ],
)
def test_parallel_calls_stay_apart_however_they_are_labelled(chunks: list[JsonObject]) -> None:
    assert _calls(*chunks) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_calls_without_ids_at_one_index_are_told_apart_by_their_names() -> None:
    calls = _calls(
        calling(_call(0, "", "f", '{"a":1}')),
        calling(_call(0, "", "g", "{}")),
        calling(_call(0, "", "g", "{}")),
    )
    assert [call[1:] for call in calls] == [("f", '{"a":1}'), ("g", "{}"), ("g", "{}")]
    assert len({call[0] for call in calls}) == 3


def test_calls_that_share_an_id_are_told_apart_by_their_places_and_get_ids_of_their_own() -> None:
    calls = _calls(
        calling(_call(0, "f", "f", '{"a":')),
        calling(_call(1, "f", "f", "{}")),
        calling(_call(0, "", "", "1}")),
    )
    assert [call[1:] for call in calls] == [("f", '{"a":1}'), ("f", "{}")]
    assert calls[0][0] == "f" != calls[1][0]


def test_a_name_said_again_with_each_fragment_is_one_call() -> None:
    assert [
        call[1:] for call in _calls(calling(_call(0, "", "f", '{"a"')), calling(_call(0, "", "f", ":1}")))
    ] == [("f", '{"a":1}')]


def test_a_nested_object_behind_a_repeated_name_is_not_another_call() -> None:
    calls = _calls(calling(_call(0, "", "f", '{"a":')), calling(_call(0, "", "f", '{"b":1}}')))
    assert [call[1:] for call in calls] == [("f", '{"a":{"b":1}}')]


def test_what_is_no_call_among_calls_is_passed_over() -> None:
    assert _calls(calling("odd", _call(0, "a", "f"), None)) == [("a", "f", "{}")]


def test_a_call_that_never_has_a_name_is_no_call() -> None:
    response = heard(calling(_call(0, "a", "", "{}")), delta({}, "tool_calls"))
    assert response.parts == []
    assert response.stop == Stop(StopReason.END, "tool_calls")


def test_ids_of_our_own_differ_from_turn_to_turn() -> None:
    chunks: list[JsonValue | bytes] = [calling(_call(0, "", "f", "{}")), delta({}, "stop")]
    first = collect(events_of(chunks, Sent({"messages": [1]})))
    second = collect(events_of(chunks, Sent({"messages": [1, 2, 3]})))
    assert first == collect(events_of(chunks, Sent({"messages": [1]})))
    assert first.parts != second.parts


def test_a_custom_call_and_the_retired_call_are_heard() -> None:
    custom: JsonObject = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "p", "input": "te"}}
    more: JsonObject = {"index": 0, "custom": {"input": "xt"}}
    assert heard(calling(custom), calling(more), delta({}, "tool_calls")).parts == [
        ToolCall("a", "p", "text", kind="custom")
    ]
    function = heard(
        delta({"function_call": {"name": "f", "arguments": ""}}),
        delta({"function_call": {"arguments": "{}"}}),
        delta({}, "function_call"),
    )
    assert [(part.name, part.arguments) for part in function.parts if isinstance(part, ToolCall)] == [
        ("f", "{}")
    ]
    assert function.stop.reason is StopReason.TOOL_CALL


def test_the_signature_of_a_call_is_heard() -> None:
    signed: JsonObject = {**_call(0, "a", "f", "{}"), "extra_content": {"google": {"thought_signature": "s"}}}
    assert heard(calling(signed), delta({}, "tool_calls")).parts == [
        ToolCall("a", "f", signature=Signature("gemini", "s"))
    ]


def test_arguments_after_the_finish_still_count() -> None:
    response = heard(
        calling(_call(0, "a", "f", "{")), delta({}, "tool_calls"), calling(_call(0, "", "", "}")), _DONE
    )
    assert response.parts == [ToolCall("a", "f", "{}")]


def test_usage_is_heard_wherever_it_comes() -> None:
    usage: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2}
    counted = Usage(input_tokens=3, output_tokens=2)
    plain, last = delta({"content": "x"}), delta({}, "stop")
    assert heard(plain, last, {"choices": [], "usage": usage}, _DONE).usage == counted
    assert heard(plain, {**last, "usage": usage}, _DONE).usage == counted
    assert heard({"choices": [], "usage": usage}, plain, last, _DONE).usage == counted
    assert heard({**plain, "usage": None}, {**last, "usage": usage}, {"usage": None}, _DONE).usage == counted
    assert heard(plain, {**last, "x_groq": {"usage": usage}}).usage == counted
    assert heard(plain, last).usage is None


def test_records_without_choices_say_nothing() -> None:
    odd: list[JsonValue | bytes] = [{}, {"choices": None}, {"choices": [7]}, 5, None]
    assert heard(*odd, delta({"content": "x"}), *odd, delta({}, "stop")).parts == [Text("x")]


def test_several_choices_are_heard_apart() -> None:
    response = heard(
        delta({"content": "b"}, index=1),
        delta({"content": "a"}),
        delta({"content": "B"}, "length", 1),
        delta({}, "stop"),
        _DONE,
    )
    assert [choice.parts for choice in response.choices] == [[Text("a")], [Text("bB")]]
    assert [choice.stop.reason for choice in response.choices] == [StopReason.END, StopReason.LENGTH]


def test_a_place_between_choices_stays_empty_and_a_wild_index_is_the_first() -> None:
    assert [c.parts for c in heard(delta({"content": "b"}, "stop", 1)).choices] == [[], [Text("b")]]
    assert heard(delta({"content": "a"}, "stop", 5000)).parts == [Text("a")]


def test_of_two_finish_reasons_the_first_counts() -> None:
    assert heard(delta({"content": "x"}, "length"), delta({}, "stop"), _DONE).stop == Stop(
        StopReason.LENGTH, "length"
    )


def test_a_stream_without_a_finish_never_passes_as_whole() -> None:
    cut: list[JsonValue | bytes] = [delta({"content": "x"})]
    for chunks in (cut, [*cut, _DONE], [_DONE], []):
        with pytest.raises(BadUpstreamReply, match="without a finish reason"):
            events_of(chunks)
    with pytest.raises(BadUpstreamReply):
        events_of([delta({"content": "x"}, "stop"), delta({"content": "y"}, index=1)])


def test_the_terminator_is_enough_where_finish_reasons_are_left_out() -> None:
    optional = Sent(finish_optional=True)
    assert heard(delta({"content": "x"}), _DONE, request=optional).stop == Stop(StopReason.END)
    assert heard(calling(_call(0, "a", "f")), _DONE, request=optional).stop == Stop(StopReason.TOOL_CALL)
    silent: list[JsonValue | bytes] = [delta({"role": "assistant"}), _DONE]
    for chunks in ([delta({"content": "x"})], silent):
        with pytest.raises(BadUpstreamReply):
            events_of(chunks, optional)


def test_one_finish_of_several_is_enough_at_the_terminator() -> None:
    response = heard(delta({"content": "a"}, "stop"), delta({"content": "b"}, index=1), _DONE)
    assert [choice.stop.raw for choice in response.choices] == ["stop", ""]


def test_what_follows_the_terminator_is_not_heard() -> None:
    assert heard(delta({"content": "x"}, "stop"), _DONE, delta({"content": "y"}), b"}{").parts == [Text("x")]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"error": {"message": "m", "code": 429}}, RateLimited),
        ({"error": {"message": "m", "code": "503"}, "choices": []}, Overloaded),
        ({"error": {"message": "m", "type": "invalid_request_error", "status_code": 400}}, RequestRefused),
        ([{"error": {"message": "m", "code": 503}}], Overloaded),
        (b"not json", BadUpstreamReply),
    ],
)
def test_an_error_record_is_that_error(record: "JsonValue | bytes", kind: type[Exception]) -> None:
    with pytest.raises(kind):
        events_of([delta({"content": "x"}), record])


def test_an_error_behind_the_finish_takes_nothing_back() -> None:
    late: JsonObject = {"error": {"message": "Token limit reached", "code": 400}}
    assert heard(delta({"content": "x"}, "length"), late, _DONE).parts == [Text("x")]


def test_the_decoder_shows_the_payload_of_each_record() -> None:
    decoder = CODEC.stream_decoder(Sent())
    decoder.decode(Frame(b'{"choices":[]}'))
    assert decoder.payload == {"choices": []}
    with pytest.raises(BadUpstreamReply):
        decoder.decode(Frame(_DONE))
    assert decoder.payload is None


def test_log_probabilities_are_heard() -> None:
    chunk = delta({"content": "x"}, "stop")
    choices = chunk["choices"]
    assert isinstance(choices, list)
    choice = choices[0]
    assert isinstance(choice, dict)
    choice["logprobs"] = {"content": [{"token": "x"}]}
    assert heard(chunk).choices[0].logprobs == [{"token": "x"}]


def test_pieces_of_sound_become_one() -> None:
    response = heard(
        delta({"audio": {"id": "a", "transcript": "he"}}),
        delta({"audio": {"data": "YQ==", "transcript": "y"}}),
        delta({"audio": {"data": "Yg==", "expires_at": 9}}),
        delta({}, "stop"),
        request=Sent({"audio": {"format": "mp3"}}),
    )
    extras: dict[str, JsonObject] = {"openai_chat": {"id": "a", "expires_at": 9}}
    assert response.parts == [Media("audio", Base64("YWI="), "audio/mpeg", context="hey", extras=extras)]


# To the client


def test_a_stream_has_openais_shape() -> None:
    asked = Asked("alias", stream=True)
    head: JsonObject = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "alias"}

    def chunk(said: JsonObject, finish: str | None = None) -> JsonObject:
        return {**head, "choices": [{"index": 0, "delta": said, "logprobs": None, "finish_reason": finish}]}

    assert chunks_of(_reply(Text("hi")), asked) == [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "hi"}),
        chunk({}, "stop"),
    ]


def test_usage_is_told_once_behind_the_finish_and_only_where_it_was_asked_for() -> None:
    response = _reply(Text("hi"))
    response.usage = Usage(input_tokens=3, output_tokens=2)
    *others, last = chunks_of(response)
    assert all(chunk["usage"] is None for chunk in others)
    assert last["choices"] == []
    assert isinstance(last["usage"], dict)
    assert last["usage"]["total_tokens"] == 5
    assert all("usage" not in chunk for chunk in chunks_of(response, Asked("m")))


def test_counts_that_came_early_are_told_too() -> None:
    encoder = CODEC.stream_encoder(ASKED, Losses())
    encoder.encode(Start("c1", usage=Usage(input_tokens=3)))
    assert encoder.encode(Delta(0, "usage", Usage(output_tokens=2))) == []
    *_, usage, _done = encoder.encode(End([Stop(StopReason.END)]))
    assert b'"total_tokens":5' in usage.data


def test_an_upstream_without_counts_gets_an_estimate() -> None:
    usage = chunks_of(_reply(Text("hi")))[-1]["usage"]
    assert isinstance(usage, dict)
    assert usage["prompt_tokens"] == 7


def test_only_the_first_delta_of_a_call_names_it() -> None:
    response = _reply(
        ToolCall("a", "f", '{"x":1}'), ToolCall("b", "p", "text", kind="custom"), reason=StopReason.TOOL_CALL
    )
    assert deltas_of(response)[1:] == [
        {
            "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "custom", "custom": {"name": "p", "input": ""}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "text"}}]},
    ]


def test_a_call_whose_arguments_come_with_its_end_has_them_told() -> None:
    encoder = CODEC.stream_encoder(Asked("m"), Losses())
    encoder.encode(Start())
    encoder.encode(Open(0, ToolCall("a", "f", "")))
    (frame,) = encoder.encode(Close(0, ToolCall("a", "f", "")))
    assert b'{"index":0,"function":{"arguments":"{}"}}' in frame.data


def test_the_signature_of_a_call_follows_it() -> None:
    signed = ToolCall("a", "f", "{}", signature=Signature("gemini", "s"))
    assert deltas_of(_reply(signed))[-1] == {
        "tool_calls": [
            {
                "index": 0,
                "function": {"arguments": ""},
                "extra_content": {"google": {"thought_signature": "s"}},
            }
        ]
    }


def test_reasoning_is_told_as_it_comes_and_once_more_with_its_signature() -> None:
    signature = Signature("anthropic", "s", "claude")
    assert deltas_of(_reply(Thinking("hm", signature=signature)))[1:] == [
        {"reasoning_content": "hm"},
        {
            "reasoning_details": [
                {
                    "type": "reasoning.text",
                    "text": "hm",
                    "signature": carry.wrap(signature, "openai_chat"),
                    "index": 0,
                }
            ]
        },
    ]


def test_the_paragraphs_of_a_summary_are_kept_apart() -> None:
    said = deltas_of(_reply(Thinking(summary=["a", "b"])))
    assert said[1:3] == [{"reasoning_content": "a"}, {"reasoning_content": "\n\nb"}]


def test_refusals_citations_and_sound_have_words() -> None:
    cited = Text("cd", [Citation("url", "https://a.example"), Citation("page")])
    losses = Losses()
    said = deltas_of(_reply(Text("ab"), cited, Refusal("no"), Media("audio", Base64("AAAA"))), losses)
    assert {
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://a.example", "title": "", "start_index": 2, "end_index": 4},
                "index": 0,
            }
        ]
    } in said
    assert {"refusal": "no"} in said
    assert {"audio": {"id": "audio_r1", "transcript": "", "expires_at": 3700, "data": "AAAA"}} in said
    assert losses.dropped == ["content.citations"]


def test_a_part_without_a_word_is_told_as_text_and_named() -> None:
    losses = Losses()
    response = _reply(Opaque("gemini", {}, "code"), Opaque("gemini", {}), Media("image", Base64("AAAA")))
    assert deltas_of(response, losses)[1:] == [
        {"content": "code"},
        {"content": "![image](data:image/png;base64,AAAA)"},
    ]
    assert losses.dropped == ["content.part", "content.part", "content.image"]


def test_every_choice_has_a_role_and_a_finish() -> None:
    response = Response([Choice([Text("a")], Stop(StopReason.END)), Choice([], Stop(StopReason.LENGTH))])
    choices: list[JsonObject] = []
    for chunk in chunks_of(response, Asked("m")):
        said = chunk["choices"]
        assert isinstance(said, list)
        choices += [choice for choice in said if isinstance(choice, dict)]
    for number, finish in ((0, "stop"), (1, "length")):
        mine = [choice for choice in choices if choice["index"] == number]
        assert mine[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert mine[-1]["finish_reason"] == finish


def test_log_probabilities_are_told() -> None:
    response = Response([Choice([Text("a")], Stop(StopReason.END), [{"token": "a"}])])
    assert b'"logprobs":{"content":[{"token":"a"}],"refusal":null}' in b"".join(frames_of(response))


def test_a_failure_is_an_error_record_without_a_terminator() -> None:
    encoder = CODEC.stream_encoder(ASKED, Losses())
    encoder.encode(Start())
    (frame,) = encoder.fail(UpstreamTimeout("too slow"))
    assert loads(frame.data) == {
        "error": {"message": "too slow", "type": "server_error", "param": None, "code": "timeout"}
    }
    assert encoder.ping() == b": ping\n\n"


_PARTS: st.SearchStrategy[Part] = st.one_of(
    st.text(min_size=1).map(Text),
    st.text(min_size=1).map(Thinking),
    st.text(min_size=1).map(Refusal),
    st.builds(
        Thinking,
        st.text(),
        signature=st.builds(Signature, st.sampled_from(["anthropic", "gemini"]), st.text(min_size=1)),
    ),
    st.builds(ToolCall, st.text(min_size=1), st.text(min_size=1), st.just('{"a":1}')),
)


@given(st.lists(_PARTS, max_size=6))
def test_streaming_says_what_the_whole_reply_says(parts: list[Part]) -> None:
    response = _reply(*parts)
    streamed = heard(*chunks_of(response), _DONE)
    whole = CODEC.decode_response(CODEC.encode_response(response, ASKED, Losses()), Sent())

    def said(reply: Response, kind: type[Part]) -> list[Part]:
        return [part for part in reply.parts if isinstance(part, kind)]

    for kind in (Thinking, ToolCall):
        mine = [part for part in parts if isinstance(part, kind)]
        assert [_plain(part) for part in said(whole, kind)] == [_plain(part) for part in mine]
        if kind is ToolCall:
            assert [_plain(part) for part in said(streamed, kind)] == [_plain(part) for part in mine]
    for reply in (streamed, whole):
        assert _words(reply.parts, Text) == _words(parts, Text)
        assert _words(reply.parts, Refusal) == _words(parts, Refusal)
        assert _words(reply.parts, Thinking) == _words(parts, Thinking)


def _plain(part: Part) -> object:
    match part:
        case Thinking():
            return part.text, part.signature
        case ToolCall():
            return part.name, part.arguments
        case _:
            return part


def _words(parts: list[Part], kind: type[Text] | type[Refusal] | type[Thinking]) -> str:
    return "".join(getattr(part, "text", "") for part in parts if isinstance(part, kind))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.data())
def test_no_prefix_of_a_stream_passes_as_whole(texts: list[str], data: st.DataObject) -> None:
    frames = frames_of(_reply(*map(Text, texts)))
    finish = next(number for number, frame in enumerate(frames) if b'"finish_reason":"stop"' in frame)
    length = data.draw(st.integers(0, finish))
    with pytest.raises(BadUpstreamReply):
        events_of(list(frames[:length]))


def test_openais_own_client_reads_what_it_gets() -> None:
    response = _reply(
        Thinking("hm", signature=Signature("anthropic", "s")),
        Text("hi"),
        ToolCall("a", "f", '{"x":1}'),
        ToolCall("b", "g", "{}"),
        reason=StopReason.TOOL_CALL,
    )
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for frame in frames_of(response)[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(frame))
    completion = state.get_final_completion()
    message = completion.choices[0].message
    assert message.content == "hi"
    assert [(call.id, call.function.arguments) for call in message.tool_calls or ()] == [
        ("a", '{"x":1}'),
        ("b", "{}"),
    ]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None


# On the way through


def _mended(*records: "JsonValue | bytes", ours: bool = False) -> list[JsonValue]:
    mender = CODEC.mender(ASKED, ours)
    frames: list[Frame] = []
    for record in records:
        frame = Frame(record if isinstance(record, bytes) else dumps(record))
        mended = mender.mend(frame, None if isinstance(record, bytes) else record)
        frames += [mended] if mended is not None else []
    frames += mender.finish()
    return ["[DONE]" if frame.data == _DONE else loads(frame.data) for frame in frames]


_USAGE: JsonObject = {"choices": [], "usage": {"prompt_tokens": 1}}


def test_a_good_stream_passes_as_it_is() -> None:
    stream: list[JsonValue] = [delta({"content": "x"}), delta({}, "stop"), _USAGE]
    assert _mended(*stream, _DONE) == [*stream, "[DONE]"]


def test_the_very_frame_passes_where_nothing_is_mended() -> None:
    frame = Frame(b'{"choices":[]}', raw=b'data: {"choices":[]}\n\n', clean=True)
    assert CODEC.mender(ASKED, True).mend(frame, {"choices": []}) is frame


def test_a_usage_record_only_we_asked_for_is_swallowed() -> None:
    stream: list[JsonValue] = [delta({"content": "x"}), delta({}, "stop")]
    assert _mended(*stream, _USAGE, _DONE, ours=True) == [*stream, "[DONE]"]


def test_of_a_second_finish_only_the_usage_stays() -> None:
    first, second = delta({"content": "x"}, "stop"), delta({}, "stop")
    assert _mended(first, second, _DONE) == [first, "[DONE]"]
    counted: JsonObject = {**second, "usage": {"prompt_tokens": 1}}
    assert _mended(first, counted, _DONE) == [first, {**counted, "choices": []}, "[DONE]"]
    assert _mended(first, counted, _DONE, ours=True) == [first, "[DONE]"]


def test_finishes_of_other_choices_and_late_fragments_pass() -> None:
    stream: list[JsonValue] = [delta({}, "stop"), delta({}, "stop", 1), delta({"content": "late"})]
    assert _mended(*stream, _DONE) == [*stream, "[DONE]"]


def test_nothing_follows_the_terminator_and_a_missing_one_is_added() -> None:
    finish = delta({}, "stop")
    assert _mended(finish, _DONE, finish, _DONE) == [finish, "[DONE]"]
    assert _mended(finish) == [finish, "[DONE]"]


def test_records_that_are_no_objects_pass() -> None:
    assert _mended([1], {"choices": [7]}) == [[1], {"choices": [7]}, "[DONE]"]


def test_a_choice_that_only_lacks_a_delta_passes() -> None:
    filtered: JsonObject = {"choices": [{"index": 0, "content_filter_results": {}, "finish_reason": None}]}
    completed: JsonObject = {"choices": [{"index": 0, "text": " is", "finish_reason": None}]}
    finish = delta({}, "stop")
    assert _mended(filtered, completed, finish, _DONE) == [filtered, completed, finish, "[DONE]"]


def test_a_choice_whose_delta_is_null_is_given_one() -> None:
    bare: JsonObject = {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}, 7]}
    assert _mended(bare, _DONE) == [
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}, 7]},
        "[DONE]",
    ]
    whole: JsonObject = {"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}
    told: JsonObject = {
        "choices": [
            {"index": 0, "message": {"content": "x"}, "delta": {"content": "x"}, "finish_reason": "stop"}
        ]
    }
    assert _mended(whole, _DONE) == [told, "[DONE]"]
