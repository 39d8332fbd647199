"""Replies, whole and streamed, and errors."""

from typing import Any

import pytest

from gateway import errors
from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    Url,
)
from gateway.canonical.events import Choice, Delta, End, Event, Response, Start, explode
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.protocols.codec import Endpoint, Losses, Sent
from gateway.protocols.ollama import CODEC
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame
from tests.protocols.ollama.exchange import CHAT, GENERATE, asked, events, heard, line, replied, whole

DONE = line(done=True, done_reason="stop", prompt_eval_count=3, eval_count=2, total_duration=5)
CALL = {"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}


def streamed(response: Response, endpoint: Endpoint = CHAT) -> tuple[list[dict[str, Any]], Losses]:
    losses = Losses()
    encoder = CODEC.stream_encoder(asked(endpoint), losses)
    frames = [frame for event in explode(response) for frame in encoder.encode(event)]
    return [loads(frame.data) for frame in frames], losses


def test_a_stream_says_reasoning_words_and_calls() -> None:
    reply = heard(
        line({"thinking": "h"}),
        line({"thinking": "m"}),
        line({"content": "Yes."}),
        line({"tool_calls": [CALL]}),
        DONE,
    )
    assert reply.parts == [Thinking("hm"), Text("Yes."), ToolCall("c1", "f", '{"a":1}')]
    assert reply.stop.reason is StopReason.TOOL_CALL
    assert reply.usage == Usage(input_tokens=3, output_tokens=2, extras={"ollama": {"total_duration": 5}})
    assert reply.model == "m-1"


def test_reasoning_and_words_in_one_line_come_in_that_order() -> None:
    assert heard(line({"content": "b", "thinking": "a"}), DONE).parts == [Thinking("a"), Text("b")]


def test_calls_that_a_server_repeats_are_made_once() -> None:
    bare = {"function": {"index": 1, "name": "f", "arguments": {"a": 1}}}
    alike = {"function": {"name": "f", "arguments": {"a": 1}}}
    calls = [CALL, CALL, bare, bare, alike, alike]
    reply = heard(*(line({"tool_calls": [call]}) for call in calls), DONE)
    # Two that nothing tells apart may be meant.
    assert len(reply.parts) == 4
    assert len({part.id for part in reply.parts if isinstance(part, ToolCall)}) == 4


@pytest.mark.parametrize("call", ["x", {}, {"function": {}}, {"function": {"name": 1}}])
def test_what_is_no_call_is_passed_over(call: Any) -> None:
    assert heard(line({"tool_calls": [call]}), DONE).parts == []


def test_names_and_free_texts_are_put_back() -> None:
    sent = Sent(tool_names={"n__f": "f"}, custom_tools=frozenset({"patch"}))
    calls = [
        {"function": {"name": "n__f", "arguments": '{"a":1}'}},
        {"function": {"name": "patch", "arguments": {"input": "words"}}},
        {"function": {"name": "patch", "arguments": {"text": 1}}},
        {"function": {"name": "patch", "arguments": None}},
    ]
    parts = heard(line({"tool_calls": calls}), DONE, sent_as=sent).parts
    assert [(part.name, part.arguments, part.kind) for part in parts if isinstance(part, ToolCall)] == [
        ("f", '{"a":1}', "function"),
        ("patch", "words", "custom"),
        ("patch", '{"text":1}', "custom"),
        ("patch", "{}", "custom"),
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", StopReason.END),
        ("length", StopReason.LENGTH),
        ("load", StopReason.LOAD),
        ("unload", StopReason.UNLOAD),
        ("custom", StopReason.END),
        (None, StopReason.END),
    ],
)
def test_why_it_ended_is_understood(raw: str | None, reason: StopReason) -> None:
    stop = heard(line(done=True, done_reason=raw)).stop
    assert (stop.reason, stop.raw) == (reason, raw or "")


def test_nothing_behind_the_end_counts() -> None:
    assert heard(line({"content": "a"}), DONE, line({"content": "b"})).parts == [Text("a")]


def test_counts_that_are_none_are_not_said() -> None:
    assert heard(line(done=True, prompt_eval_count=True, eval_count=-1)).usage == Usage(output_tokens=0)
    assert heard(line(done=True)).usage is None


def test_logprobs_are_passed_on() -> None:
    entries = [{"token": "a", "logprob": -0.5}]
    assert heard(line({"content": "a"}, logprobs=entries), DONE).choices[0].logprobs == entries


def test_a_stream_that_was_cut_is_no_reply() -> None:
    with pytest.raises(errors.BadUpstreamReply, match="says it is done"):
        events(line({"content": "a"}))


def test_an_error_in_a_stream_ends_it() -> None:
    with pytest.raises(errors.UpstreamFailed, match="out of memory"):
        events(line({"content": "a"}), {"error": "out of memory"})


def test_a_line_that_is_no_json_is_no_reply() -> None:
    with pytest.raises(errors.BadUpstreamReply, match="not JSON"):
        CODEC.stream_decoder(Sent()).decode(Frame(b"<html>"))
    assert CODEC.stream_decoder(Sent()).decode(Frame(b"[1]")) == []


def test_a_reply_to_a_prompt_is_understood_too() -> None:
    body: JsonObject = {"model": "m-1", "response": "Yes.", "thinking": "hm", "done": True, "context": [1]}
    assert heard(body).parts == [Thinking("hm"), Text("Yes.")]
    assert CODEC.decode_response(dumps(body), Sent()).parts == [Thinking("hm"), Text("Yes.")]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", errors.BadUpstreamReply),
        (b"[]", errors.BadUpstreamReply),
        (b'{"done":true}', errors.BadUpstreamReply),
        (b'{"error":"busy"}', errors.UpstreamFailed),
    ],
)
def test_what_is_no_reply_is_an_error(body: bytes, error: type[errors.GatewayError]) -> None:
    with pytest.raises(error):
        CODEC.decode_response(body, Sent())


def test_a_client_of_the_chat_is_told_a_message() -> None:
    usage = Usage(input_tokens=3, output_tokens=2)
    parts: list[Part] = [Thinking("hm", summary=["s"]), Text("Yes."), ToolCall("c1", "f", '{"a":1}')]
    body, losses = whole(replied(*parts, reason=StopReason.TOOL_CALL, usage=usage))
    assert body == {
        "model": "m-1",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "Yes.", "thinking": "hms", "tool_calls": [CALL]},
        "done": True,
        "done_reason": "stop",
        "total_duration": 0,
        "load_duration": 0,
        "prompt_eval_count": 3,
        "prompt_eval_duration": 0,
        "eval_count": 2,
        "eval_duration": 0,
    }
    assert not losses


def test_a_client_with_a_prompt_is_told_a_response() -> None:
    body, _ = whole(replied(Text("Yes."), Thinking("hm")), GENERATE)
    assert (body["response"], body["thinking"], "message" in body) == ("Yes.", "hm", False)
    (first, *_, last), _ = streamed(replied(Text("Yes.")), GENERATE)
    assert (first["response"], first["done"], last["response"], last["done"]) == ("Yes.", False, "", True)


def test_a_client_is_told_calls_whole_and_in_a_line_before_the_end() -> None:
    calls = [ToolCall(f"c{n}", "f", '{"a":1}') for n in (1, 2)]
    (one, two, end), losses = streamed(replied(*calls, reason=StopReason.TOOL_CALL))
    indices = [said["message"]["tool_calls"][0]["function"]["index"] for said in (one, two)]
    assert indices == [0, 1]
    assert one["message"]["tool_calls"] == [CALL]
    assert (end["done"], end["done_reason"]) == (True, "stop")
    assert not losses


def test_paragraphs_of_a_summary_are_set_apart() -> None:
    lines, _ = streamed(replied(Thinking(summary=["a", "b"])))
    assert "".join(said["message"].get("thinking", "") for said in lines) == "a\n\nb"


def test_logprobs_are_told() -> None:
    response = replied(Text("a"))
    response.choices[0].logprobs = [{"token": "a"}]
    assert whole(response)[0]["logprobs"] == [{"token": "a"}]
    assert [said["logprobs"] for said in streamed(response)[0] if "logprobs" in said] == [[{"token": "a"}]]


@pytest.mark.parametrize(
    ("part", "words", "named"),
    [
        (Text("x", [Citation("url")]), "x", ["content.citations"]),
        (Refusal("no"), "no", ["refusal said as text"]),
        (Thinking("", signature=Signature("anthropic", "s")), "", []),
        (Media("image", Base64("AA==")), "![image](data:image/png;base64,AA==)", ["content.image"]),
        (Media("video", Url("https://x.example")), "![video](https://x.example)", ["content.video"]),
        (Media("audio", Base64("AA=="), context="hi"), "hi", ["content.audio"]),
        (Opaque("anthropic", {}, "words"), "words", ["content.part"]),
        (ServerToolUse("anthropic", "web_search", {}), "", ["content.web_search"]),
    ],
)
def test_what_a_client_has_no_field_for_is_named(part: Part, words: str, named: list[str]) -> None:
    body, once = whole(replied(part))
    lines, again = streamed(replied(part))
    assert body["message"]["content"] == words
    assert "".join(said["message"]["content"] for said in lines) == words
    assert once.dropped + once.repaired == again.dropped + again.repaired == named


def test_of_several_answers_the_first_is_told_and_the_others_named() -> None:
    response = Response([Choice([Text(word)], Stop(StopReason.END)) for word in "ab"])
    body, once = whole(response)
    lines, again = streamed(response)
    assert body["message"]["content"] == "a"
    assert "".join(said["message"]["content"] for said in lines) == "a"
    assert once.dropped == again.dropped == ["choices[1]"]


def test_a_heartbeat_is_a_line_that_says_nothing() -> None:
    ping = CODEC.stream_encoder(asked(), Losses()).ping()
    assert ping.endswith(b"}\n")
    assert loads(ping)["message"]["content"] == ""
    assert loads(ping)["done"] is False


def test_a_stream_that_breaks_ends_in_an_error_line_of_words() -> None:
    (frame,) = CODEC.stream_encoder(asked(), Losses()).fail(errors.BadUpstreamReply("cut\u2028off"))
    assert frame.data == b'{"error":"cut\\u2028off"}'


def test_only_what_follows_the_end_is_kept_from_a_client() -> None:
    mender = CODEC.mender(asked(), False)
    frames = [Frame(dumps(said)) for said in (line({"content": "a"}), DONE, DONE)]
    assert [mender.mend(frame, loads(frame.data)) for frame in frames] == [frames[0], frames[1], None]
    assert mender.finish() == []


def test_a_line_without_the_words_that_sdks_find_in_all_is_not_passed_on_or_given_empty_ones() -> None:
    mender = CODEC.mender(asked(), False)
    dumb: list[JsonValue] = [{"object": "x.unknown"}, {"model": "m", "message": None, "done": False}]
    assert [mender.mend(Frame(dumps(said)), said) for said in dumb] == [None, None]
    last: JsonValue = {"model": "m", "message": None, "done": True, "done_reason": "stop", "eval_count": 3}
    mended = mender.mend(Frame(dumps(last)), last)
    assert mended is not None
    said = loads(mended.data)
    assert said["message"] == {"role": "assistant", "content": ""}
    assert (said["done"], said["done_reason"], said["eval_count"]) == (True, "stop", 3)


def test_what_is_no_object_passes_as_it_came() -> None:
    frame = Frame(b"[]")
    assert CODEC.mender(asked(), False).mend(frame, []) is frame


def test_a_stream_that_is_done_before_it_has_a_message_is_no_reply() -> None:
    decoder = CODEC.stream_decoder(Sent())
    with pytest.raises(errors.BadUpstreamReply, match="no message"):
        decoder.decode(Frame(dumps({"model": "m", "done": True, "eval_count": 3})))


def test_a_count_beyond_all_measure_is_none() -> None:
    decoder = CODEC.stream_decoder(Sent())
    events = decoder.decode(Frame(dumps({**DONE, "prompt_eval_count": 10**18, "eval_count": 10**18})))
    end = events[-1]
    assert isinstance(end, End)
    assert end.usage is None


def test_an_error_is_a_string_and_nothing_else() -> None:
    answer = CODEC.encode_error(errors.TooManyRequests("slow down", retry_after_s=1.5), "req_1")
    assert (answer.status, answer.body) == (429, b'{"error":"slow down"}')
    assert answer.headers == {"x-request-id": "req_1", "retry-after": "2"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"error":"model \'x\' not found"}', errors.ModelUnavailable, "model 'x' not found"),
        (400, b'{"error":{"message":"bad"}}', errors.RequestRefused, "bad"),
        (400, b'"bad"', errors.RequestRefused, "bad"),
        (503, b"server busy", errors.Overloaded, "server busy"),
        (502, b"<html>", errors.UpstreamFailed, "the upstream answered with HTTP status 502"),
        (500, b'{"error":[1]}', errors.UpstreamFailed, "the upstream answered with HTTP status 500"),
    ],
)
def test_a_refusal_is_understood_whatever_its_body(
    status: int, body: bytes, kind: type[errors.UpstreamError], message: str
) -> None:
    error = CODEC.decode_error(status, {}, body)
    assert type(error) is kind
    assert error.message == message


def test_an_error_without_a_time_to_wait_says_none() -> None:
    assert CODEC.encode_error(errors.NotFound("no"), "req_1").headers == {"x-request-id": "req_1"}


def test_counts_are_told_in_the_last_line_whenever_they_came() -> None:
    encoder = CODEC.stream_encoder(asked(), Losses())
    told: list[Event] = [Start(usage=Usage(input_tokens=3)), Delta(0, "usage", Usage(output_tokens=2))]
    assert [encoder.encode(event) for event in told] == [[], []]
    (end,) = encoder.encode(End([Stop(StopReason.END)], Usage(output_tokens=4)))
    assert (loads(end.data)["prompt_eval_count"], loads(end.data)["eval_count"]) == (3, 4)


def test_fields_of_its_own_come_back_in_the_last_line() -> None:
    reply = heard(line({"content": "a"}), line(done=True, context=[1], nothing=None))
    assert reply.extras == {"ollama": {"context": [1]}}
    assert whole(reply)[0]["context"] == streamed(reply)[0][-1]["context"] == [1]


def test_a_stream_is_finished_once_a_line_says_so() -> None:
    decoder = CODEC.stream_decoder(Sent())
    decoder.decode(Frame(dumps({"message": {"role": "assistant", "content": "a"}, "done": False})))
    assert not decoder.finished
    decoder.decode(Frame(dumps({"message": {}, "done": True, "done_reason": "stop"})))
    assert decoder.finished
