"""Replies of the Gemini API, whole and streamed, both ways, and on their way through."""

from dataclasses import replace

import pytest

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Choice, Delta, End, Event, Response, Start
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, Overloaded, QuotaExhausted, RateLimited, UpstreamFailed
from gateway.protocols.codec import Losses, Sent
from gateway.protocols.gemini import CODEC
from gateway.protocols.gemini.signatures import unwrap
from gateway.wire.fast_json import dumps, loads
from gateway.wire.frames import Frame
from tests.protocols.gemini.exchange import ASKED, read, reply, streamed, whole

END = Stop(StopReason.END)


def said(*parts: object, stop: Stop = END) -> Response:
    """A reply with one answer."""
    return Response([Choice(list(parts), stop)], id="g1", model="up")  # type: ignore[arg-type]  # any parts


def test_thoughts_words_and_calls_are_told_apart_and_a_call_is_why_it_stopped() -> None:
    response = read(
        reply({"text": "hm", "thought": True}, finish=None),
        reply({"text": "a"}, finish=None),
        reply({"text": "b"}, {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}, finish=None),
        reply({"text": ""}),
    )
    call = response.parts[2]
    assert isinstance(call, ToolCall)
    assert response.parts[:2] == [Thinking("hm"), Text("ab")]
    assert (call.name, call.arguments, call.signature) == ("f", "{}", Signature("gemini", "c2ln"))
    assert call.id.startswith("call_")
    assert response.stop == Stop(StopReason.TOOL_CALL, "STOP")


def test_names_and_free_text_tools_come_back_as_the_client_knows_them() -> None:
    sent = Sent(tool_names={"f_1": "f.1"}, custom_tools=frozenset({"p"}))
    calls: list[JsonObject] = [
        {"functionCall": {"id": "a", "name": "f_1", "args": {"x": 1}}},
        {"functionCall": {"id": "b", "name": "p", "args": {"input": "free"}}},
        {"functionCall": {"id": "c", "name": "p", "args": {}}},
        {"functionCall": {"id": "d"}},
    ]
    assert read(reply(*calls), request=sent).parts == [
        ToolCall("a", "f.1", '{"x":1}'),
        ToolCall("b", "p", "free", kind="custom"),
        ToolCall("c", "p", "{}", kind="custom"),
    ]


def pieces(*said: JsonObject, more: bool = True) -> JsonObject:
    """A piece of a call's arguments."""
    return {"functionCall": {"partialArgs": [*said], **({"willContinue": True} if more else {})}}


def test_arguments_that_come_in_pieces_are_put_together() -> None:
    begun: JsonObject = {"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "c2ln"}
    response = read(
        reply(begun, finish=None),
        reply(pieces({"jsonPath": "$.a[0].b", "stringValue": "x"}), finish=None),
        reply(pieces({"jsonPath": "$.a[0].b", "stringValue": "x"}, {"odd": 1}), finish=None),
        reply(pieces({"jsonPath": "$.a[1]['c d']", "numberValue": 0.5}), finish=None),
        reply(pieces({"jsonPath": "$.n", "nullValue": None}, more=False), finish=None),
        reply({"functionCall": {}}, {"functionCall": {"name": "g", "id": "2", "willContinue": True}}),
    )
    first, second = response.parts
    assert isinstance(first, ToolCall)
    assert (first.name, first.arguments) == ("f", '{"a":[{"b":"xx"},{"c d":0.5}],"n":null}')
    assert first.signature == Signature("gemini", "c2ln")
    assert second == ToolCall("2", "g", "{}")


@pytest.mark.parametrize("path", ["$.a[1]", "$[0]", "$.a.b"])
def test_a_piece_whose_path_leads_nowhere_is_no_reply(path: str) -> None:
    piece: JsonObject = {"jsonPath": path, "boolValue": True}
    call: JsonObject = {"name": "f", "args": {"a": []}, "partialArgs": [piece]}
    with pytest.raises(BadUpstreamReply, match="leads nowhere"):
        read(reply({"functionCall": call}))


def test_a_signature_without_words_is_a_part_of_its_own() -> None:
    response = read(reply({"text": "a", "thoughtSignature": "c2ln"}, finish=None), reply({"text": "b"}))
    signed = Thinking(signature=Signature("gemini", "c2ln"))
    assert response.parts == [Text("a"), signed, Text("b")]


def test_provider_parts_and_media_are_kept() -> None:
    parts: list[JsonObject] = [
        {"executableCode": {"language": "PYTHON", "code": "1+1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2", "id": "x"}},
        {"toolCall": {"toolType": "FILE_SEARCH", "id": "y"}},
        {"toolResponse": {"toolType": "FILE_SEARCH", "id": "y"}},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
    ]
    response = read(reply(*parts, {"weird": 1}))
    kinds = [Opaque, ServerToolResult, ServerToolUse, ServerToolResult, Media]
    assert [type(part) for part in response.parts] == kinds
    assert whole(response)["candidates"][0]["content"]["parts"] == parts


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("MAX_TOKENS", StopReason.LENGTH),
        ("BLOCKLIST", StopReason.CONTENT_FILTER),
        ("RECITATION", StopReason.RECITATION),
        ("MALFORMED_FUNCTION_CALL", StopReason.ERROR),
        ("NOBODY_KNOWS", StopReason.END),
    ],
)
def test_each_finish_reason_has_a_meaning(finish: str, reason: StopReason) -> None:
    assert read(reply({"text": "a"}, finish=finish)).stop == Stop(reason, finish)


def test_numbered_finish_reasons_are_read() -> None:
    record: JsonObject = {"candidates": [{"content": {"parts": []}, "finishReason": 2}]}
    assert read(record).stop.reason is StopReason.LENGTH


def test_a_blocked_prompt_is_an_empty_answer() -> None:
    response = read({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    assert response.choices == [Choice([], Stop(StopReason.CONTENT_FILTER, "SAFETY"))]
    assert whole(response)["candidates"][0]["finishReason"] == "SAFETY"


def test_usage_is_counted_with_its_parts_and_zeros_are_passed_over() -> None:
    counts: JsonObject = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "toolUsePromptTokenCount": 3,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 25,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
    }
    response = read(
        reply({"text": "a"}, finish=None, usageMetadata=counts),
        reply(usageMetadata={"promptTokenCount": 0, "totalTokenCount": 0}),
    )
    usage = response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning) == (13, 12, 7)
    assert (usage.cache_read, usage.tool_input, usage.audio_input) == (4, 3, 2)
    assert whole(response)["usageMetadata"] == counts


def test_a_count_beyond_all_measure_is_none() -> None:
    usage = read(reply({"text": "a"}, usageMetadata={"promptTokenCount": 10**18})).usage
    assert usage is not None
    assert usage.input_tokens is None


def test_a_quota_that_is_spent_is_told_by_its_code() -> None:
    said: JsonValue = {"code": "insufficient_quota", "status": "RESOURCE_EXHAUSTED", "message": "m"}
    assert isinstance(CODEC.decode_error(429, {}, dumps({"error": said})), QuotaExhausted)


def test_an_upstream_that_failed_is_unavailable() -> None:
    answer = CODEC.encode_error(BadUpstreamReply("cut"), "req_1")
    assert (answer.status, loads(answer.body)["error"]["status"]) == (502, "UNAVAILABLE")


def test_an_upstream_that_does_not_count_is_estimated_for() -> None:
    counted = whole(said(Text("a")))["usageMetadata"]
    assert counted == {"promptTokenCount": 7, "candidatesTokenCount": 0, "totalTokenCount": 7}


def test_citations_count_bytes_on_the_wire_and_code_points_inside() -> None:
    metadata: JsonObject = {
        "groundingChunks": [{"web": {"uri": "https://x.example", "title": "X"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 6, "text": "abc"}, "groundingChunkIndices": [0, 9]},
            {"segment": None},
        ],
    }
    ending = reply({"text": "", "thoughtSignature": "c2ln"})
    candidates = ending["candidates"]
    assert isinstance(candidates, list)
    assert isinstance(candidates[0], dict)
    candidates[0]["groundingMetadata"] = metadata
    response = read(reply({"text": "é abc"}, finish=None), ending)
    cited = Citation("url", "https://x.example", "X", "abc", 2, 5)
    assert response.parts[0] == Text("é abc", [cited])
    assert whole(response)["candidates"][0]["groundingMetadata"] == metadata
    again = whole(said(Text("é abc", [cited, Citation("char")])), losses := Losses())
    told = again["candidates"][0]["groundingMetadata"]
    assert told["groundingChunks"] == metadata["groundingChunks"]
    assert told["groundingSupports"] == [
        {"segment": {"startIndex": 3, "endIndex": 6, "text": "abc"}, "groundingChunkIndices": [0]}
    ]
    assert losses.dropped == ["content.citations"]


@pytest.mark.parametrize("records", [(), (reply({"text": "a"}, finish=None),)])
def test_a_stream_without_a_finish_is_no_reply(records: tuple[JsonObject, ...]) -> None:
    with pytest.raises(BadUpstreamReply):
        read(*records)


def test_several_answers_keep_their_numbers() -> None:
    second: JsonObject = {
        "candidates": [{"index": 2, "content": {"parts": [{"text": "c"}]}, "finishReason": "STOP"}]
    }
    assert [choice.parts for choice in read(reply({"text": "a"}), second).choices] == [
        [Text("a")],
        [],
        [Text("c")],
    ]


def test_a_stream_is_finished_once_every_answer_says_why_it_ended() -> None:
    decoder = CODEC.stream_decoder(Sent())
    decoder.decode(Frame(dumps(reply({"text": "a"}, finish=None))))
    assert not decoder.finished
    decoder.decode(Frame(dumps(reply())))
    assert decoder.finished


def test_a_record_of_an_unfinished_answer_is_never_taken_away() -> None:
    mender = CODEC.mender(ASKED, False)
    record = reply({"text": "a"}, finish=None)
    frame = Frame(dumps(record))
    assert mender.mend(frame, record) is frame
    assert mender.mend(frame, record) is frame


def test_what_follows_the_end_is_not_heard_and_rubbish_is_refused() -> None:
    decoder = CODEC.stream_decoder(Sent())
    decoder.decode(Frame(dumps(reply({"text": "a"}))))
    assert decoder.decode(Frame(b"[DONE]")) == []
    assert decoder.decode(Frame(b"[]")) == []
    assert decoder.close()
    assert decoder.close() == []
    with pytest.raises(BadUpstreamReply):
        CODEC.stream_decoder(Sent()).decode(Frame(b"{"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "status": "UNAVAILABLE", "message": "m"}, Overloaded),
        ({"status": "RESOURCE_EXHAUSTED"}, RateLimited),
        ("words", UpstreamFailed),
    ],
)
def test_an_error_in_a_stream_or_a_body_is_raised(error: JsonObject, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        CODEC.stream_decoder(Sent()).decode(Frame(dumps({"error": error})))
    with pytest.raises(kind):
        CODEC.decode_response(dumps([{"error": error}]), Sent())


@pytest.mark.parametrize("body", [b"<html>", b"3", b"{}"])
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_response(body, Sent())


def test_a_stream_says_text_at_once_calls_whole_and_usage_once() -> None:
    response = said(
        Thinking("hm", signature=Signature("anthropic", "s")),
        Text("a\u2028b"),
        ToolCall("c1", "f", '{"x":1}', signature=Signature("gemini", "c2ln")),
        stop=Stop(StopReason.TOOL_CALL),
    )
    response.usage = Usage(input_tokens=3, output_tokens=5, reasoning=2)
    records = streamed(response)
    parts = [record["candidates"][0]["content"]["parts"][0] for record in records]
    wrapped = parts[1].pop("thoughtSignature")
    assert parts == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True},
        {"text": "a\u2028b"},
        {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
        {"text": ""},
    ]
    assert unwrap(wrapped) == unwrap(wrapped.rstrip("=")) == Signature("anthropic", "s")
    assert [("usageMetadata" in record) for record in records] == [False, False, False, False, True]
    assert records[-1]["candidates"][0]["finishReason"] == "STOP"
    assert records[-1]["usageMetadata"]["totalTokenCount"] == 8
    assert {record["responseId"] for record in records} == {"g1"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [(StopReason.TOOL_CALL, "MALFORMED_FUNCTION_CALL"), (StopReason.LENGTH, "MAX_TOKENS")],
)
def test_a_call_that_is_not_json_is_never_made_runnable(reason: StopReason, finish: str) -> None:
    response = said(ToolCall("c", "f", '{"a":'), stop=Stop(reason))
    losses = Losses()
    candidate = whole(response, losses)["candidates"][0]
    assert candidate["content"]["parts"] == [{"text": ""}]
    assert candidate["finishReason"] == finish
    assert streamed(response)[-1]["candidates"][0]["finishReason"] == finish
    assert losses.dropped == ["content.f"]


def test_what_has_no_word_is_told_in_words_or_named() -> None:
    losses = Losses()
    response = said(
        Refusal("no"),
        ServerToolResult("anthropic", "web_search", {}, text="found"),
        Media("image", Base64("????")),
        Thinking(signature=Signature("gemini", "not base64!")),
        ToolCall("c", "f", signature=Signature("gemini", "not base64!")),
        Thinking(summary=["one", "two"]),
    )
    parts = whole(response, losses)["candidates"][0]["content"]["parts"]
    assert parts == [
        {"text": "nofound"},
        {"functionCall": {"id": "c", "name": "f", "args": {}}},
        {"text": "one\n\ntwo", "thought": True},
    ]
    assert losses.dropped == ["content.web_search", "content.image", "content.signature", "content.signature"]
    told = [record["candidates"][0]["content"]["parts"][0] for record in streamed(response)]
    assert told[-3:-1] == [{"text": "one", "thought": True}, {"text": "\n\ntwo", "thought": True}]


def test_a_failure_is_a_record_and_a_heartbeat_a_bare_line_end() -> None:
    encoder = CODEC.stream_encoder(ASKED, Losses())
    assert encoder.ping() == b"\n"
    assert encoder.fail(Overloaded("busy")) == [
        Frame(b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}')
    ]


def test_the_mender_takes_away_what_breaks_sdks() -> None:
    mender = CODEC.mender(ASKED, False)
    record = reply({"text": "a"})
    frame = Frame(dumps(record), raw=b"x", clean=True)
    again: JsonObject = {"candidates": [{"finishReason": "STOP"}]}
    assert mender.mend(frame, record) is frame
    assert mender.mend(Frame(b"{}", "message"), {}) == Frame(b"{}")
    assert mender.mend(Frame(b"[DONE]"), None) is None
    assert mender.mend(Frame(dumps(again)), again) is None
    counted: JsonObject = {**again, "usageMetadata": {"totalTokenCount": 1}}
    mended = mender.mend(Frame(dumps(counted)), counted)
    assert mended == Frame(b'{"candidates":[],"usageMetadata":{"totalTokenCount":1}}')
    other: JsonObject = {"candidates": [{"finishReason": "RECITATION", "index": 0}]}
    refusal = Frame(dumps(other))
    assert mender.mend(refusal, other) is refusal
    assert mender.finish() == []


LOGPROBS: JsonObject = {
    "chosenCandidates": [{"token": "é", "logProbability": -0.5}, "x"],
    "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1}]}],
}


def test_token_probabilities_come_in_the_form_that_all_share_and_go_back() -> None:
    record = reply({"text": "é"})
    candidates = record["candidates"]
    assert isinstance(candidates, list)
    assert isinstance(candidates[0], dict)
    candidates[0]["logprobsResult"] = LOGPROBS
    entries = read(record).choices[0].logprobs
    assert entries == [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "a", "logprob": -1, "bytes": [97]}],
        },
        {"token": "", "logprob": 0.0, "bytes": [], "top_logprobs": []},
    ]
    response = said(Text("é"))
    response.choices[0].logprobs = entries
    told = {
        "chosenCandidates": [
            {"token": "é", "logProbability": -0.5},
            {"token": "", "logProbability": 0.0},
        ],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1}]}, {"candidates": []}],
    }
    assert whole(response)["candidates"][0]["logprobsResult"] == told
    assert streamed(response)[-1]["candidates"][0]["logprobsResult"] == told


def test_usage_that_comes_early_is_told_at_the_end() -> None:
    encoder = CODEC.stream_encoder(ASKED, Losses())
    events: list[Event] = [
        Start("r", "m", usage=Usage(input_tokens=9)),
        Delta(0, "usage", Usage(output_tokens=3)),
        End([END]),
    ]
    frames = [frame for event in events for frame in encoder.encode(event)]
    assert loads(frames[-1].data)["usageMetadata"] == {
        "promptTokenCount": 9,
        "candidatesTokenCount": 3,
        "totalTokenCount": 12,
    }


def test_rubbish_among_candidates_and_counts_is_passed_over() -> None:
    record = reply(
        {"text": "a"},
        usageMetadata={"promptTokenCount": 4, "promptTokensDetails": ["x", {"modality": "TEXT"}]},
    )
    candidates = record["candidates"]
    assert isinstance(candidates, list)
    response = read({**record, "candidates": ["x", *candidates]})
    assert response.parts == [Text("a")]
    assert response.usage is not None
    assert response.usage.audio_input is None


def test_a_failure_of_the_model_keeps_its_own_word() -> None:
    failed = said(stop=Stop(StopReason.ERROR, "MALFORMED_RESPONSE"))
    assert whole(failed)["candidates"][0]["finishReason"] == "MALFORMED_RESPONSE"
    assert whole(said(stop=Stop(StopReason.ERROR, "word")))["candidates"][0]["finishReason"] == "OTHER"


def test_a_source_that_is_cited_twice_is_named_once() -> None:
    cited = Citation("url", "https://x.example")
    told = whole(said(Text("ab", [cited, replace(cited, start=1)])))["candidates"][0]["groundingMetadata"]
    assert told == {
        "groundingChunks": [{"web": {"uri": "https://x.example", "title": "https://x.example"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 2}, "groundingChunkIndices": [0]},
            {"segment": {"startIndex": 1, "endIndex": 2}, "groundingChunkIndices": [0]},
        ],
    }


def test_a_part_of_another_provider_is_a_named_loss() -> None:
    losses = Losses()
    assert whole(said(Opaque("anthropic", {})), losses)["candidates"][0]["content"]["parts"] == [{"text": ""}]
    assert losses.dropped == ["content.part"]


def test_free_text_in_arguments_that_are_no_json_is_the_text() -> None:
    sent = Sent(custom_tools=frozenset({"p"}))
    call: JsonObject = {"functionCall": {"id": "a", "name": "p", "args": "just words"}}
    assert read(reply(call), request=sent).parts == [ToolCall("a", "p", "just words", kind="custom")]


def test_a_call_that_nobody_signed_has_no_signature() -> None:
    told = whole(said(ToolCall("c", "f", '{"a":1}')))["candidates"][0]["content"]["parts"]
    assert told == [{"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}]
