"""What recorded exchanges with vendors taught."""

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from gateway.canonical.content import Citation, Signature, Text, Thinking, ToolCall
from gateway.canonical.events import Choice, Response
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason
from gateway.protocols.codec import Losses, Sent
from gateway.protocols.openai_chat import CODEC
from gateway.wire.fast_json import dumps
from tests.protocols.openai_chat.exchange import chunks_of, decoded, delta, heard, sent


def _citing(text: str, url: str) -> Text:
    return Text(text, [Citation("url", url=url)])


def test_the_sdk_puts_growing_lists_of_a_stream_together() -> None:
    reply = Response(
        [
            Choice(
                [
                    Thinking("one", signature=Signature("anthropic", "s1")),
                    Thinking("two", signature=Signature("anthropic", "s2")),
                    _citing("abc", "https://a.example"),
                    _citing("de", "https://b.example"),
                ],
                Stop(StopReason.END),
            )
        ],
        "c1",
        "up",
        5,
    )
    state = ChatCompletionStreamState()
    for chunk in chunks_of(reply):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))

    message = state.current_completion_snapshot.choices[0].message
    details = (message.model_extra or {})["reasoning_details"]
    assert [(entry["index"], entry["text"]) for entry in details] == [(0, "one"), (1, "two")]
    spans = [(one.url_citation.start_index, one.url_citation.end_index) for one in message.annotations or []]
    assert spans == [(0, 3), (3, 5)]


def test_the_number_of_an_entry_belongs_to_its_stream() -> None:
    entry: JsonObject = {"type": "reasoning.text", "text": "hm", "signature": "s", "index": 3}
    (part, _) = heard(delta({"reasoning_details": [entry]}), delta({"content": "x"}, "stop")).parts

    assert isinstance(part, Thinking)
    assert part.signature == Signature(
        "openai_chat", dumps({"type": "reasoning.text", "signature": "s"}).decode()
    )


def test_a_function_call_with_an_empty_free_text_call_beside_it_is_a_function_call() -> None:
    call: JsonObject = {
        "id": "c",
        "type": "function",
        "custom": {"name": "", "input": ""},
        "function": {"name": "f", "arguments": "{}"},
    }
    message: JsonObject = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = dumps({"choices": [{"index": 0, "message": message, "finish_reason": ""}]})

    response = CODEC.decode_response(body, Sent())

    assert response.parts == [ToolCall("c", "f", "{}")]
    assert response.stop.reason is StopReason.TOOL_CALL


def test_a_grammar_stands_in_an_object_of_its_own_on_this_wire_alone() -> None:
    form: JsonObject = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}
    tool: JsonValue = {"type": "custom", "custom": {"name": "patch", "format": form}}
    request = decoded(tools=[tool])

    assert request.tools[0].format == {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    assert sent(request).body["tools"] == [tool]


def test_reasoning_that_is_lost_is_named_by_its_field() -> None:
    losses = Losses()
    said: JsonObject = {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    sent(decoded([{"role": "user", "content": "q"}, said, {"role": "user", "content": "r"}]), losses)

    assert losses.dropped == ["messages[1].reasoning_content"]
